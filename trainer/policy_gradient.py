"""Learning from groups of attempts on the same theorem by policy gradients: GRPO and its relatives.

What an algorithm is made of stands in `trainer/algorithms.py`, its mathematics in `trainer/losses.py` and
`trainer/advantages.py`; here is what feeds them.  Rollouts whose advantages are all 0 give no gradient:
without a KL term or an entropy bonus they are counted, as the loss says, and not read.  An update in which
every group was all proved or all refuted makes no optimizer step.
"""

import copy
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from trainer.advantages import group_advantages, is_informative, overlong_penalty
from trainer.algorithms import ALGORITHMS, Algorithm, AlgorithmName, PolicyLoss
from trainer.batching import Batch, Example, micro_batches, minibatches
from trainer.compute import Compute
from trainer.credit import CreditConfig, Judged, group_token_advantages
from trainer.learner import (
    LearnerState,
    OptimizerConfig,
    OptimizerState,
    UpdateStats,
    check_state,
    copied,
    load_weights,
)
from trainer.losses import Totals, policy_loss
from trainer.policy import token_logprobs, token_logprobs_and_entropies
from trainer.rollout import Rollout
from trainer.stepper import Figures, Stepper, stats_of
from trainer.token_bytes import bytes_of_tokens
from verifier.errors import InvalidInput

__all__ = [
    "CriticConfig",
    "PolicyGradientConfig",
    "PolicyGradientLearner",
    "effective_sample_share",
    "examples_of",
    "with_own_logprobs",
]


class CriticConfig(BaseModel):
    """PPO's critic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shared: bool = False
    """Whether it reads, and trains, the policy's own trunk, or a copy of it."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Learning rate of the critic's own weights."""
    weight: float = Field(default=0.5, gt=0)
    """Of the value loss, beside the policy's."""
    clip: float | None = Field(default=0.2, gt=0)
    """How far a value may move in one update before its loss is clipped; none for no clipping."""
    gamma: float = Field(default=1.0, gt=0, le=1)
    """Discount of later rewards (2.8)."""
    lam: float = Field(default=0.95, ge=0, le=1)
    """λ of the advantages (2.9)."""


class PolicyGradientConfig(OptimizerConfig):
    """One update by policy gradients; docs/experiments.md says how these defaults did."""

    learning_rate: float = Field(default=1e-4, gt=0)
    algorithm: AlgorithmName = "grpo"
    """Decides `loss`, `epochs` and `learning_rate`, unless they are given."""
    loss: PolicyLoss = PolicyLoss()
    """What is not given here is as the algorithm has it."""
    epochs: int = Field(default=1, ge=1)
    """Times the rollouts of one iteration are read."""
    minibatch_size: int = Field(default=64, ge=1)
    """Rollouts per optimizer step."""
    temperature: float = Field(default=1.0, gt=0)
    """Temperature the attempts were sampled at; their log-probabilities are compared at it."""
    longest_response: int = Field(default=64, ge=1)
    """Most tokens in an attempt, the end token included."""
    check_engine: bool = False
    """Whether log π_old is computed by the trainer, and compared with what the engine said, also where
    the loss does not ask for it."""
    credit: CreditConfig = CreditConfig()
    """What the tactics of an attempt get beside its outcome; not with a critic."""
    critic: CriticConfig = CriticConfig()
    """For PPO."""

    @model_validator(mode="before")
    @classmethod
    def _as_the_algorithm_has_it(cls, settings: dict[str, Any]) -> dict[str, Any]:
        chosen = ALGORITHMS.get(settings.get("algorithm", "grpo"))
        if chosen is None:
            return settings  # which is refused with the names there are
        given = settings.get("loss", {})
        if isinstance(given, PolicyLoss):
            given = given.model_dump(exclude_unset=True)
        own = {"epochs": chosen.epochs, "learning_rate": chosen.learning_rate}
        return own | settings | {"loss": {**chosen.loss.model_dump(), **given}}


