"""What a proof teaches a policy of tactics: goals and the tactics on them, cases left open by name."""

import pytest

from prover.families.sampling import generate
from prover.search.examples import opening_of, tactic_pairs
from prover.theorem import Theorem
from verifier.judging.pool import LeanPool
from verifier.options import Options
from verifier.proof_text import MadeStep, proof_text
from verifier.tactic_state import TacticStep
from verifier.verdict import Status, Tactic

INDUCTION = "induction n generalizing a with\n| zero =>\n  simp\n  omega\n| succ n ih => have := ih 1; omega"
OPENED = "induction n generalizing a with\n| zero => ?_\n| succ n ih => ?_"


@pytest.mark.parametrize(
    ("tactic", "opening"),
    [
        (INDUCTION, OPENED),
        (
            "cases h with\n  | inl a => exact a\n  | inr b => omega",
            "cases h with\n  | inl a => ?_\n  | inr b => ?_",
        ),
        ("induction n <;> simp", None),
        ("induction n with | zero => rfl | succ n ih => omega", None),
        ("induction n with\n| zero | succ => rfl", None),
        ("induction n with\n| zero => rfl\nomega", None),
        ("rcases h with h | h", None),
        ("omega", None),
    ],
)
def test_cases_by_name_are_left_open(tactic: str, opening: str | None) -> None:
    assert opening_of(tactic) == opening


def test_a_tactic_belongs_to_the_first_goal_before_it_and_each_pair_comes_once() -> None:
    text = "by\n  constructor\n  all_goals omega"

    def tactic(words: str, goals: str) -> Tactic:
        start = text.index(words)
        return Tactic(start=start, stop=start + len(words), goals_before=goals, goals_after="")

    two = "case left\n⊢ 1 < 2\n\ncase right\n⊢ 2 < 3"
    tactics = [
        tactic("constructor", "⊢ 1 < 2 ∧ 2 < 3"),
        tactic("all_goals omega", two),
        tactic("omega", two),
        tactic("omega", "case left\n⊢ 1 < 2"),
        tactic("omega", ""),
        Tactic(start=0, stop=0, goals_before=two, goals_after=""),
    ]
    assert tactic_pairs(text, tactics) == [
        ("⊢ 1 < 2 ∧ 2 < 3:::", "constructor"),
        ("⊢ 1 < 2:::", "all_goals omega"),
        ("⊢ 1 < 2:::", "omega"),
    ]


async def test_cases_left_open_keep_their_names_and_make_a_proof(pool: LeanPool) -> None:
    statement = "theorem t (f : Nat → Nat) (h : ∀ n, f (n + 1) = f n) (n : Nat) : f n = f 0"
    made: list[MadeStep] = []
    for step in ("induction n with\n| zero => ?_\n| succ n ih => ?_", "rfl", "exact (h n).trans ih"):
        state = await pool.tactics(statement, [step], path=tuple(each.step for each in made))
        after = state.tried[0].goals
        assert after is not None, state.tried[0].error
        made.append(MadeStep(TacticStep(tactic=step), state.goals, after))
    assert made[-1].after == ()
    text = proof_text(made)
    asked = Theorem(name="t", statement=statement, source="test", split="test")
    verdict = await pool.verify(asked.submission("a", text))
    assert verdict.status is Status.PROVED, (text, verdict.reason)


async def test_the_proofs_of_the_families_teach_steps_that_lean_takes(pool: LeanPool) -> None:
    options = Options(tactics=True, goals=True, timeout_s=300)
    openings = 0
    for theorem, proof in generate(seed=6, count=24):
        verdict = await pool.verify(theorem.submission("a", proof), options)
        pairs = tactic_pairs(proof, verdict.tactics or ())
        state = await pool.tactics(theorem.statement, header=theorem.header)
        start = f"{state.goals[0].untagged}:::"
        first = [tactic for prompt, tactic in pairs if prompt == start]
        if not first:
            continue  # a term
        tried = await pool.tactics(theorem.statement, first, header=theorem.header, options=options)
        assert [each.error for each in tried.tried] == [None] * len(first), (theorem.statement, first)
        openings += sum("?_" in tactic and tactic.startswith("induction") for tactic in first)
    assert openings
