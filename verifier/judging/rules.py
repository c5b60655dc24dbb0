"""From what Lean said to a verdict: pure rules, no IO.

The order of the rules is the order of the questions a referee asks: did Lean accept the text, does it declare
the theorem, is it the theorem that was asked for, and on what does the proof rest.  They are asked twice: of
the process that elaborated the candidate (the screening), whose word counts against the candidate only, and
of an auditor, which never ran one and whose word is final.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from verifier.judging.protocol import RENAMED_ROOT, AuditReply, CheckReply, Declaration, RawMessage, RawTactic
from verifier.verdict import ALLOWED_AXIOMS, Message, Severity, Status, Submission, Tactic, Verdict

__all__ = [
    "MAX_SUBMISSION_BYTES",
    "Source",
    "extract_tactics",
    "is_tactic",
    "judge_audit",
    "judge_declaration",
    "judge_screening",
    "may_turn_on_the_kernel",
    "refuse_unread",
    "source_of",
]

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

LEANS_AXIOMS = ALLOWED_AXIOMS | {"sorryAx", "Lean.ofReduceBool", "Lean.ofReduceNat", "Lean.trustCompiler"}
"""Whoever allows one of these means Lean's own axiom, not one that a submission declares under that name."""

_PROVED_STATEMENT = re.compile(r":=\s*(?:by\b\s*)?(?:sorry\s*)?$")
"""A statement that ends with the beginning of a proof, as data sets have them."""

KERNEL_WORDS = ("kernel", "native", "educeBool", "bv_decide", "addDecl", "addAndCompile")
"""A text with one of these words may ask the kernel while it is elaborated, and do something else if the
kernel refuses."""


@dataclass(frozen=True)
class Source:
    """The text that Lean reads for a submission.

    `prefix` stands before the submitted text; it ends with a line feed or is empty, so columns are those of
    the submitted text.  To Lean a line ends with a line feed alone, so the lines of a file from Windows are
    read without their carriage returns.
    """

    prefix: str
    submitted: str

    @property
    def full(self) -> str:
        """The text as Lean reads it."""
        return self.prefix + self.submitted.replace("\r\n", "\n")

    def offset_map(self) -> Callable[[int], int]:
        """A map from code-point offsets into `full` to those into `submitted`, negative before its start."""
        before = len(self.prefix)
        # Where line feeds stand that had a carriage return before them, counted as Lean counts.
        ends = [at - i for i, at in enumerate(_occurrences("\r\n", self.submitted))]
        return lambda offset: offset - before + bisect_left(ends, offset - before)


def source_of(submission: Submission) -> Source:
    """The source of a submission: `statement := proof`, or the submitted file."""
    prefix = "" if submission.proof is None else f"{submission.statement}\n  :=\n"
    return Source(prefix=prefix, submitted=submission.text)


def may_turn_on_the_kernel(submission: Submission, status: Status) -> bool:
    """Whether the verdict may change if the kernel checks declarations while the text is elaborated.

    It may where the audit's kernel refused something, and where the text or its header names the kernel: that
    text may have been refused only because a step succeeded which the kernel would have stopped.
    """
    if status is Status.KERNEL_REJECTED:
        return True
    return status in (Status.REJECTED, Status.DISALLOWED_AXIOM) and any(
        word in text
        for text in (submission.text, submission.header, submission.statement)
        for word in KERNEL_WORDS
    )


def refuse_unread(submission: Submission) -> Verdict | None:
    """The verdict on a submission that no Lean has to read, or None where one has to."""
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


def judge_screening(
    submission: Submission,
    source: Source,
    reply: CheckReply,
    allowed_axioms: frozenset[str] = ALLOWED_AXIOMS,
) -> Verdict:
    """The verdict of the process that elaborated `source`.  Its `proved` means only: worth an audit."""
    messages = _place_messages(source, reply.messages)
    hint = "; give it up to, not including, `:=`" if _PROVED_STATEMENT.search(submission.statement) else ""
    status, reason = _judge_reply(reply, messages, allowed_axioms, hint)
    return Verdict(
        id=submission.id,
        status=status,
        reason=_shorten(reason),
        messages=messages,
        tactics=None if reply.tactics is None else extract_tactics(source, reply.tactics),
        axioms=reply.declaration.rests_on if reply.declaration else (),
        heartbeats=reply.heartbeats,
        heartbeat_limit=reply.heartbeat_limit,
        lean_ms=reply.ms,
    )


def _judge_reply(
    reply: CheckReply, messages: tuple[Message, ...], allowed_axioms: frozenset[str], hint: str
) -> tuple[Status, str]:
    """The status and the reason; `hint` says what to do about a statement that does not elaborate."""
    if reply.error is not None:
        return Status.INFRA_ERROR, f"the Lean worker refused the request: {reply.error}"
    if reply.statement_error is not None:
        return Status.REJECTED, f"the statement does not elaborate: {reply.statement_error}{hint}"
    errors = [message for message in messages if message.severity is Severity.ERROR]
    if errors:
        first = errors[0]
        where = "statement" if first.start < 0 else f"line {first.line}, column {first.column}"
        return Status.REJECTED, f"{where}: {first.text}"
    if reply.declaration is None:
        return Status.MISSING_DECLARATION, f"nothing named `{reply.name}` is declared"
    status, reason = judge_declaration(reply.name, reply.declaration, allowed_axioms)
    if status is Status.PROVED and reply.refused is not None:
        return Status(reply.refused), f"`{reply.name}` cannot be audited: {reply.reason}"
    if status is Status.PROVED and reply.export is None:
        return Status.INFRA_ERROR, f"the Lean worker exported nothing of `{reply.name}`"
    return status, reason


