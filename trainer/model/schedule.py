"""Training for a fixed number of steps, at learning rates that rise and fall."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

from pydantic import Field, model_validator
from torch import Tensor
from transformers import PreTrainedModel

from trainer.model.batching import Batch, Example, endless_minibatches, micro_batches
from trainer.model.compute import Compute
from trainer.model.optimizer import Figures, NonFiniteLoss, OptimizerConfig, OptimizerState, Stepper
from trainer.model.policy import token_logprobs

__all__ = ["Loss", "ScheduledConfig", "TrainingResult", "step_on_logprobs", "train_scheduled"]

Loss = Callable[[Tensor, Batch, Sequence[Example]], Tensor]
"""From log π_θ of the response tokens of a batch, shape (B, T), to the batch's share of the loss of a
minibatch, whose examples are given as well."""


class ScheduledConfig(OptimizerConfig):
    """An optimizer whose learning rate rises linearly and falls by a cosine."""

    learning_rate: float = Field(default=2e-3, gt=0)
    """Reached after the warmup."""
    final_learning_rate: float = Field(default=1e-4, ge=0)
    """Learning rate of the last step after the warmup; equal to `learning_rate` and without warmup, the rate
    is constant."""
    warmup_steps: int = Field(default=20, ge=0)
    """Optimizer steps in which the learning rate rises from 0."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decoupled weight decay."""
    batch_size: int = Field(ge=1)
    """Examples per optimizer step."""
    steps: int = Field(ge=0)
    """Optimizer steps to make, going round the examples as often as needed."""

    @model_validator(mode="after")
    def _the_rate_falls(self) -> Self:
        if self.final_learning_rate > self.learning_rate:
            raise ValueError(
                "final_learning_rate is above learning_rate: the rate only falls after the warmup"
            )
        return self

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        if step <= self.warmup_steps:
            return self.learning_rate * step / (self.warmup_steps + 1)
        floor = self.final_learning_rate / self.learning_rate
        progress = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        return self.learning_rate * (floor + (1 - floor) * cosine)


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What training did, and the optimizer's state to go on with."""

    steps: int
    tokens: int
    """Prompt and response tokens read, without padding, counted once for each time."""
    final_loss: float
    """Mean loss of the last tenth of the steps, in nats per token; 0 where there were none."""
    optimizer_state: OptimizerState


def train_scheduled(
    model: PreTrainedModel,
    examples: Sequence[Example],
    config: ScheduledConfig,
    loss: Loss,
    *,
    on_step: Callable[[float], None] = lambda loss: None,
    optimizer_state: OptimizerState | None = None,
    compute: Compute | None = None,
) -> TrainingResult:
    """Train `model` in place by `config.steps` steps on minibatches of `examples`.

    The order of examples is a function of the seed alone.

    Args:
        on_step: called after every optimizer step with its loss.
        optimizer_state: moments to begin with.

    Raises:
        NonFiniteLoss: at the first step that is not finite; the weights are as they were before it.
    """
    stepper = Stepper(model, config, state=optimizer_state, compute=compute)
    minibatches = endless_minibatches(examples, config.batch_size, random.Random(config.seed))
    losses: list[float] = []
    tokens = 0
    model.train()
    for number, minibatch in zip(range(1, config.steps + 1), minibatches, strict=False):
        stepper.set_learning_rate(config.rate_at(number))
        figures = step_on_logprobs(stepper, model, minibatch, loss, config.max_tokens)
        if figures is None:
            raise NonFiniteLoss(
                f"step {number} of {config.steps} has a loss or gradient that is not finite: lower the "
                "learning rate, or look at what it read; the weights were not changed by it"
            )
        tokens += sum(map(len, minibatch))
        losses.append(figures["loss"])
        on_step(figures["loss"])
    last = losses[-max(1, config.steps // 10) :]
    return TrainingResult(config.steps, tokens, fmean(last) if last else 0.0, stepper.optimizer.state_dict())


def step_on_logprobs(
    stepper: Stepper, model: PreTrainedModel, minibatch: Sequence[Example], loss: Loss, max_tokens: int
) -> Figures | None:
    """Make one step on the loss of a minibatch, and return what `Stepper.step` returns."""

    def loss_of(batch: Batch) -> tuple[Tensor, Figures]:
        logprobs_BT = token_logprobs(
            model, batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT
        )
        return loss(logprobs_BT, batch, minibatch), {}

    return stepper.step(micro_batches(minibatch, max_tokens=max_tokens, device=model.device), loss_of)
