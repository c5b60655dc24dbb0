"""Submissions and verdicts: the words in which everything else talks about proofs.

A verdict has three kinds, never two.  `unknown` is the third: the machine, not the proof, decided, so nothing
may be learned from it.
"""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, computed_field, field_validator, model_validator

__all__ = [
    "ALLOWED_AXIOMS",
    "Certificate",
    "Kind",
    "Message",
    "Severity",
    "Status",
    "Submission",
    "Tactic",
    "Verdict",
]

ALLOWED_AXIOMS = frozenset({"propext", "Classical.choice", "Quot.sound"})
"""The three axioms of Lean's own mathematics."""


class Kind(StrEnum):
    """What learning does with a verdict: reward 1, reward 0, or no reward at all."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


class Status(StrEnum):
    """Why a verdict is what it is; `kind` groups them."""

    PROVED = "proved"
    REJECTED = "rejected"
    INCOMPLETE = "incomplete"
    STATEMENT_MISMATCH = "statement_mismatch"
    MISSING_DECLARATION = "missing_declaration"
    DISALLOWED_AXIOM = "disallowed_axiom"
    FORBIDDEN = "forbidden"
    KERNEL_REJECTED = "kernel_rejected"
    TIMEOUT = "timeout"
    UNSUPPORTED = "unsupported"
    """A declaration on which this Lean's kernel is known to be unsound."""
    RESOURCE_EXHAUSTED = "resource_exhausted"
    CRASHED = "crashed"
    INFRA_ERROR = "infra_error"

    @property
    def kind(self) -> Kind:
        """Whether it is proved, refuted, or unknown."""
        if self is Status.PROVED:
            return Kind.PROVED
        if self in _UNKNOWN:
            return Kind.UNKNOWN
        return Kind.REFUTED


_UNKNOWN = frozenset(
    {Status.TIMEOUT, Status.RESOURCE_EXHAUSTED, Status.UNSUPPORTED, Status.CRASHED, Status.INFRA_ERROR}
)


class _Record(BaseModel):
    """The docstrings of fields are their descriptions, in JSON schemas and in the API's document."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Submission(_Record):
    """What is to be judged: a statement, and a proof of it or a whole file that contains it."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1)
    """The name under which the verdict comes back."""
    statement: str = Field(min_length=1)
    """Lean text up to, not including, `:=`."""
    header: str = ""
    """Imports, opens, options and definitions, under which statement and proof are read."""
    proof: str | None = None
    """What follows `:=`."""
    code: str | None = None
    """A file that declares the theorem itself, in place of a proof."""

    @field_validator("header", mode="before")
    @classmethod
    def _none_is_empty(cls, text: object) -> object:
        # As tables are written out where some rows have a header.
        return "" if text is None else text

    @field_validator("statement", "header")
    @classmethod
    def _with_line_feeds(cls, text: str) -> str:
        # Lean takes a carriage return for an error.  Positions count in `proof` and `code`, so they stay.
        return text.replace("\r\n", "\n")

    @model_validator(mode="after")
    def _exactly_one_text(self) -> Self:
        if (self.proof is None) == (self.code is None):
            raise ValueError("give exactly one of `proof` and `code`")
        return self

    @property
    def text(self) -> str:
        """The submitted text: positions in a verdict count code points from its start."""
        return self.proof if self.proof is not None else self.code or ""


class Severity(StrEnum):
    """How serious Lean takes a message."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Message(_Record):
    """One message of Lean."""

    severity: Severity
    """`error`, `warning` or `info`."""
    line: int
    """Line of the submitted text, from 1; of the statement where `start` is negative."""
    column: int
    """Code points before it on its line."""
    start: int
    """Offset into the submitted text, in code points; negative where Lean complains about the statement,
    which stands before a `proof`."""
    text: str
    """What Lean says."""


class Tactic(_Record):
    """One tactic that Lean ran: `text[start:stop]` of the submitted text."""

    start: int
    """Offset of its first code point."""
    stop: int
    """Offset behind its last code point."""
    goals_before: str
    """The goals before it, as Lean prints them."""
    goals_after: str
    """The goals that it leaves."""


class Certificate(_Record):
    """What an auditor accepted: enough to audit it again, and to see that it is the same."""

    model_config = ConfigDict(extra="forbid")

    name: str
    """Name of the theorem."""
    statement_sha256: str
    """Digest of the statement's text."""
    type_sha256: str
    """Digest of the type that Lean elaborates the statement to, as `verifier/lean/Export.lean` writes it."""
    export_sha256: str
    """Digest of the declaration and of all that it rests on beyond the header."""
    header: str
    """The header of the submission."""
    axioms: tuple[str, ...]
    """All axioms that the proof rests on."""
    lean: str
    """Version of the Lean whose kernel accepted the proof."""
    advisories: tuple[str, ...] = ()
    """Known holes of that Lean's kernel, as `verifier/lean/advisories.py` names them."""
    heartbeat_limit: int | None = None
    """The budget that each declaration had when the proof was elaborated; null in certificates of before."""


class Verdict(_Record):
    """What the verifier says of a submission."""

    id: str
    """The `id` of the submission."""
    status: Status
    """Why the verdict is what it is."""
    reason: str
    """One line for people; the whole of what Lean said stands in `messages`."""
    messages: tuple[Message, ...] = ()
    """What Lean said, up to the first hundred errors and the first hundred other messages."""
    tactics: tuple[Tactic, ...] | None = None
    """The tactics that ran, in reading order; null where they were not asked for, or no Lean saw the text."""
    axioms: tuple[str, ...] = ()
    """The axioms that the declaration rests on."""
    heartbeats: int | None = None
    """What the elaboration used, in the units of `maxHeartbeats`; null where no Lean saw the text."""
    heartbeat_limit: int | None = None
    """The budget that each declaration had: the header's `maxHeartbeats` or what was asked for; 0 for no
    bound."""
    certificate: Certificate | None = None
    """The certificate of a proof that was accepted; null for every other verdict."""
    lean_ms: float = 0.0
    """Wall time for which Lean workers were held, in milliseconds; 0 when none was."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def kind(self) -> Kind:
        """What the status comes to: `proved`, `refuted`, or `unknown`, which says nothing about the proof."""
        return self.status.kind
