"""From sources of theorems into the store: what comes in, and what is said of everything that does not.

A row that is wrong costs only itself: all others are imported.  Doing an import again changes nothing.
"""

from collections.abc import Callable, Iterable
from itertools import islice

from pydantic import BaseModel

from prover.library.records import AddedTheorem, AddOutcome
from prover.library.store import TheoremStore
from prover.sources.rows import RowIssue, SourceRow, SourceTheorem

__all__ = ["ImportReport", "import_rows"]

_BATCH = 10_000


class ImportReport(BaseModel):
    """What became of the rows of an import.

    A row counts in `added` or `present`, or is listed in `duplicates` or `malformed`, which were left out.
    The other lists say more of what came in.
    """

    added: int = 0
    present: int = 0
    """Rows that the store had before, from an import of the same."""
    duplicates: list[RowIssue] = []
    """Left out: the store has the statement, under the same header."""
    malformed: list[RowIssue] = []
    """Left out: no theorem can be read there."""
    renamed: list[RowIssue] = []
    """Added under another name: theirs is that of another statement."""
    faulty: list[RowIssue] = []
    """Flagged, and not trained on: the statement says something else than it should."""
    contaminated: list[RowIssue] = []
    """Not trained on: the statement is one of an evaluation theorem."""

    @property
    def rows(self) -> int:
        return self.added + self.present + len(self.duplicates) + len(self.malformed)

    def merge(self, other: "ImportReport") -> None:
        """Add the numbers and lists of another import."""
        for name in type(self).model_fields:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def enter(self, row: SourceTheorem, added: AddedTheorem, *, is_new: bool) -> None:
        """Account for a row; `is_new` says whether the theorem came with this import."""
        name = row.theorem.name

        def issue(reason: str) -> RowIssue:
            return RowIssue(row.where, name, reason)

        others = ", ".join(f"`{other}`" for other in added.others[:3])
        match added.outcome:
            case AddOutcome.ADDED:
                self.added += 1
                if added.name != name:
                    self.renamed.append(issue(f"another statement has its name: it is `{added.name}` now"))
                if row.faulty is not None:
                    self.faulty.append(issue(row.faulty))
                if others:
                    self.contaminated.append(issue(f"training and evaluation share its statement: {others}"))
            case AddOutcome.PRESENT if is_new:
                self.duplicates.append(issue("the row is there twice"))
            case AddOutcome.PRESENT:
                self.present += 1
            case AddOutcome.DUPLICATE:
                self.duplicates.append(issue(f"it has the statement of {others}"))
            case AddOutcome.NOW_EVALUATION:
                self.present += 1
                self.contaminated.append(
                    issue("it was there to be trained on; now it is for evaluation only")
                )
            case AddOutcome.IS_EVALUATION:
                self.present += 1
                self.contaminated.append(issue("it is there as an evaluation theorem, and stays one"))


def import_rows(
    store: TheoremStore, rows: Iterable[SourceRow], *, on_row: Callable[[], None] = lambda: None
) -> ImportReport:
    """Take the theorems of a source into the store.

    Raises:
        InvalidInput: the source as a whole cannot be read.
        ProofmillError: the store cannot be written; what is in it by then is whole rows.
    """
    report = ImportReport()
    first = len(store)
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        with store.batch():
            for row in batch:
                if isinstance(row, RowIssue):
                    report.malformed.append(row)
                else:
                    added = store.add(row.theorem, row.features, proof=row.proof, faulty=row.faulty)
                    report.enter(row, added, is_new=added.index >= first)
                on_row()
    return report
