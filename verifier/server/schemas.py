"""What the routes of `/v1` and of health take and give, as the API's document describes it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from verifier.tactic_state import TacticState, TacticStep
from verifier.verdict import Status, Submission, Verdict

__all__ = [
    "BATCH_LIMIT",
    "REFUSALS",
    "BatchRequest",
    "BatchRow",
    "Health",
    "Problem",
    "Schema",
    "StatementReport",
    "StatementRequest",
    "TacticsReport",
    "TacticsRequest",
    "Toolchain",
    "VerifyRequest",
]

BATCH_LIMIT = 1_000
PATH_LIMIT = 1_000
TACTICS_LIMIT = 256

EXAMPLE: dict[str, JsonValue] = {
    "id": "mine",
    "statement": "theorem add_comm' (a b : Nat) : a + b = b + a",
    "proof": "by omega",
}


class Schema(BaseModel):
    """Base of what is sent: the docstrings of fields are their descriptions in the document."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class VerifyRequest(Submission):
    """A submission with its limits; what is left out takes the server's default."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: str = "submission"
    """The name under which the verdict comes back."""
    timeout: Annotated[float, Field(gt=0, le=3600)] | None = None
    """Wall-clock seconds for the elaboration, and again for the audit."""
    heartbeats: Annotated[int, Field(gt=0, le=1_000_000_000)] | None = None
    """The most that a declaration gets, as Lean's `maxHeartbeats`; a smaller number in the header holds."""
    tactics: bool = False
    """Whether to return each tactic's span and goals."""
    allowed_axioms: frozenset[str] | None = None
    """All the axioms that the proof may use."""
    priority: Literal["normal", "high"] = "normal"
    """High goes before normal, of whatever key."""


class BatchRequest(Schema):
    """Submissions to judge."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"items": [EXAMPLE]}]})

    items: list[dict[str, Any]] = Field(min_length=1, max_length=BATCH_LIMIT)
    """Submissions, each as `POST /v1/verify` takes it; one that is wrong gets a line that says so."""


class BatchRow(Schema):
    """One line of the answer to a batch."""

    index: int
    """Which item it is about, from 0."""
    verdict: Verdict | None = None
    """The verdict on the item; null where there is an `error`."""
    error: str | None = None
    """Why the item has no verdict."""
    status: int = 200
    """What `POST /v1/verify` would have answered: 422, 429 or 503 with an `error`."""


class StatementRequest(Schema):
    """A statement to look at."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"statement": EXAMPLE["statement"]}]}
    )

    statement: str = Field(min_length=1, max_length=1_000_000)
    """Lean text up to, not including, `:=`."""
    header: str = ""
    """Imports, opens, options and definitions that it is read under."""


class TacticsRequest(Schema):
    """A state of a proof, and tactics to try on it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "statement": "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q",
                    "path": [{"tactic": "constructor"}],
                    "tactics": ["exact hp", "omega"],
                }
            ]
        },
    )

    statement: str = Field(min_length=1, max_length=1_000_000)
    """Lean text up to, not including, `:=`."""
    header: str = ""
    """Imports, opens, options and definitions that it is read under."""
    path: list[TacticStep] = Field(default=[], max_length=PATH_LIMIT)
    """The steps from the start of the proof to the state."""
    goal: int = Field(default=0, ge=0)
    """Number of the goal that the tactics are tried on, from 0."""
    tactics: list[Annotated[str, Field(min_length=1, max_length=100_000)]] = Field(
        default=[], max_length=TACTICS_LIMIT
    )
    """What is tried, each on the same state; none to see the goals alone."""
    timeout: Annotated[float, Field(gt=0, le=3600)] | None = None
    """Wall-clock seconds for all of it."""
    heartbeats: Annotated[int, Field(gt=0, le=1_000_000_000)] | None = None
    """The most that a tactic gets, as Lean's `maxHeartbeats`."""


class TacticsReport(TacticState):
    """A state and what came of the tactics.  It is no verdict: `POST /v1/verify` judges a whole proof."""

    unknown: Status | None = None
    """Why nobody can tell, `timeout` or the like; null where Lean answered."""


class StatementReport(Schema):
    """What Lean makes of a statement."""

    elaborates: bool | None
    """True, false, or null when the machine could not tell."""
    reason: str = ""
    """Why it does not elaborate, or why nobody can tell."""
    name: str = ""
    """Name of the theorem."""
    declared_as: str = ""
    """`theorem`, `def` and so on."""
    type: str = ""
    """Its type, as Lean prints it."""
    goal: str = ""
    """What a proof by tactics begins with."""


class Toolchain(Schema):
    """What judges here, and with which defaults."""

    lean: str
    """Version of Lean."""
    advisories: list[str]
    """Known holes of its kernel; docs/soundness.md says what stands before each."""
    runtime: str
    """`embedded`, or `project` for the Lean of a Lake project."""
    timeout: float
    """Wall-clock seconds for an elaboration, and again for its audit."""
    heartbeats: int | None
    """The most that a declaration gets, as Lean's `maxHeartbeats`; null for what the header sets, or
    200,000."""
    allowed_axioms: list[str]
    """All the axioms that a proof may use."""


class Health(Schema):
    """How the service is."""

    status: Literal["ok", "not ready"]
    """`ok` when a worker and an auditor have started."""
    lean: str
    """Version of Lean."""
    runtime: str
    """`embedded`, or `project` for the Lean of a Lake project."""
    workers: int
    """Lean processes that elaborate, at this moment."""
    auditors: int
    """Lean processes that audit, at this moment."""


class Problem(Schema):
    """Why a request was refused."""

    detail: str | list[dict[str, Any]]
    """What is wrong and what to do; of wrong fields a list with the place and the fault of each."""


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 413, 422, 429, 503)
}
"""The answers that routes which need a key may give in place of their own."""
