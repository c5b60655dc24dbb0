"""What learns in a run: the policy's model with its learner, in one process or in several together.

With several (`model/distributed.py`) the first runs everything, and says what it does with its student and
hands its rollouts on; the others are in `follow`, and do the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.generators.transformers import load_model
from trainer.config import RunConfig
from trainer.learners.base import Learner, LearnerInputs, LearnerState
from trainer.model.agreement import kl_from
from trainer.model.batching import Example
from trainer.model.compute import Compute, ComputeConfig
from trainer.model.distributed import Ranks, full_weights, is_sharded
from trainer.model.lora import add_adapter, merge_adapter, save_adapter
from trainer.model.optimizer import UpdateStats
from trainer.model.policy import save_policy
from trainer.model.weights import copy_state, freeze_copy, load_weights
from trainer.rollout import Rollout
from verifier.errors import InvalidInput

__all__ = ["Lesson", "Student", "begin", "follow", "new_learner", "run_together"]


@dataclass(frozen=True)
class Lesson:
    """What to learn: from which saved policy on, with which settings."""

    config: RunConfig
    directory: Path
    """Of the policy to begin with; all processes read it."""
    known: tuple[Example, ...]
    """Proofs of the supervised start."""
    state: LearnerState | None = None
    """What a student of this lesson said of itself, to go on from there."""


class Student:
    """The model of a lesson, its adapter if it has one, and the learner that changes them.

    Raises:
        InvalidInput: the settings ask for what this machine or this algorithm cannot do.
    """

    def __init__(self, lesson: Lesson) -> None:
        config = lesson.config
        # Its state may be several times as large as the model.
        self._lesson = replace(lesson, state=None)
        self.compute = Compute.of(config.compute)
        self.model, self.tokenizer = load_model(lesson.directory, dtype=torch.float32)
        self._adapted = (
            add_adapter(self.model, config.lora, seed=config.seed) if config.lora is not None else None
        )
        self.compute.prepare(self.model)
        is_measured = config.measure.kl_attempts > 0 and not self.compute.shard
        self._start = freeze_copy(self.model) if is_measured else None
        self._learner = new_learner(config, self.model, self.tokenizer, lesson.known, self.compute)
        self.rounds = 0
        """Those it learned from so far, also before it was restored."""
        if lesson.state is not None:
            self.restore(lesson.state)

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Learn from the rollouts of one round, which the first process hands to the others.

        Raises:
            NonFiniteLoss
        """
        self._tell_others("update")
        stats = self._learner.update(self.compute.ranks.from_first(list(rollouts)))
        self.rounds += 1
        return stats

    def kl_from_start(self, rollouts: Sequence[Rollout]) -> dict[str, float]:
        """How far what sampled the rollouts is from the start: `kl_from_start`, if that is measured."""
        config = self._lesson.config
        attempts = [rollout.attempt for rollout in rollouts if rollout.attempt.token_ids]
        if self._start is None or not attempts:
            return {}
        every = max(1, len(attempts) // config.measure.kl_attempts)
        read = [Example(each.prompt_ids, each.token_ids, each.logprobs) for each in attempts[::every]]
        temperature = config.sampling.temperature
        return {"kl_from_start": kl_from(self._start, read, temperature=temperature, compute=self.compute)}

    def state(self) -> LearnerState:
        """All that decides what later rounds come to, as a copy; `Lesson.state` goes on from it.

        On a CPU that is bit for bit.  `weights` are of the model as it is trained, with its adapter.
        Not in it is the lesson, which must be the same, nor the random state of a GPU or of the other
        processes, which dropout reads.
        """
        if self.compute.shard:
            self._tell_others("state")
        return {
            "weights": copy_state(self.model.state_dict()),
            "learner": self._learner.state(),
            "torch_rng": torch.get_rng_state(),
            "rounds": self.rounds,
        }

    def restore(self, state: LearnerState) -> None:
        """Go on from `state`; every process must, as all do that begin with `Lesson.state`.

        Raises:
            InvalidInput: it is another algorithm's or model's.
        """
        load_weights(self.model, state["weights"])
        self._learner.restore(state["learner"])
        torch.set_rng_state(state["torch_rng"])
        self.rounds = state["rounds"]

    def _tell_others(self, what: str) -> None:
        """Have the other processes do the same, if this is the first of them."""
        if self.compute.ranks.is_first:
            self.compute.ranks.from_first(what)

    def publish(self, directory: Path) -> None:
        """Write the policy to a new directory, as generators load it.

        Raises:
            InvalidInput: it is there already.
        """
        lora = self._lesson.config.lora
        if self._adapted is not None and lora is not None and lora.separate:
            save_adapter(self._adapted, self._lesson.directory, self.tokenizer, directory)
        else:
            save_policy(self.published(), self.tokenizer, directory)

    def published(self) -> PreTrainedModel:
        """The model as others load it: whole, with the adapter in its weights; the first process gets it."""
        if not is_sharded(self.model):
            return self.model if self._adapted is None else merge_adapter(self._adapted)
        self._tell_others("published")
        weights = full_weights(self.model)
        if not self.compute.ranks.is_first:
            return self.model  # nobody looks at it
        config = self._lesson.config
        whole, _ = load_model(self._lesson.directory, dtype=torch.float32)
        adapted = add_adapter(whole, config.lora, seed=config.seed) if config.lora is not None else None
        whole.load_state_dict(weights)
        return whole if adapted is None else merge_adapter(adapted)


def new_learner(
    config: RunConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    known: Sequence[Example],
    compute: Compute,
) -> Learner:
    """The algorithm that the settings name; `known` are the proofs of the supervised start.

    Raises:
        InvalidInput: its weights cannot be divided among processes, and shall be.
    """
    kind, settings = config.learner_kind, config.learner
    if compute.shard and kind.copies_model(settings):
        raise InvalidInput(
            f"compute.shard: {config.algorithm} keeps a second copy of the model, which is not divided among "
            "processes: leave `shard` out, or choose expert iteration or a policy gradient with beta = 0"
        )
    return kind.make(LearnerInputs(model, tokenizer, known, compute), settings)


def begin(lesson: Lesson) -> Student:
    """The first process's student of a lesson, which the others begin as well."""
    return Student(Compute.of(lesson.config.compute).ranks.from_first(lesson))


def run_together(compute: ComputeConfig, lead: Callable[[], object]) -> None:
    """Call `lead` in the first of the processes that a launcher started; the others learn with it.

    When it is done they end.  Where it fails, the launcher ends them.
    """
    ranks = Compute.of(compute).ranks
    if ranks.is_first:
        lead()
        ranks.from_first(None)
    else:
        follow(ranks)


def follow(ranks: Ranks) -> None:
    """Do what the first process says, lesson by lesson, until it has none."""
    said: Lesson | str | None = None
    student: Student | None = None
    while (said := ranks.from_first(None)) is not None:
        if isinstance(said, Lesson):
            student = Student(said)
            continue
        assert student is not None
        match said:
            case "update":
                student.update([])
            case "state":
                student.state()
            case "published":
                student.published()
