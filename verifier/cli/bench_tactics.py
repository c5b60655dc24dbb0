"""What a search gains by trying tactics on states, over having each judged as a file from the start.

Each proof has four or more tactics behind it and something left to do.  The same tactics are tried there in
both ways by a pool of one worker, in turns: all of them on the state in one request, and each as a file, the
proof so far with the tactic at its end.  None of them ends the proof, so nothing is audited.
"""

import asyncio
import time
from collections.abc import Sequence
from statistics import median

from verifier.errors import WorkerDied
from verifier.judging.pool import LeanPool
from verifier.proof_text import MadeStep, proof_text
from verifier.tactic_state import TacticStep
from verifier.verdict import Status, Submission

__all__ = ["BEGUN", "TRIED", "tactic_rates"]

BEGUN: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "theorem t (a b c d : Nat) (h₁ : a < b) (h₂ : b < c) (h₃ : c < d) : "
        "a + 3 ≤ d ∧ a < c ∧ b * a + 1 ≤ d * c",
        ("constructor", "omega", "constructor", "omega"),
    ),
    (
        "theorem t (f : Nat → Nat) (h : ∀ n, f (n + 1) = f n + 2) (h0 : f 0 = 1) (n : Nat) : "
        "f (n + 4) = f n + 8 ∧ f n = 2 * n + 1",
        ("constructor", "simp [h]", "induction n with\n| zero => ?_\n| succ n ih => ?_", "simp [h0]"),
    ),
    (
        "theorem t (p q r s : Prop) : (p → q) → (q → r) → (r → s) → p → q ∧ r ∧ s ∧ (s ∨ ¬p)",
        ("intro a b c d", "constructor", "exact a d", "constructor", "exact b (a d)"),
    ),
    (
        "theorem t (xs ys : List Nat) : "
        "(xs ++ ys).length = ys.length + xs.length ∧ (xs ++ ys).sum = ys.sum + xs.sum",
        ("constructor", "simp", "omega", "induction xs with\n| nil => ?_\n| cons x xs ih => ?_", "simp"),
    ),
)
"""Statements, and the tactics on them that lead to where others are tried."""
TRIED = (
    "rfl",
    "left",
    "exfalso",
    "contradiction",
    "intro x",
    "simp only [Nat.add_zero]",
    "rw [Nat.mul_comm]",
    "rw [Nat.add_comm]",
    "exact Nat.le_refl _",
    "apply Nat.le_of_lt",
    "have z := Nat.zero_le 3",
    "have z : 1 + 1 = 2 := by decide",
    "show 1 = 2",
    "subst_vars",
    "apply And.intro",
    "exact absurd rfl id",
)
"""None of these ends a proof of `BEGUN`."""
ROUNDS = 5


async def tactic_rates(pool: LeanPool, rounds: int = ROUNDS) -> tuple[float, float]:
    """Tactics per second, on states and as files; medians of some rounds after one that does not count.

    Args:
        pool: of one worker.

    Raises:
        WorkerDied: something was answered that no healthy worker answers.
    """
    begun = [(statement, await _made(pool, statement, tactics)) for statement, tactics in BEGUN]
    found = [(await _on_states(pool, begun), await _as_files(pool, begun)) for _ in range(1 + rounds)]
    on_states, as_files = (median(rates) for rates in zip(*found[1:], strict=True))
    return on_states, as_files


Begun = Sequence[tuple[str, Sequence[MadeStep]]]


async def _made(pool: LeanPool, statement: str, tactics: Sequence[str]) -> list[MadeStep]:
    """The steps of a proof that has begun."""
    made: list[MadeStep] = []
    for tactic in tactics:
        state = await pool.tactics(statement, [tactic], path=tuple(step.step for step in made))
        after = state.tried[0].goals if state.tried else None
        if not after:
            why = state.tried[0].error if state.tried else state.error
            raise WorkerDied(f"`{tactic}` does not lead on in {statement}: {why}")
        made.append(MadeStep(TacticStep(tactic=tactic), state.goals, after))
    return made


async def _on_states(pool: LeanPool, begun: Begun) -> float:
    began = time.monotonic()
    for statement, made in begun:
        state = await pool.tactics(statement, TRIED, path=tuple(step.step for step in made))
        if len(state.tried) < len(TRIED) or any(tried.closes_all for tried in state.tried):
            raise WorkerDied(f"the tactics on {statement} were not all tried: {state.error}")
    return len(begun) * len(TRIED) / (time.monotonic() - began)


async def _as_files(pool: LeanPool, begun: Begun) -> float:
    files = [
        Submission(id=f"{number}/{tactic}", statement=statement, proof=_with(made, tactic))
        for number, (statement, made) in enumerate(begun)
        for tactic in TRIED
    ]
    began = time.monotonic()
    verdicts = await asyncio.gather(*(pool.verify(file) for file in files))
    elapsed = time.monotonic() - began
    for file, verdict in zip(files, verdicts, strict=True):
        if verdict.status is not Status.REJECTED:
            raise WorkerDied(f"the verdict on {file.proof} is {verdict.status}: {verdict.reason}")
    return len(files) / elapsed


def _with(made: Sequence[MadeStep], tactic: str) -> str:
    """The proof so far and a tactic after it, on the first goal that is left."""
    return proof_text([*made, MadeStep(TacticStep(tactic=tactic), made[-1].after, ())])