def judge_audit(reply: AuditReply, allowed_axioms: frozenset[str] = ALLOWED_AXIOMS) -> tuple[Status, str]:
    """The status of what an auditor was given, and the reason for it."""
    failure = reply.error or reply.statement_error
    if failure is not None:
        return Status.INFRA_ERROR, f"the auditor refused the request: {failure}"
    if reply.refused is not None:
        return Status(reply.refused), _shorten(reply.reason)
    found = reply.declaration
    if found is None:
        return Status.MISSING_DECLARATION, f"nothing named `{reply.name}` is in the export"
    status, reason = judge_declaration(reply.name, found, allowed_axioms)
    if found.same_type is not True and status is not Status.STATEMENT_MISMATCH:
        return Status.STATEMENT_MISMATCH, _shorten(
            f"`{reply.name}` is declared with another type: {_compare_types(found)}"
        )
    return status, _shorten(reason)


def judge_declaration(name: str, found: Declaration, allowed_axioms: frozenset[str]) -> tuple[Status, str]:
    """The status of a declaration of whose type nothing is known yet."""
    if found.kind != found.reference_kind:
        return (
            Status.STATEMENT_MISMATCH,
            f"`{name}` is declared as {found.kind}, the statement as {found.reference_kind}",
        )
    if found.universes != found.reference_universes:
        return (
            Status.STATEMENT_MISMATCH,
            f"`{name}` has {found.universes} universe parameters, the statement {found.reference_universes}",
        )
    if SORRY in found.axioms:
        return Status.INCOMPLETE, f"`{name}` depends on `sorry`"
    own = set(found.own_axioms) - (allowed_axioms - LEANS_AXIOMS)
    disallowed = sorted((set(found.axioms) - allowed_axioms) | own)
    if disallowed:
        return (
            Status.DISALLOWED_AXIOM,
            f"`{name}` depends on {', '.join(f'`{a.removeprefix(RENAMED_ROOT)}`' for a in disallowed)}",
        )
    return Status.PROVED, f"`{name}` is proved"


def _compare_types(found: Declaration) -> str:
    """Both types, after the part in which they differ: types can be longer than a reason."""
    same_text = found.type == found.reference_type
    types = f"`{found.type}`" if same_text else f"`{found.type}`, not `{found.reference_type}`"
    if found.part == found.type:
        return types
    if found.part == found.reference_part:
        return f"its own `{found.part}` is not the statement's `{found.part}` in {types}"
    return f"`{found.part}` stands for `{found.reference_part}` in {types}"


def _place_messages(source: Source, raw: Sequence[RawMessage]) -> tuple[Message, ...]:
    """Lean's messages, placed in the submitted text."""
    starts = _line_starts(source.full)
    place = source.offset_map()
    before = source.prefix.count("\n")
    return tuple(
        Message(
            severity=Severity(message.severity),
            line=message.line - before if message.line > before else message.line,
            column=message.column,
            start=place(starts[min(message.line, len(starts)) - 1] + message.column),
            text=message.text,
        )
        for message in raw
    )


def _occurrences(part: str, text: str) -> list[int]:
    """The offsets at which `part` begins in `text`, in order and without overlaps."""
    found = []
    at = text.find(part)
    while at >= 0:
        found.append(at)
        at = text.find(part, at + len(part))
    return found


def _line_starts(text: str) -> list[int]:
    """Code-point offsets at which lines start; Lean ends lines at line feeds only."""
    return list(accumulate((len(line) + 1 for line in text.split("\n")[:-1]), initial=0))


def extract_tactics(source: Source, raw: Sequence[RawTactic]) -> tuple[Tactic, ...]:
    """The tactics of the submitted text in reading order, one for each span.

    A macro's expansion carries the span of the macro; the first node is the outermost and is the one that was
    written.
    """
    offsets, place = _code_points(source.full), source.offset_map()
    spans: dict[tuple[int, int], Tactic] = {}
    for node in raw:
        if node.start is None or node.stop is None or not is_tactic(node.kind):
            continue
        start, stop = (place(offsets(byte)) for byte in (node.start, node.stop))
        if start < 0 or (start, stop) in spans:
            continue
        spans[start, stop] = Tactic(
            start=start, stop=stop, goals_before=node.before.strip(), goals_after=node.after.strip()
        )
    return tuple(spans[key] for key in sorted(spans, key=lambda span: (span[0], -span[1])))


def is_tactic(kind: str) -> bool:
    """Whether a node of this kind is a tactic.

    The kind of a token is its own text; that of a tactic has a namespace, or `tactic` before its first token.
    """
    return kind not in WRAPPERS and ("." in kind or kind.startswith("tactic"))


def _code_points(text: str) -> Callable[[int], int]:
    """A map from byte offsets of the text's UTF-8 to code-point offsets."""
    starts = list(accumulate((len(char.encode()) for char in text), initial=0))
    return lambda byte: bisect_right(starts, byte) - 1


def _refuse(submission: Submission, reason: str) -> Verdict:
    return Verdict(id=submission.id, status=Status.REJECTED, reason=reason)


def _shorten(reason: str) -> str:
    """`reason` as one line that fits a table; the whole of it stands in the verdict's `messages`."""
    line = " ".join(reason.split())
    return line if len(line) <= REASON_LENGTH else line[: REASON_LENGTH - 1] + "…"