class PolicyGradientLearner:
    """A `Learner`: the model, its optimizer and, when beta > 0, the reference: the model as it is given here.

    Args:
        tokenizer: the policy's; needed for credit by tactic.
        optimizer_state: moments to begin with, as `train_supervised` returns them.

    Raises:
        InvalidInput: the algorithm needs a critic (`trainer/ppo.py`).
    """

    def __init__(
        self,
        model: PreTrainedModel,
        config: PolicyGradientConfig,
        *,
        tokenizer: PreTrainedTokenizerBase | None = None,
        optimizer_state: OptimizerState | None = None,
        compute: Compute | None = None,
    ) -> None:
        self._algorithm = ALGORITHMS[config.algorithm]
        if self._algorithm.baseline == "critic":
            raise InvalidInput(f"{config.algorithm} compares rewards with a critic: use PPOLearner")
        self._model = model
        self._config = config
        self._tokenizer = tokenizer
        self._loss = _complete(config)
        self._reference = copy.deepcopy(model) if config.loss.beta > 0 else None
        self._rng = random.Random(config.seed)
        self._stepper = Stepper(model, config, state=optimizer_state, compute=compute)

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Change the model in place by `config.epochs` passes over the rollouts that may carry a gradient.

        `details` holds what `PolicyStats` has (means over optimizer steps), `entropy` in nats per token,
        `empty_responses` where there were any, and what `with_own_logprobs` says of the engine.

        Raises:
            NonFiniteLoss
        """
        examples, left_out = examples_of(rollouts, self._config, self._tokenizer)
        examples, agreement = with_own_logprobs(self._model, examples, self._config, self._stepper.compute)
        self._model.train()
        return stats_of(
            [
                self._step(minibatch)
                for _ in range(self._config.epochs if examples else 0)
                for minibatch in minibatches(examples, self._config.minibatch_size, self._rng)
                if any(map(self._is_read, minibatch))
            ],
            tokens=self._config.epochs * sum(len(each) for each in examples if self._is_read(each)),
            sequences=sum(map(self._is_read, examples)),
            details={**left_out, **agreement},
        )

    def state(self) -> LearnerState:
        """Its optimizer's and random state, and with beta > 0 the reference."""
        return {
            "algorithm": self._config.algorithm,
            "stepper": self._stepper.state(),
            "rng": self._rng.getstate(),
            "reference": None if self._reference is None else copied(self._reference.state_dict()),
        }

    def restore(self, state: LearnerState) -> None:
        """Go on from `state`.

        Raises:
            InvalidInput: it is another algorithm's, or was taken under other settings.
        """
        check_state(state, self.state())
        self._stepper.restore(state["stepper"])
        self._rng.setstate(state["rng"])
        if self._reference is not None:
            load_weights(self._reference, state["reference"])

    def _step(self, minibatch: Sequence[Example]) -> Figures | None:
        """One optimizer step on the loss of a minibatch that has a gradient."""
        read = [each for each in minibatch if self._is_read(each)]
        totals = Totals(len(minibatch), sum(len(each.token_ids) for each in minibatch))
        batches = micro_batches(read, max_tokens=self._config.max_tokens, device=self._model.device)
        tokens = sum(len(each.token_ids) for each in read)
        return self._stepper.step(batches, lambda batch: self._loss_of(batch, totals, tokens))

    def _loss_of(self, batch: Batch, totals: Totals, tokens: int) -> tuple[Tensor, Figures]:
        """This batch's share of the loss, and of the figures; the entropy's is of the `tokens` read."""
        inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        temperature = self._config.temperature
        with_gradient = self._loss.entropy_weight > 0
        logprobs_BT, entropies_BT = token_logprobs_and_entropies(
            self._model, *inputs, temperature=temperature, entropy_gradient=with_gradient
        )
        ref_logprobs_BT = None
        if self._reference is not None:
            with torch.no_grad():
                ref_logprobs_BT = token_logprobs(self._reference, *inputs, temperature=temperature)
        loss, stats = policy_loss(
            logprobs_BT,
            batch.old_logprobs_BT,
            batch.advantages_BT,
            batch.response_mask_BT,
            self._loss,
            totals=totals,
            ref_logprobs_BT=ref_logprobs_BT,
            engine_logprobs_BT=batch.engine_logprobs_BT,
            entropies_BT=entropies_BT if with_gradient else None,
        )
        return loss, {"entropy": float(entropies_BT.detach().sum()) / tokens, **stats.figures()}

    def _is_read(self, example: Example) -> bool:
        return any(example.advantages) or self._loss.beta > 0 or self._loss.entropy_weight > 0


