"""Beta posteriors that forget, and what is computed from them."""

import json
from math import exp, lgamma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.curriculum.packing import pack, unpack
from trainer.curriculum.posterior import (
    HISTORY,
    Floats,
    Posteriors,
    all_proved,
    all_refuted,
    expected_variance,
    informative,
)
from verifier.errors import InvalidInput

parameters = st.floats(0.01, 50)
sizes = st.integers(1, 32)
groups = st.tuples(st.integers(0, 7), st.integers(0, 8), st.integers(0, 8), st.booleans())
"""Theorem, proved, refuted, whether of the negation."""


def moment(a: float, b: float, power: int) -> float:
    """E[p^power] = B(a + power, b)/B(a, b)."""
    return exp(lgamma(a + power) - lgamma(a) + lgamma(a + b) - lgamma(a + b + power))


def known(a: float, b: float) -> tuple[Floats, Floats]:
    return np.array([a], np.float32), np.array([b], np.float32)


def played(history: list[tuple[int, int, int, bool]]) -> Posteriors:
    posteriors = Posteriors(8, forgetting=0.5)
    for round, (index, proved, refuted, disproof) in enumerate(history, start=1):
        posteriors.choose([(index, disproof)])
        posteriors.observe(index, proved, refuted, disproof=disproof, round=round)
    return posteriors


@given(parameters, parameters, sizes)
def test_the_closed_forms_are_moments_of_the_beta_distribution(a: float, b: float, size: int) -> None:
    expected = moment(a, b, size)
    assert all_proved(*known(a, b), size)[0] == pytest.approx(expected, rel=1e-3, abs=1e-6)
    none = moment(b, a, size)
    assert all_refuted(*known(a, b), size)[0] == pytest.approx(none, rel=1e-3, abs=1e-6)
    assert informative(*known(a, b), size)[0] == pytest.approx(1 - expected - none, abs=1e-4)
    variance = moment(a, b, 1) - moment(a, b, 2)
    assert expected_variance(*known(a, b))[0] == pytest.approx(variance, abs=1e-4)


def test_a_certain_rate_gives_the_textbook_chance_of_an_informative_group() -> None:
    certain = known(0.05 * 1e5, 0.95 * 1e5)
    chances = [float(informative(*certain, size)[0]) for size in (4, 8, 16)]
    assert chances == pytest.approx([0.185, 0.337, 0.560], abs=1e-3)


@given(parameters, parameters, sizes)
def test_an_informative_group_is_as_likely_for_a_theorem_as_for_its_mirror(
    a: float, b: float, size: int
) -> None:
    chance = informative(*known(a, b), size)[0]
    assert chance == pytest.approx(informative(*known(b, a), size)[0], abs=1e-5)
    assert 0 <= chance <= informative(*known(a, b), size + 1)[0] + 1e-5
    assert size > 1 or chance == pytest.approx(0, abs=1e-5)


@given(st.lists(st.tuples(parameters, parameters, sizes), min_size=1, max_size=5))
def test_groups_of_several_sizes_are_computed_as_each_alone(rows: list[tuple[float, float, int]]) -> None:
    a, b, size = (np.array(column) for column in zip(*rows, strict=True))
    together = informative(a.astype(np.float32), b.astype(np.float32), size)
    assert together.tolist() == [float(informative(*known(x, y), g)[0]) for x, y, g in rows]


@given(st.lists(groups, max_size=12), groups)
def test_only_the_row_that_is_observed_changes(
    history: list[tuple[int, int, int, bool]], last: tuple[int, int, int, bool]
) -> None:
    before, after = played(history), played([*history, last])
    others = [index for index in range(8) if index != last[0]]
    for column in ("proved", "refuted", "attempts", "streak", "failures", "retired", "history"):
        assert (before[column][others] == after[column][others]).all()


