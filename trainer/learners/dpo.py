"""DPO (arXiv 2305.18290): learning from pairs of a proved and a refuted attempt at one theorem."""

from collections.abc import Sequence
from functools import partial

import torch
from pydantic import Field
from torch import Tensor
from transformers import PreTrainedModel

from trainer.learners.anchor import Anchor, AnchorConfig, LossOfPart
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
    anchor: AnchorConfig = AnchorConfig()
    """Proofs that are read in each step beside the pairs, as in RPO (arXiv 2404.19733)."""


class DPOLearner:
    """A `Learner` with a reference, which is the model as it is given here.

    Args:
        eos_id: the policy's end token.
        known: proofs of the supervised start, for the anchor.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        config: DPOConfig,
        *,
        eos_id: int,
        known: Sequence[Example] = (),
        compute: Compute | None = None,
    ) -> None:
        self._model = model
        self._config = config
        self._eos_id = eos_id
        self._training = TrainingState("dpo", model, config, has_reference=True, compute=compute)
        self._anchor = Anchor(model, config.anchor, known=known, eos_id=eos_id, max_tokens=config.max_tokens)

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Learn from the pairs of this round; a theorem without attempts of both kinds gives none.

        `details` holds `pairs`, `empty_responses` where there were any, and `accuracy`: the share of pairs in
        which the policy raised the proved attempt above the refuted one, compared with the reference, before
        each step, as a mean over steps.  With an anchor it has the figures of that too.

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
        kept = {**empty_responses(rollouts), **self._anchor.add(rollouts)}
        if not pairs:
            return stats_of([], tokens=0, sequences=0, details=kept)
        self._model.train()
        passes = self._training.passes(pairs, epochs=config.epochs, size=config.batch_size)
        steps = self._anchor.beside(passes, self._training.rng)
        examples = [example for pair in pairs for example in (pair.chosen, pair.rejected)]
        read = [proof for _, minibatch in steps for proof in minibatch]
        return stats_of(
            [self._step(*step) for step in steps],
            tokens=config.epochs * sum(map(len, examples)) + sum(map(len, read)),
            sequences=len({*examples, *read}),
            details={"pairs": len(pairs), **kept},
        )

    def state(self) -> LearnerState:
        """Optimizer, random state, reference, and with an anchor the proofs found; pairs are drawn anew."""
        return self._training.state(**self._anchor.state())

    def restore(self, state: LearnerState) -> None:
        """Go on from `state`.

        Raises:
            InvalidInput: it is another algorithm's, or of another model.
        """
        self._training.restore(state, *self._anchor.parts)
        self._anchor.restore(state)

    def _step(self, pairs: Sequence[Pair], proofs: Sequence[Example]) -> Figures | None:
        """Make one optimizer step on the mean loss of `pairs`, and on that of proofs."""
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

        parts: list[LossOfPart] = [
            partial(loss_of, part) for part in length_parts(pairs, self._config.max_tokens)
        ]
        return self._training.stepper.step(parts, lambda part: part(), beside=self._anchor.losses(proofs))

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
    make=lambda given, config: DPOLearner(
        given.model, config, eos_id=given.eos_id, known=given.known, compute=given.compute
    ),
    copies_model=lambda config: True,
)
