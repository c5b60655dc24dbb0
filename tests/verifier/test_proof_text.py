"""The text of a proof that was found step by step is the proof that the steps made."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.proof_text import MadeStep, proof_text
from verifier.tactic_state import Goal, TacticStep
from verifier.verdict import Status, Submission

trees = st.recursive(st.just(()), lambda below: st.lists(below, max_size=3).map(tuple), max_leaves=12)
"""Of each goal, the goals that its tactic leaves."""


def goal(name: str) -> Goal:
    return Goal(text=f"⊢ {name}", rests_on=(name,))


def played(tree: tuple, seed: int) -> list[MadeStep]:  # type: ignore[type-arg]
    """Steps that prove a goal and all that it leaves, in some order."""
    rng = random.Random(seed)
    left, goals, steps = {"g": tree}, ["g"], []
    while goals:
        number = rng.randrange(len(goals))
        name = goals[number]
        new = {f"{name}.{place}": below for place, below in enumerate(left.pop(name))}
        left |= new
        after = [*goals[:number], *new, *goals[number + 1 :]]
        step = TacticStep(tactic=f"prove {name}", goal=number)
        steps.append(MadeStep(step, tuple(map(goal, goals)), tuple(map(goal, after))))
        goals = after
    return steps


@given(trees, st.integers(0, 9), st.integers(0, 9))
def test_independent_goals_stand_in_leans_order_whatever_the_order_of_the_steps(
    tree: tuple,  # type: ignore[type-arg]
    one: int,
    other: int,
) -> None:
    text = proof_text(played(tree, one))
    assert text == proof_text(played(tree, other))
    names = [line.strip("· ").removeprefix("prove ") for line in text.splitlines()[1:]]
    assert sorted(names) == sorted(each.step.tactic.removeprefix("prove ") for each in played(tree, one))
    assert names == sorted(names, key=lambda name: [int(part) for part in name.split(".")[1:]])


def test_a_tactic_of_several_lines_is_indented_and_what_is_left_stays_left() -> None:
    split = MadeStep(TacticStep(tactic="constructor"), (goal("g"),), (goal("a"), goal("b")))
    long = MadeStep(TacticStep(tactic="cases n with\n| zero => rfl", goal=1), split.after, (goal("a"),))
    assert proof_text([split, long]) == "by\n  constructor\n  · skip\n  · cases n with\n    | zero => rfl"


def test_steps_that_do_not_follow_on_each_other_are_refused() -> None:
    split = MadeStep(TacticStep(tactic="constructor"), (goal("g"),), (goal("a"), goal("b")))
    for wrong in ([], [split, split], [MadeStep(TacticStep(tactic="x", goal=3), (goal("g"),), ())]):
        with pytest.raises(InvalidInput):
            proof_text(wrong)
    with pytest.raises(InvalidInput, match="names"):
        proof_text([MadeStep(TacticStep(tactic="rfl"), (Goal(text="⊢ 1 = 1"),), ())])


AND = "theorem t (a b : Nat) (p q : Prop) (hp : p) (hq : q) : a + b = b + a ∧ p ∧ q"
TWO = "theorem t : (∃ n : Nat, n * n = 49) ∧ (∃ m : Nat, m = 3)"
INDUCTION = "theorem t (n : Nat) : 0 + n = n"


@pytest.mark.parametrize(
    ("statement", "steps", "line"),
    [
        (AND, "0 constructor/1 constructor/2 exact hq/1 exact hp/0 omega", "· constructor"),
        (AND, "0 refine ⟨?_, ?_, ?_⟩/1 exact hp/1 exact hq/0 omega", "· exact hp"),
        (AND, "0 exact ⟨by omega, hp, hq⟩", "exact ⟨by omega, hp, hq⟩"),
        ("theorem t : ∃ n : Nat, n * n = 49", "0 refine ⟨?n, ?_⟩/1 exact (rfl : 7 * 7 = 49)", "rotate_left"),
        ("theorem t : ∃ n : Nat, n * n = 49", "0 apply Exists.intro/1 exact 7/0 rfl", "rotate_left"),
        (
            TWO,
            "0 constructor/1 refine ⟨?m, ?_⟩/0 refine ⟨?n, ?_⟩/3 exact (rfl : 3 = 3)/1 exact (rfl : 7*7=49)",
            "· refine ⟨?n, ?_⟩",
        ),
        (INDUCTION, "0 induction n/1 rename_i n ih/1 omega/0 rfl", "· rename_i n ih"),
        (INDUCTION, "0 induction n/1 next n ih => omega/0 rfl", "· next n ih => omega"),
        (INDUCTION, "0 induction n with\n| zero => rfl\n| succ n ih => omega", "| zero => rfl"),
        (INDUCTION, "0 have h : n = n := rfl/0 show 0 + n = n/0 simp", "show 0 + n = n"),
    ],
)
async def test_what_was_proved_step_by_step_is_proved_as_a_text(
    pool: LeanPool, statement: str, steps: str, line: str
) -> None:
    made: list[MadeStep] = []
    goals = (await pool.tactics(statement)).goals
    for each in steps.split("/"):
        number, _, tactic = each.partition(" ")
        step = TacticStep(tactic=tactic, goal=int(number))
        state = await pool.tactics(statement, [tactic], path=[before.step for before in made], goal=step.goal)
        after = state.tried[0].goals
        assert after is not None, state.tried[0].error
        made.append(MadeStep(step, goals, after))
        goals = after
    assert not goals
    proof = proof_text(made)
    assert line in [part.strip() for part in proof.splitlines()]
    verdict = await pool.verify(Submission(id="a", statement=statement, proof=proof))
    assert verdict.status is Status.PROVED, (proof, verdict.reason)
