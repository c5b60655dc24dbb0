"""The policy of this project, and the regression it rests on."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.library.features import FEATURES, FeatureTable
from tests.support.scheduling import ONLY_DISPROOFS, answered, indices, scheduler, table
from trainer.curriculum.config import CurriculumConfig
from trainer.curriculum.policies.informative import NEWS, Informative
from trainer.curriculum.posterior import Posteriors, all_proved, informative
from trainer.curriculum.scheduler import Disproved, Outcome
from trainer.curriculum.solve_rates import SolveRates
from verifier.errors import InvalidInput

# The regression


def fitted(features: FeatureTable, groups: list[tuple[int, float]]) -> SolveRates:
    rates = SolveRates(features, len(features))
    rates.observe(groups)
    return rates


def test_the_regression_finds_which_features_matter_and_in_which_direction() -> None:
    features = table(800, families=2)
    rng = np.random.default_rng(1)
    length, depth = (np.log(features.column(name) + 1) for name in ("proof_length", "dependency_depth"))
    logit = -3 * (length - length.mean()) + 1.5 * (depth - depth.mean()) - 2 * features.family + 1
    rates = 1 / (1 + np.exp(-logit))
    tried = [int(index) for index in rng.permutation(800)[:400]]
    found = fitted(features, [(index, rng.binomial(8, rates[index]) / 8) for index in tried])
    worth = dict(zip(FEATURES, found._weights, strict=True))
    assert worth["proof_length"] < -1 and worth["dependency_depth"] > 0.4
    assert abs(worth["quantifiers"]) < 0.3
    assert np.corrcoef(found.logits(), logit)[0, 1] > 0.95
    assert sum(found.terms(5).values()) == pytest.approx(float(found.logits()[5]), abs=1e-4)


@given(st.lists(st.tuples(st.integers(0, 29), st.sampled_from([0, 0.25, 1])), max_size=60))
@settings(deadline=None)
def test_the_regression_is_the_maximum_of_its_posterior(groups: list[tuple[int, float]]) -> None:
    features = table(30)
    rates = fitted(features, groups)
    indices_N = np.array([index for index, _ in groups], np.int64)
    p_N = 1 / (1 + np.exp(-rates.logits()[indices_N].astype(float)))
    recency_N = 0.5 ** (np.arange(len(groups))[::-1] / 1000)
    error_N = recency_N * (np.array([rate for _, rate in groups]) - p_N)
    by_family = np.bincount(features.family[indices_N], error_N, 3) - rates._offsets / 4
    by_weight = rates._scores[:, indices_N] @ error_N - rates._weights
    assert np.abs([*by_family, *by_weight, error_N.sum() - rates._constant / 9]).max() < 1e-3


def test_the_regression_forgets_what_is_older_than_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.curriculum.solve_rates.WINDOW", 4)
    groups = [(index, index % 3 / 2) for index in range(9)]
    whole, last = fitted(table(30), groups), fitted(table(30), groups[-4:])
    assert whole.state() == last.state()
    assert whole.terms(3) == last.terms(3)


def test_a_feature_that_all_theorems_share_says_nothing() -> None:
    rates = fitted(table(30, dependency_depth=[7] * 30), [(index, index % 2) for index in range(30)])
    assert rates._scores[0].tolist() == [0] * 30


# The policy of this project


def test_theorems_like_those_that_were_proved_are_chosen_and_those_like_hopeless_ones_are_not() -> None:
    family = np.repeat([0, 1, 2], 100)
    chooser = scheduler(table(300, family=family), uniform_share=0)
    rates = dict.fromkeys(range(100), 0.5)
    for _ in range(4):
        answered(chooser, 20, rates)
    chosen = Counter(int(family[index]) for _ in range(2) for index in indices(answered(chooser, 20, rates)))
    assert chosen[0] >= 32


def test_a_theorem_that_failed_comes_back_when_others_like_it_are_proved() -> None:
    family = np.repeat([0, 1], 50)
    chooser = scheduler(table(100, family=family, families=2), disproofs=0, uniform_share=0)
    answered(chooser, 100)
    before = [chooser.why(name).score for name in ("t0", "t99")]
    chosen = chooser.choose(100)
    others = [each for each in chosen if each.index not in (0, 99)]
    chooser.observe([Outcome(each.index, 8 if each.index < 50 else 0, 4) for each in others])
    after = [chooser.why(name).score for name in ("t0", "t99")]
    assert before[0] == pytest.approx(before[1], rel=0.5)
    assert after[0] > 20 * max(before[0], after[1])


def test_a_share_of_groups_goes_to_what_was_chosen_least_often() -> None:
    family = np.repeat([0, 1], 200)
    chooser = scheduler(table(400, family=family, families=2), uniform_share=0.25)
    rates = dict.fromkeys(range(200), 0.5)
    for _ in range(10):
        answered(chooser, 20, rates)
    hopeless = sum(index >= 200 for _ in range(10) for index in indices(answered(chooser, 20, rates)))
    assert 15 <= hopeless <= 60


def test_solved_theorems_are_replayed_in_small_groups_though_nothing_is_to_be_learned_from_them() -> None:
    chooser = scheduler(table(2000), replay_share=0.1)
    rates = dict.fromkeys(range(2000), 1.0)
    replayed = 0
    for _ in range(20):
        solved = set(chooser.proved)
        again = [each for each in answered(chooser, 40, rates) if each.index in solved]
        assert all(each.samples == 4 for each in again)
        replayed += len(again)
    assert 50 <= replayed <= 130


def test_a_budget_grows_with_failures_up_to_its_cap_and_a_proof_ends_that() -> None:
    chooser = scheduler(table(1), disproofs=0, replay_share=0, budget_growth=1.5, budget_cap=4)
    sizes = [answered(chooser, 1)[0].samples for _ in range(7)]
    assert sizes == [8, 12, 18, 27, 32, 32, 32]
    answered(chooser, 1, {0: 1.0})
    assert answered(chooser, 1)[0].samples == 8


def test_the_negation_is_tried_after_so_many_failures_and_only_so_often() -> None:
    chooser = scheduler(table(1), disprove_after=2, disproofs=2, **ONLY_DISPROOFS)
    tried = [answered(chooser, 1)[0].disprove for _ in range(9)]
    assert tried == [False, False, True, False, False, True, False, False, False]


def test_what_was_ever_proved_is_not_disproved() -> None:
    chooser = scheduler(table(1), **ONLY_DISPROOFS)
    answered(chooser, 1, {0: 1.0})
    assert not any(answered(chooser, 1)[0].disprove for _ in range(5))


def test_negations_are_tried_first_of_theorems_whose_likes_are_proved() -> None:
    family = np.repeat([0, 1], 100)
    chooser = scheduler(table(200, family=family, families=2), disproof_share=0.1)
    rates = dict.fromkeys(range(3, 100), 0.5)
    choices = [each for _ in range(12) for each in answered(chooser, 40, rates)]
    doubted = [each.index for each in choices if each.disprove]
    assert {0, 1, 2} <= set(doubted)
    assert all(each.samples == 4 for each in choices if each.disprove)
    assert 24 <= len(doubted) <= 72


def test_a_false_statement_among_two_hundred_is_disproved_reported_and_never_chosen_again() -> None:
    rng = np.random.default_rng(0)
    family = np.repeat([0, 1, 2], [80, 80, 40])
    chooser = scheduler(table(200, family=family))
    news: list[Disproved] = []
    chosen_after = 0
    for _ in range(40):
        outcomes = []
        for choice in chooser.choose(32):
            chosen_after += bool(news) and choice.index == 77
            true = choice.index != 77
            rate = [0.5, 0.2, 0][family[choice.index]] if true != choice.disprove else 0
            proved = int(rng.binomial(choice.samples, rate))
            outcomes.append(Outcome(choice.index, proved, choice.samples - proved, choice.disprove))
        news += chooser.observe(outcomes)
    assert [(each.theorem.name, each.contradiction) for each in news] == [("t77", False)]
    assert chooser.retired == [77] and not chosen_after
    why = chooser.why("t77")
    assert why.retired and any(group.disproof and group.proved for group in why.history)


def test_a_theorem_that_is_proved_and_disproved_is_reported_as_a_contradiction() -> None:
    chooser = scheduler(table(1))
    chooser.choose(2)
    news = chooser.observe([Outcome(0, 1, 0), Outcome(0, 1, 0, disproof=True)])
    assert [each.contradiction for each in news] == [True]


def test_when_all_is_disproved_there_is_nothing_to_choose() -> None:
    chooser = scheduler(table(2))
    chooser.observe([Outcome(each.index, 1, 0, disproof=True) for each in chooser.choose(2)])
    with pytest.raises(InvalidInput, match="disproved"):
        chooser.choose(1)


def test_the_terms_of_an_explanation_make_up_the_score() -> None:
    chooser = scheduler(table(40))
    for _ in range(3):
        answered(chooser, 20, dict.fromkeys(range(0, 40, 2), 0.25))
    for index in range(40):
        why = chooser.why(f"t{index}")
        a, b = np.array(why.posterior, np.float32)
        terms = why.terms
        rate = 1 / (1 + np.exp(-sum(value for name, value in terms.items() if name.startswith("log-odds"))))
        assert rate == pytest.approx(terms["promised rate"], rel=1e-4)
        samples = round(8 / terms["usual samples over G"])
        both = float(informative(a, b, samples))
        assert both == pytest.approx(terms["P(informative)"], rel=1e-4)
        worth = 0.25 * both if why.proofs else both + NEWS * float(all_proved(a, b, samples))
        expected = worth * terms["usual samples over G"] * terms["balance of families"]
        # Scores of untried theorems come from a table by log-odds.
        assert why.score == pytest.approx(expected, rel=1e-2)
        assert why.rank == 1 + sum(chooser.why(f"t{other}").score > why.score for other in range(40))


def test_families_that_are_tried_more_than_their_share_count_less() -> None:
    features = table(90, family=np.repeat([0, 1, 2], 30))
    posteriors = Posteriors(90, forgetting=0.7)
    policy = Informative(CurriculumConfig(), posteriors, features, 8)
    groups = [(index, 4, 4) for index in (*range(9), 30, 60)]
    posteriors.choose((index, False) for index, *_ in groups)
    policy.observe(groups, np.array([index for index, *_ in groups]))
    balance = [policy.standing(index, posteriors.free).terms["balance of families"] for index in (0, 30, 60)]
    assert balance[0] < 1 < balance[1] == balance[2]
