"""PPO (arXiv 1707.06347): a critic's values give each token its advantage, and no group is compared.

Other implementations scale advantages to deviation 1, and this one does not.  Once all verdicts are as the
critic expects, what is left is its noise, and scaled up the noise destroys the policy.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from trainer.learners.anchor import Anchor, LossOfPart
from trainer.learners.base import LearnerKind, LearnerState, TrainingState
from trainer.learners.policy_gradient import PolicyGradientConfig, shape_reward
from trainer.model.batching import Batch, Example, batch_of_one, micro_batches, totals_of
from trainer.model.compute import Compute
from trainer.model.critic import Critic
from trainer.model.optimizer import Figures, UpdateStats, stats_of
from trainer.model.policy import token_logprobs, token_logprobs_and_entropies
from trainer.model.weights import copy_state, load_weights
from trainer.objectives.algorithms import ALGORITHMS
from trainer.objectives.losses import Totals, gae_advantages, kl_penalised_rewards, policy_loss, value_loss
from trainer.rollout import Rollout, empty_responses

__all__ = ["PPOLearner"]


class PPOLearner:
    """A `Learner` with a critic, and one optimizer for model and critic.

    With `loss.beta` > 0 there is a reference, the model as it is given here, and each token's reward has the
    term −β log(π/π_ref); `loss.kl` is for the algorithms that have the KL in their loss.

    Args:
        known: proofs of the supervised start, for the anchor.
        eos_id: the policy's end token, for the anchor.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        config: PolicyGradientConfig,
        *,
        known: Sequence[Example] = (),
        eos_id: int = 0,
        compute: Compute | None = None,
    ) -> None:
        self._model = model
        self._config = config
        self._loss = config.complete_loss.model_copy(update={"beta": 0.0})
        self._critic = Critic.on(model) if config.critic.shared else Critic.copy_of(model)
        self._both = nn.ModuleList([model, self._critic])
        self._training = TrainingState(
            "ppo", model, config, has_reference=config.loss.beta > 0, compute=compute
        )
        self._training.stepper.add(self._critic, learning_rate=config.critic.learning_rate)
        self._anchor = Anchor(model, config.anchor, known=known, eos_id=eos_id, max_tokens=config.max_tokens)

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Change model and critic in place by `config.epochs` passes over rollouts with a known verdict.

        `details` holds what `PolicyStats` has, `entropy`, `policy_loss`, `value_loss`, `empty_responses`
        where there were any, the figures of `recompute_logprobs`, those of the anchor if there is one, and
        `explained_variance`: the share of the variance of returns that the values before the update explain,
        1 for a perfect critic and 0 for a constant.

        Raises:
            NonFiniteLoss
        """
        examples = self._estimate_advantages(rollouts)
        empty = empty_responses(rollouts)
        if not examples:
            return stats_of([], tokens=0, sequences=0, details=empty)
        config = self._config
        explained = _explained_variance(examples)
        examples, agreement = config.recomputed(self._model, examples, self._training.stepper.compute)
        kept = self._anchor.add(rollouts)
        passes = self._training.passes(examples, epochs=config.epochs, size=config.minibatch_size)
        steps = self._anchor.beside(passes, self._training.rng)
        read = [proof for _, minibatch in steps for proof in minibatch]
        self._both.train()
        return stats_of(
            [self._step(*step) for step in steps],
            tokens=config.epochs * sum(map(len, examples)) + sum(map(len, read)),
            sequences=len(examples) + len({id(proof) for proof in read}),
            details={"explained_variance": explained, **empty, **agreement, **kept},
        )

    def state(self) -> LearnerState:
        """Optimizer, which is also the critic's, random state, critic and reference.

        Of a critic that shares the policy's trunk the state has the head alone; with an anchor it has the
        proofs found.
        """
        return self._training.state(critic=copy_state(self._critic.state_dict()), **self._anchor.state())

    def restore(self, state: LearnerState) -> None:
        """Go on from `state`.

        Raises:
            InvalidInput: it is another algorithm's, or was taken under other settings.
        """
        self._training.restore(state, "critic", *self._anchor.parts)
        self._anchor.restore(state)
        load_weights(self._critic, state["critic"])

    @torch.no_grad()
    def _estimate_advantages(self, rollouts: Sequence[Rollout]) -> list[Example]:
        """Examples of the rollouts with a known verdict, with the value, advantage and return of every token.

        Each is read by itself: in a batch its values would be rounded as the padding falls.
        """
        examples: list[Example] = []
        self._both.train(False)
        for rollout in rollouts:
            attempt = rollout.attempt
            reward = shape_reward(rollout, self._config)
            if reward is None or not attempt.token_ids:
                continue
            example = Example(attempt.prompt_ids, attempt.token_ids, attempt.logprobs)
            batch = batch_of_one(example, self._model.device)
            mask_BT = batch.response_mask_BT
            with self._training.stepper.compute.autocast():
                values_BT = self._values(batch)
                rewards_BT = self._rewards(batch, reward)
            critic = self._config.critic
            advantages_BT = gae_advantages(rewards_BT, values_BT, mask_BT, gamma=critic.gamma, lam=critic.lam)
            kept_BT = mask_BT.bool()
            values, advantages = values_BT[kept_BT].tolist(), advantages_BT[kept_BT].tolist()
            returns = tuple(a + v for a, v in zip(advantages, values, strict=True))
            examples.append(
                replace(example, advantages=tuple(advantages), returns=returns, old_values=tuple(values))
            )
        return examples

    def _rewards(self, batch: Batch, reward: float) -> Tensor:
        """The reward of each token: −β log(π/π_ref), plus the attempt's reward at the last token."""
        inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        logprobs_BT = ref_logprobs_BT = torch.zeros_like(batch.response_mask_BT)
        if self._training.reference is not None:
            logprobs_BT, ref_logprobs_BT = (
                token_logprobs(model, *inputs, temperature=self._config.temperature)
                for model in (self._model, self._training.reference)
            )
        rewards_B = torch.full((len(batch),), reward, device=logprobs_BT.device)
        return kl_penalised_rewards(
            rewards_B, logprobs_BT, ref_logprobs_BT, batch.response_mask_BT, beta=self._config.loss.beta
        )

    def _step(self, minibatch: Sequence[Example], proofs: Sequence[Example]) -> Figures | None:
        """Make one optimizer step on the policy and value loss of a minibatch, and on the loss of proofs."""
        totals = totals_of(minibatch)
        batches = micro_batches(minibatch, max_tokens=self._config.max_tokens, device=self._model.device)
        parts: list[LossOfPart] = [partial(self._loss_of, batch, totals) for batch in batches]
        return self._training.stepper.step(parts, lambda part: part(), beside=self._anchor.losses(proofs))

    def _loss_of(self, batch: Batch, totals: Totals) -> tuple[Tensor, Figures]:
        inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        logprobs_BT, entropies_BT = token_logprobs_and_entropies(
            self._model,
            *inputs,
            temperature=self._config.temperature,
            entropy_gradient=self._loss.entropy_weight > 0,
        )
        policy, stats = policy_loss(
            logprobs_BT,
            batch.old_logprobs_BT,
            batch.advantages_BT,
            batch.response_mask_BT,
            self._loss,
            totals=totals,
            engine_logprobs_BT=batch.engine_logprobs_BT,
            entropies_BT=entropies_BT if self._loss.entropy_weight > 0 else None,
        )
        critic = self._config.critic
        value = value_loss(
            self._values(batch),
            batch.old_values_BT,
            batch.returns_BT,
            batch.response_mask_BT,
            clip=critic.clip,
            totals=totals,
        )
        return self._config.weight * policy + critic.weight * value, {
            "policy_loss": float(policy.detach()),
            "value_loss": float(value.detach()),
            "entropy": float(entropies_BT.detach().sum()) / totals.tokens,
            **stats.figures(),
        }

    def _values(self, batch: Batch) -> Tensor:
        values_BT: Tensor = self._critic(batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        return values_BT


def _explained_variance(examples: Sequence[Example]) -> float:
    returns = torch.tensor([value for example in examples for value in example.returns])
    values = torch.tensor([value for example in examples for value in example.old_values])
    variance = float(returns.var(correction=0))
    return 1 - float((returns - values).var(correction=0)) / variance if variance > 0 else 0.0


LEARNER = LearnerKind(
    titles={"ppo": ALGORITHMS["ppo"].title},
    section="policy_gradient",
    config=PolicyGradientConfig,
    make=lambda given, config: PPOLearner(
        given.model, config, known=given.known, eos_id=given.eos_id, compute=given.compute
    ),
    copies_model=lambda config: True,
)
