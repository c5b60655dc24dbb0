"""What is chosen next, by each policy, and that a scheduler which is cut goes on as if it never was."""

import json
from collections import Counter
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from prover.library.features import FEATURES, FeatureTable
from prover.theorem import Theorem
from tests.support.scheduling import answered, indices, scheduler, table
from trainer.curriculum.catalogue import ListedTheorems
from trainer.curriculum.config import CurriculumConfig
from trainer.curriculum.policies.base import policy_kind, smallest
from trainer.curriculum.policies.registry import POLICIES, PolicyName
from trainer.curriculum.policies.rules import draw_in_proportion
from trainer.curriculum.scheduler import Choice, Outcome, Scheduler
from trainer.simulation.learners import NumberedTheorems
from verifier.errors import InvalidInput

# A scheduler that is cut

events = st.lists(
    st.one_of(
        st.integers(0, 12),
        st.lists(st.tuples(st.integers(0, 100), st.integers(0, 8), st.integers(0, 8)), max_size=12),
    ),
    max_size=8,
)
"""Batches to choose, and outcomes of some of those that are waited for."""


def play(chooser: Scheduler, happenings: list[Any], waiting: list[Choice]) -> list[Any]:
    """What was chosen, and what was reported, event by event."""
    seen: list[Any] = []
    for each in happenings:
        if isinstance(each, int):
            chosen = chooser.choose(each)
            waiting += chosen
            seen.append([(choice.index, choice.samples, choice.disprove) for choice in chosen])
            continue
        outcomes = []
        for place, proved, refuted in each:
            if waiting:
                choice = waiting.pop(place % len(waiting))
                outcomes.append(Outcome(choice.index, proved, refuted, choice.disprove))
        seen.append([news.theorem.name for news in chooser.observe(outcomes)])
    return seen


@pytest.mark.parametrize("policy", POLICIES)
@given(happenings=events, cut=st.integers(0, 8), seed=st.integers(0, 3), count=st.sampled_from([3, 40]))
@settings(max_examples=30, deadline=None)
def test_a_restored_scheduler_chooses_as_one_that_was_never_stopped(
    policy: PolicyName, happenings: list[Any], cut: int, seed: int, count: int
) -> None:
    features = table(count)
    whole, first, second = (scheduler(features, policy, seed, disproof_share=0.3) for _ in range(3))
    waiting: list[Choice] = []
    waiting_whole: list[Choice] = []
    try:
        expected = play(whole, happenings, waiting_whole)
    except InvalidInput:
        return  # everything was disproved, which another test is about
    seen = play(first, happenings[:cut], waiting)
    second.restore(json.loads(json.dumps(first.state())))
    assert seen + play(second, happenings[cut:], waiting) == expected
    assert second.state() == whole.state()
    assert second.why("t1") == whole.why("t1")


def test_the_choices_are_a_function_of_the_seed() -> None:
    features = table(200)
    for policy in ("informative", "uniform", "variance", "thompson", "matchmaker"):
        first, same, other = (indices(scheduler(features, policy, seed).choose(50)) for seed in (1, 1, 2))
        assert first == same != other


def test_scores_that_are_brought_up_to_date_in_turn_are_restored_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trainer.curriculum.policies.informative.RESCORED", 3)
    features, rates = table(60), dict.fromkeys(range(0, 60, 4), 0.5)
    whole, restored = scheduler(features), scheduler(features)
    for _ in range(6):
        answered(whole, 10, rates)
    restored.restore(json.loads(json.dumps(whole.state())))
    for _ in range(6):
        assert answered(whole, 10, rates) == answered(restored, 10, rates)


def test_the_state_of_another_policy_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"`uniform`.*`informative`"):
        scheduler(table(9)).restore(scheduler(table(9), "uniform").state())


def test_the_state_of_other_theorems_is_refused() -> None:
    def named(*names: str) -> Scheduler:
        listed = [
            Theorem(name=name, statement="theorem t : 1 = 1", source="s", split="train") for name in names
        ]
        return Scheduler(ListedTheorems(listed), CurriculumConfig(), samples=4, seed=0)

    state = named("a", "b").state()
    named("a", "b", "c").restore(state)
    for others in (("a",), ("a", "c"), ("b", "a")):
        with pytest.raises(InvalidInput, match="not those there are now"):
            named(*others).restore(state)


def test_a_state_holds_theorems_that_were_chosen_and_no_others() -> None:
    few, many = scheduler(table(100)), scheduler(table(50_000))
    for each in (few, many):
        answered(each, 20)
    assert len(json.dumps(many.state())) < 1.2 * len(json.dumps(few.state()))


