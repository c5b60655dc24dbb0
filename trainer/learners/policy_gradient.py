"""Learning from groups of attempts at one theorem by policy gradients: GRPO and its relatives.

They are one learner.  What each algorithm chose is a row of the table in `objectives/algorithms.py`; the
mathematics is in `objectives/losses.py` and `objectives/advantages.py`, and here is what feeds them.
Rollouts whose advantages are all 0 give no gradient: without a KL term or an entropy bonus they count in the
means of the loss and are not read.  An update on such rollouts alone makes no optimizer step.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Self, get_args

import torch
from pydantic import Field, model_validator
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from trainer.learners.anchor import Anchor, AnchorConfig, LossOfPart
from trainer.learners.base import LearnerKind, LearnerState, TrainingState
from trainer.model.agreement import recompute_logprobs
from trainer.model.batching import Batch, Example, micro_batches, totals_of
from trainer.model.compute import Compute
from trainer.model.optimizer import Figures, OptimizerConfig, UpdateStats, stats_of
from trainer.model.policy import token_logprobs, token_logprobs_and_entropies
from trainer.objectives.advantages import (
    AdvantageConfig,
    group_advantages,
    overlong_penalty,
    reward_the_unlikely,
    solve_rate,
    weigh_negatives,
)
from trainer.objectives.algorithms import ALGORITHMS, AlgorithmName, PolicyLoss
from trainer.objectives.credit import CreditConfig, group_token_advantages
from trainer.objectives.losses import Totals, policy_loss
from trainer.objectives.token_bytes import bytes_of_tokens
from trainer.rollout import Rollout, empty_responses, groups_of, has_contrast
from verifier.errors import InvalidInput
from verifier.settings import Section

__all__ = [
    "CriticConfig",
    "PolicyGradientConfig",
    "PolicyGradientLearner",
    "examples_of",
    "shape_reward",
]


class CriticConfig(Section):
    """PPO's critic."""

    shared: bool = False
    """Whether it reads, and trains, the policy's own trunk, or a copy of it."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Learning rate of the critic's own weights."""
    weight: float = Field(default=0.5, gt=0)
    """Weight of the value loss, beside that of the policy."""
    clip: float | None = Field(default=0.2, gt=0)
    """How far a value may move in one update before its loss is clipped; none for no clipping."""
    gamma: float = Field(default=1.0, gt=0, le=1)
    """γ, the discount of later rewards."""
    lam: float = Field(default=0.95, ge=0, le=1)
    """λ of the advantages (GAE, arXiv 1506.02438)."""


