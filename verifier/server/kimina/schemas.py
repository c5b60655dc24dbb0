"""What Kimina's routes take and give, by the names that `kimina-client` has for it."""

from typing import Any, Literal

from pydantic import Field, model_validator

from verifier.server.schemas import Schema

__all__ = [
    "SNIPPET_LIMIT",
    "BackwardRequest",
    "BackwardResponse",
    "BackwardResult",
    "CheckRequest",
    "CheckResponse",
    "CheckResult",
    "Code",
    "Diagnostics",
    "InfotreeLevel",
    "Position",
    "ReplAnswer",
    "ReplMessage",
    "ReplTactic",
    "Snippet",
    "Sorry",
]

SNIPPET_LIMIT = 1_000

InfotreeLevel = Literal["full", "tactics", "original", "substantive"]
"""Which nodes of the tree are wanted: all (which are tactics, here), those that were written, or those that
are no mere brackets around others."""


class Snippet(Schema):
    """A file to check."""

    id: str
    """The name under which the result comes back."""
    code: str
    """The text of the file."""


class CheckRequest(Schema):
    """Files to check, as `kimina-client` sends them."""

    snippets: list[Snippet] = Field(min_length=1, max_length=SNIPPET_LIMIT)
    """The files, with different ids."""
    timeout: int = Field(default=30, ge=0, le=3600)
    """Wall-clock seconds for each, and again for its audit; 0 takes the server's default."""
    debug: bool = False
    """Whether to return `diagnostics`."""
    reuse: bool = True
    """Changes nothing here: imports are read once, and no file sees what another one did."""
    infotree: InfotreeLevel | None = None
    """Which tactics to return, as a tree and as a list."""

    @model_validator(mode="after")
    def _different_ids(self) -> "CheckRequest":
        if len({snippet.id for snippet in self.snippets}) < len(self.snippets):
            raise ValueError("`snippets` must have different ids")
        return self


class Code(Schema):
    """A file to check, in the older form."""

    custom_id: str | int
    """The name under which the result comes back."""
    proof: str | None = None
    """The text of the file."""
    code: str | None = None
    """The text of the file, where there is no `proof`."""

    @model_validator(mode="after")
    def _some_text(self) -> "Code":
        if self.proof is None and self.code is None:
            raise ValueError("give `proof` or `code`")
        return self

    @property
    def text(self) -> str:
        """The text of the file, whichever field has it."""
        return self.proof if self.proof is not None else self.code or ""


class BackwardRequest(Schema):
    """Files to check, in the older form."""

    codes: list[Code] = Field(min_length=1, max_length=SNIPPET_LIMIT)
    """The files."""
    timeout: int = Field(default=300, ge=0, le=3600)
    """Wall-clock seconds for each, and again for its audit; 0 takes the server's default."""
    infotree_type: InfotreeLevel | None = None
    """Which tactics to return, as a tree and as a list."""
    disable_cache: bool = False
    """Changes nothing here: imports are read once, and no file sees what another one did."""


class Position(Schema):
    """A place in the text that was sent."""

    line: int
    """The line, from 1."""
    column: int
    """Code points before it on its line."""


class ReplMessage(Schema):
    """A message of Lean, or of the audit."""

    severity: str
    """`error`, `warning` or `info`."""
    pos: Position
    """Where what it speaks of begins."""
    endPos: Position | None = None
    """Where that ends, if Lean says so."""
    data: str
    """What Lean says."""


class Sorry(Schema):
    """A `sorry` with one goal that it stands for."""

    pos: Position
    """Where it begins."""
    endPos: Position
    """Where it ends."""
    goal: str
    """The goal, as Lean prints it."""


class ReplTactic(Schema):
    """A tactic that Lean ran."""

    pos: int
    """Offset of its first code point in the text."""
    endPos: int
    """Offset behind its last code point."""
    goals: str
    """The goals before it, as Lean prints them."""
    tactic: str
    """Its text."""


class ReplAnswer(Schema):
    """What Lean said of a file, and what the audit found in its theorems."""

    messages: list[ReplMessage]
    """All that was said."""
    sorries: list[Sorry]
    """Every `sorry`, in reading order."""
    tactics: list[ReplTactic] | None = None
    """The tactics in reading order, where an infotree was asked for."""
    infotree: list[dict[str, Any]] | None = None
    """The tactics as trees: `node` (`name`, `stx` with its text `pp` and its `range`, `goalsBefore`,
    `goalsAfter`), `kind` (always `TacticInfo`) and `children`."""
    env: int = 0
    """Always 0: no environment is kept."""
    time: float | None = None
    """Seconds that Lean took, in the older form."""


class Diagnostics(Schema):
    """What is said of the process that checked a file, where `debug` was asked for."""

    repl_uuid: str
    """An id of this check alone: no file shares a REPL with another."""


class CheckResult(Schema):
    """What came of one file."""

    id: str
    """The `id` of the snippet."""
    time: float
    """Seconds that Lean took."""
    error: str | None = None
    """Why there is no answer: it says `timed out` where the time was up."""
    response: ReplAnswer | None = None
    """What Lean said."""
    diagnostics: Diagnostics | None = None
    """Where `debug` was asked for."""


class CheckResponse(Schema):
    """What came of all files."""

    results: list[CheckResult]
    """In the order in which the files were sent."""


class BackwardResult(Schema):
    """What came of one file, in the older form."""

    custom_id: str | int
    """The `custom_id` of the file."""
    error: str | None = None
    """Why there is no answer: it says `timed out` where the time was up."""
    response: ReplAnswer | None = None
    """What Lean said."""


class BackwardResponse(Schema):
    """What came of all files, in the older form."""

    results: list[BackwardResult]
    """In the order in which the files were sent."""
