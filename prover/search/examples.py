"""What a proof that Lean has judged teaches a policy of tactics: goals, and what was tried on them; pure.

A tactic that opens cases by name, `induction n with | zero => … | succ n ih => …`, is taught twice: whole,
and as the step that a search can take, with `?_` in place of what follows each arrow.  The cases keep their
names, so what was written there can be tried on what is left.
"""

import re
from collections.abc import Sequence

from prover.search.model import tactic_prompt
from prover.search.steps import moved_left
from verifier.tactic_state import Goal
from verifier.verdict import Tactic

__all__ = ["opening_of", "tactic_pairs"]

_CASES = re.compile(r"(?P<head>(?:induction|cases)\b[^\n]*\bwith)\n(?P<cases>[ \t]*\|.*)", re.DOTALL)
_CASE = re.compile(r"[ \t]*\|(?P<pattern>[^\n|]*?)=>")


def tactic_pairs(text: str, tactics: Sequence[Tactic]) -> list[tuple[str, str]]:
    """Prompts and the tactics that follow them, in reading order, each pair once.

    A tactic belongs to the first of the goals before it.

    Args:
        text: of the proof, as it was judged.
        tactics: what the verdict says of it, with goals.
    """
    pairs: dict[tuple[str, str], None] = {}
    for tactic in tactics:
        first = tactic.goals_before.split("\n\n", 1)[0]
        if not first.strip() or tactic.start == tactic.stop:
            continue
        prompt = tactic_prompt(Goal(text=first))
        written = moved_left(text, tactic)
        pairs[prompt, written] = None
        if (opening := opening_of(written)) is not None:
            pairs[prompt, opening] = None
    return list(pairs)


def opening_of(tactic: str) -> str | None:
    """A tactic with cases by name, each of which is left to be proved; None for every other tactic.

    Each case has to begin on a line of its own, all in one column.
    """
    found = _CASES.fullmatch(tactic)
    if found is None:
        return None
    lines = found["cases"].split("\n")
    column = len(lines[0]) - len(lines[0].lstrip())
    cases = []
    for line in lines:
        blank = len(line) - len(line.lstrip())
        if line.strip() and blank <= column:
            case = _CASE.match(line)
            if case is None or blank < column:
                return None
            cases.append(f"{line[:column]}| {case['pattern'].strip()} => ?_")
    return "\n".join([found["head"], *cases])
