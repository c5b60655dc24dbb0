"""From what Lean said of a text to its steps, the units of per-tactic credit.

A step is a tactic as Lean ran it, one for each place where a tactic starts.  Of
tactics that start together, as `constructor <;> simp` and its `constructor`,
the longest stands for all, for they share their first token.  A structured
tactic is a step and so are the tactics inside it; an error belongs to the
innermost.  An error that no tactic covers, as every parse error, is a step of
its own: the word Lean stopped at, or the end of the text, which is the token
that ended it.

Lean reports "unsolved goals" where a block opens (`by`, `·`, `=>`) although
opening it was right.  The block's last tactic is blamed, which left the goals
and after which nothing came.  Where a text does not parse, a block that was cut
off by that is not blamed for the goals it left.

Warning: what kind an error is of is read off the words with which Lean's English message begins, because
verdicts carry nothing else that says it.  Another version of Lean may use other words; then a parse error
counts as one of elaboration, and blocks that were cut off are blamed for their goals.
`tests/trainer/objectives/test_tactic_spans.py` has the messages of the embedded Lean.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from verifier.verdict import Kind, Message, Severity, Tactic, Verdict

__all__ = ["Span", "Step", "first_error_of", "steps_of"]

Span = tuple[int, int]
"""Code points `text[start:stop]`."""
Fault = Literal["error", "sorry"]

# How Lean's parser begins what it says; all other messages are of elaboration.
PARSE_ERROR = re.compile(
    r"expected |unknown tactic|unterminated |tabs are not allowed"
    r"|unexpected (?:token|identifier|end of input|character)|missing (?:end|close|exponent)"
    r"|invalid escape sequence"
)
LEFT_OPEN = re.compile(r"unsolved goals|elaboration function for")

# Parts of `have`, `if` and `next` that Lean shows as tactics of their own.
KEYWORDS = frozenset({"by", "then", "else"})
AFTER_CALC = re.compile(r"\bcalc\s*\Z")
OPENS_A_BLOCK = re.compile(r"(?:\bby|\bthen|\belse|=>)\s*\Z")
BLANK = re.compile(r"(?:[ \r\n]|--[^\n]*|/-.*?-/)*", re.DOTALL)
WORD = re.compile(r"[\w'!?]+")
SORRY = re.compile(
    r"""/-.*?-/|--[^\n]*|"(?:\\.|[^"\\])*"|«[^»]*»|(?<![\w.'])(sorry|sorryAx|admit|stop)(?![\w'!?])""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Step:
    """`text[start:stop]`, the unit of credit; `head` is where its own words end and a step inside it starts.

    `fault` is its own; `sound` says that neither it nor a step inside it has one.
    """

    start: int
    stop: int
    head: int
    fault: Fault | None
    sound: bool


def steps_of(text: str, verdict: Verdict) -> tuple[Step, ...]:
    """The steps of a submitted text in reading order; no two start at the same place.

    A text in which no tactic ran and nothing is wrong anywhere is one step.
    """
    tactics = _drop_fragments(text, verdict.tactics or ())
    faults = {} if verdict.kind is Kind.PROVED else _find_faults(text, verdict.messages, tactics)
    spans = sorted({*((tactic.start, tactic.stop) for tactic in tactics), *faults})
    start, stop = _skip_blank(text, 0), len(text.rstrip())
    if not spans and start < stop:
        spans = [(start, stop)]
    return tuple(_step(text, span, spans, faults) for span in spans)


def first_error_of(steps: Sequence[Step]) -> int | None:
    """The index of the first step with an error or a `sorry`; None where it is not known what is wrong."""
    return next((k for k, step in enumerate(steps) if step.fault is not None), None)


def _step(text: str, span: Span, spans: Sequence[Span], faults: dict[Span, Fault]) -> Step:
    start, stop = span
    inside = [other for other in spans if start < other[0] < stop]
    head = start + len(text[start : inside[0][0] if inside else stop].rstrip(" \r\n"))
    sound = not any(place in faults for place in (span, *inside))
    return Step(start, stop, head, faults.get(span), sound)


