"""The learners of a run by the name that `algorithm` has in its settings: one line each.

To add one, write its module with its settings, its class and a `LearnerKind` that says what else there is to
know, and name it here.  Settings, command line, comparisons and the tables of the documentation follow.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from prover.registry import choose
from trainer.objectives.algorithms import ALGORITHMS

if TYPE_CHECKING:
    # The command line lists the names without torch, which learners import.
    from trainer.learners.base import LearnerKind

__all__ = ["LEARNERS", "LearnerName", "learner_kind", "title_of"]

LEARNERS: Mapping[str, str] = {
    "expert_iteration": "trainer.learners.expert_iteration:LEARNER",
    **dict.fromkeys(ALGORITHMS, "trainer.learners.policy_gradient:LEARNER"),
    "ppo": "trainer.learners.ppo:LEARNER",
    "dpo": "trainer.learners.dpo:LEARNER",
    "trpo": "trainer.learners.trpo:LEARNER",
}

if TYPE_CHECKING:
    LearnerName = str
else:
    LearnerName = Literal[tuple(LEARNERS)]


def learner_kind(name: str) -> "LearnerKind[Any]":
    """What there is to know of a learner.

    Raises:
        InvalidInput: there is none of this name.
    """
    kind: LearnerKind[Any] = choose("learner", LEARNERS, name)
    return kind


def title_of(name: str) -> str:
    """What people call a learner."""
    return learner_kind(name).titles[name]
