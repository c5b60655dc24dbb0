"""What the training loop holds: something that turns rollouts into better weights."""

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from transformers import PreTrainedModel

from trainer.rollout import Rollout
from verifier.errors import InvalidInput, ProofmillError

__all__ = [
    "Budget",
    "Learner",
    "LearnerState",
    "NonFiniteLoss",
    "OptimizerConfig",
    "OptimizerState",
    "ScheduledConfig",
    "UpdateStats",
    "Weights",
    "check_state",
    "copied",
    "copied_weights",
    "load_weights",
    "mean_weights",
    "reference_of",
]

OptimizerState = dict[str, Any]
"""What `Optimizer.state_dict` returns: the moments of AdamW, to go on with."""

Weights = dict[str, Tensor]
"""What `Module.state_dict` returns."""

LearnerState = dict[str, Any]
"""Tensors on the CPU, numbers, texts, tuples, lists and dicts: what `torch.save` writes and
`torch.load(weights_only=True)` reads."""


class NonFiniteLoss(ProofmillError):
    """Losses or gradients were infinite or not a number; the weights are as they were before them."""


class OptimizerConfig(BaseModel):
    """What every way of learning says of its AdamW."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    learning_rate: float = Field(gt=0)
    """Learning rate, constant unless said otherwise."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this norm."""
    max_tokens: int = Field(default=4096, ge=1)
    """Most tokens, padding included, in one forward pass; bounds the memory and changes nothing else."""
    seed: int = 0
    """Seed of the order in which examples are read."""


class ScheduledConfig(OptimizerConfig):
    """An optimizer of which the learning rate rises linearly and falls by a cosine."""

    learning_rate: float = Field(default=2e-3, gt=0)
    """Reached after the warmup."""
    final_learning_rate: float = Field(default=1e-4, ge=0)
    """Learning rate of the last step after the warmup; equal to `learning_rate` and without warmup, the rate
    is constant."""
    warmup_steps: int = Field(default=20, ge=0)
    """Optimizer steps in which the learning rate rises from 0."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decoupled weight decay."""

    @model_validator(mode="after")
    def _the_rate_falls(self) -> Self:
        if self.final_learning_rate > self.learning_rate:
            raise ValueError(
                "final_learning_rate is above learning_rate: the rate only falls after the warmup"
            )
        return self

    def rate_at(self, step: int, total: int) -> float:
        """The learning rate of a step, counted from 1, of `total`."""
        if step <= self.warmup_steps:
            return self.learning_rate * step / (self.warmup_steps + 1)
        floor = self.final_learning_rate / self.learning_rate
        progress = (step - self.warmup_steps) / max(1, total - self.warmup_steps)
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        return self.learning_rate * (floor + (1 - floor) * cosine)


@dataclass(frozen=True, slots=True)
class UpdateStats:
    """What one update did.  Means are over its optimizer steps; 0 where there were none."""

    loss: float
    grad_norm: float
    """Before clipping."""
    optimizer_steps: int
    tokens: int
    """Prompt and response tokens learned from, counted once for each time they were read; no padding."""
    sequences: int
    """Different sequences learned from."""
    details: Mapping[str, float] = field(default_factory=dict)
    """Figures that only this algorithm has, by name."""


@dataclass(frozen=True)
class Budget:
    """What learning consumed; a matched control gets the same."""

    optimizer_steps: int = 0
    tokens: int = 0

    def plus(self, stats: UpdateStats) -> "Budget":
        """This budget with an update's share added."""
        return Budget(self.optimizer_steps + stats.optimizer_steps, self.tokens + stats.tokens)


class Learner(Protocol):
    """GRPO and expert iteration alike; the loop holds one and asks no more of it."""

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Learn from the rollouts of one iteration, changing the model in place.

        Raises:
            NonFiniteLoss: several steps in a row could not be made; one alone is left out.
        """
        ...

    def state(self) -> LearnerState:
        """All that decides later updates and is not the model's own weights, as a copy.

        That is the name of the `algorithm`, the moments and rates of its optimizer, its random state,
        and what it keeps of its beginning and of earlier rounds: a reference, a critic, proofs, weights
        to average.  Not in it is what a learner is made with: model, settings, known proofs.
        """
        ...

    def restore(self, state: LearnerState) -> None:
        """Go on as the learner would have that `state` was taken from, given its weights as well.

        Raises:
            InvalidInput: it is another algorithm's state, or was taken under other settings.
        """
        ...


def check_state(state: LearnerState, own: LearnerState) -> None:
    """That a learner which says `own` of itself can go on from `state`.

    Raises:
        InvalidInput: it is of another algorithm, or has other parts.
    """
    if _said(state) != _said(own):
        raise InvalidInput(
            f"a state of {_said(state)} is none of {_said(own)}: go on with the settings under which it was "
            "taken, or begin a new run"
        )


def _said(state: LearnerState) -> str:
    parts = sorted(name for name, part in state.items() if part is not None and name != "algorithm")
    return f"{state.get('algorithm', 'no known algorithm')} ({', '.join(parts) or 'nothing kept'})"


def copied(value: Any) -> Any:
    """A state, or part of one, on the CPU and apart from what becomes of the original."""
    match value:
        case Tensor():
            return value.detach().to("cpu", copy=True)
        case dict():
            return {name: copied(each) for name, each in value.items()}
        case list() | tuple():
            return type(value)(map(copied, value))
    return value


def reference_of(model: PreTrainedModel) -> PreTrainedModel:
    """A copy of the policy as it is now, to compare later ones with: no dropout, no gradients."""
    reference = copy.deepcopy(model)
    reference.train(False)
    reference.requires_grad_(False)
    return reference


def load_weights(module: nn.Module, weights: Weights) -> None:
    """Give `module` the weights that a state has of it.

    Raises:
        InvalidInput: they are of a module of another shape; some may have been given all the same.
    """
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise InvalidInput(
            f"the weights of this state are of another model, go on with that one: {error}"
        ) from error


def copied_weights(model: nn.Module) -> Weights:
    """The weights as they are now, apart from what becomes of the model."""
    return {name: values.detach().clone() for name, values in model.state_dict().items()}


def mean_weights(checkpoints: Iterable[Weights]) -> Weights:
    """The mean of the weights of several checkpoints of one model."""
    kept = list(checkpoints)
    return {name: torch.stack([each[name] for each in kept]).mean(0) for name in kept[0]}
