"""What may go wrong in a run: an engine that is not the model, a family forgotten, a theorem false."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

from prover.evaluation.statistics import wilson_interval
from trainer.curriculum.scheduler import Disproved
from verifier.console import say
from verifier.errors import ProofmillError
from verifier.verdict import Kind

__all__ = [
    "Contradiction",
    "EngineMismatch",
    "ForgettingAlarm",
    "MismatchAlarm",
    "Tally",
    "announce_disproved",
    "is_lost",
    "tallies_of",
]

WINDOW = 3
"""Rounds that a pass rate is taken over."""
LEAST = 12
"""Known verdicts without which a pass rate says nothing."""
LOST = 0.5
"""A family is forgotten when less than this share of its best pass rate is left."""

Tally = tuple[int, int]
"""Proofs, and known verdicts."""


class EngineMismatch(ProofmillError):
    """The samples do not come from the policy they are said to come from."""


class Contradiction(ProofmillError):
    """A theorem and its negation are both proved."""


class MismatchAlarm:
    """Watches the effective sample size, update by update.

    Below the least share that is asked for, the run is to slow down: nothing is sampled ahead.  If it stays
    there for `patience` updates, with every sample fresh, staleness cannot be why, and the run ends.
    """

    def __init__(self, least_share: float, patience: int) -> None:
        self._least_share = least_share
        self._patience = patience
        self.below = 0
        """Updates in a row, up to the last one."""

    @property
    def slowed(self) -> bool:
        """Whether nothing is to be sampled ahead."""
        return self.below > 0

    def see(self, share: float | None) -> None:
        """The effective sample size of an update, as a share of its attempts; None where nobody measured it.

        Raises:
            EngineMismatch
        """
        if share is None:
            return
        self.below = self.below + 1 if share < self._least_share else 0
        if self.below >= self._patience:
            raise EngineMismatch(
                f"the effective sample size was below {self._least_share:.0%} of the attempts for "
                f"{self.below} updates in a row, the last time {share:.1%}: the engine does not sample from "
                "the policy that is trained; compare their precision, temperature and weights, or lower "
                "daemon.min_effective_sample_share"
            )


class ForgettingAlarm:
    """Watches the pass rate of every family in training, over the last `WINDOW` rounds.

    A family is forgotten when its rate is below `LOST` of the best that it had, and the 95% intervals of the
    two do not overlap; that is said once, and again after it had come back.
    """

    def __init__(self) -> None:
        self._recent: dict[str, deque[Tally]] = {}
        self._best: dict[str, Tally] = {}
        self.forgotten: set[str] = set()
        """Families that were proved more often once."""

    def round(self, verdicts: Iterable[tuple[str, Kind]]) -> dict[str, Any]:
        """Enter the verdicts of a round, each with its family, and tell people which families are forgotten.

        Returns the figures of the round: `family_pass_rate`, `family_verdicts` and `forgotten`.
        """
        tallies = tallies_of(verdicts)
        if new := self.see(tallies):
            say(
                f"{', '.join(new)}: proved before, and hardly any more; an anchor of proofs that were found "
                "holds a policy to them (docs/algorithms.md)",
                "yellow",
            )
        return {
            "family_pass_rate": {family: proved / known for family, (proved, known) in tallies.items()},
            "family_verdicts": {family: known for family, (_, known) in tallies.items()},
            "forgotten": sorted(self.forgotten),
        }

    def see(self, of_round: Mapping[str, Tally]) -> list[str]:
        """The families that are forgotten since this round."""
        new = []
        for family, tally in of_round.items():
            recent = self._recent.setdefault(family, deque(maxlen=WINDOW))
            recent.append(tally)
            now = (sum(proved for proved, _ in recent), sum(known for _, known in recent))
            best = self._best.get(family)
            if now[1] < LEAST:
                continue
            if best is None or now[0] * best[1] > best[0] * now[1]:
                self._best[family] = best = now
            if not is_lost(best, now):
                self.forgotten.discard(family)
            elif family not in self.forgotten:
                self.forgotten.add(family)
                new.append(family)
        return new

    def state(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "recent": {family: [list(tally) for tally in recent] for family, recent in self._recent.items()},
            "best": {family: list(tally) for family, tally in self._best.items()},
            "forgotten": sorted(self.forgotten),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        self._recent = {
            family: deque(map(tuple, tallies), maxlen=WINDOW) for family, tallies in state["recent"].items()
        }
        self._best = {family: tuple(tally) for family, tally in state["best"].items()}
        self.forgotten = set(state["forgotten"])


def tallies_of(verdicts: Iterable[tuple[str, Kind]]) -> dict[str, Tally]:
    """Proofs and known verdicts by family, of verdicts each with the family of its theorem."""
    proved: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for family, kind in verdicts:
        if kind is not Kind.UNKNOWN:
            known[family] += 1
            proved[family] += kind is Kind.PROVED
    return {family: (proved[family], known[family]) for family in sorted(known)}


def is_lost(best: Tally, now: Tally) -> bool:
    """Whether less than half of a pass rate is left, and the 95% intervals of the two do not overlap."""
    if now[0] * best[1] >= LOST * best[0] * now[1]:
        return False
    return wilson_interval(*now)[1] < wilson_interval(*best)[0]


def announce_disproved(disproved: Iterable[Disproved]) -> None:
    """Tell people which theorems are false.

    Raises:
        Contradiction: one of them is proved as well.
    """
    for theorem in disproved:
        name = theorem.theorem.name
        say(f"`{name}` is false: its negation is proved; it is not tried again", "yellow")
        if theorem.contradiction:
            raise Contradiction(
                f"`{name}` is proved and disproved: a verdict is wrong; keep the run's "
                "directory, and look at both proofs in attempts.jsonl"
            )
