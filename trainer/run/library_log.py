"""What a run tells the theorem store that it trains on: attempts with their verdicts, and what is false."""

from collections.abc import Iterable, Iterator

from prover.library.records import JudgedAttempt
from prover.library.training_set import TrainingSet
from trainer.curriculum.scheduler import Disproved
from trainer.rollout import Judged
from trainer.run.books import Group

__all__ = ["Records"]


class Records:
    """Keeps a store up to date with the run of a name.  What it is told twice it keeps once."""

    def __init__(self, theorems: TrainingSet, run: str) -> None:
        self._theorems = theorems
        self._store = theorems.store
        self._run = run

    def keep(self, judged: Iterable[Judged], groups: Iterable[Group], disproved: Iterable[Disproved]) -> None:
        """A round's attempts, the fixed proofs of its groups, and the theorems that these retired.

        Raises:
            ProofmillError: the store cannot be written; nothing of the round is.
        """
        with self._store.batch():
            self._store.record([*map(self._sampled, judged), *self._given(groups)])
            for each in disproved:
                self._store.retire(self._store.index_of(each.theorem.name), f"disproved in run {self._run}")

    def grown(self) -> int:
        """Takes in the theorems that the store gained since; returns how many they are."""
        return self._theorems.grow()

    def _sampled(self, judged: Judged) -> JudgedAttempt:
        attempt = judged.attempt
        row = JudgedAttempt.of(self._store.index_of(attempt.theorem.name), attempt, judged.verdict)
        return row.model_copy(update={"id": f"{self._run}/{attempt.id}"})

    def _given(self, groups: Iterable[Group]) -> Iterator[JudgedAttempt]:
        for group in groups:
            for proof, verdict in group.given():
                yield JudgedAttempt(
                    id=f"{self._run}/{verdict.id}",
                    theorem=self._store.index_of(group.task.negates or group.task.theorem.name),
                    policy_version=group.task.policy_version,
                    proof=proof,
                    status=verdict.status,
                    lean_ms=verdict.lean_ms,
                    disproof=group.task.negates is not None,
                )
