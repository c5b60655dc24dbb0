"""From what Lean said to a verdict: pure rules, no IO.

The order of the rules is the order of the questions a referee asks: did Lean
accept the text, does it declare the theorem, is it the theorem that was asked
for, and on what does the proof rest.  They are asked twice: of the process that
elaborated the candidate, whose word counts against the candidate only, and of
an auditor, which never ran one and whose word is final.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from verifier.protocol import AuditReply, CheckReply, Declaration, RawMessage, RawTactic
from verifier.verdict import Message, Severity, Status, Submission, Tactic, Verdict

__all__ = [
    "ALLOWED_AXIOMS",
    "MAX_SUBMISSION_BYTES",
    "Source",
    "audited",
    "screen",
    "screened",
    "source_of",
    "tactics_of",
]

ALLOWED_AXIOMS = frozenset({"propext", "Classical.choice", "Quot.sound"})
"""The three axioms of Lean's own mathematics."""

MAX_SUBMISSION_BYTES = 1_000_000
"""Longer texts are refused unread: no proof is that long, and elaboration time grows with it."""

SORRY = "sorryAx"
REASON_LENGTH = 400

# Syntax nodes that hold tactics without being one.
WRAPPERS = frozenset(
    {
        "Lean.Parser.Term.byTactic",
        "Lean.Parser.Tactic.tacticSeq",
        "Lean.Parser.Tactic.tacticSeq1Indented",
        "Lean.Parser.Tactic.tacticSeqBracketed",
        "Lean.Parser.Tactic.paren",
        "Lean.cdot",
        "Lean.cdotTk",
    }
)

