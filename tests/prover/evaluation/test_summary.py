"""What verdicts come to: rates against enumeration, unknown verdicts in none of them, orders kept apart."""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.evaluation.statistics import wilson_interval
from prover.evaluation.summary import Evaluated, outcomes, pass_rates, summary_of
from prover.formats.base import Problem
from prover.theorem import Theorem
from verifier.verdict import Kind, Status

P, R, U = Kind.PROVED, Kind.REFUTED, Kind.UNKNOWN
STATUS = {P: Status.PROVED, R: Status.REJECTED, U: Status.TIMEOUT}


@st.composite
def attempted(draw: st.DrawFn, kinds: Sequence[Kind] = (P, R, U)) -> list[list[Kind]]:
    samples = draw(st.integers(1, 6))
    theorem = st.lists(st.sampled_from(kinds), min_size=samples, max_size=samples)
    return draw(st.lists(theorem, min_size=1, max_size=5))


def row(name: str, sample: int, kind: Kind, *, round: int = 0, calls: int = 1) -> Evaluated:
    return Evaluated(
        name=name,
        sample=sample,
        round=round,
        answer="rfl",
        proof="rfl",
        status=STATUS[kind],
        lean_calls=calls,
        lean_ms=500.0 * calls,
        tokens=3,
    )


def problem(name: str, **said: Any) -> Problem:
    theorem = Theorem(name=name, statement=f"theorem {name} : True", source="minif2f", split="test")
    return Problem(theorem, **said)


@given(attempted())
def test_pass_at_k_is_that_of_every_draw_of_k_known_verdicts(theorems: list[list[Kind]]) -> None:
    samples = len(theorems[0])
    rates = pass_rates(theorems, samples)
    for k in range(1, samples + 1):
        known = [[kind for kind in kinds if kind is not U] for kinds in theorems]
        shares = [fmean(P in draw for draw in combinations(each, k)) for each in known if len(each) >= k]
        assert rates.left_out.get(str(k), 0) == len(theorems) - len(shares)
        assert (str(k) in rates.pass_at_k) == bool(shares)
        if shares:
            assert rates.pass_at_k[str(k)] == pytest.approx(fmean(shares), abs=1e-12)
            low, high = rates.ci[str(k)]
            assert 0 <= low <= high <= 1


@given(attempted())
def test_in_an_order_k_are_the_first_k(theorems: list[list[Kind]]) -> None:
    samples = len(theorems[0])
    rates = pass_rates(theorems, samples, in_order=True)
    for k in range(1, samples + 1):
        decided = [P in kinds[:k] for kinds in theorems if P in kinds[:k] or U not in kinds[:k]]
        if decided:
            assert rates.pass_at_k[str(k)] == pytest.approx(fmean(decided))
            assert rates.ci[str(k)] == wilson_interval(sum(decided), len(decided))


@given(attempted(), st.booleans())
def test_what_unknown_verdicts_could_change_is_bounded_from_both_sides(
    theorems: list[list[Kind]], in_order: bool
) -> None:
    samples = len(theorems[0])
    rates = pass_rates(theorems, samples, in_order=in_order)
    for kind, bound in ((R, rates.if_unknown_refuted), (P, rates.if_unknown_proved)):
        decided = [[kind if each is U else each for each in kinds] for kinds in theorems]
        known = pass_rates(decided, samples, in_order=in_order)
        assert known.pass_at_k == pytest.approx(bound)
        assert known.left_out == {}


@given(attempted((P, R)))
def test_without_unknown_verdicts_all_three_rates_are_one(theorems: list[list[Kind]]) -> None:
    rates = pass_rates(theorems, len(theorems[0]))
    assert rates.pass_at_k == pytest.approx(rates.if_unknown_refuted)
    assert rates.pass_at_k == pytest.approx(rates.if_unknown_proved)


def test_solved_by_any_of_n_is_not_pass_at_k_below_n() -> None:
    rates = pass_rates([[P, R, R, R], [R, R, R, R]], 4)
    assert rates.solved == 1
    assert [rates.pass_at_k[str(k)] for k in range(1, 5)] == [0.125, 0.25, 0.375, 0.5]


def test_the_last_answer_of_an_attempt_decides_it_in_whatever_order_rows_stand() -> None:
    rows = [row("a", 0, P, round=1), row("a", 0, R), row("a", 1, R), row("a", 2, U)]
    assert outcomes(rows, 4) == {"a": [P, R, U, U]}


def test_many_samples_do_not_make_many_lines() -> None:
    rates = pass_rates([[R] * 1000], 1000)
    assert [int(k) for k in rates.pass_at_k][62:] == [63, 64, 128, 256, 512, 1000]


def test_a_summary_counts_what_was_spent_and_keeps_faulty_theorems_apart() -> None:
    rows = [
        row("mathd_algebra_1", 0, P),
        row("mathd_algebra_1", 1, R),
        row("b", 0, R, round=0),
        row("b", 0, P, round=1),
        row("b", 1, U, calls=0),
        row("gone", 0, P),
    ]
    summary = summary_of(
        [problem("mathd_algebra_1", answer_given=True), problem("b", faulty="vacuous")],
        rows,
        samples=2,
        in_order=False,
        not_elaborating={"c": "no such notation"},
        no_answer={},
        wall_seconds=8.0,
        fingerprint={"lean": "4"},
    )
    assert (summary.n, summary.solved, summary.attempts, summary.answers) == (2, 2, 4, 5)
    assert (summary.unknown, summary.left_out) == (1, {"2": 1})
    assert summary.pass_at_k == {"1": 0.75, "2": 1.0}
    assert summary.faulty == {"b": "vacuous"} and summary.answer_given == ["mathd_algebra_1"]
    assert summary.sound is not None and (summary.sound.n, summary.sound.solved) == (1, 1)
    assert (summary.lean_calls, summary.lean_seconds, summary.tokens) == (4, 2.0, 15)
    assert summary.per_solved == {
        "lean_calls": 2.0,
        "lean_seconds": 1.0,
        "heartbeats": 0.0,
        "tokens": 7.5,
        "wall_seconds": 4.0,
    }
    assert {what: list(labels) for what, labels in summary.groups.items()} == {
        "split": ["test"],
        "source": ["MATH"],
        "topic": ["algebra"],
    }


def test_nothing_to_measure_is_no_rate() -> None:
    rates = pass_rates([], 4)
    assert (rates.n, rates.pass_at_k, rates.solved_ci) == (0, {}, (0.0, 1.0))
