"""Supervised training on prompts and completions: the supervised start, and the control arm.

The loss is −(1/Q) Σ_q (1/T_q) Σ_t log π_θ(y_t | x, y_<t) over the tokens of completions.  The order of pairs
is a function of the seed alone.  The optimizer's state goes in and out, so that training can go on exactly
where it ended.
"""

from collections.abc import Callable, Sequence

from pydantic import Field
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.formats.prompts import encode_completion, encode_prompt
from trainer.model.batching import Batch, Example
from trainer.model.compute import Compute
from trainer.model.optimizer import Figures, OptimizerState, Stepper
from trainer.model.schedule import ScheduledConfig, TrainingResult, step_on_logprobs, train_scheduled
from trainer.objectives.losses import sft_loss
from verifier.errors import InvalidInput

__all__ = [
    "SupervisedConfig",
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


def train_supervised(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[tuple[str, str]],
    config: SupervisedConfig,
    *,
    on_step: Callable[[float], None] = lambda loss: None,
    optimizer_state: OptimizerState | None = None,
    compute: Compute | None = None,
) -> TrainingResult:
    """Train `model` in place on (prompt, completion) pairs; the prompt gives no loss.

    Args:
        on_step: called after every optimizer step with its loss, in nats per token.
        optimizer_state: what an earlier run returned, to go on with its moments.

    Raises:
        InvalidInput: no pairs, or a pair longer than the model's context.
        NonFiniteLoss: the weights are as they were before the step that failed.
    """
    examples = encode_pairs(tokenizer, pairs, max_length=int(model.config.max_position_embeddings))
    return train_scheduled(
        model, examples, config, _loss, on_step=on_step, optimizer_state=optimizer_state, compute=compute
    )


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
    return step_on_logprobs(stepper, model, minibatch, _loss, max_tokens)


def _loss(logprobs_BT: Tensor, batch: Batch, minibatch: Sequence[Example]) -> Tensor:
    return sft_loss(logprobs_BT, batch.response_mask_BT) * (len(batch) / len(minibatch))
