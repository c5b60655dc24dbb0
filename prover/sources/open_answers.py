"""Answers that PutnamBench leaves open, and how they are put in; pure.

Some of its problems ask for an object: `abbrev …_solution : ℕ := sorry`, with the answer as a comment below.
"""

import re
from collections.abc import Iterable, Sequence

from prover.syntax.commands import Command, find_sorry

__all__ = ["answers_given", "fault_of_open_answer", "with_answer"]

_OPEN_ANSWER = re.compile(
    r"(abbrev\s+(?P<name>\S+_solution)\b(?:(?!\bsorry\b).)*:=\s*)sorry[ \t]*\n"
    r"(?P<answer>(?:[ \t]*--[^\n]*(?:\n|\Z))+)",
    re.DOTALL,
)


def with_answer(text: str, *, keep_lines: bool = False) -> str:
    """Put the answer that stands below `:= sorry` as a comment in its place, in Lean text of PutnamBench.

    With `keep_lines`, what stands behind it stays on the line where it was.
    """
    behind = "\n\n" if keep_lines else "\n"
    return _OPEN_ANSWER.sub(lambda found: found[1] + _without_signs(found["answer"]) + behind, text)


def answers_given(text: str) -> frozenset[str]:
    """The names of the objects whose answers `with_answer` puts in, without namespaces."""
    return frozenset(found["name"].rpartition(".")[2] for found in _OPEN_ANSWER.finditer(text))


def fault_of_open_answer(commands: Sequence[Command], mentions: Iterable[str]) -> str | None:
    """Why a theorem that mentions these names says nothing: a command above it leaves an answer open."""
    name = find_sorry(commands, mentions)
    return None if name is None else f"it rests on `{name}`, which is left open with `sorry`"


def _without_signs(comment: str) -> str:
    lines = [line.strip().removeprefix("--").strip() for line in comment.strip().split("\n")]
    return "\n  ".join(lines)
