"""Pass rates against enumeration, intervals against textbook values and simulated coverage."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap

from prover.evaluation.statistics import (
    bootstrap_interval,
    mcnemar_p,
    mean_pass_at_k,
    paired_difference,
    pass_at_k,
    wilson_interval,
)
from verifier.errors import InvalidInput


@st.composite
def attempts_and_k(draw: st.DrawFn) -> tuple[int, int, int]:
    n = draw(st.integers(1, 9))
    return n, draw(st.integers(0, n)), draw(st.integers(1, n))


@given(attempts_and_k())
def test_pass_at_k_is_the_share_of_draws_that_hold_a_proof(case: tuple[int, int, int]) -> None:
    n, c, k = case
    draws = list(combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(any(draw) for draw in draws) / len(draws), abs=1e-15)


@given(attempts_and_k())
def test_pass_at_k_grows_with_proofs_and_with_draws(case: tuple[int, int, int]) -> None:
    n, c, k = case
    assert pass_at_k(n, c, 1) == c / n
    assert pass_at_k(n, c, k) >= pass_at_k(n, c, 1)
    if c < n:
        assert pass_at_k(n, c + 1, k) >= pass_at_k(n, c, k)


def test_pass_at_k_keeps_its_precision_for_thousands_of_attempts() -> None:
    # 1 − (1 − 1e-4)-like ratios are where floating-point binomials overflow or cancel to 0.
    assert pass_at_k(10_000, 1, 3) == pytest.approx(3 / 10_000, rel=1e-15)
    assert pass_at_k(10_000, 9_999, 2) == 1.0
    assert 0 < pass_at_k(20_000, 1, 1) < pass_at_k(20_000, 2, 1)


@pytest.mark.parametrize(("n", "c", "k"), [(4, 5, 1), (4, -1, 1), (4, 2, 5), (4, 2, 0), (0, 0, 1)])
def test_pass_at_k_refuses_counts_that_cannot_be(n: int, c: int, k: int) -> None:
    with pytest.raises(InvalidInput):
        pass_at_k(n, c, k)


def test_mean_pass_at_k_averages_over_theorems_not_attempts() -> None:
    estimate = mean_pass_at_k([(8, 8), (2, 0)], k=1)
    assert estimate.value == 0.5
    assert (estimate.n, estimate.left_out) == (2, 0)


def test_theorems_with_too_few_known_verdicts_are_left_out_and_counted() -> None:
    counts = [(8, 4), (0, 0), (7, 7)]
    assert (mean_pass_at_k(counts, k=1).n, mean_pass_at_k(counts, k=1).left_out) == (2, 1)
    at_eight = mean_pass_at_k(counts, k=8)
    assert (at_eight.value, at_eight.n, at_eight.left_out) == (1.0, 1, 2)


def test_a_mean_over_no_theorem_is_an_error_not_a_zero() -> None:
    with pytest.raises(InvalidInput, match="known verdict"):
        mean_pass_at_k([(0, 0)], k=1)
    with pytest.raises(InvalidInput):
        bootstrap_interval([])
    with pytest.raises(InvalidInput):
        paired_difference([(0, 0)], [(8, 1)])


def test_paired_difference_at_k_counts_what_k_attempts_solve() -> None:
    a, b = [(8, 1), (8, 0), (8, 8), (7, 7)], [(8, 0), (8, 3), (8, 8), (8, 0)]
    difference = paired_difference(a, b, k=8)
    assert (difference.value, difference.n, difference.left_out) == (0.0, 3, 1)
    assert paired_difference(a[:1], b[:1], k=8).value == 1.0


def test_bootstrap_is_repeatable_and_holds_the_mean() -> None:
    values = np.random.default_rng(3).random(60).tolist()
    low, high = bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values, seed=1) == (low, high)
    assert bootstrap_interval(values, seed=2) != (low, high)
    assert low < np.mean(values) < high


def test_bootstrap_intervals_cover_the_true_mean_about_95_percent_of_the_time() -> None:
    rng = np.random.default_rng(0)
    trials, theorems, samples = 200, 80, 8
    covered = 0
    for trial in range(trials):
        solve_rates = rng.beta(0.5, 0.5, size=theorems)
        passed = rng.binomial(samples, solve_rates) / samples
        low, high = bootstrap_interval(passed.tolist(), seed=trial)
        covered += low <= 0.5 <= high
    assert 0.90 <= covered / trials <= 0.99


@pytest.mark.parametrize(
    ("successes", "n", "expected"),
    [
        # Newcombe (1998), table I, method 3.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        (29, 29, (0.8830, 1.0)),
    ],
)
def test_wilson_interval_matches_published_values(
    successes: int, n: int, expected: tuple[float, float]
) -> None:
    assert wilson_interval(successes, n) == pytest.approx(expected, abs=5e-5)


def test_wilson_half_width_on_minif2f_sized_sets() -> None:
    low, high = wilson_interval(122, 244)
    assert (high - low) / 2 == pytest.approx(0.062, abs=5e-4)
    low, high = wilson_interval(215, 244)
    assert (high - low) / 2 == pytest.approx(0.041, abs=5e-4)


@given(st.integers(1, 400), st.data())
def test_wilson_bounds_are_where_the_score_test_rejects(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    rate = successes / n
    for bound in wilson_interval(successes, n):
        # The interval is the set of p with |rate − p| <= z sqrt(p (1 − p) / n); its ends give equality.
        assert (rate - bound) ** 2 == pytest.approx(1.959963984540054**2 * bound * (1 - bound) / n, abs=1e-9)


@given(st.integers(1, 400), st.data())
def test_intervals_and_tests_are_scipy_s(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    reference = binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson_interval(successes, n) == pytest.approx((reference.low, reference.high), abs=1e-9)
    only_a = [True] * successes + [False] * (n - successes)
    fair_coin = binomtest(successes, n).pvalue
    assert mcnemar_p(only_a, [not each for each in only_a]) == pytest.approx(fair_coin, rel=1e-9)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 8), min_size=30, max_size=120).filter(lambda counts: len({*counts}) > 2))
def test_the_bootstrap_is_scipy_s_but_for_what_chance_does(counts: list[int]) -> None:
    rates = np.array(counts) / 8
    reference = bootstrap((rates,), np.mean, method="percentile", n_resamples=4000, rng=1).confidence_interval
    # Means of resamples lie on a grid: ends that chance tells apart differ by one of its steps at least.
    tolerance = 0.2 * rates.std() / np.sqrt(len(rates)) + 1 / (8 * len(rates))
    assert bootstrap_interval(rates.tolist()) == pytest.approx(tuple(reference), abs=tolerance)


def test_wilson_without_data_says_nothing_is_known() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(InvalidInput):
        wilson_interval(3, 2)


def test_paired_difference_is_a_minus_b_over_theorems_known_on_both_sides() -> None:
    a = [(8, 8), (8, 4), (0, 0), (8, 2)]
    b = [(8, 4), (8, 4), (8, 8), (0, 0)]
    difference = paired_difference(a, b)
    assert difference.value == pytest.approx(0.25)
    assert (difference.n, difference.left_out) == (2, 2)
    reverse = paired_difference(b, a)
    assert reverse.value == pytest.approx(-0.25)


def test_pairing_removes_the_spread_between_theorems() -> None:
    rng = np.random.default_rng(5)
    b = [(8, int(c)) for c in rng.integers(0, 7, size=100)]
    a = [(8, c + 1) for _, c in b]
    low, high = paired_difference(a, b).ci
    assert (low, high) == pytest.approx((0.125, 0.125))


def test_a_paired_comparison_needs_the_same_theorems() -> None:
    with pytest.raises(InvalidInput, match="same theorems"):
        paired_difference([(8, 1)], [])
    with pytest.raises(InvalidInput, match="same theorems"):
        mcnemar_p([True], [])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_mcnemar_is_symmetric_and_counts_only_discordant_theorems(pairs: list[tuple[bool, bool]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    p = mcnemar_p(a, b)
    assert p == mcnemar_p(b, a) == mcnemar_p([*a, True, False], [*b, True, False])
    only_a = sum(x and not y for x, y in pairs)
    only_b = sum(y and not x for x, y in pairs)
    m = only_a + only_b
    as_extreme = [i for i in range(m + 1) if abs(i - m / 2) >= abs(only_a - m / 2)]
    assert p == pytest.approx(sum(comb(m, i) for i in as_extreme) / 2**m)


def test_mcnemar_drops_unknown_verdicts() -> None:
    assert mcnemar_p([True] * 6, [False] * 6) == pytest.approx(2 / 64)
    assert mcnemar_p([True] * 6 + [None, True], [False] * 6 + [False, None]) == pytest.approx(2 / 64)
