"""PPO with a critic (2.8 to 2.11): advantages of tokens from values, in place of a comparison in groups.

Left out of the usual codes: advantages are not scaled to deviation 1.  Once all is proved, or refuted, as the
critic expects, what is left is its noise, and scaled up that takes a policy apart.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from trainer.learners.base import LearnerState, check_state
from trainer.learners.critic import Critic
from trainer.learners.policy_gradient import PolicyGradientConfig, shaped_reward, with_own_logprobs
from trainer.model.batching import Batch, Example, micro_batches, minibatches, totals_of
from trainer.model.compute import Compute
from trainer.model.optimizer import Figures, OptimizerState, Stepper, UpdateStats, stats_of
from trainer.model.policy import token_logprobs, token_logprobs_and_entropies
from trainer.model.weights import copy_state, freeze_copy, load_weights
from trainer.objectives.losses import Totals, gae_advantages, kl_penalised_rewards, policy_loss, value_loss
from trainer.rollout import Rollout, empty_responses

__all__ = ["PPOLearner"]


class PPOLearner:
    """A `Learner`: the model, its critic, and one optimizer for both.

    With `loss.beta` > 0 there is a reference, the model as it is given here, and rewards of tokens say what
    it costs to leave it (2.4); `loss.kl` is for the algorithms that have the KL in their loss.

    Args:
        optimizer_state: moments to begin with, as `train_supervised` returns them, for the policy alone.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        config: PolicyGradientConfig,
        *,
        optimizer_state: OptimizerState | None = None,
        compute: Compute | None = None,
    ) -> None:
        self._model = model
        self._config = config
        self._loss = config.complete_loss.model_copy(update={"beta": 0.0})
        self._reference = freeze_copy(model) if config.loss.beta > 0 else None
        self._critic = Critic.on(model) if config.critic.shared else Critic.copy_of(model)
        self._both = nn.ModuleList([model, self._critic])
        self._rng = random.Random(config.seed)
        self._stepper = Stepper(model, config, state=optimizer_state, compute=compute)
        self._stepper.add(self._critic, learning_rate=config.critic.learning_rate)

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Change model and critic in place by `config.epochs` passes over rollouts with a known verdict.

        `details` holds what `PolicyStats` has, `entropy`, `policy_loss`, `value_loss`, `empty_responses`
        where there were any, what `with_own_logprobs` says of the engine, and `explained_variance`: of
        returns by the values there were before the update, 1 for a perfect critic and 0 for a constant.

        Raises:
            NonFiniteLoss
        """
        examples = self._valued(rollouts)
        empty = empty_responses(rollouts)
        if not examples:
            return stats_of([], tokens=0, sequences=0, details=empty)
        config = self._config
        explained = _explained_variance(examples)
        examples, agreement = with_own_logprobs(self._model, examples, config, self._stepper.compute)
        self._both.train()
        return stats_of(
            [
                self._step(minibatch)
                for _ in range(config.epochs)
                for minibatch in minibatches(examples, config.minibatch_size, self._rng)
            ],
            tokens=config.epochs * sum(map(len, examples)),
            sequences=len(examples),
            details={"explained_variance": explained, **empty, **agreement},
        )

    def state(self) -> LearnerState:
        """The state of its optimizer, which is also the critic's, its random state, critic and reference.

        Of a critic that shares the policy's trunk that is the head alone.
        """
        return {
            "algorithm": "ppo",
            "stepper": self._stepper.state(),
            "rng": self._rng.getstate(),
            "critic": copy_state(self._critic.state_dict()),
            "reference": None if self._reference is None else copy_state(self._reference.state_dict()),
        }

    def restore(self, state: LearnerState) -> None:
        """Go on from `state`.

        Raises:
            InvalidInput: it is another algorithm's, or was taken under other settings.
        """
        check_state(state, self.state())
        load_weights(self._critic, state["critic"])
        if self._reference is not None:
            load_weights(self._reference, state["reference"])
        self._stepper.restore(state["stepper"])
        self._rng.setstate(state["rng"])

    @torch.no_grad()
    def _valued(self, rollouts: Sequence[Rollout]) -> list[Example]:
        """The rollouts with a known verdict, with values, advantages (2.9) and returns of every token."""
        found: list[Example] = []
        self._both.train(False)
        for rollout in rollouts:
            attempt = rollout.attempt
            reward = shaped_reward(rollout, self._config)
            if reward is None or not attempt.token_ids:
                continue
            example = Example(attempt.prompt_ids, attempt.token_ids, attempt.logprobs)
            (batch,) = micro_batches([example], max_tokens=1, device=self._model.device)
            mask_BT = batch.response_mask_BT
            with self._stepper.compute.autocast():
                values_BT = self._values(batch)
                rewards_BT = self._rewards(batch, reward)
            critic = self._config.critic
            advantages_BT = gae_advantages(rewards_BT, values_BT, mask_BT, gamma=critic.gamma, lam=critic.lam)
            kept_BT = mask_BT.bool()
            values, advantages = (each[kept_BT].tolist() for each in (values_BT, advantages_BT))
            returns = tuple(a + v for a, v in zip(advantages, values, strict=True))
            found.append(
                replace(example, advantages=tuple(advantages), returns=returns, old_values=tuple(values))
            )
        return found

    def _rewards(self, batch: Batch, reward: float) -> Tensor:
        """The reward of each token: the attempt's at the last one, and what leaving the reference costs."""
        inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        logprobs_BT = ref_logprobs_BT = torch.zeros_like(batch.response_mask_BT)
        if self._reference is not None:
            logprobs_BT, ref_logprobs_BT = (
                token_logprobs(each, *inputs, temperature=self._config.temperature)
                for each in (self._model, self._reference)
            )
        rewards_B = torch.full((len(batch),), reward, device=logprobs_BT.device)
        return kl_penalised_rewards(
            rewards_B, logprobs_BT, ref_logprobs_BT, batch.response_mask_BT, beta=self._config.loss.beta
        )

    def _step(self, minibatch: Sequence[Example]) -> Figures | None:
        """One optimizer step on policy and value loss of a minibatch."""
        totals = totals_of(minibatch)
        batches = micro_batches(minibatch, max_tokens=self._config.max_tokens, device=self._model.device)
        return self._stepper.step(batches, lambda batch: self._loss_of(batch, totals))

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
        return policy + critic.weight * value, {
            "policy_loss": float(policy.detach()),
            "value_loss": float(value.detach()),
            "entropy": float(entropies_BT.detach().sum()) / totals.tokens,
            **stats.figures(),
        }

    def _values(self, batch: Batch) -> Tensor:
        values_BT: Tensor = self._critic(batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        return values_BT


def _explained_variance(examples: Sequence[Example]) -> float:
    returns = torch.tensor([value for each in examples for value in each.returns])
    values = torch.tensor([value for each in examples for value in each.old_values])
    variance = float(returns.var(correction=0))
    return 1 - float((returns - values).var(correction=0)) / variance if variance > 0 else 0.0
