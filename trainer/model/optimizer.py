"""Optimizer steps as every learner makes them: gradients of a loss's parts are added up, clipped, applied."""

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, TypeVar

from pydantic import Field
from torch import Tensor, nn
from torch.optim import AdamW

from trainer.model.compute import Compute
from trainer.model.distributed import divide_tensor_like, norm_of
from trainer.model.weights import copy_state
from verifier.errors import InvalidInput, ProofmillError
from verifier.settings import Section

__all__ = [
    "Budget",
    "Figures",
    "NonFiniteLoss",
    "OptimizerConfig",
    "OptimizerState",
    "Stepper",
    "UpdateStats",
    "stats_of",
]

PATIENCE = 5
"""Steps in a row that may be left out before it is an error."""

Figures = Mapping[str, float]
"""What to watch of a step by name, or the share of it that a part of the step has."""

OptimizerState = dict[str, Any]
"""What `Optimizer.state_dict` returns: the moments of AdamW, to go on with."""

P = TypeVar("P")
log = logging.getLogger(__name__)


class NonFiniteLoss(ProofmillError):
    """Losses or gradients were infinite or not a number; the weights are as they were before them."""


class OptimizerConfig(Section):
    """The settings that every learner has for its AdamW."""

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
    """What one update did.  Loss and norm are means over its optimizer steps, 0 where there were none."""

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


class Stepper:
    """Makes steps of AdamW on the trainable weights of a model.

    A step whose loss or gradient is not finite is left out, and the weights stay as they were; the log says
    so, and `stats_of` counts it.

    Args:
        state: moments of an earlier optimizer to begin with, not its settings.
    """

    def __init__(
        self,
        model: nn.Module,
        config: OptimizerConfig,
        *,
        state: OptimizerState | None = None,
        compute: Compute | None = None,
    ) -> None:
        self.compute = compute or Compute()
        self._max_grad_norm = config.max_grad_norm
        self.left_out_in_a_row = 0
        weights = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = AdamW(
            weights, lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.95)
        )
        if state is not None:
            self._load_moments(state)

    def add(self, module: nn.Module, *, learning_rate: float) -> None:
        """Train the weights of another module as well, at a rate of their own."""
        self.optimizer.add_param_group({"params": list(module.parameters()), "lr": learning_rate})

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set the rate of the steps from here on, the same for all weights."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate

    def state(self) -> dict[str, Any]:
        """A copy of the moments and of the count of steps left out in a row."""
        return {
            "optimizer": copy_state(self.optimizer.state_dict()),
            "left_out_in_a_row": self.left_out_in_a_row,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on as the stepper would have that `state` was taken from, but at the rates that this one has.

        Raises:
            InvalidInput: it is of other weights.
        """
        try:
            self._load_moments(state["optimizer"])
        except ValueError as error:
            raise InvalidInput(
                f"the moments of this state are of other weights than these ({error}): "
                "go on with the model that it was taken from"
            ) from error
        self.left_out_in_a_row = state["left_out_in_a_row"]

    def _load_moments(self, state: OptimizerState) -> None:
        """Take over the moments of another optimizer, and not its settings."""
        own = [(group["lr"], group["weight_decay"]) for group in self.optimizer.param_groups]
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        # Copied, because the optimizer would go on to change the caller's tensors.
        copied = copy_state(state)
        for place, moments in copied["state"].items():
            for name, values in moments.items():
                if place < len(weights) and values.shape == weights[place].shape:
                    moments[name] = divide_tensor_like(values, weights[place])
        self.optimizer.load_state_dict(copied)
        for group, (rate, decay) in zip(self.optimizer.param_groups, own, strict=True):
            group.update(lr=rate, weight_decay=decay)

    def step(
        self,
        parts: Iterable[P],
        loss_of: Callable[[P], tuple[Tensor, Figures]],
        *,
        beside: Iterable[P] = (),
    ) -> dict[str, float] | None:
        """Make one step on the sum of the losses of `parts`, and of those `beside` them.

        Args:
            loss_of: the loss of a part and its figures, all of them shares that add up.
            beside: parts of another kind, that use other weights or have other figures.

        Returns:
            The figures of the whole, with `loss`, and with `grad_norm` before clipping; None where the step
            was left out.

        Raises:
            NonFiniteLoss: the last steps were left out as well.
        """
        shares = [*self.compute.ranks.share(parts), *self.compute.ranks.share(beside)]
        figures, weights = self._gradient_of(shares, loss_of)
        norm = norm_of(nn.utils.clip_grad_norm_(weights, self._max_grad_norm))
        finite = math.isfinite(norm) and math.isfinite(figures["loss"])
        if finite:
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.left_out_in_a_row = 0 if finite else self.left_out_in_a_row + 1
        if finite:
            return {**figures, "grad_norm": norm}
        report = f"a step with the loss {figures['loss']} and the gradient norm {norm} was left out"
        log.warning("%s", report)
        if self.left_out_in_a_row >= PATIENCE:
            raise NonFiniteLoss(
                f"{report}, as were the {PATIENCE - 1} before it: lower the learning rate, or look at the "
                "batches; the weights were not changed by them"
            )
        return None

    def norm_of(self, parts: Iterable[P], loss_of: Callable[[P], tuple[Tensor, Figures]]) -> float:
        """The norm of the gradient that a step on `parts` would follow, without making the step."""
        _, weights = self._gradient_of(self.compute.ranks.share(parts), loss_of)
        norm = norm_of(nn.utils.clip_grad_norm_(weights, math.inf))
        self.optimizer.zero_grad(set_to_none=True)
        return norm

    def _gradient_of(
        self, shares: Iterable[tuple[P, float]], loss_of: Callable[[P], tuple[Tensor, Figures]]
    ) -> tuple[dict[str, float], list[nn.Parameter]]:
        """Add up the gradients of this process's parts in the weights; figures of all, and the weights."""
        sums: defaultdict[str, float] = defaultdict(float)
        for part, weight in shares:
            with self.compute.autocast():
                loss, of_part = loss_of(part)
            (weight * loss).backward()  # type: ignore[no-untyped-call]
            for name, value in {"loss": float(loss.detach()), **of_part}.items():
                sums[name] += weight * value
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        self.compute.ranks.add_up_gradients(weights)
        return self.compute.ranks.add_up(sums), weights


def stats_of(
    steps: Sequence[Figures | None], *, tokens: int, sequences: int, details: Figures | None = None
) -> UpdateStats:
    """The statistics of an update: means over the steps that have a figure, and the number of those left out.

    Args:
        steps: what `Stepper.step` returned.
        details: figures of the update as a whole.
    """
    made = [figures for figures in steps if figures is not None]
    # A step that reads proofs alone has no figures of the policy's loss.
    names = dict.fromkeys(name for step in made for name in step)
    means = {name: fmean(step[name] for step in made if name in step) for name in names}
    left_out = {"left_out_steps": float(len(steps) - len(made))} if len(made) < len(steps) else {}
    return UpdateStats(
        loss=means.pop("loss", 0.0),
        grad_norm=means.pop("grad_norm", 0.0),
        optimizer_steps=len(made),
        tokens=tokens,
        sequences=sequences,
        details={**means, **(details or {}), **left_out},
    )
