"""`proofmill tactic`: a proof typed tactic by tactic, the goals after each, and the verdict on its text."""

import asyncio
import sys

from verifier.console import say
from verifier.judging.pool import LeanPool
from verifier.tactic_state import Goal, TacticStep
from verifier.verdict import Submission, Verdict

__all__ = ["prove_by_hand"]

HELP = "type a tactic for the first goal; `undo` takes the last one back, an empty line shows the goals"


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
        path: list[TacticStep] = []
        states = [start.goals]
        while goals := states[-1]:
            _show(goals)
            line = await asyncio.to_thread(sys.stdin.readline)
            tactic = line.strip()
            if not line:
                say(f"not proved: {len(goals)} goal{'s are' if len(goals) > 1 else ' is'} left", "yellow")
                return None
            if tactic == "undo":
                if path:
                    del path[-1], states[-1]
            elif tactic:
                (made,) = (await pool.tactics(statement, [tactic], path=path, header=header)).tried
                if made.goals is None:
                    say(made.error or "", "red")
                else:
                    path.append(TacticStep(tactic=tactic))
                    states.append(made.goals)
        proof = "\n".join(["by", *(f"  {step.tactic}" for step in path)])
        print(proof)
        submission = Submission(id="tactic", statement=statement, header=header, proof=proof)
        verdict = await pool.verify(submission)
        say(f"{verdict.status}: {verdict.reason}")
        return verdict


def _show(goals: tuple[Goal, ...]) -> None:
    for number, goal in enumerate(goals, start=1):
        print(f"-- goal {number} of {len(goals)}\n{goal.text.strip()}", flush=True)
