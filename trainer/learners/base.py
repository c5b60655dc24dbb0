"""What a learner is: it turns rollouts into better weights; and what most learners are made of."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from trainer.model.batching import Example, minibatches
from trainer.model.compute import Compute
from trainer.model.optimizer import OptimizerConfig, Stepper, UpdateStats
from trainer.model.weights import copy_state, freeze_copy, load_weights
from trainer.rollout import Rollout
from verifier.errors import InvalidInput

__all__ = ["Learner", "LearnerInputs", "LearnerKind", "LearnerState", "TrainingState", "check_state"]

T = TypeVar("T")
C = TypeVar("C", bound=BaseModel)

LearnerState = dict[str, Any]
"""Tensors on the CPU, numbers, texts, tuples, lists and dicts: what `torch.save` writes and
`torch.load(weights_only=True)` reads."""


class Learner(Protocol):
    """GRPO and expert iteration alike; a run holds one and asks no more of it."""

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Learn from the rollouts of one round, changing the model in place.

        Raises:
            NonFiniteLoss: several steps in a row could not be made; one alone is left out.
        """
        ...

    def state(self) -> LearnerState:
        """All that decides later updates and is not the model's own weights, as a copy.

        That is the name of the `algorithm`, the moments and rates of its optimizer, its random state,
        and what it keeps of its beginning and of earlier rounds: a reference, a critic, proofs, weights
        to average.  Not in it is what a learner is made with: model, settings, known proofs.
        """
        ...

    def restore(self, state: LearnerState) -> None:
        """Go on as the learner would have that `state` was taken from, given its weights as well.

        Raises:
            InvalidInput: it is another algorithm's state, or was taken under other settings.
        """
        ...


@dataclass(frozen=True)
class LearnerInputs:
    """What a learner is made with, beside its settings."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    known: Sequence[Example]
    """Proofs of the supervised start."""
    compute: Compute

    @property
    def eos_id(self) -> int:
        """The policy's end token."""
        eos_id = self.tokenizer.eos_token_id
        assert isinstance(eos_id, int)
        return eos_id


@dataclass(frozen=True)
class LearnerKind(Generic[C]):
    """What the rest of the project knows of a learner; `trainer/learners/registry.py` lists them."""

    titles: Mapping[str, str]
    """What people call it, by the name or names that `registry.py` has for it."""
    section: str
    """Of the run's settings, the one that is the learner's."""
    config: type[C]
    """Model of that section; every setting has a default.  Settings that a run has once for all its parts
    (`seed`, `algorithm`, `temperature`, `longest_response`) are the run's, where a field has the name."""
    make: Callable[[LearnerInputs, C], Learner]
    run_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name, what a run sets of the section where its own settings are silent, and the paper has something
    else: what docs/experiments.md found."""
    compares_attempts: bool = True
    """Whether it compares attempts at one theorem: then a group needs two, sampled as the policy says."""
    copies_model: Callable[[C], bool] = lambda config: False
    """Whether it keeps a second copy of the model, such as a reference or a critic's trunk."""
    needs_tactics: Callable[[C], bool] = lambda config: False
    """Whether verdicts must bring the tactics of each attempt."""


class TrainingState:
    """What learners by gradient steps keep from update to update: optimizer, random state, reference.

    Args:
        config: with the seed of the order in which examples are read.
        has_reference: whether the model as it is now is kept to compare later ones with.
    """

    def __init__(
        self,
        algorithm: str,
        model: PreTrainedModel,
        config: OptimizerConfig,
        *,
        has_reference: bool = False,
        compute: Compute | None = None,
    ) -> None:
        self.reference = freeze_copy(model) if has_reference else None
        self.rng = random.Random(config.seed)
        self.stepper = Stepper(model, config, compute=compute)
        self._algorithm = algorithm

    def passes(self, items: Sequence[T], *, epochs: int, size: int) -> Iterator[list[T]]:
        """Minibatches of `size` that hold all `items` once an epoch, in an order of its own; none of none."""
        for _ in range(epochs if items else 0):
            yield from minibatches(items, size, self.rng)

    def state(self, **parts: Any) -> LearnerState:
        """A copy of it, together with the `parts` that a learner keeps beside it."""
        return {
            "algorithm": self._algorithm,
            "stepper": self.stepper.state(),
            "rng": self.rng.getstate(),
            "reference": None if self.reference is None else copy_state(self.reference.state_dict()),
            **parts,
        }

    def restore(self, state: LearnerState, *parts: str) -> None:
        """Go on from `state`; the learner itself restores its `parts`.

        Raises:
            InvalidInput: it is another algorithm's, of another model, or was taken under other settings.
        """
        reference = [] if self.reference is None else ["reference"]
        check_state(state, self._algorithm, {"stepper", "rng", *reference, *parts})
        self.stepper.restore(state["stepper"])
        self.rng.setstate(state["rng"])
        if self.reference is not None:
            load_weights(self.reference, state["reference"])


def check_state(state: LearnerState, algorithm: str, parts: set[str]) -> None:
    """Check that a learner of `algorithm` which keeps `parts` can go on from `state`.

    Raises:
        InvalidInput: it is of another algorithm, or has other parts.
    """
    theirs = {name for name, part in state.items() if part is not None and name != "algorithm"}
    if state.get("algorithm") != algorithm or theirs != parts:
        raise InvalidInput(
            f"a state of {state.get('algorithm', 'no known algorithm')} ({_listed(theirs)}) is none of "
            f"{algorithm} ({_listed(parts)}): go on with the settings under which it was taken, or begin a "
            "new run"
        )


def _listed(parts: set[str]) -> str:
    return ", ".join(sorted(parts)) or "nothing kept"