class PolicyGradientConfig(OptimizerConfig):
    """One update by policy gradients; docs/experiments.md says how these defaults did."""

    learning_rate: float = Field(default=1e-4, gt=0)
    algorithm: AlgorithmName = "grpo"
    """Decides `loss`, `epochs`, `learning_rate` and `overlong_buffer`, unless they are given."""
    loss: PolicyLoss = PolicyLoss()
    """What is not given here is as the algorithm has it."""
    weight: float = Field(default=1.0, ge=0)
    """Weight of the policy's loss beside the anchor; 0 learns from the anchor's proofs alone."""
    epochs: int = Field(default=1, ge=1)
    """Times the rollouts of one round are read."""
    minibatch_size: int = Field(default=64, ge=1)
    """Rollouts per optimizer step."""
    temperature: float = Field(default=1.0, gt=0)
    """Temperature the attempts were sampled at; their log-probabilities are compared at it."""
    longest_response: int = Field(default=64, ge=1)
    """Most tokens in an attempt, the end token included."""
    overlong_buffer: int = Field(default=0, ge=0)
    """Tokens before the longest response over which DAPO's penalty grows to −1; 0 for none."""
    check_engine: bool = False
    """Whether the trainer computes log π of the attempts too and says how far the engine is from it, also
    where the loss does not ask for it; the loss goes on with the engine's."""
    check_signs: bool = False
    """Whether each update says, of its first minibatch, how large the gradient is of the attempts that did
    better than their group (`grad_norm_better`), and of those that did worse (`grad_norm_worse`), as far as
    they count; not with a critic."""
    advantage: AdvantageConfig = AdvantageConfig()
    """How the attempts of a group are compared; not with a critic."""
    credit: CreditConfig = CreditConfig()
    """What the tactics of an attempt get beside its outcome; not with a critic."""
    anchor: AnchorConfig = AnchorConfig()
    """Proofs that are read in each step beside the attempts."""
    critic: CriticConfig = CriticConfig()
    """For PPO."""

    @model_validator(mode="before")
    @classmethod
    def _as_the_algorithm_has_it(cls, settings: Any) -> Any:
        if not isinstance(settings, dict):
            return settings  # which is refused, as what is returned next is
        name, given = settings.get("algorithm", "grpo"), settings.get("loss", {})
        if isinstance(given, PolicyLoss):
            given = given.model_dump(exclude_unset=True)
        if name not in get_args(AlgorithmName) or not isinstance(given, dict):
            return settings
        chosen = ALGORITHMS[name]
        own = {
            "epochs": chosen.epochs,
            "learning_rate": chosen.learning_rate,
            "overlong_buffer": chosen.overlong_buffer,
        }
        return own | settings | {"loss": {**chosen.loss.model_dump(), **given}}

    @model_validator(mode="after")
    def _learns_from_something(self) -> Self:
        if self.weight == 0 and not self.anchor.is_on:
            raise ValueError("weight: with 0 and without an anchor there is nothing to learn from")
        return self

    @model_validator(mode="after")
    def _credit_has_a_group(self) -> Self:
        if ALGORITHMS[self.algorithm].baseline == "critic" and self.credit.needs_tactics:
            raise ValueError(
                "credit: credit by tactic adds to a comparison in groups, and PPO has a critic in its place: "
                "leave credit.scheme out, or choose another algorithm"
            )
        if self.credit.scheme == "verified_prefix" and self.advantage.negative_weight == 0:
            raise ValueError(
                "credit: verified_prefix takes blame from tactics, and with advantage.negative_weight = 0 "
                "there is none: set it to 1, or choose another scheme"
            )
        if ALGORITHMS[self.algorithm].baseline == "critic" and self.advantage != AdvantageConfig():
            raise ValueError(
                "advantage: it says how the attempts of a group are compared, and PPO has a critic "
                "instead: leave it out, or choose another algorithm"
            )
        return self

    def recomputed(
        self, model: PreTrainedModel, examples: Sequence[Example], compute: Compute
    ) -> tuple[list[Example], dict[str, float]]:
        """The examples with the log π_old that the loss is to read, and the figures of `recompute_logprobs`.

        Where the settings ask for figures alone the examples come back as they are; where they ask for
        neither, there are no figures either.
        """
        # The generator computes in float32: compared with its log-probabilities, no ratio would begin at 1.
        replaced = bool(self.loss.engine_cap or self.loss.sequence_cap or compute.bfloat16)
        if not (replaced or self.check_engine):
            return list(examples), {}
        again, figures = recompute_logprobs(model, examples, temperature=self.temperature, compute=compute)
        return again if replaced else list(examples), figures

    @property
    def complete_loss(self) -> PolicyLoss:
        """The loss, with L where it needs one."""
        if self.loss.reduction == "constant_length" and self.loss.max_length is None:
            return self.loss.model_copy(update={"max_length": self.longest_response})
        return self.loss


