"""Supervised training on prompts and completions: the supervised start, and the control arm.

The loss is −(1/Q) Σ_q (1/T_q) Σ_t log π_θ(y_t | x, y_<t) over the tokens of completions.  The order of pairs
is a function of the seed alone.  The optimizer's state goes in and out, so that training can go on exactly
where it ended.
"""

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import Field
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.formats.prompts import encode_completion, encode_prompt
from trainer.model.batching import Batch, Example, endless_minibatches, micro_batches
from trainer.model.compute import Compute
from trainer.model.optimizer import Figures, OptimizerState, ScheduledConfig, Stepper, scheduled_steps
from trainer.model.policy import token_logprobs
from trainer.objectives.losses import sft_loss
from verifier.errors import InvalidInput

__all__ = [
    "SupervisedConfig",
    "SupervisedResult",
    "SupervisedStep",
    "encode_pairs",
    "supervised_step",
    "train_supervised",
]


class SupervisedConfig(ScheduledConfig):
    """Supervised training with AdamW."""

    batch_size: int = Field(default=64, ge=1)
    """Pairs per optimizer step."""
    steps: int = Field(default=150, ge=1)
    """Optimizer steps to make, going round the pairs as often as needed."""


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
    compute: Compute | None = None,
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
    stepper = Stepper(model, config, state=optimizer_state, compute=compute)
    total = config.steps
    losses: list[float] = []
    tokens = 0
    model.train()
    batches = endless_minibatches(examples, config.batch_size, random.Random(config.seed))
    make_step = partial(supervised_step, stepper, model, max_tokens=config.max_tokens)
    for step in scheduled_steps(stepper, config, batches, total, make_step):
        loss, grad_norm = step.figures["loss"], step.figures["grad_norm"]
        step_tokens = sum(map(len, step.minibatch))
        tokens += step_tokens
        losses.append(loss)
        on_step(SupervisedStep(step.number, total, loss, grad_norm, step.rate, step_tokens))
    tail = losses[-max(1, total // 10) :]
    state = copy.deepcopy(stepper.optimizer.state_dict())
    return SupervisedResult(total, tokens, sum(tail) / len(tail), state)


def encode_pairs(
    tokenizer: PreTrainedTokenizerBase, pairs: Sequence[tuple[str, str]], *, max_length: int
) -> list[Example]:
    """Encode the pairs as tokens, each completion ended by the eos token.

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


def supervised_step(
    stepper: Stepper, model: PreTrainedModel, minibatch: Sequence[Example], *, max_tokens: int
) -> Figures | None:
    """Make one step on the supervised loss of a minibatch, and return what `Stepper.step` returns."""

    def loss_of(batch: Batch) -> tuple[Tensor, Figures]:
        logprobs_BT = token_logprobs(
            model, batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT
        )
        return sft_loss(logprobs_BT, batch.response_mask_BT) * (len(batch) / len(minibatch)), {}

    return stepper.step(micro_batches(minibatch, max_tokens=max_tokens, device=model.device), loss_of)
