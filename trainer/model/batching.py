"""From token sequences of all lengths to padded tensors.

A minibatch is what one optimizer step learns from, drawn at random.  It is cut
into micro-batches of like length, whose gradients are added up: little padding,
bounded memory, and no bias towards sequences of one length.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from trainer.objectives.losses import Totals
from verifier.errors import InvalidInput

__all__ = [
    "Batch",
    "Example",
    "batch_of_one",
    "endless_minibatches",
    "micro_batches",
    "minibatches",
    "places",
    "totals_of",
]

T = TypeVar("T")

# Of an example: one number for each of its response tokens, or none.
_PER_TOKEN = ("old_logprobs", "advantages", "engine_logprobs", "returns", "old_values")


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and a response as tokens.

    `old_logprobs[t]` is log π_old(token_ids[t]), `advantages[t]` belongs to that
    token, and `engine_logprobs[t]` is what the engine that sampled it said, where
    that is not log π_old; only policy gradients need them.  `returns` and
    `old_values` are for a critic.
    """

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    old_logprobs: tuple[float, ...] | None = None
    advantages: tuple[float, ...] = ()
    engine_logprobs: tuple[float, ...] | None = None
    returns: tuple[float, ...] = ()
    old_values: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.prompt_ids) + len(self.token_ids)


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded tensors of B examples, T tokens long.

    `response_mask_BT` (float) is 1 on response tokens, `attention_mask_BT` (int)
    on prompt and response.  The others are aligned with the tokens, 0 where an
    example has none; `engine_logprobs_BT` is None if no example has any.
    """

    input_ids_BT: Tensor
    attention_mask_BT: Tensor
    response_mask_BT: Tensor
    old_logprobs_BT: Tensor
    advantages_BT: Tensor
    engine_logprobs_BT: Tensor | None
    returns_BT: Tensor
    old_values_BT: Tensor

    def __len__(self) -> int:
        return len(self.input_ids_BT)

    @property
    def tokens(self) -> int:
        """Prompt and response tokens, padding left out."""
        return int(self.attention_mask_BT.sum())


def minibatches(items: Sequence[T], size: int, rng: random.Random) -> Iterator[list[T]]:
    """All `items` once, in random order, `size` at a time; the last may be smaller.

    Raises:
        InvalidInput: there are no items.
    """
    if not items:
        raise InvalidInput("there is nothing to make minibatches of")
    order = rng.sample(items, len(items))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def endless_minibatches(items: Sequence[T], size: int, rng: random.Random) -> Iterator[list[T]]:
    """`minibatches` again and again, in a new order every time."""
    while True:
        yield from minibatches(items, size, rng)


def micro_batches(
    examples: Sequence[Example], *, max_tokens: int, device: str | torch.device = "cpu"
) -> list[Batch]:
    """Batches of like length that hold each example once, none over `max_tokens` with its padding.

    An example longer than `max_tokens` gets a batch of its own.

    Raises:
        InvalidInput: no examples, an empty prompt or response, or log-probabilities of another length.
    """
    if not examples:
        raise InvalidInput("there is no example to make a batch of")
    batches: list[Batch] = []
    pending: list[Example] = []
    for example in sorted(examples, key=len):
        if pending and (len(pending) + 1) * len(example) > max_tokens:
            batches.append(_pad(pending, device))
            pending = []
        pending.append(example)
    return [*batches, _pad(pending, device)]


def batch_of_one(example: Example, device: str | torch.device = "cpu") -> Batch:
    """One example without padding: what is computed of it depends on no other example, not even in rounding.

    Raises:
        InvalidInput: an empty prompt or response, or log-probabilities of another length.
    """
    return _pad([example], device)


def totals_of(examples: Sequence[Example]) -> Totals:
    """How many sequences and response tokens a loss of `examples` is a mean over."""
    return Totals(len(examples), sum(len(example.token_ids) for example in examples))


def places(examples: Sequence[Example]) -> Tensor:
    """Where each example stands in its `micro_batches`, one after the other, which are sorted by length."""
    return torch.tensor(sorted(range(len(examples)), key=lambda i: len(examples[i]))).argsort()


def _pad(examples: Sequence[Example], device: str | torch.device) -> Batch:
    shape = (len(examples), max(map(len, examples)))
    # The id of padding is never read: attention and loss are masked there.
    input_ids_BT = torch.zeros(shape, dtype=torch.long)
    attention_mask_BT = torch.zeros(shape, dtype=torch.long)
    response_mask_BT = torch.zeros(shape)
    per_token = {name: torch.zeros(shape) for name in _PER_TOKEN}
    for b, example in enumerate(examples):
        _check(example)
        start, stop = len(example.prompt_ids), len(example)
        input_ids_BT[b, :stop] = torch.tensor(example.prompt_ids + example.token_ids)
        attention_mask_BT[b, :stop] = 1
        response_mask_BT[b, start:stop] = 1.0
        for name, values_BT in per_token.items():
            if values := getattr(example, name):
                values_BT[b, start:stop] = torch.tensor(values)
    has_engine = any(example.engine_logprobs for example in examples)
    return Batch(
        input_ids_BT=input_ids_BT.to(device),
        attention_mask_BT=attention_mask_BT.to(device),
        response_mask_BT=response_mask_BT.to(device),
        old_logprobs_BT=per_token["old_logprobs"].to(device),
        advantages_BT=per_token["advantages"].to(device),
        engine_logprobs_BT=per_token["engine_logprobs"].to(device) if has_engine else None,
        returns_BT=per_token["returns"].to(device),
        old_values_BT=per_token["old_values"].to(device),
    )


def _check(example: Example) -> None:
    if not example.prompt_ids:
        raise InvalidInput("an example has an empty prompt: its first token has nothing to be predicted from")
    if not example.token_ids:
        raise InvalidInput("an example has an empty response: an answer of no text is the eos token alone")
    for name in _PER_TOKEN:
        values = getattr(example, name)
        if values and len(values) != len(example.token_ids):
            raise InvalidInput(
                f"an example has {len(example.token_ids)} response tokens but {len(values)} {name}: "
                "it was not recorded whole"
            )