@torch.no_grad()
def with_own_logprobs(
    model: PreTrainedModel, examples: Sequence[Example], config: PolicyGradientConfig, compute: Compute
) -> tuple[list[Example], dict[str, float]]:
    """The examples with log π_old as `model` computes it, and how far the sampling engine is from it.

    How far: `engine_gap`, the mean |log π_old − log π_engine| over tokens in nats, and the
    `effective_sample_share` of the weights Π_t π_old/π_engine of sequences.  Where neither the settings
    nor the precision ask for it, the examples come back as they are, and no figures.
    """
    # The generator computes in float32: compared with its log-probabilities, no ratio would begin at 1.
    wanted = config.check_engine or config.loss.engine_cap or config.loss.sequence_cap or compute.bfloat16
    if not wanted or not examples:
        return list(examples), {}
    # Dropout would make another policy of every pass.
    model.train(False)
    found, gaps = [], []
    for example in examples:
        (batch,) = micro_batches([example], max_tokens=1, device=model.device)
        inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        with compute.autocast():
            logprobs_BT = token_logprobs(model, *inputs, temperature=config.temperature)
        kept_BT = batch.response_mask_BT.bool()
        own_N = logprobs_BT[kept_BT]
        gaps.append((own_N - batch.old_logprobs_BT[kept_BT]).double().cpu())
        found.append(
            replace(example, old_logprobs=tuple(own_N.tolist()), engine_logprobs=example.old_logprobs)
        )
    share = effective_sample_share(torch.stack([each.sum() for each in gaps]))
    return found, {"effective_sample_share": share, "engine_gap": float(torch.cat(gaps).abs().mean())}


def effective_sample_share(log_weights_N: Tensor) -> float:
    """ESS/N = (Σw)² / (N Σw²) of weights w given by log w: 1 where all are alike, 1/N where one rules."""
    return 1 / (len(log_weights_N) * float(log_weights_N.softmax(0).square().sum()))


def examples_of(
    rollouts: Sequence[Rollout],
    config: PolicyGradientConfig,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> tuple[list[Example], dict[str, float]]:
    """The rollouts with a known verdict as examples with advantages, and what was left out, by name.

    Unknown verdicts are outside every baseline.  An attempt without tokens has nothing to learn from, but its
    reward counts in its group.

    Raises:
        InvalidInput: credit by tactic without a tokenizer, or from verdicts without tactics.
    """
    algorithm = ALGORITHMS[config.algorithm]
    assert algorithm.baseline != "critic"
    groups: defaultdict[str, list[Rollout]] = defaultdict(list)
    for rollout in rollouts:
        groups[rollout.attempt.group].append(rollout)
    examples: list[Example] = []
    left_out: Counter[str] = Counter()
    for members in groups.values():
        if algorithm.drops_uninformative and not is_informative([each.reward for each in members]):
            continue
        rewards = [_shaped_reward(each, algorithm, config) for each in members]
        outcome = group_advantages(rewards, algorithm.baseline)
        for rollout, advantages in zip(
            members, _of_tokens(members, outcome, config.credit, tokenizer), strict=True
        ):
            attempt = rollout.attempt
            if advantages is None:
                continue
            if not attempt.token_ids:
                left_out["empty_responses"] += 1
                continue
            examples.append(
                Example(attempt.prompt_ids, attempt.token_ids, attempt.logprobs, tuple(advantages))
            )
    return examples, dict(left_out)


def _of_tokens(
    members: Sequence[Rollout],
    outcome: Sequence[float | None],
    credit: CreditConfig,
    tokenizer: PreTrainedTokenizerBase | None,
) -> list[list[float] | None]:
    """The advantage of every token of each attempt of a group, from those of the attempts."""
    if not credit.needs_tactics:
        return [
            None if advantage is None else [advantage] * len(rollout.attempt.token_ids)
            for rollout, advantage in zip(members, outcome, strict=True)
        ]
    if tokenizer is None:
        raise InvalidInput("credit by tactic needs the policy's tokenizer: pass it to the learner")
    judged = [
        Judged(each.attempt.proof, bytes_of_tokens(tokenizer, each.attempt.token_ids), each.verdict)
        for each in members
    ]
    return group_token_advantages(credit, judged, outcome)


def _shaped_reward(rollout: Rollout, algorithm: Algorithm, config: PolicyGradientConfig) -> float | None:
    if rollout.reward is None or algorithm.overlong_buffer == 0:
        return rollout.reward
    # One that hit the limit would have been longer.
    tokens = len(rollout.attempt.token_ids) + (not rollout.attempt.finished)
    return rollout.reward + overlong_penalty(
        tokens, longest=config.longest_response, buffer=algorithm.overlong_buffer
    )


def _complete(config: PolicyGradientConfig) -> PolicyLoss:
    """The loss with L where it needs one."""
    if config.loss.reduction == "constant_length" and config.loss.max_length is None:
        return config.loss.model_copy(update={"max_length": config.longest_response})
    return config.loss
