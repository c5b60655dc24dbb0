"""Submissions and verdicts: the words in which everything else talks about proofs.

A verdict has three kinds, never two.  `unknown` is the third: the machine, not
the proof, decided, so nothing may be learned from it.
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
        if self is Status.PROVED:
            return Kind.PROVED
        if self in _UNKNOWN:
            return Kind.UNKNOWN
        return Kind.REFUTED


_UNKNOWN = frozenset(
    {Status.TIMEOUT, Status.RESOURCE_EXHAUSTED, Status.UNSUPPORTED, Status.CRASHED, Status.INFRA_ERROR}
)


class Submission(BaseModel):
    """What is to be judged: a statement, and a proof of it or a whole file that contains it.

    `statement` is Lean text up to, not including, `:=`.  `proof` is what follows
    `:=`.  `code` is a file body that must declare the theorem itself.  `header`
    holds imports, opens, options and definitions both are read under.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    statement: str = Field(min_length=1)
    header: str = ""
    proof: str | None = None
    code: str | None = None

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
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Message(BaseModel):
    """One message of Lean.  Lines count from 1, columns count code points from 0.

    `start` is the code-point offset into `Submission.text`; it is negative where
    Lean complains about the statement, which stands before a `proof`.
    """

    model_config = ConfigDict(frozen=True)

    severity: Severity
    line: int
    column: int
    start: int
    text: str


class Tactic(BaseModel):
    """One tactic Lean ran: `text[start:stop]`, with the goals before and after it."""

    model_config = ConfigDict(frozen=True)

    start: int
    stop: int
    goals_before: str
    goals_after: str


class Certificate(BaseModel):
    """What an auditor accepted: enough to audit it again, and to see that it is the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    statement_sha256: str
    type_sha256: str
    """Of the type that Lean elaborates the statement to, as `verifier/lean/Export.lean` writes it."""
    export_sha256: str
    """Of the declaration and all it rests on beyond the header."""
    header: str
    axioms: tuple[str, ...]
    lean: str
    advisories: tuple[str, ...] = ()
    """Known holes of that Lean's kernel, as `verifier/lean/advisories.py` names them."""


class Verdict(BaseModel):
    """What the verifier says of a submission."""

    model_config = ConfigDict(frozen=True)

    id: str
    status: Status
    reason: str
    messages: tuple[Message, ...] = ()
    tactics: tuple[Tactic, ...] | None = None
    axioms: tuple[str, ...] = ()
    heartbeats: int | None = None
    certificate: Certificate | None = None
    """Of a proof that was accepted, and of no other."""
    lean_ms: float = 0.0
    """Wall time for which Lean workers were held, in milliseconds; 0 when none was."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def kind(self) -> Kind:
        return self.status.kind
