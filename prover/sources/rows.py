"""What an importer finds in a source, row by row: a theorem, or what is wrong with the row."""

from dataclasses import dataclass

from prover.library.features import Features, features_of
from prover.theorem import Theorem

__all__ = ["BadRow", "Found", "Row"]


@dataclass(frozen=True, slots=True)
class Found:
    """A theorem, with what its source says of it."""

    where: str
    """The file, and the row or line in it."""
    theorem: Theorem
    features: Features
    proof: str | None = None
    """What follows `:=`."""
    faulty: str | None = None
    """Why the statement says something else than it should."""
    informal: str = ""
    """What the theorem says in words, where the source has that."""
    answer_given: bool = False
    """Whether it asks for an object that the source leaves open, and was given the published one."""

    @classmethod
    def of(cls, where: str, theorem: Theorem, proof: str | None = None, faulty: str | None = None) -> "Found":
        """With what its texts say of its features."""
        return cls(where, theorem, features_of(theorem, proof), proof, faulty)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is no theorem, and why."""

    where: str
    reason: str


Row = Found | BadRow
