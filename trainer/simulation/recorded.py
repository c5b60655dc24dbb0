"""The attempts of a run that was recorded, drawn again: a learner that has stopped learning.

A theorem is as likely to be proved as the run's known verdicts on it were, over the whole of the run: what
was never proved is hopeless here, and no policy gains by what another would have taught the model.  So this
says how well a policy finds what can be solved, on real theorems, and nothing about learning.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prover.theorem import Theorem
from trainer.run.directory import read_attempts
from verifier.errors import InvalidInput
from verifier.verdict import Kind

__all__ = ["RecordedLearner", "RecordedRun", "read_recorded_run"]


@dataclass(frozen=True)
class RecordedRun:
    """The theorems that a run tried, and the rates at which it proved them."""

    name: str
    theorems: tuple[Theorem, ...]
    rates: NDArray[np.float64]


def read_recorded_run(run_dir: Path) -> RecordedRun:
    """What `attempts.jsonl` says of the theorems that were tried in training.

    Raises:
        InvalidInput: it is no run, or none of its attempts has a known verdict.
    """
    known = [row for row in read_attempts(run_dir) if row.phase == "train" and row.kind is not Kind.UNKNOWN]
    if not known:
        raise InvalidInput(f"{run_dir} has no attempt with a known verdict in training: give another run")
    attempts = Counter(row.theorem for row in known)
    proofs = Counter(row.theorem for row in known if row.kind is Kind.PROVED)
    theorem_of = {
        row.theorem: Theorem(
            name=row.theorem, statement=row.statement, source=run_dir.name, split="train", family=row.family
        )
        for row in known
    }
    rates = np.array([proofs[name] / attempts[name] for name in theorem_of])
    return RecordedRun(run_dir.absolute().name, tuple(theorem_of.values()), rates)


class RecordedLearner:
    """Draws attempts at recorded rates."""

    def __init__(self, run: RecordedRun, seed: int) -> None:
        self._rates = run.rates
        self._rng = np.random.default_rng([seed, 2])

    def attempt(self, index: int, samples: int, *, disprove: bool) -> tuple[int, int]:
        """How many of so many attempts are proved, and refuted; no negation was ever recorded as proved."""
        proved = 0 if disprove else int(self._rng.binomial(samples, self._rates[index]))
        return proved, samples - proved

    def learn(self, groups: Sequence[tuple[int, int, int]]) -> None:
        """Nothing."""

    def ability(self) -> None:
        """Not known: it is that of the recorded run."""
        return
