"""Proofs tactic by tactic on a real Lean: each test is a trap that some system fell into."""

import asyncio
import os
import signal

import pytest

from verifier.judging.pool import LeanPool
from verifier.options import Options
from verifier.tactic_state import TacticState, TacticStep, TriedTactic, independent_groups
from verifier.verdict import Status, Submission

AND = "theorem t (a b : Nat) (p q : Prop) (hp : p) (hq : q) : a + b = b + a ∧ p ∧ q"
EXISTS = "theorem t : ∃ n : Nat, n * n = 49"
LIST = "theorem t (n : Nat) : 0 + n = n"


async def tried(pool: LeanPool, statement: str, *path: str, tactic: str, goal: int = 0) -> TriedTactic:
    """What came of a tactic after some steps on first goals."""
    state = await pool.tactics(
        statement, [tactic], path=[TacticStep(tactic=each) for each in path], goal=goal
    )
    assert state.error is None
    return state.tried[0]


def targets(made: TriedTactic | TacticState) -> list[str]:
    assert made.goals is not None
    return [goal.target for goal in made.goals]


async def test_a_proof_goes_on_goal_by_goal_until_none_is_left(pool: LeanPool) -> None:
    start = await pool.tactics(AND)
    assert targets(start) == ["a + b = b + a ∧ p ∧ q"] and start.name == "t"
    assert [hypothesis.names for hypothesis in start.goals[0].hypotheses] == [
        ("a", "b"),
        ("p", "q"),
        ("hp",),
        ("hq",),
    ]
    split = await tried(pool, AND, tactic="constructor")
    assert targets(split) == ["a + b = b + a", "p ∧ q"]
    assert targets(await tried(pool, AND, "constructor", tactic="omega")) == ["p ∧ q"]
    assert (await tried(pool, AND, "constructor", "omega", tactic="exact ⟨hp, hq⟩")).closes_all
    other = await tried(pool, AND, "constructor", tactic="exact ⟨hp, hq⟩", goal=1)
    assert targets(other) == ["a + b = b + a"]


async def test_many_tactics_are_tried_on_one_state_and_none_changes_it_for_the_others(pool: LeanPool) -> None:
    tactics = ["constructor", "omega", "no such", "exact ⟨by omega, hp, hq⟩", "constructor"]
    state = await pool.tactics(AND, tactics)
    assert [each.error is None for each in state.tried] == [True, False, False, True, True]
    assert state.tried[0].goals == state.tried[4].goals
    assert state.tried[3].closes_all and state.tried[3].heartbeats > 0
    assert "omega could not prove the goal" in str(state.tried[1].error)


@pytest.mark.parametrize(
    ("statement", "tactic", "said"),
    [
        (AND, "sorry", "leaves a `sorry`"),
        (AND, "exact sorry", "leaves a `sorry`"),
        (AND, "constructor <;> sorry", "leaves a `sorry`"),
        ("theorem t (P : Nat → Prop) : P 0", "exact?", ""),
        (EXISTS, "refine Exists.intro _ ?_", "placeholder"),
        (EXISTS, "exact ⟨_, rfl⟩", ""),
        (AND, "exact t a b p q hp hq", "uses the theorem"),
        (AND, "constructor; omega", "expected end of input"),
        (AND, "skip\nomega", ""),
        (LIST, "induction n with\n| zero => rfl\n| succ n ih => exact nonsense", "nonsense"),
        (LIST, "repeat skip", "recursion"),
        ("theorem t : True ∧ True ∧ True ∧ True", "iterate 80 refine ⟨?_, ?_⟩", ""),
    ],
)
async def test_what_proves_nothing_is_an_error(
    pool: LeanPool, statement: str, tactic: str, said: str
) -> None:
    made = await tried(pool, statement, tactic=tactic)
    assert made.error is not None and said in made.error, made


async def test_goals_that_share_a_metavariable_stand_together_and_others_do_not(pool: LeanPool) -> None:
    apart = await tried(pool, AND, tactic="refine ⟨?_, ?_, ?_⟩")
    assert apart.goals and independent_groups(apart.goals) == [(0,), (1,), (2,)]
    shared = await tried(pool, EXISTS, tactic="refine ⟨?n, ?_⟩")
    assert shared.goals and independent_groups(shared.goals) == [(0, 1)]
    # Behind a metavariable whose assignment waits for that of another.
    behind = await tried(pool, "theorem t : ∃ f : Nat → Nat, f 0 = 1", tactic="refine ⟨fun x => ?a, ?b⟩")
    assert behind.goals and independent_groups(behind.goals) == [(0, 1)]


