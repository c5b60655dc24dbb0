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

# How Lean's parser begins what it says; everything else comes from elaboration.
PARSE_ERROR = re.compile(
    r"expected |unknown tactic|unterminated |tabs are not allowed"
    r"|unexpected (?:token|identifier|end of input|character)|missing (?:end|close)"
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
    tactics = _written(text, verdict.tactics or ())
    faults = {} if verdict.kind is Kind.PROVED else _faults(text, verdict.messages, tactics)
    spans = sorted({*((each.start, each.stop) for each in tactics), *faults})
    start, stop = _skip_blank(text, 0), len(text.rstrip())
    if not spans and start < stop:
        spans = [(start, stop)]
    return tuple(_step(text, span, spans, faults) for span in spans)


def first_error_of(steps: Sequence[Step]) -> int | None:
    """Index of the first step with an error or a `sorry`; None where nobody knows what is wrong."""
    return next((k for k, step in enumerate(steps) if step.fault is not None), None)


def _step(text: str, span: Span, spans: Sequence[Span], faults: dict[Span, Fault]) -> Step:
    start, stop = span
    inside = [each for each in spans if start < each[0] < stop]
    head = start + len(text[start : inside[0][0] if inside else stop].rstrip(" \r\n"))
    sound = not any(each in faults for each in (span, *inside))
    return Step(start, stop, head, faults.get(span), sound)


def _written(text: str, tactics: Sequence[Tactic]) -> list[Tactic]:
    """The longest tactic at each start, but for pieces of a tactic's syntax that are none themselves."""
    longest: dict[int, Tactic] = {}
    for tactic in sorted(tactics, key=lambda each: (each.start, -each.stop)):
        words = text[tactic.start : tactic.stop]
        # A pattern of `intro` or the `=>` of `next` has no letter in front; the steps of `calc` follow it.
        if words[:1].isalpha() and words not in KEYWORDS and not AFTER_CALC.search(text, 0, tactic.start):
            longest.setdefault(tactic.start, tactic)
    return list(longest.values())


def _faults(text: str, messages: Sequence[Message], tactics: Sequence[Tactic]) -> dict[Span, Fault]:
    """Whom each error and each `sorry` is blamed on."""
    # Lean misses a term at the end of the `:=` before the text, one code point ahead of it.
    errors = [each for each in messages if each.severity is Severity.ERROR and each.start >= -1]
    broken = min((each.start for each in errors if PARSE_ERROR.match(each.text)), default=None)
    faults: dict[Span, Fault] = {}
    for error in errors:
        span = _blamed(text, error, tactics)
        if broken is not None and error.start < broken and LEFT_OPEN.match(error.text):
            later = any(span[1] <= each.start < broken for each in tactics)
            # What the text breaks off in has open goals in any case.
            if not later:
                continue
        faults[span] = "error"
    for match in SORRY.finditer(text):
        if match[1] is None:
            continue
        tactic = _innermost(tactics, match.start())
        # Outside of tactics and beside an error, it may never have been read.
        if tactic is not None or not errors:
            faults.setdefault((tactic.start, tactic.stop) if tactic else match.span(), "sorry")
    return faults


def _blamed(text: str, error: Message, tactics: Sequence[Tactic]) -> Span:
    position = max(error.start, 0)
    unsolved = error.text.startswith("unsolved goals")
    tactic = _last_of_block(text, position, tactics) if unsolved else _innermost(tactics, position)
    return (tactic.start, tactic.stop) if tactic else _word_at(text, position)


def _innermost(tactics: Sequence[Tactic], position: int) -> Tactic | None:
    covering = [each for each in tactics if each.start <= position < each.stop]
    return covering[-1] if covering else None


def _last_of_block(text: str, opener: int, tactics: Sequence[Tactic]) -> Tactic | None:
    """The last tactic of the block that opens (or, for `}`, closes) at `opener`; if empty, what it is in.

    Not a tactic inside that last one; but of a last bullet the last tactic, for bullets are none themselves.
    """
    outer = _innermost(tactics, opener)
    if text.startswith("}", opener):
        brace = _opening_brace(text, opener)
        inside = [each for each in tactics if brace < each.start < opener]
    else:
        stop = len(text) if outer is None else outer.stop
        inside = [each for each in tactics if opener < each.start and each.stop <= stop]
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