IMPORT_LINE = re.compile(r"^[ \t]*(?:public[ \t]+)?import[ \t]+(\S+)[ \t]*(?:--.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """The file Lean reads for a submission, after the header.

    `prefix` stands before the submitted text; it ends with a line feed or is
    empty, so columns are those of the submitted text.
    """

    prefix: str
    text: str

    @property
    def full(self) -> str:
        return self.prefix + self.text


def source_of(submission: Submission) -> Source:
    """The source of a submission: `statement := proof`, or the submitted file.

    A file may repeat imports of the header; they are blanked out, because Lean
    reads the file after the header and imports are allowed at the start only.
    """
    # Lean takes a carriage return for an error; a blank keeps every position.
    text = submission.text.replace("\r\n", " \n")
    if submission.proof is not None:
        return Source(prefix=f"{submission.statement}\n  :=\n", text=text)
    imported = {"Init", *IMPORT_LINE.findall(submission.header)}

    def blank(match: re.Match[str]) -> str:
        return " " * len(match.group()) if match.group(1) in imported else match.group()

    return Source(prefix="", text=IMPORT_LINE.sub(blank, text))


def screen(submission: Submission) -> Verdict | None:
    """The verdict on a submission that no Lean has to see, or None."""
    if not submission.text.strip():
        return _refuse(submission, "the proof is empty")
    try:
        size = len(submission.text.encode())
        (submission.statement + submission.header).encode()
    except UnicodeEncodeError:
        return _refuse(submission, "the text has a lone surrogate: it is no Unicode text")
    if size > MAX_SUBMISSION_BYTES:
        return _refuse(
            submission, f"the text has {size:,} bytes; more than {MAX_SUBMISSION_BYTES:,} are not read"
        )
    return None


def screened(
    submission: Submission,
    source: Source,
    reply: CheckReply,
    allowed_axioms: frozenset[str] = ALLOWED_AXIOMS,
) -> Verdict:
    """What the process that elaborated `source` says of `submission`: `proved` is for an audit to say."""
    starts = _line_starts(source.full)
    messages = tuple(_message(source, starts, raw) for raw in reply.messages)
    status, reason = _status(reply, messages, allowed_axioms)
    return Verdict(
        id=submission.id,
        status=status,
        reason=_shorten(reason),
        messages=messages,
        tactics=None if reply.tactics is None else tactics_of(source, reply.tactics),
        axioms=reply.declaration.axioms if reply.declaration else (),
        heartbeats=reply.heartbeats,
        lean_ms=reply.ms,
    )


def _status(
    reply: CheckReply, messages: tuple[Message, ...], allowed_axioms: frozenset[str]
) -> tuple[Status, str]:
    if reply.error is not None:
        return Status.INFRA_ERROR, f"the Lean worker refused the request: {reply.error}"
    if reply.statement_error is not None:
        return Status.REJECTED, f"the statement does not elaborate: {reply.statement_error}"
    errors = [message for message in messages if message.severity is Severity.ERROR]
    if errors:
        first = errors[0]
        where = "statement" if first.start < 0 else f"line {first.line}, column {first.column}"
        return Status.REJECTED, f"{where}: {first.text}"
    if reply.declaration is None:
        return Status.MISSING_DECLARATION, f"nothing named `{reply.name}` is declared"
    status, reason = _declared(reply.name, reply.declaration, allowed_axioms)
    if status is Status.PROVED and reply.refused is not None:
        return Status(reply.refused), f"`{reply.name}` cannot be audited: {reply.reason}"
    if status is Status.PROVED and reply.export is None:
        return Status.INFRA_ERROR, f"the Lean worker exported nothing of `{reply.name}`"
    return status, reason


def audited(reply: AuditReply, allowed_axioms: frozenset[str] = ALLOWED_AXIOMS) -> tuple[Status, str]:
    """The status of what an auditor was given, and the reason for it."""
    failure = reply.error or reply.statement_error
    if failure is not None:
        return Status.INFRA_ERROR, f"the auditor refused the request: {failure}"
    if reply.refused is not None:
        return Status(reply.refused), _shorten(reply.reason)
    if reply.declaration is None:
        return Status.MISSING_DECLARATION, f"nothing named `{reply.name}` is in the export"
    status, reason = _declared(reply.name, reply.declaration, allowed_axioms)
    return status, _shorten(reason)


def _declared(name: str, found: Declaration, allowed_axioms: frozenset[str]) -> tuple[Status, str]:
    if found.kind != found.reference_kind:
        return (
            Status.STATEMENT_MISMATCH,
            f"`{name}` is declared as {found.kind}, the statement as {found.reference_kind}",
        )
    if not found.same_type:
        return (
            Status.STATEMENT_MISMATCH,
            f"`{name}` is declared with another type: {_types(found)}",
        )
    if SORRY in found.axioms:
        return Status.INCOMPLETE, f"`{name}` depends on `sorry`"
    disallowed = sorted(set(found.axioms) - allowed_axioms)
    if disallowed:
        return Status.DISALLOWED_AXIOM, f"`{name}` depends on {', '.join(f'`{a}`' for a in disallowed)}"
    return Status.PROVED, f"`{name}` is proved"


def _types(found: Declaration) -> str:
    types = f"`{found.type}`, not `{found.reference_type}`"
    if found.part == found.type:
        return types
    # First: types can be longer than a reason.
    return f"`{found.part}` stands for `{found.reference_part}` in {types}"


def _message(source: Source, starts: Sequence[int], raw: RawMessage) -> Message:
    """`raw`, placed in the submitted text; `starts` are the line starts of the whole source."""
    line = min(raw.line, len(starts))
    before = source.prefix.count("\n")
    return Message(
        severity=Severity(raw.severity),
        line=raw.line - before if raw.line > before else raw.line,
        column=raw.column,
        start=starts[line - 1] + raw.column - len(source.prefix),
        text=raw.text,
    )


def _line_starts(text: str) -> list[int]:
    """Code-point offsets at which lines start; Lean ends lines at line feeds only."""
    return list(accumulate((len(line) + 1 for line in text.split("\n")[:-1]), initial=0))


def tactics_of(source: Source, raw: Sequence[RawTactic]) -> tuple[Tactic, ...]:
    """The tactics of the submitted text in reading order, one for each span.

    A macro's expansion carries the span of the macro; the first node is the
    outermost and is the one that was written.
    """
    offsets = _code_points(source.full)
    spans: dict[tuple[int, int], Tactic] = {}
    for node in raw:
        if node.start is None or node.stop is None or not _is_tactic(node.kind):
            continue
        start, stop = (offsets(byte) - len(source.prefix) for byte in (node.start, node.stop))
        if start < 0 or (start, stop) in spans:
            continue
        spans[start, stop] = Tactic(
            start=start, stop=stop, goals_before=node.before.strip(), goals_after=node.after.strip()
        )
    return tuple(spans[key] for key in sorted(spans, key=lambda span: (span[0], -span[1])))


def _is_tactic(kind: str) -> bool:
    """Tokens have their own text as kind; tactics have a namespace, or `tactic` before their first token."""
    return kind not in WRAPPERS and ("." in kind or kind.startswith("tactic"))


def _code_points(text: str) -> Callable[[int], int]:
    """A map from byte offsets of the text's UTF-8 to code-point offsets."""
    starts = list(accumulate((len(char.encode()) for char in text), initial=0))
    return lambda byte: bisect_right(starts, byte) - 1


def _refuse(submission: Submission, reason: str) -> Verdict:
    return Verdict(id=submission.id, status=Status.REJECTED, reason=reason)


def _shorten(reason: str) -> str:
    """One line that fits a table; the whole message stands in `messages`."""
    line = " ".join(reason.split())
    return line if len(line) <= REASON_LENGTH else line[: REASON_LENGTH - 1] + "…"
