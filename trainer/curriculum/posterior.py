"""How often each theorem was proved, as a Beta posterior that forgets; pure.

A theorem's own evidence is (s, f), the numbers of its proved and refuted attempts.  Every new group of the
theorem multiplies what came before by `forgetting`, because an earlier policy earned it.  Only rows that are
observed change.  Attempts with an unknown verdict are in no number.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.curriculum.packing import pack, unpack
from verifier.errors import InvalidInput

__all__ = [
    "HISTORY",
    "Floats",
    "Indices",
    "Posteriors",
    "all_proved",
    "all_refuted",
    "expected_variance",
    "informative",
]

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.int64]

HISTORY = 5
"""Groups of a theorem that are remembered one by one."""

_GROUP = np.dtype([("round", "<i4"), ("proved", "<i2"), ("refuted", "<i2"), ("disproof", "?")])
_ROW = np.dtype(
    [
        ("proved", "<f4"),
        ("refuted", "<f4"),
        ("logit", "<f4"),
        ("score", "<f4"),
        ("attempts", "<i4"),
        ("proofs", "<i4"),
        ("chosen", "<i4"),
        ("pending", "<i4"),
        ("groups", "<i4"),
        ("disproofs", "<i4"),
        ("outcomes", "<i4"),
        ("streak", "<i4"),
        ("failures", "<i4"),
        ("retired", "?"),
        ("history", _GROUP, (HISTORY,)),
    ]
)


def all_proved(a: Floats, b: Floats, size: ArrayLike) -> Floats:
    """E[p^G] under Beta(a, b): the probability that all of G = `size` attempts are proved.

    In closed form Π_{k<G} (a + k)/(a + b + k); a, b > 0, of shapes that broadcast.
    """
    sizes = np.asarray(size)
    total = a + b
    product = np.ones(np.broadcast_shapes(np.shape(total), sizes.shape), np.float32)
    for k in range(int(sizes.max(initial=0))):
        np.multiply(product, (a + k) / (total + k), out=product, where=k < sizes)
    return product


def all_refuted(a: Floats, b: Floats, size: ArrayLike) -> Floats:
    """E[(1 − p)^G] under Beta(a, b): the probability that none of the attempts is proved."""
    return all_proved(b, a, size)


def informative(a: Floats, b: Floats, size: ArrayLike) -> Floats:
    """1 − E[p^G] − E[(1 − p)^G]: the probability that a group has a proof and a failure: a gradient."""
    both: Floats = np.maximum(1 - all_proved(a, b, size) - all_refuted(a, b, size), np.float32(0))
    return both


def expected_variance(a: Floats, b: Floats) -> Floats:
    """E[p(1 − p)] = ab / ((a + b)(a + b + 1)) under Beta(a, b)."""
    return a * b / ((a + b) * (a + b + 1))


class Posteriors:
    """One row for each theorem, all zeros until something is known of it.

    The columns are:

    proved, refuted     known verdicts of attempts, forgetting
    logit, score        what family and features promised when it was last scored, as log-odds, and the score;
                        both for `trainer/curriculum/policies/informative.py` alone
    attempts, proofs    known verdicts and proofs among them, forgetting nothing
    chosen, pending     times chosen; those whose outcome has not come
    disproofs           of the times chosen, those for its negation
    outcomes, groups    those with a known verdict; of them, those of attempts at the theorem itself
    streak, failures    how many groups in a row, up to the last, held proofs, or none
    retired             disproved
    history             the last groups: round, proved, refuted, whether of the negation
    """

    def __init__(self, size: int, *, forgetting: float) -> None:
        self._forgetting = np.float32(forgetting)
        self._rows = np.empty(size, _ROW)
        # Written now, as scattered rows soon would be: else the first round waits for all of the memory.
        self._rows.fill(np.zeros((), _ROW))
        self.free: NDArray[np.bool_] = np.ones(size, np.bool_)
        """Neither retired nor waiting for an outcome."""
        self.touched: Indices = np.zeros(0, np.int64)
        """Theorems of which something is known: those that are retired, and those that were chosen."""

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, column: str) -> NDArray[Any]:
        """A view of a column."""
        return self._rows[column]

    def grow(self, size: int) -> None:
        """Add rows until there are `size`."""
        added = size - len(self)
        self._rows = np.concatenate([self._rows, np.zeros(added, _ROW)])
        self.free = np.concatenate([self.free, np.ones(added, np.bool_)])

    def retire(self, indices: Indices) -> None:
        """Take theorems out that were not chosen yet, because they are known to be false."""
        self._rows["retired"][indices] = True
        self.free[indices] = False
        self.touched = np.concatenate([self.touched, indices])

    def choose(self, choices: Iterable[tuple[int, bool]]) -> None:
        """Wait for an outcome of each theorem, or of its negation where that is to be tried."""
        new = []
        for index, disprove in choices:
            row = self._rows[index]
            if not row["chosen"]:
                new.append(index)
            row["chosen"] += 1
            row["pending"] += 1
            row["disproofs"] += disprove
            self.free[index] = False
        self.touched = np.concatenate([self.touched, np.array(new, np.int64)])

    def observe(self, index: int, proved: int, refuted: int, *, disproof: bool, round: int) -> None:
        """Count the known verdicts of a group that was chosen; without any, only the waiting ends."""
        row = self._rows[index]
        row["pending"] -= 1
        if proved + refuted:
            row["history"][row["outcomes"] % HISTORY] = (round, proved, refuted, disproof)
            row["outcomes"] += 1
            if disproof:
                row["retired"] |= proved > 0
            else:
                self._add_group(row, proved, refuted)
        self.free[index] = not row["retired"] and row["pending"] == 0

    def _add_group(self, row: Any, proved: int, refuted: int) -> None:
        row["proved"] = row["proved"] * self._forgetting + proved
        row["refuted"] = row["refuted"] * self._forgetting + refuted
        row["attempts"] += proved + refuted
        row["proofs"] += proved
        row["groups"] += 1
        row["streak"] = row["streak"] + 1 if proved else 0
        row["failures"] = 0 if proved else row["failures"] + 1

    def history(self, index: int) -> list[tuple[int, int, int, bool]]:
        """Round, proved, refuted, and whether of the negation, of the last groups, oldest first."""
        row = self._rows[index]
        count = int(row["outcomes"])
        return [row["history"][place % HISTORY].item() for place in range(max(0, count - HISTORY), count)]

    def state(self) -> dict[str, str]:
        """The rows that are not all zeros, for JSON."""
        return {"touched": pack(self.touched.astype("<i4")), "rows": pack(self._rows[self.touched])}

    def restore(self, state: Mapping[str, str]) -> None:
        """Go on from a state of as many theorems or fewer.

        Raises:
            InvalidInput: it is no state of these theorems.
        """
        touched = unpack(state["touched"], np.dtype("<i4")).astype(np.int64)
        rows = unpack(state["rows"], _ROW)
        if len(touched) != len(rows) or (len(rows) and not 0 <= touched.min() <= touched.max() < len(self)):
            raise InvalidInput("the state of the curriculum is of other theorems: go on with the same data")
        self._rows[self.touched], self.free[self.touched] = np.zeros((), _ROW), True
        self._rows[touched], self.touched = rows, touched
        self.free[touched] = ~rows["retired"] & (rows["pending"] == 0)