def test_theorems_that_are_added_are_chosen_too_and_move_nothing_else() -> None:
    small, large = table(40, families=2), table(60, families=2)
    columns = {name: np.concatenate([small.column(name), large.column(name)[40:]]) for name in FEATURES}
    large = FeatureTable(
        **columns, family=np.concatenate([small.family, large.family[40:]]), families=("a", "b")
    )
    theorems = NumberedTheorems(small)
    growing = Scheduler(theorems, CurriculumConfig(), samples=8, seed=0)
    answered(growing, 10, dict.fromkeys(range(40), 0.5))
    state = growing.state()
    before = [growing.why(f"t{index}").score for index in range(40)]
    theorems._features = large
    growing.grow()
    # The families' shares of all theorems are others now, so all of one family move by the same factor.
    after = [growing.why(f"t{index}").score for index in range(40)]
    for family in (0, 1):
        of_family = np.flatnonzero(small.family == family)
        assert np.ptp(np.array(after)[of_family] / np.array(before)[of_family]) < 1e-5
    restored = Scheduler(NumberedTheorems(large), CurriculumConfig(), samples=8, seed=0)
    restored.restore(state)
    chosen = indices(growing.choose(40))
    assert chosen == indices(restored.choose(40))
    assert max(chosen) >= 40


# What every policy keeps to


@pytest.mark.parametrize("policy", POLICIES)
def test_what_waits_for_an_outcome_is_not_chosen_again_while_there_is_anything_else(
    policy: PolicyName,
) -> None:
    chooser = scheduler(table(30), policy)
    chosen = indices(chooser.choose(10)) + indices(chooser.choose(10)) + indices(chooser.choose(10))
    assert sorted(chosen) == list(range(30))
    assert len(chooser.choose(70)) == 70


class SomeRetired(NumberedTheorems):
    def retired(self) -> NDArray[np.int64]:
        return np.array([3, 7])


@pytest.mark.parametrize("policy", POLICIES)
def test_what_was_retired_before_the_run_is_never_chosen(policy: PolicyName) -> None:
    chooser = Scheduler(SomeRetired(table(10)), CurriculumConfig(policy=policy), samples=8, seed=0)
    chosen = Counter(index for _ in range(4) for index in indices(answered(chooser, 8)))
    assert sorted(chosen) == [0, 1, 2, 4, 5, 6, 8, 9]
    assert chooser.retired == [3, 7]
    assert not chooser.observe([]), "it is news to nobody"


def test_a_restored_scheduler_knows_what_was_retired_when_its_run_began() -> None:
    config = CurriculumConfig(policy="uniform")
    run = Scheduler(NumberedTheorems(table(10)), config, samples=8, seed=0)
    answered(run, 4)
    restored = Scheduler(SomeRetired(table(10)), config, samples=8, seed=0)
    restored.restore(json.loads(json.dumps(run.state())))
    assert indices(restored.choose(6)) == indices(run.choose(6))


@pytest.mark.parametrize("policy", POLICIES)
def test_a_group_without_a_known_verdict_changes_nothing_but_the_waiting(policy: PolicyName) -> None:
    chooser = scheduler(table(30), policy)
    answered(chooser, 20, dict.fromkeys(range(10), 0.5))
    unknown = chooser.choose(1)[0]
    name = f"t{unknown.index}"
    before = chooser.why(name)
    chooser.observe([Outcome(name, 0, 0, unknown.disprove)])
    after = chooser.why(name)
    assert (before.waiting, after.waiting) == (1, 0)
    same = {"waiting": 0, "of": 0, "rank": 0, "score": 0}
    assert after.model_copy(update=same) == before.model_copy(update=same)
    # The score of what was never tried comes from a table by log-odds.
    assert after.score == pytest.approx(before.score, rel=1e-2)


def test_an_outcome_that_nobody_waits_for_is_refused_and_nothing_is_learned() -> None:
    chooser = scheduler(table(10))
    chosen = chooser.choose(2)
    state = chooser.state()
    stranger = next(index for index in range(10) if index not in indices(chosen))
    for outcome in (Outcome(stranger, 1, 1), Outcome(10, 1, 1), Outcome(-1, 1, 1), Outcome("u", 1, 1)):
        with pytest.raises(InvalidInput):
            chooser.observe([Outcome(chosen[0].index, 4, 4), outcome])
    with pytest.raises(InvalidInput, match="not chosen so often"):
        chooser.observe([Outcome(chosen[0].index, 4, 4), Outcome(f"t{chosen[0].index}", 4, 4)])
    assert chooser.state() == state


