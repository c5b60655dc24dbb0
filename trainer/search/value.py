"""The value head of a policy, trained on what searches found; the trunk stays as it is.

The loss is the cross-entropy −(1/N) Σ [y log V + (1 − y) log(1 − V)] with soft targets: y = γ^n for goals of
which a proof is known with n tactics left on its longest branch, and 0 for those on which tactics were tried
and that were not proved (HTPS, arXiv 2205.11491, finds soft targets better than hard ones).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import torch
from pydantic import BaseModel, Field
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.search.record import NodeRow, SearchRecord
from prover.search.value import HeadOfValue, hidden_states, value_prompt
from verifier.errors import InvalidInput
from verifier.settings import Section

__all__ = [
    "Reliability",
    "ValueConfig",
    "ValueExample",
    "expected_error",
    "reliability",
    "train_value",
    "value_examples",
]


Counting = Literal["longest_branch", "all"]


class ValueConfig(Section):
    """The training of a value head with AdamW."""

    steps: int = Field(default=500, ge=1)
    """Optimizer steps."""
    batch_size: int = Field(default=256, ge=1)
    """Goals in a step."""
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    discount: float = Field(default=0.95, gt=0, le=1)
    """γ: goals that are proved in n tactics are worth γ^n; as `search.discount` has it."""
    counts: Counting = "longest_branch"
    """What n counts: the tactics of the longest branch of a proof, as `search.back_up` has it with `hardest`,
    or all of them, as with `sum`."""
    seed: int = Field(default=0, ge=0)
    """Of the weights that it begins with, and of the order of goals."""


@dataclass(frozen=True, slots=True)
class ValueExample:
    """Goals that stand together, and what they are worth."""

    prompt: str
    target: float


def value_examples(records: Iterable[SearchRecord], config: ValueConfig) -> list[ValueExample]:
    """The goals of searches with their worth, each once; of two opinions the higher one is kept.

    Left out is what nothing was tried on, and what was still open when the search found its proof elsewhere.
    """
    found: dict[str, float] = {}
    for record in records:
        left = _tactics_left(record.nodes, config.counts)
        for number, node in enumerate(record.nodes):
            is_open = record.proof is not None and not node.size and not node.is_lost
            if number in left or (node.tried and not is_open):
                prompt = value_prompt(node.goals)
                target = config.discount ** left[number] if number in left else 0.0
                found[prompt] = max(target, found.get(prompt, 0.0))
    return [ValueExample(prompt, target) for prompt, target in found.items()]


def _tactics_left(nodes: Sequence[NodeRow], counts: Counting) -> dict[int, int]:
    """Of every node that is proved, the tactics of its shortest proof, or of the longest branch of that."""
    if counts == "all":
        return {number: node.size for number, node in enumerate(nodes) if node.size}
    left: dict[int, int] = {}
    # What is below has fewer tactics.
    for number in sorted(range(len(nodes)), key=lambda number: nodes[number].size):
        for edge in nodes[number].edges:
            if edge.is_proof:
                left[number] = 1 + max((left[child] for child in edge.below), default=0)
    return left


def train_value(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[ValueExample],
    config: ValueConfig,
) -> HeadOfValue:
    """A new head on the model's trunk, which is not changed; goals that are too long for it are left out.

    Raises:
        InvalidInput: there are no goals, or none that the model can read.
    """
    hidden_ND, read = hidden_states(model, tokenizer, [example.prompt for example in examples])
    if not any(read):
        raise InvalidInput("a value is learned from goals of searches, and there are none: search first")
    kept = (example.target for example, is_read in zip(examples, read, strict=True) if is_read)
    targets_N = torch.tensor(list(kept), device=hidden_ND.device)
    chance = torch.Generator().manual_seed(config.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        head = HeadOfValue(hidden_ND.shape[1]).to(hidden_ND.device)
    optimizer = torch.optim.AdamW(
        head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    for _ in range(config.steps):
        rows = torch.randint(len(targets_N), (config.batch_size,), generator=chance)
        loss = binary_cross_entropy_with_logits(head(hidden_ND[rows]), targets_N[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return head


class Reliability(BaseModel):
    """Goals of which the network thinks alike, and what became of them."""

    said: float
    """Mean value."""
    came: float
    """Mean target."""
    count: int


def reliability(said: Sequence[float], came: Sequence[float], bins: int = 10) -> list[Reliability]:
    """Values against targets, in bins of equal width between 0 and 1; empty ones are left out.

    Raises ValueError when there are not as many of both.
    """
    members: dict[int, list[tuple[float, float]]] = {}
    for value, target in zip(said, came, strict=True):
        members.setdefault(min(int(value * bins), bins - 1), []).append((value, target))
    return [
        Reliability(
            said=fmean(value for value, _ in pairs),
            came=fmean(target for _, target in pairs),
            count=len(pairs),
        )
        for _, pairs in sorted(members.items())
    ]


def expected_error(calibration: Sequence[Reliability]) -> float:
    """Σ n |said − came| / Σ n, the expected calibration error (arXiv 1706.04599); 0 of nothing."""
    count = sum(each.count for each in calibration)
    return sum(each.count * abs(each.said - each.came) for each in calibration) / max(count, 1)
