"""What is read from the text of a goal, and which goals are independent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from verifier.tactic_state import Goal, Hypothesis, TriedTactic, independent_groups

PRINTED = """
case succ.left
a b : Nat
p✝ : Prop
k : Nat := a + b
long :
  ∀ (n : Nat),
    n = n
ih : a ⊢ b
⊢ ∃ n,
    n = a"""


def test_a_goal_is_taken_apart_as_lean_prints_it() -> None:
    goal = Goal(text=PRINTED)
    assert goal.case == "succ.left"
    assert goal.target == "∃ n,\n    n = a"
    assert goal.hypotheses == (
        Hypothesis(("a", "b"), "Nat"),
        Hypothesis(("p✝",), "Prop"),
        Hypothesis(("k",), "Nat", "a + b"),
        Hypothesis(("long",), "∀ (n : Nat),\n    n = n"),
        Hypothesis(("ih",), "a ⊢ b"),
    )


def test_a_goal_without_hypotheses_or_case_has_none() -> None:
    goal = Goal(text="\n⊢ 1 = 1")
    assert (goal.case, goal.hypotheses, goal.target) == (None, (), "1 = 1")


def test_a_text_that_is_cut_is_no_error() -> None:
    assert Goal(text="a : Nat\nb : N").target == "a : Nat\nb : N"
    assert Goal(text="").hypotheses == ()


@given(st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=1), max_size=8))
def test_goals_stand_together_just_where_a_chain_of_shared_metavariables_joins_them(
    rests_on: list[frozenset[str]],
) -> None:
    goals = [Goal(text="⊢ True", rests_on=tuple(names)) for names in rests_on]
    groups = independent_groups(goals)
    assert sorted(number for group in groups for number in group) == list(range(len(goals)))
    joined = {number: {number} for number in range(len(goals))}
    for _ in goals:
        for a, names in enumerate(rests_on):
            for b, others in enumerate(rests_on):
                if names & others:
                    joined[a] |= joined[b]
    assert groups == sorted({tuple(sorted(members)) for members in joined.values()})


def test_a_tactic_has_goals_or_an_error() -> None:
    assert TriedTactic(goals=()).closes_all and not TriedTactic(error="no").closes_all
    for wrong in ({}, {"error": "no", "goals": ()}):
        with pytest.raises(ValidationError):
            TriedTactic.model_validate(wrong)