async def test_goals_that_are_printed_alike_and_differ_are_told_apart(pool: LeanPool) -> None:
    alike = await tried(pool, "theorem t : (1 + 1 = 2) ∧ ((1 + 1 : Int) = 2)", tactic="constructor")
    assert alike.goals
    one, other = alike.goals
    assert one.target == other.target and one.hash != other.hash
    same = await tried(pool, "theorem t (a b : Nat) : a = a ∧ a = a", tactic="constructor")
    assert same.goals and same.goals[0].hash == same.goals[1].hash


async def test_a_tactic_may_close_another_goal_with_its_own(pool: LeanPool) -> None:
    made = await tried(pool, EXISTS, "apply Exists.intro", tactic="exact (rfl : 7 * 7 = 49)")
    assert made.closes_all, "the number was found on the way"


async def test_a_goal_that_is_not_there_and_a_statement_that_says_nothing_are_said(pool: LeanPool) -> None:
    assert "no goal 3" in str((await tried(pool, LIST, tactic="rfl", goal=3)).error)
    nothing = await pool.tactics("theorem t : nonsense", ["rfl"])
    assert nothing.error is not None and not nothing.tried
    lost = await pool.tactics(LIST, ["rfl"], path=[TacticStep(tactic="omega"), TacticStep(tactic="rfl")])
    assert lost.error == "there is no goal 0"


async def test_the_header_counts_for_tactics_too(pool: LeanPool) -> None:
    header = (
        "open Nat in\ndef double (n : Nat) : Nat := n + n\nnamespace Own\ntheorem two : double 1 = 2 := rfl"
    )
    state = await pool.tactics("theorem t : double 1 = 2", ["exact two", "unfold double"], header=header)
    assert state.name == "Own.t"
    assert state.tried[0].closes_all and state.tried[1].error is None


async def test_each_tactic_has_a_budget_of_its_own(pool: LeanPool) -> None:
    hard = "theorem t (a b c d : Nat) (h : a * b = c * d) (g : a ≤ b) : (a + b) * (c + d) = (d + c) * (b + a)"
    tactics = ["simp_arith [Nat.mul_comm, Nat.add_mul, Nat.mul_add] at *", "rw [Nat.mul_comm]"]
    state = await pool.tactics(hard, tactics, options=Options(heartbeats=20))
    assert [each.error is None for each in state.tried] == [False, True]


async def test_a_worker_that_is_killed_costs_time_alone(pool: LeanPool) -> None:
    path = [TacticStep(tactic="constructor"), TacticStep(tactic="constructor", goal=1)]
    before = await pool.tactics(AND, ["omega"], path=path)
    (pid,) = pool.worker_pids
    os.kill(pid, signal.SIGKILL)
    again = await pool.tactics(AND, ["omega"], path=path)
    assert [goal.text for goal in again.goals] == [goal.text for goal in before.goals]
    assert targets(again.tried[0]) == targets(before.tried[0]) == ["p", "q"]


async def test_a_state_is_not_kept_beyond_its_header_and_many_states_do_not_fill_the_memory(
    pool: LeanPool,
) -> None:
    statement = "theorem t (a b : Nat) : a + b = b + a"
    for number in range(80):
        state = await pool.tactics(statement, [f"have h{number} : {number} = {number} := rfl"])
        assert state.tried[0].error is None
    for start in range(8):
        path = [
            TacticStep(tactic=f"have h{number} : {number} = {number} := rfl")
            for number in range(start, 80, 8)
        ]
        state = await pool.tactics(statement, ["omega"], path=path)
        assert state.tried[0].closes_all


async def test_what_search_finds_is_judged_as_text(pool: LeanPool) -> None:
    found = await tried(pool, AND, "constructor", "omega", tactic="exact ⟨hp, hq⟩")
    assert found.closes_all
    proof = "by\n  constructor\n  omega\n  exact ⟨hp, hq⟩"
    verdict, state = await asyncio.gather(
        pool.verify(Submission(id="a", statement=AND, proof=proof)), pool.tactics(AND)
    )
    assert verdict.status is Status.PROVED and len(state.goals) == 1
