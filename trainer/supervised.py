"""Supervised training (2.2) on prompts and completions: the supervised start, and the control arm.

The order of pairs is a function of the seed alone.  The optimizer's state goes
in and out, so that a control can go on exactly where the start ended.
"""

import copy
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from pydantic import Field, model_validator
from torch.optim import Optimizer
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.prompts import encode_completion, encode_prompt
from trainer.batching import Example, endless_minibatches, micro_batches
from trainer.learner import OptimizerConfig, OptimizerState, clipped_step, new_optimizer
from trainer.losses import sft_loss
from trainer.policy import token_logprobs
from verifier.errors import InvalidInput

__all__ = [
    "SupervisedConfig",
    "SupervisedResult",
    "SupervisedStep",
    "encode_pairs",
    "learning_rate_factor",
    "supervised_step",
    "train_supervised",
]


class SupervisedConfig(OptimizerConfig):
    """Supervised training with AdamW, linear warmup and cosine decay."""

    learning_rate: float = Field(default=2e-3, gt=0)
    """Reached after the warmup."""
    final_learning_rate: float = Field(default=1e-4, ge=0)
    """Learning rate of the last step; equal to `learning_rate` and without warmup, the rate is constant."""
    warmup_steps: int = Field(default=20, ge=0)
    """Optimizer steps in which the learning rate rises from 0."""
    batch_size: int = Field(default=64, ge=1)
    """Pairs per optimizer step."""
    steps: int = Field(default=150, ge=1)
    """Optimizer steps to make, going round the pairs as often as needed."""
    weight_decay: float = Field(default=0.01, ge=0)

    @model_validator(mode="after")
    def _the_rate_falls(self) -> Self:
        if self.final_learning_rate > self.learning_rate:
            raise ValueError(
                "final_learning_rate is above learning_rate: the rate only falls after the warmup"
            )
        return self


@dataclass(frozen=True, slots=True)
class SupervisedStep:
    """One optimizer step: its number from 1, the number there will be, and what it did."""

    step: int
    total_steps: int
    loss: float
    """Nats per response token, mean over sequences."""
    grad_norm: float
    learning_rate: float
    tokens: int
    """Prompt and response tokens of this step, without padding."""


@dataclass(frozen=True, slots=True)
class SupervisedResult:
    """What training did, and the optimizer's state to go on with."""

    steps: int
    tokens: int
    """Prompt and response tokens read, without padding."""
    final_loss: float
    """Mean loss of the last tenth of the steps."""
    optimizer_state: OptimizerState


def train_supervised(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[tuple[str, str]],
    config: SupervisedConfig,
    *,
    on_step: Callable[[SupervisedStep], None] = lambda step: None,
    optimizer_state: OptimizerState | None = None,
) -> SupervisedResult:
    """Train `model` in place on (prompt, completion) pairs; the prompt gives no loss.

    Args:
        on_step: called after every optimizer step.
        optimizer_state: what an earlier run returned, to go on with its moments.

    Raises:
        InvalidInput: no pairs, or a pair longer than the model's context.
        NonFiniteLoss: the weights are as they were before the step that failed.
    """
    examples = encode_pairs(tokenizer, pairs, max_length=int(model.config.max_position_embeddings))
    optimizer = new_optimizer(model, config, state=optimizer_state)
    total = config.steps
    losses: list[float] = []
    tokens = 0
    model.train()
    batches = endless_minibatches(examples, config.batch_size, random.Random(config.seed))
    for step, minibatch in zip(range(1, total + 1), batches, strict=False):
        rate = config.learning_rate * learning_rate_factor(step, total, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, grad_norm = supervised_step(
            model, optimizer, minibatch, max_grad_norm=config.max_grad_norm, max_tokens=config.max_tokens
        )
        step_tokens = sum(map(len, minibatch))
        tokens += step_tokens
        losses.append(loss)
        on_step(SupervisedStep(step, total, loss, grad_norm, rate, step_tokens))
    tail = losses[-max(1, total // 10) :]
    state = copy.deepcopy(optimizer.state_dict())
    return SupervisedResult(total, tokens, sum(tail) / len(tail), state)


def encode_pairs(
    tokenizer: PreTrainedTokenizerBase, pairs: Sequence[tuple[str, str]], *, max_length: int
) -> list[Example]:
    """Tokens of each pair, the completion ended by the eos token.

    Raises:
        InvalidInput: no pairs, or one of more than `max_length` tokens.
    """
    if not pairs:
        raise InvalidInput("supervised training needs at least one (prompt, completion) pair")
    examples = []
    for prompt, completion in pairs:
        example = Example(
            tuple(encode_prompt(tokenizer, prompt)), tuple(encode_completion(tokenizer, completion))
        )
        if len(example) > max_length:
            raise InvalidInput(
                f"a pair has {len(example)} tokens, the policy reads {max_length}: leave it out or raise "
                f"max_length (it begins {prompt[:80]!r})"
            )
        examples.append(example)
    return examples


def learning_rate_factor(step: int, total: int, config: SupervisedConfig) -> float:
    """Share of the peak rate at `step`, counted from 1: linear warmup, then a cosine to the final rate."""
    if step <= config.warmup_steps:
        return step / (config.warmup_steps + 1)
    floor = config.final_learning_rate / config.learning_rate
    progress = (step - config.warmup_steps) / max(1, total - config.warmup_steps)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def supervised_step(
    model: PreTrainedModel,
    optimizer: Optimizer,
    minibatch: Sequence[Example],
    *,
    max_grad_norm: float,
    max_tokens: int,
) -> tuple[float, float]:
    """One optimizer step on the supervised loss (2.2) of a minibatch; returns the loss and the gradient norm.

    Raises:
        NonFiniteLoss: nothing was changed.
    """
    total = 0.0
    for batch in micro_batches(minibatch, max_tokens=max_tokens, device=model.device):
        logprobs_BT = token_logprobs(
            model, batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT
        )
        loss: torch.Tensor = sft_loss(logprobs_BT, batch.response_mask_BT) * (len(batch) / len(minibatch))
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total, clipped_step(model, optimizer, max_grad_norm=max_grad_norm)
