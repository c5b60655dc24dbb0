"""What the training loop holds: something that turns rollouts into better weights."""

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from trainer.rollout import Rollout
from verifier.errors import ProofmillError

__all__ = [
    "Budget",
    "Learner",
    "NonFiniteLoss",
    "OptimizerConfig",
    "OptimizerState",
    "UpdateStats",
    "Weights",
    "clipped_step",
    "copied_weights",
    "mean_weights",
    "new_optimizer",
]

OptimizerState = dict[str, Any]
"""What `Optimizer.state_dict` returns: the moments of AdamW, to go on with."""

Weights = dict[str, Tensor]
"""What `Module.state_dict` returns."""


class NonFiniteLoss(ProofmillError):
    """A loss or gradient was infinite or not a number; the weights were left as they were."""


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
            NonFiniteLoss: the weights are as they were before the step that failed.
        """
        ...


def new_optimizer(model: nn.Module, config: OptimizerConfig, *, state: OptimizerState | None = None) -> AdamW:
    """AdamW over the trainable weights; `state` gives it the moments of an earlier one, not its settings."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = AdamW(
        parameters, lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.95)
    )
    if state is not None:
        # Copied, because the optimizer would go on to change the caller's tensors.
        optimizer.load_state_dict(copy.deepcopy(state))
        for group in optimizer.param_groups:
            group.update(lr=config.learning_rate, weight_decay=config.weight_decay)
    return optimizer


def copied_weights(model: nn.Module) -> Weights:
    """The weights as they are now, apart from what becomes of the model."""
    return {name: values.detach().clone() for name, values in model.state_dict().items()}


def mean_weights(checkpoints: Iterable[Weights]) -> Weights:
    """The mean of the weights of several checkpoints of one model."""
    kept = list(checkpoints)
    return {name: torch.stack([each[name] for each in kept]).mean(0) for name in kept[0]}


def clipped_step(model: nn.Module, optimizer: Optimizer, *, max_grad_norm: float) -> float:
    """Clip the gradients, step, clear them; returns their norm before clipping.

    Raises:
        NonFiniteLoss: the gradients are not finite; nothing was changed.
    """
    norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm))
    if not math.isfinite(norm):
        optimizer.zero_grad(set_to_none=True)
        raise NonFiniteLoss(
            f"the gradient norm is {norm}: lower the learning rate, or look at the batch that did it; "
            "the weights were not changed by it"
        )
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm
