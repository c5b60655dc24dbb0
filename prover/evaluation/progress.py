"""The progress of an evaluation as bars."""

from rich.progress import Progress

from prover.evaluation.files import StatementRow
from prover.evaluation.summary import Evaluated
from verifier.verdict import Kind

__all__ = ["EvalBars"]


class EvalBars:
    """The progress of an evaluation: statements that Lean was asked about, then attempts."""

    def __init__(self, progress: Progress, theorems: int, samples: int) -> None:
        self._progress = progress
        self._samples = samples
        self._readable = 0
        self._solved: set[str] = set()
        self._statements = progress.add_task("statements that Lean reads", total=theorems)
        self._attempts = progress.add_task("attempts", total=theorems * samples, visible=False)

    def stated(self, row: StatementRow) -> None:
        self._progress.advance(self._statements)
        self._readable += bool(row.elaborates)

    def attempted(self, last: Evaluated) -> None:
        if last.kind is Kind.PROVED:
            self._solved.add(last.name)
        self._progress.update(
            self._attempts,
            description=f"attempts, {len(self._solved)} solved",
            total=self._readable * self._samples,
            visible=True,
            advance=1,
        )
