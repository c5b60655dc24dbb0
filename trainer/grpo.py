"""GRPO (2.12, 2.13): learning from groups of attempts on the same theorem.

Left out of the textbook algorithm: rollouts with advantage 0 are not read when
beta is 0, because they give no gradient, and the mean of (2.13) is over the rest
(as in DAPO).  An update in which every group was all proved or all refuted
makes no optimizer step.
"""

import copy
import random
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

import torch
from pydantic import Field
from torch import Tensor
from torch.optim import Optimizer
from transformers import PreTrainedModel

from trainer.batching import Batch, Example, micro_batches, minibatches
from trainer.learner import OptimizerConfig, OptimizerState, UpdateStats, clipped_step, new_optimizer
from trainer.losses import grpo_loss
from trainer.policy import token_logprobs, token_logprobs_and_entropies
from trainer.rollout import Rollout
from verifier.errors import InvalidInput

__all__ = ["GRPOConfig", "GRPOLearner", "grpo_update"]


class GRPOConfig(OptimizerConfig):
    """One GRPO update; docs/experiments.md says where these defaults failed."""

    learning_rate: float = Field(default=4e-4, gt=0)
    epochs: int = Field(default=2, ge=1)
    """Times the rollouts of one iteration are read."""
    minibatch_size: int = Field(default=64, ge=1)
    """Rollouts per optimizer step."""
    clip_low: float = Field(default=0.2, gt=0, lt=1)
    """The ratio is clipped from below at 1 − clip_low."""
    clip_high: float = Field(default=0.28, gt=0)
    """The ratio is clipped from above at 1 + clip_high; above clip_low it leaves room for unlikely tokens."""
    beta: float = Field(default=0.0, ge=0)
    """Weight of the KL term to the reference policy; 0 needs no reference."""
    temperature: float = Field(default=1.0, gt=0)
    """Temperature the attempts were sampled at; their log-probabilities are compared at it."""


class GRPOLearner:
    """A `Learner`: the model, its optimizer and, when beta > 0, the reference: the model as it is given here.

    Args:
        optimizer_state: moments to begin with, as `train_supervised` returns them.
    """

    def __init__(
        self, model: PreTrainedModel, config: GRPOConfig, *, optimizer_state: OptimizerState | None = None
    ) -> None:
        self._model = model
        self._config = config
        self._reference = copy.deepcopy(model) if config.beta > 0 else None
        self._rng = random.Random(config.seed)
        self._optimizer = new_optimizer(model, config, state=optimizer_state)

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Learn from rollouts that `assign_advantages` has seen; see `grpo_update`."""
        return grpo_update(
            self._model, self._optimizer, rollouts, self._config, rng=self._rng, reference=self._reference
        )


def grpo_update(
    model: PreTrainedModel,
    optimizer: Optimizer,
    rollouts: Sequence[Rollout],
    config: GRPOConfig,
    *,
    rng: random.Random,
    reference: PreTrainedModel | None = None,
) -> UpdateStats:
    """Change `model` in place by `config.epochs` passes over the rollouts that carry a gradient.

    `details` holds `clip_fraction`, `approx_kl` and, with a reference,
    `kl_reference` (means over micro-batches), and `entropy` in nats per token.

    Args:
        rng: draws the order of the rollouts.
        reference: the policy that `config.beta` holds the model to.

    Raises:
        InvalidInput: a rollout has a reward but no advantage, or beta > 0 without a reference.
        NonFiniteLoss: the weights are as they were before the step that failed.
    """
    if config.beta > 0 and reference is None:
        raise InvalidInput("beta > 0 holds the policy to a reference: pass one, or set beta to 0")
    examples = _examples(rollouts, keep_zero=config.beta > 0)
    model.train()
    steps = [
        _step(model, optimizer, minibatch, config, reference)
        for _ in range(config.epochs if examples else 0)
        for minibatch in minibatches(examples, config.minibatch_size, rng)
    ]
    means = {name: fmean(step[name] for step in steps) for name in (steps[0] if steps else ())}
    return UpdateStats(
        loss=means.pop("loss", 0.0),
        grad_norm=means.pop("grad_norm", 0.0),
        optimizer_steps=len(steps),
        tokens=config.epochs * sum(map(len, examples)),
        sequences=len(examples),
        details=means,
    )


def _examples(rollouts: Sequence[Rollout], *, keep_zero: bool) -> list[Example]:
    """The rollouts with a known verdict as examples, those with advantage 0 only if asked for."""
    examples = []
    for rollout in rollouts:
        if rollout.reward is not None and rollout.advantage is None:
            raise InvalidInput(f"attempt {rollout.attempt.id} has no advantage: call assign_advantages first")
        if rollout.advantage is None or (rollout.advantage == 0.0 and not keep_zero):
            continue
        attempt = rollout.attempt
        examples.append(Example(attempt.prompt_ids, attempt.token_ids, attempt.logprobs, rollout.advantage))
    return examples


def _step(
    model: PreTrainedModel,
    optimizer: Optimizer,
    minibatch: Sequence[Example],
    config: GRPOConfig,
    reference: PreTrainedModel | None,
) -> dict[str, float]:
    """One optimizer step on the loss (2.13) of a minibatch; returns its figures by name."""
    figures: defaultdict[str, float] = defaultdict(float)
    for batch in micro_batches(minibatch, max_tokens=config.max_tokens, device=model.device):
        share = len(batch) / len(minibatch)
        loss, details = _loss(model, batch, config, reference)
        (loss * share).backward()  # type: ignore[no-untyped-call]
        for name, value in details.items():
            figures[name] += value * share
    return {**figures, "grad_norm": clipped_step(model, optimizer, max_grad_norm=config.max_grad_norm)}


def _loss(
    model: PreTrainedModel, batch: Batch, config: GRPOConfig, reference: PreTrainedModel | None
) -> tuple[Tensor, dict[str, float]]:
    inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
    logprobs_BT, entropies_BT = token_logprobs_and_entropies(model, *inputs, temperature=config.temperature)
    ref_logprobs_BT = None
    if reference is not None:
        with torch.no_grad():
            ref_logprobs_BT = token_logprobs(reference, *inputs, temperature=config.temperature)
    loss, stats = grpo_loss(
        logprobs_BT,
        batch.old_logprobs_BT,
        batch.advantages_B,
        batch.response_mask_BT,
        clip_low=config.clip_low,
        clip_high=config.clip_high,
        beta=config.beta,
        ref_logprobs_BT=ref_logprobs_BT,
    )
    details = {
        "loss": float(loss.detach()),
        "clip_fraction": stats.clip_fraction,
        "approx_kl": stats.approx_kl,
        "entropy": float(entropies_BT.sum() / batch.response_mask_BT.sum()),
    }
    if stats.kl_reference is not None:
        details["kl_reference"] = stats.kl_reference
    return loss, details
