"""One optimizer step, as every learner makes it: gradients of a loss's parts added up, clipped, applied."""

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Generic, TypeVar

from torch import Tensor, nn
from torch.optim import AdamW

from trainer.learners.base import (
    LearnerState,
    NonFiniteLoss,
    OptimizerConfig,
    OptimizerState,
    ScheduledConfig,
    UpdateStats,
    copied,
)
from trainer.model.compute import Compute
from trainer.model.distributed import norm_of
from verifier.errors import InvalidInput

__all__ = ["Figures", "ScheduledStep", "Stepper", "scheduled_steps", "stats_of"]

PATIENCE = 5
"""Steps in a row that may be left out before it is an error."""

Figures = Mapping[str, float]
"""What to watch of a step, by name; of a part of it, its share."""

P = TypeVar("P")
log = logging.getLogger(__name__)


class Stepper:
    """AdamW over the trainable weights of a model, and how its steps are made.

    A step of which the loss or the gradient is not finite is left out, said in the log, and counted by
    `stats_of`; the weights stay as they were before it.

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
        """Have the weights of another module trained beside, at a rate of their own."""
        self.optimizer.add_param_group({"params": list(module.parameters()), "lr": learning_rate})

    def set_learning_rate(self, learning_rate: float) -> None:
        """For the steps from here on, of all weights alike."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate

    def state(self) -> LearnerState:
        """Moments and the count of steps left out in a row, as a copy."""
        return {
            "optimizer": copied(self.optimizer.state_dict()),
            "left_out_in_a_row": self.left_out_in_a_row,
        }

    def restore(self, state: LearnerState) -> None:
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
        """Those of another optimizer, and not its settings."""
        own = [(group["lr"], group["weight_decay"]) for group in self.optimizer.param_groups]
        # Copied, because the optimizer would go on to change the caller's tensors.
        self.optimizer.load_state_dict(copied(state))
        for group, (rate, decay) in zip(self.optimizer.param_groups, own, strict=True):
            group.update(lr=rate, weight_decay=decay)

    def step(
        self, parts: Iterable[P], loss_of: Callable[[P], tuple[Tensor, Figures]]
    ) -> dict[str, float] | None:
        """Make one step on the sum of the losses of `parts`; None where it was left out.

        Args:
            loss_of: the loss of a part and its figures, all of them shares that add up.

        Returns:
            The figures of the whole, with `loss`, and with `grad_norm` before clipping.

        Raises:
            NonFiniteLoss: the last steps were left out as well.
        """
        sums: defaultdict[str, float] = defaultdict(float)
        for part, weight in self.compute.ranks.share(parts):
            with self.compute.autocast():
                loss, of_part = loss_of(part)
            (weight * loss).backward()  # type: ignore[no-untyped-call]
            for name, value in {"loss": float(loss.detach()), **of_part}.items():
                sums[name] += weight * value
        weights = [each for group in self.optimizer.param_groups for each in group["params"]]
        self.compute.ranks.add_up_gradients(weights)
        figures = self.compute.ranks.add_up(sums)
        norm = norm_of(nn.utils.clip_grad_norm_(weights, self._max_grad_norm))
        finite = math.isfinite(norm) and math.isfinite(figures["loss"])
        if finite:
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.left_out_in_a_row = 0 if finite else self.left_out_in_a_row + 1
        if finite:
            return {**figures, "grad_norm": norm}
        said = f"a step with the loss {figures['loss']} and the gradient norm {norm} was left out"
        log.warning("%s", said)
        if self.left_out_in_a_row >= PATIENCE:
            raise NonFiniteLoss(
                f"{said}, as were the {PATIENCE - 1} before it: lower the learning rate, or look at the "
                "batches; the weights were not changed by them"
            )
        return None


@dataclass(frozen=True, slots=True)
class ScheduledStep(Generic[P]):
    """A step that was made: its number from 1, its learning rate, what it read, and its figures."""

    number: int
    rate: float
    minibatch: Sequence[P]
    figures: Figures


def scheduled_steps(
    stepper: Stepper,
    config: ScheduledConfig,
    minibatches: Iterable[Sequence[P]],
    total: int,
    make_step: Callable[[Sequence[P]], Figures | None],
) -> Iterator[ScheduledStep[P]]:
    """`total` steps on `minibatches` at the learning rates of `config`.

    Args:
        make_step: makes one by `stepper`, and returns what it did.

    Raises:
        NonFiniteLoss: at the first step that is not finite; the weights are as they were before it.
    """
    for number, minibatch in zip(range(1, total + 1), minibatches, strict=False):
        rate = config.rate_at(number, total)
        stepper.set_learning_rate(rate)
        figures = make_step(minibatch)
        if figures is None:
            raise NonFiniteLoss(
                f"step {number} of {total} has a loss or gradient that is not finite: lower the learning "
                "rate, or look at what it read; the weights were not changed by it"
            )
        yield ScheduledStep(number, rate, minibatch, figures)


def stats_of(
    steps: Sequence[Figures | None], *, tokens: int, sequences: int, details: Figures | None = None
) -> UpdateStats:
    """What the steps of an update did: means over those that were made, the others counted.

    Args:
        steps: what `Stepper.step` returned.
        details: figures of the update as a whole.
    """
    made = [each for each in steps if each is not None]
    means = {name: fmean(step[name] for step in made) for name in (made[0] if made else ())}
    left_out = {"left_out_steps": float(len(steps) - len(made))} if len(made) < len(steps) else {}
    return UpdateStats(
        loss=means.pop("loss", 0.0),
        grad_norm=means.pop("grad_norm", 0.0),
        optimizer_steps=len(made),
        tokens=tokens,
        sequences=sequences,
        details={**means, **(details or {}), **left_out},
    )
