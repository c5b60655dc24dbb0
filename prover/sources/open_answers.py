"""Answers that PutnamBench leaves open, and how they are put in; pure.

Some of its problems ask for an object: `abbrev …_solution : ℕ := sorry`, with the answer as a comment below.
"""

import re

__all__ = ["answers_given", "with_answer"]

_OPEN_ANSWER = re.compile(
    r"(abbrev\s+(?P<name>\S+_solution)\b(?:(?!\bsorry\b).)*:=\s*)sorry[ \t]*\n"
    r"(?P<answer>(?:[ \t]*--[^\n]*(?:\n|\Z))+)",
    re.DOTALL,
)


def with_answer(text: str, *, keep_lines: bool = False) -> str:
    """Lean text of PutnamBench with the answer that stands below `:= sorry` as a comment in its place.

    With `keep_lines`, what stands behind it stays on the line where it was.
    """
    behind = "\n\n" if keep_lines else "\n"
    return _OPEN_ANSWER.sub(lambda found: found[1] + _without_signs(found["answer"]) + behind, text)


def answers_given(text: str) -> frozenset[str]:
    """The names of the objects whose answers `with_answer` puts in, without namespaces."""
    return frozenset(found["name"].rpartition(".")[2] for found in _OPEN_ANSWER.finditer(text))


def _without_signs(comment: str) -> str:
    lines = [line.strip().removeprefix("--").strip() for line in comment.strip().split("\n")]
    return "\n  ".join(lines)
