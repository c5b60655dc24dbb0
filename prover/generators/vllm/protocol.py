"""What is said to vLLM and what it answers, without the saying, and which adapter leaves a full server.

vLLM reports log-probabilities in one of two ways, set for a whole server by `--logprobs-mode`:

- `processed_logprobs`: of the distribution a token was drawn from: after temperature and after top-p;
- `raw_logprobs`, its default: of the model's own distribution: at temperature 1 and before top-p.

A `Sample` wants them after temperature and before top-p.  The first kind of server gives that when top-p
keeps everything, the second when the temperature is 1; `check_params` refuses the rest.
"""

from collections import Counter, OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel
from transformers import PreTrainedTokenizerBase

from prover.generators.base import Sample, SamplingParams
from prover.generators.vllm.server import EngineUnavailable
from verifier.errors import InvalidInput

__all__ = [
    "AdapterSlots",
    "Completions",
    "LogprobsMode",
    "ModelCard",
    "ModelList",
    "Request",
    "check_params",
    "completion_body",
    "forced_body",
    "mode_of",
    "sample_of",
    "samples_of",
    "sampling",
]

_CERTAIN = -0.1
"""Above this an outcome is certain but for rounding; one of probability one half is far below."""


class LogprobsMode(Enum):
    """What a server's log-probabilities are of."""

    PROCESSED = "processed_logprobs"
    RAW = "raw_logprobs"


@dataclass(frozen=True, slots=True)
class Request:
    """A request for the completions of one prompt."""

    index: int
    """The prompt's place among those that are sampled together."""
    prompt: str
    body: dict[str, Any]


class _TokenLogprobs(BaseModel):
    token_logprobs: list[float]


class _Choice(BaseModel):
    index: int
    token_ids: list[int] | None = None
    logprobs: _TokenLogprobs
    finish_reason: str | None = None


class Completions(BaseModel):
    """The answer to a request to `/v1/completions`, as far as it is read."""

    choices: list[_Choice]


class ModelCard(BaseModel):
    """A model the server runs, or an adapter it holds, which has a parent."""

    id: str
    root: str = ""
    """Its directory."""
    parent: str | None = None
    max_model_len: int | None = None
    """Its context in tokens; an adapter's is not told."""


class ModelList(BaseModel):
    """The answer to a request to `/v1/models`, as far as it is read: the base model and its adapters."""

    data: list[ModelCard]


def check_params(params: SamplingParams, mode: LogprobsMode) -> None:
    """Refuse sampling whose log-probabilities would not be what `Sample` says they are.

    Raises:
        InvalidInput
    """
    if params.greedy:
        if params.temperature != 1:
            raise InvalidInput(
                "vLLM reports the log-probabilities of greedy decoding at temperature 1: leave it at 1"
            )
    elif mode is LogprobsMode.RAW and params.temperature != 1:
        raise InvalidInput(
            f"this vLLM server reports log-probabilities at temperature 1, even of samples drawn at "
            f"{params.temperature}: start it with --logprobs-mode processed_logprobs, or set temperature to 1"
        )
    elif mode is LogprobsMode.PROCESSED and params.top_p < 1:
        raise InvalidInput(
            "vLLM reports log-probabilities after top-p, and samples need them before: set top_p to 1, or "
            "use the transformers generator"
        )


def sampling(params: SamplingParams, *, seed: int, eos: int, room: int) -> dict[str, Any]:
    """vLLM's sampling parameters; the names are those of `vllm.SamplingParams`.

    All that shape the distribution are given: a server may have other defaults.

    Args:
        eos: the one token that ends a sample, whatever else the model's configuration names.
        room: most tokens the context leaves for a completion.
    """
    return {
        "n": params.samples,
        "temperature": 0.0 if params.greedy else params.temperature,
        "top_p": 1.0 if params.greedy else params.top_p,
        "top_k": 0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "seed": seed,
        # vLLM refuses a prompt that fills the context, and says so better when asked for a token.
        "max_tokens": max(1, min(params.max_new_tokens, room)),
        "ignore_eos": True,
        "stop_token_ids": [eos],
        "logprobs": 0,
    }