def _drop_fragments(text: str, tactics: Sequence[Tactic]) -> list[Tactic]:
    """The longest tactic at each start, but for pieces of a tactic's syntax that are none themselves."""
    longest: dict[int, Tactic] = {}
    for tactic in sorted(tactics, key=lambda tactic: (tactic.start, -tactic.stop)):
        words = text[tactic.start : tactic.stop]
        # A pattern of `intro` or the `=>` of `next` has no letter in front; the steps of `calc` follow it.
        if words[:1].isalpha() and words not in KEYWORDS and not AFTER_CALC.search(text, 0, tactic.start):
            longest.setdefault(tactic.start, tactic)
    return list(longest.values())


def _find_faults(text: str, messages: Sequence[Message], tactics: Sequence[Tactic]) -> dict[Span, Fault]:
    """The steps that errors and `sorry`s are blamed on, with the fault of each."""
    # Lean misses a term at the end of the `:=` before the text, one code point ahead of it.
    errors = [error for error in messages if error.severity is Severity.ERROR and error.start >= -1]
    broken = min((error.start for error in errors if PARSE_ERROR.match(error.text)), default=None)
    faults: dict[Span, Fault] = {}
    for error in errors:
        span = _blame(text, error, tactics)
        if broken is not None and error.start < broken and LEFT_OPEN.match(error.text):
            later = any(span[1] <= tactic.start < broken for tactic in tactics)
            # What the text breaks off in has open goals in any case.
            if not later:
                continue
        faults[span] = "error"
    for match in SORRY.finditer(text):
        if match[1] is None:
            continue
        tactic = _find_innermost(tactics, match.start())
        # Outside of tactics and beside an error, it may never have been read.
        if tactic is not None or not errors:
            faults.setdefault((tactic.start, tactic.stop) if tactic else match.span(), "sorry")
    return faults


def _blame(text: str, error: Message, tactics: Sequence[Tactic]) -> Span:
    position = max(error.start, 0)
    unsolved = error.text.startswith("unsolved goals")
    tactic = _find_last_of_block(text, position, tactics) if unsolved else _find_innermost(tactics, position)
    return (tactic.start, tactic.stop) if tactic else _word_at(text, position)


def _find_innermost(tactics: Sequence[Tactic], position: int) -> Tactic | None:
    covering = [tactic for tactic in tactics if tactic.start <= position < tactic.stop]
    return covering[-1] if covering else None


def _find_last_of_block(text: str, opener: int, tactics: Sequence[Tactic]) -> Tactic | None:
    """The last tactic of the block that opens (or, for `}`, closes) at `opener`; if empty, what it is in.

    Tactics inside that last one do not count.  Of a last bullet it is the last tactic, because a bullet is no
    tactic itself.
    """
    outer = _find_innermost(tactics, opener)
    if text.startswith("}", opener):
        brace = _opening_brace(text, opener)
        inside = [tactic for tactic in tactics if brace < tactic.start < opener]
    else:
        stop = len(text) if outer is None else outer.stop
        inside = [tactic for tactic in tactics if opener < tactic.start and tactic.stop <= stop]
    block: list[Tactic] = []
    for tactic in inside:
        if block and tactic.start < block[-1].stop:
            continue
        if block and _leaves_block(text, opener, block, tactic):
            break
        block.append(tactic)
    return block[-1] if block else outer


def _leaves_block(text: str, opener: int, block: Sequence[Tactic], tactic: Tactic) -> bool:
    """Whether `tactic`, which comes next in the text, is outside: in a block of its own, or dedented."""
    gap = text[block[-1].stop : tactic.start]
    if OPENS_A_BLOCK.search(gap):
        return True
    first = block[0].start
    line = text.rfind("\n", 0, first) + 1
    column = _indent(text, first) if line > opener else first - line
    return "\n" in gap and _indent(text, tactic.start) < column


def _indent(text: str, position: int) -> int:
    line = text[text.rfind("\n", 0, position) + 1 :]
    return len(line) - len(line.lstrip(" "))


def _opening_brace(text: str, closing: int) -> int:
    depth = 0
    for position in range(closing, -1, -1):
        depth += {"}": 1, "{": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return -1


def _word_at(text: str, position: int) -> Span:
    """The word or single character at `position`, blanks and comments skipped; empty at the end of the text.

    A parser that misses something says so where the last token ends, and of an
    unknown tactic that its second character is wrong.
    """
    position = _skip_blank(text, position)
    for match in WORD.finditer(text):
        if match.start() <= position < match.end():
            return match.span()
    return position, min(position + 1, len(text))


def _skip_blank(text: str, position: int) -> int:
    match = BLANK.match(text, position)
    return match.end() if match else position
