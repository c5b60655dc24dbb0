"""Proofs taken apart into steps and made again, step by step and as a text: all three judged alike."""

import pytest

from prover.families.sampling import generate
from prover.search.steps import outer_steps
from verifier.judging.pool import LeanPool
from verifier.options import Options
from verifier.proof_text import MadeStep, proof_text
from verifier.tactic_state import TacticStep
from verifier.verdict import Status, Tactic


def tactic(text: str, words: str) -> Tactic:
    start = text.index(words)
    return Tactic(start=start, stop=start + len(words), goals_before="", goals_after="")


def test_steps_are_the_tactics_in_no_other_one_and_moved_to_the_left() -> None:
    text = "by\n  constructor\n  · induction n with\n    | zero => rfl\n    | succ n ih => simp\n  · omega"
    inner = "induction n with\n    | zero => rfl\n    | succ n ih => simp"
    tactics = [tactic(text, words) for words in ("omega", "constructor", inner, "rfl", "simp")]
    assert outer_steps(text, tactics) == [
        "constructor",
        "induction n with\n| zero => rfl\n| succ n ih => simp",
        "omega",
    ]
    assert outer_steps("rfl", []) == []


PROOFS = 360
STEPS_AT_LEAST = 300


@pytest.mark.slow
async def test_a_proof_that_is_made_again_from_its_path_is_judged_as_its_states_say(pool: LeanPool) -> None:
    options = Options(tactics=True, timeout_s=300)
    taken = differing = 0
    for theorem, proof in generate(seed=5, count=PROOFS):
        verdict = await pool.verify(theorem.submission("a", proof), options)
        assert verdict.status is Status.PROVED, (theorem.statement, proof, verdict.reason)
        steps = outer_steps(proof, verdict.tactics or ())
        if not steps:
            continue  # a term
        made: list[MadeStep] = []
        for step in steps:
            state = await pool.tactics(
                theorem.statement,
                [step],
                path=tuple(each.step for each in made),
                header=theorem.header,
                options=options,
            )
            after = state.tried[0].goals if state.tried else None
            if after is None:
                break
            made.append(MadeStep(TacticStep(tactic=step), state.goals, after))
        closed = len(made) == len(steps) and made[-1].after == ()
        again = await pool.verify(theorem.submission("b", proof_text(made)), options) if closed else None
        taken += 1
        if again is None or again.status is not Status.PROVED:
            differing += 1
            said = state.tried[0].error if state.tried else state.error
            print(theorem.statement, proof, steps[len(made) :], said, again and again.reason, sep="\n")
    assert taken >= STEPS_AT_LEAST and differing == 0
