"""Pass rates, their intervals and comparisons, counted per theorem.

A theorem enters as `(n, c)`: n attempts with a known verdict, c of them proved.
Unknown verdicts are in neither number, because the machine and not the proof
decided them.  A theorem with too few known verdicts for the question asked is
left out, and how many were is part of the answer.

Intervals are two-sided and at 95%.  Theorems, not attempts, are resampled:
attempts on one theorem resemble each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt

import numpy as np

from verifier.errors import InvalidInput

__all__ = [
    "Counts",
    "Estimate",
    "bootstrap_interval",
    "mcnemar_p",
    "mean_pass_at_k",
    "nested_interval",
    "paired_difference",
    "pass_at_k",
    "wilson_interval",
]

Counts = tuple[int, int]
"""(attempts with a known verdict, proved ones among them) of one theorem."""

Z_95 = 1.959963984540054
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A mean over theorems with its 95% interval.

    `n` theorems are in it; `left_out` had too few known verdicts.
    """

    value: float
    ci: tuple[float, float]
    n: int
    left_out: int


def pass_at_k(n: int, c: int, k: int) -> float:
    """Probability that k attempts drawn without replacement from n, c of them proved, hold a proof.

    The unbiased estimator 1 − C(n−c, k)/C(n, k).  The counts are whole numbers
    of any size until the one division, so nothing overflows or cancels.

    Raises `InvalidInput` unless 0 <= c <= n and 1 <= k <= n.
    """
    if not 0 <= c <= n:
        raise InvalidInput(
            f"{c} proved of {n} attempts cannot be: count each attempt with a known verdict once"
        )
    if not 1 <= k <= n:
        raise InvalidInput(f"pass@{k} cannot be estimated from {n} attempts: sample at least {k} per theorem")
    draws = comb(n, k)
    return (draws - comb(n - c, k)) / draws


def mean_pass_at_k(counts: Sequence[Counts], k: int, seed: int = 0) -> Estimate:
    """Mean pass@k over theorems with its interval: by bootstrap, or Wilson's where each counts 0 or 1.

    Theorems with fewer than k known verdicts, so also those with none, are left
    out and counted in `left_out`.  Raises `InvalidInput` when none remains.
    """
    rates = [pass_at_k(n, c, k) for n, c in counts if n >= k]
    if not rates:
        raise InvalidInput(
            f"pass@{k} of {len(counts)} theorems: none has {k} attempts with a known verdict; "
            "look at the unknown verdicts' reasons before measuring again"
        )
    # Resampling outcomes that are all equal would say that nothing is uncertain.
    is_binary = all(rate in (0.0, 1.0) for rate in rates)
    return Estimate(
        value=float(np.mean(rates)),
        ci=wilson_interval(round(sum(rates)), len(rates)) if is_binary else bootstrap_interval(rates, seed),
        n=len(rates),
        left_out=len(counts) - len(rates),
    )


def bootstrap_interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """95% percentile bootstrap interval of the mean of `values`, one value per theorem.

    The same values and seed give the same interval.  Equal values give an
    interval of width 0: for single 0/1 outcomes use `wilson_interval`.
    Raises `InvalidInput` when `values` is empty.
    """
    if not values:
        raise InvalidInput("no interval without values: at least one theorem must have a known verdict")
    rng = np.random.default_rng(seed)
    array = np.asarray(values, dtype=np.float64)
    # Several resamples at once, but no more than fit in memory with any number of theorems.
    block = max(1, 1_000_000 // array.size)
    means = [
        array[rng.integers(array.size, size=(min(block, RESAMPLES - done), array.size))].mean(axis=1)
        for done in range(0, RESAMPLES, block)
    ]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)


def nested_interval(values: Sequence[Sequence[float]], seed: int = 0) -> tuple[float, float]:
    """95% percentile bootstrap interval of a mean over training runs of their means over theorems.

    `values[r]` are those of run r, one for each theorem.  Runs are resampled, and in each of them its
    theorems, so that the luck of training is in the interval as well; with a handful of runs that part is
    known badly, and the interval is rather too narrow (Field and Welsh, JRSS B 69, 2007).

    Raises `InvalidInput` when there is no run, or one without values.
    """
    if not values or not all(values):
        raise InvalidInput("no interval without values: every run must have a theorem with a known verdict")
    rng = np.random.default_rng(seed)
    # Of each run, the means of as many resamples as it can be drawn.
    means = np.stack(
        [
            np.asarray(run)[rng.integers(len(run), size=(RESAMPLES, len(values), len(run)))].mean(-1)
            for run in values
        ]
    )
    drawn = rng.integers(len(values), size=(RESAMPLES, len(values)))
    resample, place = np.ogrid[:RESAMPLES, : len(values)]
    low, high = np.quantile(means[drawn, resample, place].mean(-1), [0.025, 0.975])
    return float(low), float(high)


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """95% Wilson score interval of a success rate; (0, 1) when n is 0, as nothing is known then.

    Raises `InvalidInput` unless 0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise InvalidInput(f"{successes} successes of {n} cannot be: count each theorem once")
    if n == 0:
        return 0.0, 1.0
    rate = successes / n
    shrink = 1 + Z_95**2 / n
    centre = (rate + Z_95**2 / (2 * n)) / shrink
    half_width = Z_95 * sqrt(rate * (1 - rate) / n + Z_95**2 / (4 * n**2)) / shrink
    low = 0.0 if successes == 0 else centre - half_width
    high = 1.0 if successes == n else centre + half_width
    return low, high


def paired_difference(
    a_counts: Sequence[Counts], b_counts: Sequence[Counts], seed: int = 0, *, k: int = 1
) -> Estimate:
    """Mean over theorems of pass@k of a minus pass@k of b, with a bootstrap interval.

    `a_counts[i]` and `b_counts[i]` belong to one theorem; it is left out when
    either side has fewer than k known verdicts.  Raises `InvalidInput` when the
    lengths differ or no theorem remains.
    """
    _check_same_theorems(len(a_counts), len(b_counts))
    pairs = zip(a_counts, b_counts, strict=True)
    differences = [pass_at_k(*a, k=k) - pass_at_k(*b, k=k) for a, b in pairs if min(a[0], b[0]) >= k]
    if not differences:
        raise InvalidInput(
            f"a paired comparison needs a theorem with {k} known verdicts on both sides, got none"
        )
    return Estimate(
        value=float(np.mean(differences)),
        ci=bootstrap_interval(differences, seed),
        n=len(differences),
        left_out=len(a_counts) - len(differences),
    )


def mcnemar_p(a_proved: Sequence[bool | None], b_proved: Sequence[bool | None]) -> float:
    """Exact two-sided McNemar p-value for one outcome per theorem and side, as greedy decoding gives.

    Only theorems that exactly one side proves tell the sides apart; under "no
    difference" each is a fair coin.  `None` is an unknown verdict and drops its
    theorem.  Raises `InvalidInput` when the lengths differ.
    """
    _check_same_theorems(len(a_proved), len(b_proved))
    pairs = [(a, b) for a, b in zip(a_proved, b_proved, strict=True) if a is not None and b is not None]
    only_a = sum(a and not b for a, b in pairs)
    only_b = sum(b and not a for a, b in pairs)
    discordant = only_a + only_b
    tail = sum(comb(discordant, i) for i in range(min(only_a, only_b) + 1))
    # The two tails overlap when the sides split evenly, hence the cap.
    return min(1.0, 2 * tail / (1 << discordant))


def _check_same_theorems(a: int, b: int) -> None:
    if a != b:
        raise InvalidInput(f"a paired comparison needs the same theorems on both sides, got {a} and {b}")
