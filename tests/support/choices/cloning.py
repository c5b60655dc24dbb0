"""A toy learner: it imitates the attempts that were proved in this round, and keeps none."""

from collections.abc import Sequence

from pydantic import Field
from transformers import PreTrainedModel

from trainer.learners.base import LearnerKind, LearnerState, TrainingState
from trainer.learners.supervised import supervised_step
from trainer.model.batching import Example
from trainer.model.compute import Compute
from trainer.model.optimizer import OptimizerConfig, UpdateStats, stats_of
from trainer.rollout import Rollout
from verifier.verdict import Kind

__all__ = ["LEARNER"]


class CloningConfig(OptimizerConfig):
    """One update of the toy."""

    learning_rate: float = Field(default=1e-3, gt=0)


class CloningLearner:
    def __init__(self, model: PreTrainedModel, config: CloningConfig, compute: Compute) -> None:
        self._model = model
        self._config = config
        self._training = TrainingState("cloning", model, config, compute=compute)

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        proved = [
            Example(rollout.attempt.prompt_ids, rollout.attempt.token_ids)
            for rollout in rollouts
            if rollout.verdict.kind is Kind.PROVED
        ]
        steps = [
            supervised_step(
                self._training.stepper, self._model, minibatch, max_tokens=self._config.max_tokens
            )
            for minibatch in self._training.passes(proved, epochs=1, size=8)
        ]
        return stats_of(steps, tokens=sum(map(len, proved)), sequences=len(proved))

    def state(self) -> LearnerState:
        return self._training.state()

    def restore(self, state: LearnerState) -> None:
        self._training.restore(state)


LEARNER = LearnerKind(
    titles={"cloning": "Cloning"},
    section="cloning",
    config=CloningConfig,
    make=lambda given, config: CloningLearner(given.model, config, given.compute),
    compares_attempts=False,
)