class PolicyGradientLearner:
    """A `Learner`; with beta > 0 it has a reference, which is the model as it is given here.

    Args:
        tokenizer: the policy's; needed for credit by tactic.
        known: proofs of the supervised start, for the anchor.
        eos_id: the policy's end token, for the anchor.

    Raises:
        InvalidInput: the algorithm needs a critic (`trainer/learners/ppo.py`).
    """

    def __init__(
        self,
        model: PreTrainedModel,
        config: PolicyGradientConfig,
        *,
        tokenizer: PreTrainedTokenizerBase | None = None,
        known: Sequence[Example] = (),
        eos_id: int = 0,
        compute: Compute | None = None,
    ) -> None:
        self._algorithm = ALGORITHMS[config.algorithm]
        if self._algorithm.baseline == "critic":
            raise InvalidInput(f"{config.algorithm} compares rewards with a critic: use PPOLearner")
        self._model = model
        self._config = config
        self._tokenizer = tokenizer
        self._loss = config.complete_loss
        self._training = TrainingState(
            config.algorithm, model, config, has_reference=config.loss.beta > 0, compute=compute
        )
        self._anchor = Anchor(model, config.anchor, known=known, eos_id=eos_id, max_tokens=config.max_tokens)

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Change the model in place by `config.epochs` passes over the rollouts that may carry a gradient.

        With an anchor each step reads proofs too, and there is a step also where no rollout has a gradient.

        `details` holds what `PolicyStats` has (means over optimizer steps), `entropy` in nats per token,
        `empty_responses` where there were any, the figures of `recompute_logprobs`, and with an anchor
        `anchor_loss`, `proofs` and `new_proofs`.

        Raises:
            NonFiniteLoss
        """
        config, training = self._config, self._training
        examples = examples_of(rollouts, config, self._tokenizer)
        examples, agreement = config.recomputed(self._model, examples, training.stepper.compute)
        kept = self._anchor.add(rollouts)
        self._model.train()
        passes = training.passes(examples, epochs=config.epochs, size=config.minibatch_size)
        steps = self._anchor.beside(passes, training.rng)
        read = [example for minibatch, _ in steps for example in minibatch if self._is_read(example)]
        read += [proof for _, minibatch in steps for proof in minibatch]
        signs: Figures = {}
        if config.check_signs and steps:
            # Dropout must not go on differently because somebody looked.
            with torch.random.fork_rng():
                signs = self._norms_by_sign(steps[0][0])
        return stats_of(
            [
                self._step(minibatch, minibatch_of_proofs)
                for minibatch, minibatch_of_proofs in steps
                if minibatch_of_proofs or any(map(self._is_read, minibatch))
            ],
            tokens=sum(map(len, read)),
            sequences=len({id(example) for example in read}),
            details={**empty_responses(rollouts), **agreement, **kept, **signs},
        )

    def state(self) -> LearnerState:
        """Optimizer and random state, with beta > 0 the reference, and with an anchor the proofs found."""
        return self._training.state(**self._anchor.state())

    def restore(self, state: LearnerState) -> None:
        """Go on from `state`.

        Raises:
            InvalidInput: it is another algorithm's, or was taken under other settings.
        """
        self._training.restore(state, *self._anchor.parts)
        self._anchor.restore(state)

    def _step(self, minibatch: Sequence[Example], proofs: Sequence[Example]) -> Figures | None:
        """Make one optimizer step on the loss of a minibatch that has a gradient, and of proofs."""
        beside = self._anchor.losses(proofs)
        return self._training.stepper.step(self._losses(minibatch), lambda part: part(), beside=beside)

    def _losses(self, minibatch: Sequence[Example]) -> list[LossOfPart]:
        examples = [example for example in minibatch if self._is_read(example)]
        if not examples:
            return []
        totals, read = totals_of(minibatch), totals_of(examples)
        batches = micro_batches(examples, max_tokens=self._config.max_tokens, device=self._model.device)
        return [partial(self._loss_of, batch, totals, read) for batch in batches]

    def _norms_by_sign(self, minibatch: Sequence[Example]) -> Figures:
        """The norms of the gradients of the advantages above 0, and of those below."""
        norms: dict[str, float] = {}
        for name, bound in (("grad_norm_better", max), ("grad_norm_worse", min)):
            of_sign = [
                replace(each, advantages=tuple(bound(a, 0.0) for a in each.advantages)) for each in minibatch
            ]
            losses = self._losses(of_sign)
            if losses:
                norms[name] = self._training.stepper.norm_of(losses, lambda part: part())
        return norms

    def _loss_of(self, batch: Batch, totals: Totals, read: Totals) -> tuple[Tensor, Figures]:
        """This batch's share of the loss, a mean over all, and of the figures, means over what is read."""
        inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        temperature = self._config.temperature
        with_gradient = self._loss.entropy_weight > 0
        logprobs_BT, entropies_BT = token_logprobs_and_entropies(
            self._model, *inputs, temperature=temperature, entropy_gradient=with_gradient
        )
        ref_logprobs_BT = None
        if self._training.reference is not None:
            with torch.no_grad():
                ref_logprobs_BT = token_logprobs(self._training.reference, *inputs, temperature=temperature)
        loss, stats = policy_loss(
            logprobs_BT,
            batch.old_logprobs_BT,
            batch.advantages_BT,
            batch.response_mask_BT,
            self._loss,
            totals=totals,
            read=read,
            ref_logprobs_BT=ref_logprobs_BT,
            engine_logprobs_BT=batch.engine_logprobs_BT,
            entropies_BT=entropies_BT if with_gradient else None,
        )
        entropy = float(entropies_BT.detach().sum()) / read.tokens
        return self._config.weight * loss, {"entropy": entropy, **stats.figures()}

    def _is_read(self, example: Example) -> bool:
        return any(example.advantages) or self._loss.beta > 0 or self._loss.entropy_weight > 0


