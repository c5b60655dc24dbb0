"""DPO (arXiv 2305.18290): learning from pairs of a proved and a refuted attempt at one theorem."""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor
from transformers import PreTrainedModel

from trainer.learners.base import LearnerKind, LearnerState, TrainingState
from trainer.learners.preferences import Pair, length_parts, pairs_of
from trainer.model.batching import Example, micro_batches, places
from trainer.model.compute import Compute
from trainer.model.optimizer import Figures, OptimizerConfig, UpdateStats, stats_of
from trainer.model.policy import token_logprobs
from trainer.objectives.losses import dpo_loss
from trainer.rollout import Rollout, empty_responses

__all__ = ["DPOConfig", "DPOLearner"]


class DPOConfig(OptimizerConfig):
    """One update by DPO."""

    learning_rate: float = Field(default=1e-4, gt=0)
    beta: float = Field(default=0.1, gt=0)
    """How strongly the policy is held to the reference, which is the policy as training began."""
    epochs: int = Field(default=1, ge=1)
    """Times the pairs of one round are read."""
    batch_size: int = Field(default=32, ge=1)
    """Pairs per optimizer step."""
    pairs_per_theorem: int = Field(default=4, ge=1)
    """Most pairs of one theorem in one iteration, so that easy theorems do not crowd out the rest."""


class DPOLearner:
    """A `Learner` with a reference, which is the model as it is given here.

    Args:
        eos_id: the policy's end token.
    """

    def __init__(
        self, model: PreTrainedModel, config: DPOConfig, *, eos_id: int, compute: Compute | None = None
    ) -> None:
        self._model = model
        self._config = config
        self._eos_id = eos_id
        self._training = TrainingState("dpo", model, config, has_reference=True, compute=compute)

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Learn from the pairs of this round; a theorem without attempts of both kinds gives none.

        `details` holds `pairs`, `empty_responses` where there were any, and `accuracy`: the share of pairs in
        which the policy raised the proved attempt above the refuted one, compared with the reference, before
        each step, as a mean over steps.

        Raises:
            NonFiniteLoss
        """
        config = self._config
        pairs = pairs_of(
            rollouts,
            eos_id=self._eos_id,
            per_theorem=config.pairs_per_theorem,
            seed=self._training.rng.randrange(2**31),
        )
        empty = empty_responses(rollouts)
        if not pairs:
            return stats_of([], tokens=0, sequences=0, details=empty)
        self._model.train()
        examples = [example for pair in pairs for example in (pair.chosen, pair.rejected)]
        return stats_of(
            [
                self._step(minibatch)
                for minibatch in self._training.passes(pairs, epochs=config.epochs, size=config.batch_size)
            ],
            tokens=config.epochs * sum(map(len, examples)),
            sequences=len(set(examples)),
            details={"pairs": len(pairs), **empty},
        )

    def state(self) -> LearnerState:
        """Optimizer, random state and reference; pairs are drawn anew in each round."""
        return self._training.state()

    def restore(self, state: LearnerState) -> None:
        """Go on from `state`.

        Raises:
            InvalidInput: it is another algorithm's, or of another model.
        """
        self._training.restore(state)

    def _step(self, pairs: Sequence[Pair]) -> Figures | None:
        """Make one optimizer step on the mean loss of `pairs`."""
        reference = self._training.reference
        assert reference is not None

        def loss_of(part: Sequence[Pair]) -> tuple[Tensor, Figures]:
            examples = [pair.chosen for pair in part] + [pair.rejected for pair in part]
            chosen_N, rejected_N = self._sums(self._model, examples).chunk(2)
            with torch.no_grad():
                chosen_ref_N, rejected_ref_N = self._sums(reference, examples).chunk(2)
            loss = dpo_loss(chosen_N, rejected_N, chosen_ref_N, rejected_ref_N, beta=self._config.beta)
            right = float((chosen_N - chosen_ref_N > rejected_N - rejected_ref_N).sum())
            return loss * (len(part) / len(pairs)), {"accuracy": right / len(pairs)}

        return self._training.stepper.step(length_parts(pairs, self._config.max_tokens), loss_of)

    def _sums(self, model: PreTrainedModel, examples: Sequence[Example]) -> Tensor:
        """Σ_t log π(y_t | s_t) of each example, shape (N,), in their order."""
        batches = micro_batches(examples, max_tokens=self._config.max_tokens, device=model.device)
        sums = [
            token_logprobs(model, batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT).sum(-1)
            for batch in batches
        ]
        return torch.cat(sums)[places(examples)]


LEARNER = LearnerKind(
    titles={"dpo": "DPO"},
    section="dpo",
    config=DPOConfig,
    make=lambda given, config: DPOLearner(given.model, config, eos_id=given.eos_id, compute=given.compute),
    copies_model=lambda config: True,
)