@given(st.lists(groups, max_size=12), st.integers(0, 7), st.booleans())
def test_a_group_without_a_known_verdict_teaches_nothing(
    history: list[tuple[int, int, int, bool]], index: int, disproof: bool
) -> None:
    before, after = played(history), played([*history, (index, 0, 0, disproof)])
    for column in ("proved", "refuted", "attempts", "groups", "outcomes", "streak", "failures", "pending"):
        assert (before[column] == after[column]).all()
    assert after.history(index) == before.history(index)


def test_every_group_of_a_theorem_makes_what_came_before_count_less() -> None:
    posteriors = played([(3, 4, 4, False), (3, 2, 6, False), (3, 0, 8, False)])
    assert posteriors["proved"][3] == 0.5 * (0.5 * 4 + 2)
    assert posteriors["refuted"][3] == 0.5 * (0.5 * 4 + 6) + 8
    assert (posteriors["attempts"][3], posteriors["proofs"][3]) == (24, 6)


def test_groups_in_a_row_are_counted_up_to_the_last() -> None:
    posteriors = played([(0, 1, 7, False), (0, 8, 0, False)])
    assert (posteriors["streak"][0], posteriors["failures"][0]) == (2, 0)
    posteriors = played([(0, 1, 7, False), (0, 0, 8, False), (0, 0, 0, False), (0, 0, 2, False)])
    assert (posteriors["streak"][0], posteriors["failures"][0]) == (0, 2)


def test_a_disproof_retires_and_is_no_evidence_of_difficulty() -> None:
    posteriors = played([(0, 0, 8, False), (0, 0, 8, True)])
    assert not posteriors["retired"][0] and posteriors.free[0]
    posteriors = played([(0, 0, 8, False), (0, 0, 8, True), (0, 1, 7, True)])
    assert posteriors["retired"][0] and not posteriors.free[0]
    assert (posteriors["proved"][0], posteriors["refuted"][0], posteriors["failures"][0]) == (0, 8, 1)


def test_the_last_groups_are_remembered_in_their_order() -> None:
    history = [(1, i % 3, 1, i == 5) for i in range(HISTORY + 3)]
    last = [(i + 1, i % 3, 1, i == 5) for i in range(3, HISTORY + 3)]
    assert played(history).history(1) == last
    assert played(history[:2]).history(1) == [(1, 0, 1, False), (2, 1, 1, False)]


@given(st.lists(groups, max_size=12), st.lists(st.integers(0, 7), max_size=4), groups)
def test_a_restored_posterior_goes_on_as_one_that_was_never_stopped(
    history: list[tuple[int, int, int, bool]], waiting: list[int], later: tuple[int, int, int, bool]
) -> None:
    posteriors = played(history)
    posteriors.choose((index, False) for index in waiting)
    restored = played([(5, 1, 1, True)])
    restored.restore(json.loads(json.dumps(posteriors.state())))
    for each in (posteriors, restored):
        each.choose([(later[0], later[3])])
        each.observe(later[0], later[1], later[2], disproof=later[3], round=99)
    assert restored.state() == posteriors.state()
    assert (restored.free == posteriors.free).all()


def test_a_state_grows_with_the_theorems_that_were_chosen_only() -> None:
    few, many = Posteriors(100, forgetting=0.5), Posteriors(100_000, forgetting=0.5)
    few.choose([(1, False), (2, True)])
    many.choose([(1, False), (2, True)])
    assert len(json.dumps(many.state())) == len(json.dumps(few.state()))


@pytest.mark.parametrize("broken", ["", "%", "AAAA", pack(np.arange(3, dtype="<i4"))[:-4], None])
def test_a_state_that_is_broken_is_refused(broken: str | None) -> None:
    posteriors = played([(1, 1, 1, False)])
    with pytest.raises(InvalidInput, match="state of the curriculum"):
        posteriors.restore({**posteriors.state(), "rows": broken})  # type: ignore[dict-item]
    assert unpack(pack(np.arange(3, dtype="<i4")), np.dtype("<i4")).tolist() == [0, 1, 2]


def test_a_state_of_more_theorems_is_refused() -> None:
    small = Posteriors(4, forgetting=0.5)
    with pytest.raises(InvalidInput, match="other theorems"):
        small.restore(played([(7, 1, 1, False)]).state())
