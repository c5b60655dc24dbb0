"""Expert iteration: θ_{k+1} = argmin SFT(D_k), with D_k the attempts that Lean has proved so far.

The idea is that of arXiv 1705.08439, in the form that STaR (arXiv 2203.14465) has for language models: the
expert is the policy itself with a verifier that keeps what is right.
"""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, repeat

from pydantic import Field
from transformers import PreTrainedModel

from trainer.learners.anchor import ProofBuffer
from trainer.learners.base import LearnerKind, LearnerState, TrainingState
from trainer.learners.supervised import supervised_step
from trainer.model.batching import Example, endless_minibatches
from trainer.model.compute import Compute
from trainer.model.optimizer import OptimizerConfig, Stepper, UpdateStats, stats_of
from trainer.model.weights import (
    Weights,
    average_weights,
    copy_state,
    copy_weights,
    divide_like,
    load_weights,
)
from trainer.rollout import Rollout, empty_responses

__all__ = [
    "ExpertIterationConfig",
    "ExpertIterationLearner",
    "expert_iteration_update",
]


class ExpertIterationConfig(OptimizerConfig):
    """One update of expert iteration; the defaults are those of the demo (docs/experiments.md)."""

    learning_rate: float = Field(default=8e-4, gt=0)
    steps: int = Field(default=16, ge=1)
    """Optimizer steps per round; none while no proof has been found."""
    batch_size: int = Field(default=64, ge=1)
    """Proofs per optimizer step; all of them while there are fewer."""
    known_share: float = Field(default=0.5, ge=0, lt=1)
    """Share of `batch_size` that is drawn from the proofs of the supervised start, in each step."""
    proofs_per_theorem: int = Field(default=4, ge=1)
    """Different proofs kept of one theorem, the newest, so that easy theorems do not crowd out the rest."""
    restart: bool = False
    """Whether each update begins anew from the weights before the first, so that no early mistake is kept."""
    average_last: int = Field(default=1, ge=1)
    """The weights become the mean of those at the end of this many updates, the last ones."""


class ExpertIterationLearner:
    """A `Learner` that keeps the proofs found so far.

    Args:
        eos_id: the policy's end token.
        known: verified proofs to learn from beside those found, so that what they taught is not forgotten.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        config: ExpertIterationConfig,
        *,
        eos_id: int,
        known: Sequence[Example] = (),
        compute: Compute | None = None,
    ) -> None:
        self._known = tuple(known)
        self._model = model
        self._config = config
        self._buffer = ProofBuffer(config.proofs_per_theorem, eos_id=eos_id)
        self._training = TrainingState("expert_iteration", model, config, compute=compute)
        self._start: LearnerState | None = None
        if config.restart:
            self._start = {"weights": copy_weights(model), "stepper": self._training.stepper.state()}
        self._ends: deque[Weights] = deque(maxlen=config.average_last)

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Add the proved attempts to the buffer and learn from the whole of it."""
        new = self._buffer.add(rollouts)
        if self._start is not None and len(self._buffer):
            load_weights(self._model, self._start["weights"])
            # What went wrong goes on being counted.
            stepper = self._training.stepper
            count = stepper.left_out_in_a_row
            stepper.restore({**self._start["stepper"], "left_out_in_a_row": count})
        stats = expert_iteration_update(
            self._model,
            self._training.stepper,
            self._buffer.examples(),
            self._config,
            rng=self._training.rng,
            known=self._known,
        )
        if self._config.average_last > 1 and stats.optimizer_steps:
            self._ends.append(copy_weights(self._model))
            self._model.load_state_dict(average_weights(self._ends))
        of_buffer = {"new_proofs": new, "proofs": len(self._buffer), **empty_responses(rollouts)}
        return replace(stats, details={**of_buffer, **stats.details})

    def state(self) -> LearnerState:
        """Optimizer, random state, proofs found, the start, and the weights that are averaged."""
        return self._training.state(
            proofs=self._buffer.state(), start=copy_state(self._start), ends=copy_state(list(self._ends))
        )

    def restore(self, state: LearnerState) -> None:
        """Go on from `state`.

        Raises:
            InvalidInput: it is another algorithm's, or was taken under other settings.
        """
        self._training.restore(state, "proofs", "ends", *([] if self._start is None else ["start"]))
        self._buffer.restore(state["proofs"])
        self._start = copy_state(state["start"])
        self._ends.clear()
        # As the model's are, because those to come are averaged with them.
        self._ends.extend(divide_like(weights, self._model.state_dict()) for weights in state["ends"])


def expert_iteration_update(
    model: PreTrainedModel,
    stepper: Stepper,
    examples: Sequence[Example],
    config: ExpertIterationConfig,
    *,
    rng: random.Random,
    known: Sequence[Example] = (),
) -> UpdateStats:
    """Change `model` in place by `config.steps` supervised steps on proofs drawn from `examples`.

    With `known`, `config.known_share` of a minibatch is drawn from there; at least one example of each is a
    proof that was found.

    Raises:
        NonFiniteLoss
    """
    if not examples:
        return stats_of([], tokens=0, sequences=0)
    model.train()
    known_size = min(config.batch_size - 1, round(config.batch_size * config.known_share)) if known else 0
    found = endless_minibatches(examples, config.batch_size - known_size, rng)
    replayed = endless_minibatches(known, known_size, rng) if known_size else repeat([])
    minibatches = [a + b for a, b in islice(zip(found, replayed, strict=False), config.steps)]
    return stats_of(
        [
            supervised_step(stepper, model, minibatch, max_tokens=config.max_tokens)
            for minibatch in minibatches
        ],
        tokens=sum(len(example) for minibatch in minibatches for example in minibatch),
        sequences=len({id(example) for minibatch in minibatches for example in minibatch}),
    )


LEARNER = LearnerKind(
    titles={"expert_iteration": "Expert iteration"},
    section="expert_iteration",
    config=ExpertIterationConfig,
    make=lambda given, config: ExpertIterationLearner(
        given.model, config, eos_id=given.eos_id, known=given.known, compute=given.compute
    ),
    compares_attempts=False,
)
