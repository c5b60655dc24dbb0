"""What the theorem store says of theorems and attempts."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from verifier.verdict import Status

__all__ = ["AddOutcome", "AddedTheorem", "Contaminated", "JudgedAttempt", "SourceCount", "State"]


class AddOutcome(StrEnum):
    """What became of a theorem that was to be added."""

    ADDED = "added"
    PRESENT = "present"
    """It is there already, under this name."""
    DUPLICATE = "duplicate"
    """It is there already, under another name: `others`."""
    NOW_EVALUATION = "now_evaluation"
    """It was there as a training theorem; now it is an evaluation theorem."""
    IS_EVALUATION = "is_evaluation"
    """It is there, under this name, as an evaluation theorem, and stays one."""


@dataclass(frozen=True, slots=True)
class AddedTheorem:
    """What became of a theorem that was to be added, and where it stands."""

    outcome: AddOutcome
    index: int
    name: str
    """Its name in the store.  Where another statement had the name, a part of the digest stands behind it."""
    others: tuple[str, ...] = ()
    """The theorem it is a duplicate of; or, of one that was added, those with its statement on the other
    side of the line between training and evaluation."""


class JudgedAttempt(BaseModel):
    """An attempt at a theorem of the store, with its verdict."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    theorem: int = Field(ge=0)
    """The theorem's index in the store."""
    policy_version: int
    proof: str
    status: Status
    lean_ms: float = 0.0
    disproof: bool = False
    """Whether the negated statement was tried: `proof` proves that one."""


class State(BaseModel):
    """What is wrong with a theorem, if anything.  Where a reason is None, nothing is."""

    model_config = ConfigDict(frozen=True)

    evaluation: bool
    faulty: str | None
    """Why the statement says something else than it should."""
    not_elaborating: str | None
    """What Lean says against the statement."""
    elaborated: bool
    """Whether Lean was asked at all."""
    retired: str | None
    """Why it is not tried any more."""


@dataclass(frozen=True, slots=True)
class Contaminated:
    """A training theorem that training must not see."""

    index: int
    name: str
    by: str
    """The evaluation theorem that has its statement, or that of a theorem from which it grew."""


class SourceCount(BaseModel):
    """How many theorems of a source and a split there are, and how many of them have what is wrong."""

    model_config = ConfigDict(frozen=True)

    source: str
    split: str
    theorems: int
    evaluation: int
    faulty: int
    not_elaborating: int
    retired: int
    proved: int
