"""`proofmill tactic`: a proof typed tactic by tactic, the goals after each, and the verdict on its text."""

import asyncio
import re
import sys

from verifier.console import say
from verifier.errors import NoAnswer
from verifier.judging.pool import LeanPool
from verifier.proof_text import MadeStep, proof_text
from verifier.tactic_state import Goal, TacticStep
from verifier.verdict import Submission, Verdict

__all__ = ["prove_by_hand"]

HELP = (
    "type a tactic; `goal 2` is for another goal, `undo` takes the last back, an empty line shows the goals"
)

_GOAL = re.compile(r"goal ([1-9]\d*)")


def prove_by_hand(pool: LeanPool, statement: str, header: str) -> Verdict | None:
    """Read tactics from the standard input until no goal is left; the verdict on the proof.

    It is None where the input ends before that, or the statement does not elaborate.

    Raises:
        NoAnswer: no Lean worker answers.
        ProofmillError: none starts.
    """
    return asyncio.run(_prove(pool, statement, header))


async def _prove(pool: LeanPool, statement: str, header: str) -> Verdict | None:
    async with pool:
        start = await pool.tactics(statement, header=header)
        if start.error is not None:
            say(start.error, "red")
            return None
        if sys.stdin.isatty():
            say(HELP)
        made: list[MadeStep] = []
        number = 0
        while goals := made[-1].after if made else start.goals:
            number = min(number, len(goals) - 1)
            _show(goals, number)
            line = await asyncio.to_thread(sys.stdin.readline)
            tactic = line.strip()
            if not line:
                say(f"not proved: {len(goals)} goal{'s are' if len(goals) > 1 else ' is'} left", "yellow")
                return None
            if tactic == "undo":
                del made[-1:]
            elif found := _GOAL.fullmatch(tactic):
                number = int(found[1]) - 1
            elif tactic:
                path = [each.step for each in made]
                try:
                    state = await pool.tactics(statement, [tactic], path=path, goal=number, header=header)
                except NoAnswer as error:
                    say(f"{error.status}: {error}", "red")
                    continue
                tried = state.tried[0] if state.tried else None
                if tried is None or tried.goals is None:
                    say(state.error or (tried.error if tried is not None else None) or "", "red")
                else:
                    step = TacticStep(tactic=tactic, goal=number)
                    made.append(MadeStep(step, goals, tried.goals))
        proof = proof_text(made)
        print(proof)
        submission = Submission(id="tactic", statement=statement, header=header, proof=proof)
        verdict = await pool.verify(submission)
        say(f"{verdict.status}: {verdict.reason}")
        return verdict


def _show(goals: tuple[Goal, ...], current: int) -> None:
    for number, goal in enumerate(goals):
        here = " (the next tactic is for this one)" if number == current and len(goals) > 1 else ""
        print(f"-- goal {number + 1} of {len(goals)}{here}\n{goal.text.strip()}", flush=True)
