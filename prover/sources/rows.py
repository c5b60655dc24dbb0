"""What a reader finds in a source of theorems, row by row: a theorem, or what is wrong with the row."""

from dataclasses import dataclass

from prover.library.features import Features
from prover.theorem import Theorem

__all__ = ["RowIssue", "SourceRow", "SourceTheorem"]


@dataclass(frozen=True, slots=True)
class SourceTheorem:
    """A theorem, with what its source says of it."""

    where: str
    """The file, and the row or line in it."""
    theorem: Theorem
    proof: str | None = None
    """What follows `:=`."""
    features: Features | None = None
    """Features of which the source knows more than the text says; None where it does not."""
    faulty: str | None = None
    """Why the statement says something else than it should."""
    informal: str = ""
    """What the theorem says in words, where the source has that."""
    answer_given: bool = False
    """Whether it asks for an object that the source leaves open, and was given the published one."""


@dataclass(frozen=True, slots=True)
class RowIssue:
    """What is wrong with a row, or what people should know of what became of it."""

    where: str
    """The file, and the row or line in it."""
    name: str
    """The name of the theorem; empty where none can be read."""
    reason: str


SourceRow = SourceTheorem | RowIssue
"""A row that was read; one that is no theorem is an issue."""
