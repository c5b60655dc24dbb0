"""Searches on a real Lean: what is found is judged as a text, budgets hold, a crash costs itself alone."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from prover.search.config import SearchConfig
from prover.search.orders import ORDERS
from prover.search.search import Outcome, search_proof
from prover.search.tactics import FixedTactics, Proposal, Proposals
from prover.theorem import Theorem
from verifier.errors import NoAnswer
from verifier.judging.pool import LeanPool
from verifier.lean.runtime import LeanRuntime
from verifier.tactic_state import Goal, TacticState, TriedTactic
from verifier.verdict import Status


def theorem(statement: str, header: str = "") -> Theorem:
    return Theorem(name="t", statement=statement, header=header, source="test", split="test")


class OnlyThese:
    """The same tactics for every goal."""

    def __init__(self, *tactics: str) -> None:
        self.tactics = tactics

    @property
    def fingerprint(self) -> dict[str, str]:
        return {"tactics": " ".join(self.tactics)}

    async def propose(self, goal: Goal, count: int, *, after: int = 0) -> Proposals:
        ranked = [Proposal(tactic, -float(rank)) for rank, tactic in enumerate(self.tactics)]
        return Proposals(tuple(ranked[after : after + count]), is_all=after + count >= len(ranked))


async def found_and_judged(pool: LeanPool, asked: Theorem, *tactics: str, **config: object) -> Outcome:
    policy = OnlyThese(*tactics) if tactics else FixedTactics()
    outcome = await search_proof(pool, policy, asked, SearchConfig.model_validate(config))
    if outcome.proof is not None:
        verdict = await pool.verify(asked.submission("a", outcome.proof))
        assert verdict.status is Status.PROVED, (outcome.proof, verdict.reason)
    return outcome


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("statement", "tactics"),
    [
        ("theorem t (p q r : Prop) (hp : p) (hq : q) (hr : r) : p ∧ (q ∧ r)", ("constructor", "assumption")),
        ("theorem t (p q : Prop) (hq : q) : p ∨ q", ("left", "right", "assumption")),
        ("theorem t (n : Nat) : 0 + n = n", ("induction n", "rfl", "simp_all")),
        ("theorem t : ∃ n : Nat, n = 3", ("refine ⟨?n, ?_⟩", "rfl", "exact 3")),
        ("theorem t (a b : Nat) (h : a = b) : b = a", ("symm", "exact h")),
    ],
)
async def test_what_is_found_goal_by_goal_is_proved_as_a_text(
    pool: LeanPool, statement: str, tactics: Sequence[str], order: str
) -> None:
    outcome = await found_and_judged(pool, theorem(statement), *tactics, order=order)
    assert outcome.proof is not None, outcome.reason


async def test_a_goal_that_is_left_twice_is_proved_once(pool: LeanPool) -> None:
    statement = "theorem t (p : Prop) (h : p) : (p ∧ p) ∧ (p ∧ p)"
    outcome = await found_and_judged(pool, theorem(statement), "constructor", "exact h")
    assert outcome.proof is not None and outcome.proof.count("exact h") == 4
    assert outcome.tree is not None and len(outcome.tree.nodes) == 3
    assert outcome.cost.tactics == 2 * 3 + 7, "three goals were tried, and the proof made once more"


async def test_what_cannot_be_proved_ends_and_says_so(pool: LeanPool) -> None:
    end = await found_and_judged(pool, theorem("theorem t (p q : Prop) : p ∧ q"), "constructor", "assumption")
    assert end.proof is None and end.reason == "nothing more can be tried"
    loops = await found_and_judged(pool, theorem("theorem t (a b : Nat) : a = b"), "symm")
    assert loops.proof is None and loops.tree is not None and loops.tree.loops == 1
    spent = await found_and_judged(
        pool, theorem("theorem t (a b : Nat) : a = b"), "have := Nat.zero_le a", "rfl", tactics=7
    )
    assert spent.reason == "the budget is spent" and spent.cost.tactics == 7
    nothing = await found_and_judged(pool, theorem("theorem t : nonsense"))
    assert nothing.proof is None and "nonsense" in nothing.reason


async def test_the_fixed_tactics_name_what_is_there(pool: LeanPool) -> None:
    # Of a list, since the blocks that find a natural number by its type need no name.
    statement = (
        "theorem t (f : List Nat → Nat) (h : ∀ x n, f (x :: n) = f n + 2) (h0 : f [] = 1) (n : List Nat) : "
        "f n = 2 * n.length + 1"
    )
    outcome = await found_and_judged(pool, theorem(statement))
    assert outcome.proof is not None and "induction n" in outcome.proof


class Fragile:
    """Takes its worker down where a tactic says so."""

    def __init__(self, pool: LeanPool) -> None:
        self.pool = pool

    async def tactics(self, statement: str, tactics: Sequence[str] = (), **rest: Any) -> TacticState:
        if "crash" in tactics:
            raise NoAnswer(Status.CRASHED, "the worker ended")
        return await self.pool.tactics(statement, tactics, **rest)


async def test_a_tactic_that_takes_a_worker_down_costs_itself_alone(pool: LeanPool) -> None:
    policy = OnlyThese("crash", "constructor", "assumption")
    asked = theorem("theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q")
    outcome = await search_proof(Fragile(pool), policy, asked, SearchConfig())
    assert outcome.proof == "by\n  constructor\n  · assumption\n  · assumption"
    assert outcome.cost.lost == 2 * 3
    spent = await search_proof(Fragile(pool), policy, asked, SearchConfig(tactics=4))
    assert spent.proof is None and spent.cost.tactics <= 4, "a batch that is lost counts once"


async def test_what_was_passed_over_is_tried_once_it_is_wanted_again(pool: LeanPool) -> None:
    """The first way leaves a goal that is hopeless beside one that another way needs."""
    asked = theorem("theorem t (p q r : Prop) (hp : p) (h : p → r) : r")
    policy = OnlyThese("apply (fun (x : False) (y : p) => x.elim : False → p → r)", "apply h", "exact hp")
    outcome = await search_proof(pool, policy, asked, SearchConfig())
    assert outcome.proof is not None, outcome.reason


async def test_a_budget_that_ends_between_two_goals_ends_the_search(pool: LeanPool) -> None:
    asked = theorem("theorem t : ∃ n : Nat, n * n = 50")
    for tactics in (9, 10, 11):
        outcome = await search_proof(pool, FixedTactics(), asked, SearchConfig(tactics=tactics, width=5))
        assert outcome.proof is None and outcome.cost.tactics <= tactics


class Forgetful(Fragile):
    """Takes no step a second time, as a text may refuse what single steps did."""

    async def tactics(self, statement: str, tactics: Sequence[str] = (), **rest: Any) -> TacticState:
        state = await super().tactics(statement, tactics, **rest)
        if len(tactics) == 1:
            return state.model_copy(update={"tried": (TriedTactic(error="not again"),)})
        return state


async def test_what_cannot_be_made_again_is_no_proof(pool: LeanPool) -> None:
    asked = theorem("theorem t (p : Prop) (hp : p) : p")
    outcome = await search_proof(Forgetful(pool), OnlyThese("assumption", "rfl"), asked, SearchConfig())
    assert outcome.proof is None and "made again" in outcome.reason
    assert outcome.cost.unmade == 1


class Moody(Fragile):
    """Does not take `assumption` a second time."""

    async def tactics(self, statement: str, tactics: Sequence[str] = (), **rest: Any) -> TacticState:
        state = await super().tactics(statement, tactics, **rest)
        if list(tactics) == ["assumption"]:
            return state.model_copy(update={"tried": (TriedTactic(error="not again"),)})
        return state


@pytest.mark.parametrize("order", ORDERS)
async def test_a_search_goes_on_without_a_step_that_cannot_be_made_again(pool: LeanPool, order: str) -> None:
    asked = theorem("theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q")
    policy = OnlyThese("constructor", "assumption", "exact hp", "exact hq")
    config = SearchConfig.model_validate({"order": order, "batch": 2})
    outcome = await search_proof(Moody(pool), policy, asked, config)
    assert outcome.proof is not None and "assumption" not in outcome.proof
    assert outcome.cost.unmade >= 1


async def test_searches_at_once_do_not_disturb_each_other(pool: LeanPool) -> None:
    asked = [theorem(f"theorem t (a b : Nat) (h : a = b + {i}) : a - {i} = b ∧ True") for i in range(4)]
    outcomes = await asyncio.gather(
        *(
            search_proof(pool, OnlyThese("constructor", "omega", "trivial"), each, SearchConfig())
            for each in asked
        )
    )
    assert [outcome.proof is not None for outcome in outcomes] == [True] * 4


@pytest.mark.e2e
def test_a_search_is_measured_like_every_prover(tmp_path: Path, lean_runtime: LeanRuntime) -> None:
    data = tmp_path / "theorems.jsonl"
    statements = {"split": "(p q : Prop) (hp : p) (hq : q) : p ∧ q ∧ p", "false": "(p q : Prop) : p ∧ q"}
    rows = [
        {"name": name, "split": "test", "formal_statement": f"theorem {name} {rest} := by", "header": ""}
        for name, rest in statements.items()
    ]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "trainer.cli", "eval", str(data), "--out", str(tmp_path / more[1])]
        command += ["--strategy", "search", *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    refused = run("--samples", "2")
    assert refused.returncode == 2 and "--samples 1" in refused.stderr
    ran = run("--samples", "1", "--search-tactics", "100")
    assert ran.returncode == 0, ran.stderr
    summary = json.loads((tmp_path / "1" / "summary.json").read_text())
    assert summary["solved"] == 1 and summary["n"] == 2
    assert summary["fingerprint"]["strategy"] == "search"
    rows = [json.loads(line) for line in (tmp_path / "1" / "attempts.jsonl").read_text().splitlines()]
    reasons = {row["name"]: row["reason"] for row in rows}
    assert "no proof after" in reasons["false"]
