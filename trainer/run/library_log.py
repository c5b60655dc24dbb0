"""What a run tells the theorem store that it trains on: attempts with their verdicts, and what is false."""

from collections.abc import Iterable

from prover.library.records import JudgedAttempt
from prover.library.training_set import TrainingSet
from trainer.curriculum.scheduler import Disproved
from trainer.run.directory import AttemptRow

__all__ = ["Records"]


class Records:
    """Keeps a store up to date with the run of a name.  What it is told twice it keeps once."""

    def __init__(self, theorems: TrainingSet, run: str) -> None:
        self._theorems = theorems
        self._store = theorems.store
        self._run = run

    def keep(self, rows: Iterable[tuple[str, AttemptRow]], disproved: Iterable[Disproved]) -> None:
        """A round's attempts, each with the theorem that it is about, and the theorems that it retired.

        Raises:
            ProofmillError: the store cannot be written; nothing of the round is.
        """
        with self._store.batch():
            self._store.record(self._recorded(name, row) for name, row in rows)
            for false in disproved:
                self._store.retire(self._store.index_of(false.theorem.name), f"disproved in run {self._run}")

    def grown(self) -> int:
        """Takes in the theorems that the store gained since; returns how many they are."""
        return self._theorems.grow()

    def _recorded(self, theorem: str, row: AttemptRow) -> JudgedAttempt:
        return JudgedAttempt(
            id=f"{self._run}/{row.id}",
            theorem=self._store.index_of(theorem),
            policy_version=row.policy_version or 0,
            proof=row.proof,
            status=row.status,
            lean_ms=row.lean_ms,
            disproof=row.phase == "disproof",
        )