def completion_body(model: str, prompt_ids: Sequence[int], sampling: dict[str, Any]) -> dict[str, Any]:
    """A request to `/v1/completions`."""
    return {"model": model, "prompt": list(prompt_ids), "return_token_ids": True, **sampling}


def forced_body(model: str, token: int) -> dict[str, Any]:
    """A request for one token that can only be `token`; see `mode_of`."""
    return {
        "model": model,
        "prompt": [0],
        "max_tokens": 1,
        "logprobs": 0,
        "allowed_token_ids": [token],
        "ignore_eos": True,
        "return_token_ids": True,
    }


def mode_of(first: float, second: float) -> LogprobsMode:
    """How a server reports that gave these log-probabilities to two tokens, each the only one allowed.

    The model's own distribution cannot be certain of two tokens in one place; the one a token is drawn
    from is certain of the only one there is.
    """
    return LogprobsMode.PROCESSED if min(first, second) > _CERTAIN else LogprobsMode.RAW


def samples_of(
    tokenizer: PreTrainedTokenizerBase, prompt_ids: Sequence[int], answer: Completions
) -> list[Sample]:
    """The samples in an answer, in the order of their seeds.

    Raises:
        InvalidInput: the server is too old to tell token ids.
        EngineUnavailable: a completion broke off, as when a server shuts down.
    """
    samples = []
    for choice in sorted(answer.choices, key=lambda choice: choice.index):
        if choice.token_ids is None:
            raise InvalidInput("this vLLM server does not know `return_token_ids`: use a newer one")
        if choice.finish_reason not in ("stop", "length"):
            raise EngineUnavailable(
                f"vLLM broke off a completion: its finish_reason is {choice.finish_reason!r}"
            )
        samples.append(sample_of(tokenizer, prompt_ids, choice.token_ids, choice.logprobs.token_logprobs))
    return samples


def sample_of(
    tokenizer: PreTrainedTokenizerBase,
    prompt_ids: Sequence[int],
    token_ids: Sequence[int],
    logprobs: Sequence[float],
) -> Sample:
    """A sample of the tokens vLLM drew.

    Raises:
        ValueError: not as many log-probabilities as tokens, or no tokens.
    """
    if not token_ids or len(token_ids) != len(logprobs):
        raise ValueError(f"{len(logprobs)} log-probabilities of {len(token_ids)} tokens")
    text = tokenizer.decode(list(token_ids), skip_special_tokens=True)
    if not isinstance(text, str):
        raise TypeError("the tokenizer decoded one sample to several texts")
    finished = token_ids[-1] == tokenizer.eos_token_id
    return Sample(text, tuple(prompt_ids), tuple(token_ids), tuple(logprobs), finished)


class AdapterSlots:
    """Which adapters a server holds: at most `capacity`; the least recently used goes, never one in use.

    While more than `capacity` are in use at once all of them stay.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._held: OrderedDict[str, None] = OrderedDict()
        self._users: Counter[str] = Counter()

    def __contains__(self, name: str) -> bool:
        return name in self._held

    def leaving_for(self, name: str) -> list[str]:
        """Those to unload before `name` is loaded, the least recently used first."""
        if name in self._held:
            return []
        idle = [name for name in self._held if not self._users[name]]
        return idle[: max(0, len(self._held) + 1 - self.capacity)]

    def add(self, name: str) -> None:
        """`name` has been loaded."""
        self._held[name] = None

    def drop(self, name: str) -> None:
        """`name` has been unloaded."""
        self._held.pop(name, None)

    def keep(self, names: Collection[str]) -> None:
        """The server holds none but `names` any more; it may have been started anew."""
        for name in [held for held in self._held if held not in names]:
            del self._held[name]

    def acquire(self, name: str) -> None:
        """A request begins to use `name`, which is now the most recently used."""
        self._users[name] += 1
        self._held.move_to_end(name)

    def release(self, name: str) -> None:
        """A request has ended; the adapter may be gone, with the server that held it."""
        self._users[name] -= 1