def examples_of(
    rollouts: Sequence[Rollout],
    config: PolicyGradientConfig,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> list[Example]:
    """Examples with advantages of the rollouts that have a known verdict and tokens.

    Unknown verdicts are in no baseline.  An attempt without tokens has nothing to learn from, but its reward
    counts in its group.

    Raises:
        InvalidInput: credit by tactic without a tokenizer, or from verdicts without tactics.
    """
    algorithm, own = ALGORITHMS[config.algorithm], config.advantage
    assert algorithm.baseline != "critic"
    drops = algorithm.drops_uninformative if own.drop_one_sided is None else own.drop_one_sided
    examples: list[Example] = []
    for members in groups_of(rollouts):
        outcomes = [rollout.reward for rollout in members]
        if (drops and not has_contrast(outcomes)) or solve_rate(outcomes) > own.solved_at_most:
            continue
        rewards = [shape_reward(rollout, config) for rollout in members]
        if own.unlikeliness:
            logprobs = [sum(rollout.attempt.logprobs) for rollout in members]
            rewards = reward_the_unlikely(rewards, logprobs, own.unlikeliness)
        outcome = weigh_negatives(
            group_advantages(rewards, own.baseline or algorithm.baseline), own.negative_weight
        )
        of_tokens = _spread_over_tokens(members, outcome, config.credit, tokenizer)
        for rollout, advantages in zip(members, of_tokens, strict=True):
            attempt = rollout.attempt
            if advantages is not None and attempt.token_ids:
                examples.append(
                    Example(attempt.prompt_ids, attempt.token_ids, attempt.logprobs, tuple(advantages))
                )
    return examples


def _spread_over_tokens(
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
    token_bytes = [bytes_of_tokens(tokenizer, rollout.attempt.token_ids) for rollout in members]
    return group_token_advantages(credit, members, token_bytes, outcome)


def shape_reward(rollout: Rollout, config: PolicyGradientConfig) -> float | None:
    """Subtract the penalty for a response that is too long from a reward; None if the verdict is unknown."""
    if rollout.reward is None or config.overlong_buffer == 0:
        return rollout.reward
    # One that hit the limit would have been longer.
    tokens = len(rollout.attempt.token_ids) + (not rollout.attempt.finished)
    return rollout.reward + overlong_penalty(
        tokens, longest=config.longest_response, buffer=config.overlong_buffer
    )


LEARNER = LearnerKind(
    titles={name: algorithm.title for name, algorithm in ALGORITHMS.items()},
    section="policy_gradient",
    run_settings={
        "grpo": {
            "learning_rate": 8e-4,
            "epochs": 2,
            "anchor": {"weight": 1.0},
            "advantage": {"negative_weight": 0.0},
        }
    },
    config=PolicyGradientConfig,
    make=lambda given, config: PolicyGradientLearner(
        given.model,
        config,
        tokenizer=given.tokenizer,
        known=given.known,
        eos_id=given.eos_id,
        compute=given.compute,
    ),
    copies_model=lambda config: config.loss.beta > 0,
    needs_tactics=lambda config: config.credit.needs_tactics,
)