def test_no_theorems_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no theorem"):
        scheduler(table(0))
    with pytest.raises(InvalidInput, match="no theorem"):
        ListedTheorems([])


def test_two_theorems_of_one_name_are_refused() -> None:
    twin = Theorem(name="t", statement="theorem t : 1 = 1", source="s", split="train")
    with pytest.raises(InvalidInput, match="`t`"):
        ListedTheorems([twin, twin])


def test_the_policies_that_can_be_named_are_those_there_are() -> None:
    assert get_args(PolicyName) == tuple(POLICIES)
    assert len({policy_kind(name).title for name in POLICIES}) == len(POLICIES)
    assert {f"easiest_{feature}" for feature in FEATURES} < set(POLICIES)
    with pytest.raises(InvalidInput, match=r"no curriculum policy `hardest`: .*informative"):
        policy_kind("hardest")


# Policies of others


@given(st.integers(1, 12), st.integers(1, 20))
@settings(deadline=None)
def test_uniform_takes_every_theorem_once_before_any_a_second_time(count: int, size: int) -> None:
    chooser = scheduler(table(count), "uniform")
    order = [choice.index for _ in range(6) for choice in answered(chooser, size)]
    rounds = [order[i : i + count] for i in range(0, len(order) - count + 1, count)]
    # Within a batch that is larger than what is left of a turn, the order of two turns may mix.
    counts = Counter(order)
    assert max(counts.values()) - min(counts.get(index, 0) for index in range(count)) <= 1
    assert size > 1 or all(len(set(each)) == count for each in rounds)


@pytest.mark.parametrize("name", FEATURES)
def test_easiest_first_goes_in_the_order_of_its_feature_and_begins_again(name: str) -> None:
    column = np.random.default_rng(0).permutation(30)
    chooser = scheduler(table(30, **{name: column}), f"easiest_{name}")  # type: ignore[arg-type]
    order = [choice.index for _ in range(6) for choice in answered(chooser, 10)]
    assert order == [*np.argsort(column), *np.argsort(column)]


def test_variance_prefers_what_is_neither_solved_nor_hopeless() -> None:
    chooser = scheduler(table(3), "variance")
    answered(chooser, 3, {0: 1.0, 1: 0.5})
    solved, half, failed = (chooser.why(f"t{index}").score for index in range(3))
    assert half > 2 * max(solved, failed) > 0
    assert solved == pytest.approx(failed)


def test_thompson_takes_what_is_proved_at_about_half_of_all_attempts() -> None:
    chooser = scheduler(table(60), "thompson", forgetting=1)
    rates = {index: 0.5 if index < 20 else 1.0 for index in range(40)}
    for _ in range(6):
        answered(chooser, 60, rates)
    assert np.mean([index < 20 for index in indices(chooser.choose(20))]) > 0.7


def test_the_matchmaker_weighs_as_alphaproof_does() -> None:
    chooser = scheduler(table(4), "matchmaker")
    weights = []
    for _ in range(13):
        answered(chooser, 4, {0: 1.0, 1: 0.5})
        weights.append([round(chooser.why(f"t{index}").score, 6) for index in range(4)])
    assert weights[6] == [1, 1, 1, 1]
    assert weights[7] == [1, 1, 0.1, 0.1]
    assert weights[11] == [0.001, 0.001, 0.1, 0.1]


def test_the_smallest_are_found_where_a_sample_of_all_is_misleading() -> None:
    keys = np.full(100_000, 5.0)
    keys[::64] = np.arange(len(keys[::64])) / 1e6
    keys[1::64] = 1.0
    found = smallest(keys, 2000)
    assert keys[found].tolist() == np.sort(keys)[:2000].tolist()


def test_draws_are_in_proportion_to_weights() -> None:
    rng = np.random.default_rng(0)
    weights = np.array([1, 2, 7], np.float32)
    firsts = Counter(int(np.argmin(draw_in_proportion(weights, rng))) for _ in range(4000))
    assert [firsts[index] / 4000 for index in range(3)] == pytest.approx([0.1, 0.2, 0.7], abs=0.03)


@given(st.integers(0, 2**16), st.sampled_from([10, 5000, 200_000]), st.integers(1, 300), st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_smallest_of_many_are_those_that_sorting_finds(
    seed: int, size: int, count: int, tied: bool
) -> None:
    rng = np.random.default_rng(seed)
    keys = (rng.integers(5, size=size) if tied else rng.standard_exponential(size) ** 4).astype(np.float32)
    keys[rng.random(size) < 0.3] = np.inf
    count = min(count, size)
    found = smallest(keys, count)
    assert len(set(found.tolist())) == count
    assert keys[found].tolist() == np.sort(keys)[:count].tolist()
