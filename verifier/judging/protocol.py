"""The JSON lines between Python and `lean/Worker.lean`, without any IO.

A worker's stdout also carries what the runtime prints, and what a candidate's `#eval` manages to print.  So
only a JSON object that repeats the id of the request in flight is a reply, and ids cannot be guessed.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from verifier.tactic_state import Goal, TacticState, TacticStep, TriedTactic

__all__ = [
    "AuditReply",
    "CheckReply",
    "Declaration",
    "Export",
    "HeaderReply",
    "ImportsReply",
    "RawMessage",
    "RawSorry",
    "RawTactic",
    "Ready",
    "Request",
    "StatementReply",
    "TacticsReply",
    "TextReply",
    "audit_request",
    "check_request",
    "header_request",
    "imports_request",
    "parse_json_line",
    "statement_request",
    "tactics_request",
    "text_request",
]


_MODULE_PART = r"(?:«[^»\s]+»|[^\W\d][\w'!?]*)"
_IMPORT_LINE = re.compile(rf"prelude|import {_MODULE_PART}(?:\.{_MODULE_PART})*")

Export = dict[str, Any]
"""Declarations as data, as `lean/Export.lean` describes them: `names`, `levels`, `exprs`, `decls`."""

Refused = Literal[
    "forbidden", "kernel_rejected", "rejected", "resource_exhausted", "unsupported", "infra_error"
]
"""The statuses that the Lean side gives by itself; none of them is `proved`."""

RENAMED_ROOT = "submitted.0."
"""What `lean/Read.lean` puts before the names that a submission declares.  People are not shown it."""


class Wire(BaseModel):
    """Base of all that a worker sends."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Ready(Wire):
    """The first line of a worker that has started."""

    ready: bool
    lean: str


class HeaderReply(Wire):
    """Whether the worker has read a header, and why it does not elaborate, if so."""

    id: str
    error: str | None = None
    full: bool = False
    """It was not read: the worker holds as many lists of imports as it may, and this would be another."""


class RawMessage(Wire):
    """A message of Lean, its position in the whole source: lines from 1, columns in code points from 0."""

    severity: str
    line: int
    column: int
    end_line: int | None = None
    """Line on which the text that it is about ends, if Lean says so."""
    end_column: int | None = None
    text: str


class RawTactic(Wire):
    """A syntax node that ran as a tactic; `start` and `stop` are byte offsets into the whole source."""

    kind: str
    start: int | None
    stop: int | None
    before: str
    after: str


class RawSorry(Wire):
    """A `sorry` that was written, as a tactic or a term; `start` and `stop` as in `RawTactic`."""

    start: int | None
    stop: int | None
    is_tactic: bool
    goal: str


class Declaration(Wire):
    """How the candidate's declaration of the reference's name compares with the reference."""

    kind: str
    reference_kind: str
    universes: int
    """How many universe parameters it has."""
    reference_universes: int
    same_type: bool | None = None
    """Whether the kernel accepted it as a proof of the reference's type; None where no kernel was asked."""
    axioms: tuple[str, ...]
    """The axioms of the header and of what it imports on which the declaration rests."""
    own_axioms: tuple[str, ...]
    """The axioms that the candidate declared and on which it rests, by the names that it gave them; below
    `RENAMED_ROOT` where the header has such a name of its own."""
    type: str | None = None
    reference_type: str | None = None
    part: str | None = None
    """The part of the type that differs; in the reference's type `reference_part` stands in its place."""
    reference_part: str | None = None

    @field_validator("type", "part", mode="before")
    @classmethod
    def _as_written(cls, value: Any) -> Any:
        return value.replace(RENAMED_ROOT, "") if isinstance(value, str) else value

    @property
    def rests_on(self) -> tuple[str, ...]:
        """All axioms, by name."""
        return (*self.axioms, *self.own_axioms)


class CheckReply(Wire):
    """What Lean said of a source: either an error of the request or statement, or the rest.

    The worker bounds all of it: it sends the first 100 errors and the first 100 other messages, texts and
    goals of up to 8,000 bytes, and tactics of 8 MB together.
    """

    id: str
    ms: float = 0.0
    error: str | None = None
    statement_error: str | None = None
    name: str = ""
    messages: tuple[RawMessage, ...] = ()
    declaration: Declaration | None = None
    tactics: tuple[RawTactic, ...] | None = None
    heartbeats: int = Field(default=0, ge=0)
    heartbeat_limit: int | None = None
    """The budget that each declaration had; 0 for none."""
    header_heartbeats: int | None = None
    """What the header sets `maxHeartbeats` to, if it does."""
    export: Export | None = None
    """The declaration with all it rests on beyond the header, if Lean reported no error."""
    refused: Refused | None = None
    """The status to give when the declaration cannot be written out; `reason` says why."""
    reason: str = ""


class StatementReply(Wire):
    """What Lean makes of a statement, or why it does not elaborate."""

    id: str
    ms: float = 0.0
    error: str | None = None
    statement_error: str | None = None
    name: str = ""
    kind: str = ""
    type: str = ""
    goal: str = ""


class ImportsReply(Wire):
    """What a file imports, as the text of a header that brings it."""

    id: str
    ms: float = 0.0
    error: str | None = None
    header: str = ""

    @field_validator("header")
    @classmethod
    def _only_imports(cls, header: str) -> str:
        # Auditors will read it, and whoever answers has run candidates, which may answer in its place.
        if not all(_IMPORT_LINE.fullmatch(line) for line in header.splitlines()):
            raise ValueError("a header of imports has something else in it")
        return header


