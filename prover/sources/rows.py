"""What a source of theorems is, what a format of sources brings, and what is found in one, row by row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prover.library.features import Features
from prover.theorem import Theorem

__all__ = ["RowIssue", "Source", "SourceFormat", "SourceRow", "SourceTheorem"]


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


@dataclass(frozen=True, slots=True)
class Source:
    """What a user names as a source of theorems, with what some formats need besides."""

    location: str
    """A file or a directory; or `families`, for theorems that the project makes."""
    repository: Path | None = None
    """A checkout of the repository that rows of LeanDojo speak of."""
    seed: int = 0
    """The seed from which families draw theorems."""
    count: int = 2000
    """How many theorems to train on families draw; a tenth of it of either kind of held-out ones."""

    @property
    def path(self) -> Path:
        return Path(self.location)

    @property
    def name(self) -> str:
        """What the store calls the source: the name of its file or directory, without an ending."""
        path = self.path.resolve()
        return path.name if path.is_dir() else path.stem


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """A format of sources: whether a path is of it by its name, and what reads it."""

    recognises: Callable[[Path], bool]
    read: Callable[[Source], Iterator[SourceRow]]