class TextReply(Wire):
    """What Lean said of a text; bounded as a `CheckReply` is."""

    id: str
    ms: float = 0.0
    error: str | None = None
    messages: tuple[RawMessage, ...] = ()
    tactics: tuple[RawTactic, ...] = ()
    sorries: tuple[RawSorry, ...] = ()
    """Every `sorry`, in no order; one that Lean read twice is there twice."""
    heartbeats: int = Field(default=0, ge=0)


class TacticsReply(Wire):
    """A tactic state, and what came of tactics there; or why there is no such state."""

    id: str
    ms: float = 0.0
    error: str | None = None
    statement_error: str | None = None
    path_error: str | None = None
    """What Lean says of the first step of the path that it does not take."""
    name: str = ""
    goals: tuple[Goal, ...] = ()
    results: tuple[TriedTactic, ...] = ()

    @property
    def state(self) -> TacticState:
        """The same, for people."""
        error = self.error or self.statement_error or self.path_error
        return TacticState(name=self.name, goals=self.goals, tried=self.results, error=error)


class AuditReply(Wire):
    """What the kernel of a process that elaborated no candidate says of an export."""

    id: str
    ms: float = 0.0
    error: str | None = None
    statement_error: str | None = None
    name: str = ""
    refused: Refused | None = None
    """The status to give when not all of the export was accepted; `reason` says why."""
    reason: str = ""
    declaration: Declaration | None = None
    undecided: bool = False
    """Whether the kernel ran out of its budget when it compared the candidate's type with the reference's."""
    type: Export | None = None
    """The reference's type: its expressions, and as `root` which of them is the whole."""


R = TypeVar("R", bound=Wire)


@dataclass(frozen=True)
class Request(Generic[R]):
    """One line for a worker, and the type of the reply to it."""

    id: str
    line: bytes
    reply: type[R]

    def is_answered_by(self, line: bytes) -> bool:
        """Whether `line` is the reply.  It is quick, because much is read while a core waits for it."""
        return line.startswith(b"{") and self.id.encode() in line

    def read(self, line: bytes) -> R:
        """The reply on a line that answers this request.  Raises ValueError when it cannot be read."""
        return self.reply.model_validate(parse_json_line(line))


def header_name(text: str) -> str:
    """The name of a header in requests."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def header_request(text: str, *, forget: str | None, imports_kept: int) -> Request[HeaderReply]:
    """Ask the worker to read `text` as a header and keep it, in place of the header `forget`.

    It is not read if the worker would then hold more than `imports_kept` lists of imports.
    """
    forgotten = None if forget is None else header_name(forget)
    return _request(
        HeaderReply, op="header", name=header_name(text), text=text, forget=forgotten, kept=imports_kept
    )


def check_request(
    header: str,
    statement: str,
    source: str,
    *,
    heartbeats: int | None,
    file: bool = True,
    tactics: bool = False,
    goals: bool = True,
    kernel: bool = True,
    export: bool = True,
) -> Request[CheckReply]:
    """Ask for `source` to be elaborated after `header` and compared with `statement`.

    Args:
        heartbeats: the most that a declaration gets, whatever the header sets.
        file: whether it is a file of its own, which may have imports and bring the header's commands.
        goals: whether tactics come with their goals.
        kernel: whether the kernel checks declarations here too; that of the auditor checks them in any case.
        export: whether to write out what an audit needs.
    """
    return _request(
        CheckReply,
        op="check",
        header=header_name(header),
        statement=statement,
        source=source,
        file=file,
        heartbeats=heartbeats,
        tactics=tactics,
        goals=goals,
        kernel=kernel,
        export=export,
    )


def statement_request(header: str, statement: str) -> Request[StatementReply]:
    """Ask for the type and the goal of `statement` after `header`."""
    return _request(StatementReply, op="statement", header=header_name(header), statement=statement)


def imports_request(source: str) -> Request[ImportsReply]:
    """Ask what the file `source` imports."""
    return _request(ImportsReply, op="imports", source=source)


def text_request(header: str, source: str, *, heartbeats: int | None, tactics: bool) -> Request[TextReply]:
    """Ask what Lean says of the file `source`, whose own imports `header` stands for."""
    return _request(
        TextReply,
        op="text",
        header=header_name(header),
        source=source,
        heartbeats=heartbeats,
        tactics=tactics,
    )


def tactics_request(
    header: str,
    statement: str,
    path: Sequence[TacticStep],
    tactics: Sequence[str],
    *,
    goal: int,
    heartbeats: int | None,
) -> Request[TacticsReply]:
    """Ask for the state that `path` leads to, and for what each of `tactics` makes of its goal number `goal`.

    Args:
        heartbeats: the most that a tactic gets.
    """
    return _request(
        TacticsReply,
        op="tactics",
        header=header_name(header),
        statement=statement,
        path=[step.model_dump() for step in path],
        goal=goal,
        tactics=list(tactics),
        heartbeats=heartbeats,
    )


def audit_request(header: str, statement: str, export: Export) -> Request[AuditReply]:
    """Ask for `export` to be replayed after `header` and compared with `statement`."""
    return _request(AuditReply, op="audit", header=header_name(header), statement=statement, export=export)


def parse_json_line(line: bytes) -> dict[str, Any] | None:
    """The JSON object on `line`, or None for anything else that may stand on stdout."""
    if not line.startswith(b"{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _request(reply: type[R], **fields: Any) -> Request[R]:
    # Text printed by a candidate cannot contain the id by guessing.
    request_id = secrets.token_hex(12)
    # Line feeds in strings come out escaped, so a request is one line.
    return Request(request_id, json.dumps({"id": request_id, **fields}).encode() + b"\n", reply)
