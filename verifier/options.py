"""How a submission is judged: what a request may set, what a command may, and the defaults."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from verifier.settings import Cli, Section
from verifier.verdict import ALLOWED_AXIOMS

__all__ = ["ConfinedLean", "LeanSettings", "Options"]


@dataclass(frozen=True)
class Options:
    """The limits of one judgement, and what its verdict brings."""

    tactics: bool = False
    """Whether the verdict has the span of each tactic."""
    timeout_s: float = 60.0
    """Wall-clock seconds for the elaboration, and again for the audit.  It guards the machine: a verdict that
    it ends is unknown."""
    heartbeats: int | None = None
    """The most that a declaration gets, in thousands of small allocations as Lean's `maxHeartbeats`; if none,
    what the header sets that to, or else Lean's own 200,000.  It is the limit that decides: a proof that
    exceeds it is refuted on every machine."""
    allowed_axioms: frozenset[str] = ALLOWED_AXIOMS
    """All axioms that the proof may rest on."""

    goals: bool = True
    """Whether tactics come with their goals, which can take longer to print than the proof takes to check."""

    def but(self, **changes: Any) -> "Options":
        """These options with the changes that are not None."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})


class LeanSettings(Section):
    """The Lean that judges, and the limits of a proof."""

    workers: int = Field(default=1, ge=1)
    """Lean processes at a time, one a core; with its auditor each takes 2 GB when embedded."""
    timeout_s: Annotated[float, Cli("--timeout")] = Field(default=Options.timeout_s, gt=0)
    """Wall-clock seconds for one proof; beyond it the verdict is unknown."""
    heartbeats: int | None = Field(default=Options.heartbeats, ge=1)
    """The most that a declaration gets, as Lean's `maxHeartbeats`; if none, what the header sets, or
    200,000."""
    project: Path | None = None
    """A Lake project to judge in; none for the embedded Lean."""

    def options(self, **more: Any) -> Options:
        """How a submission is judged within these limits; `more` are other fields of `Options`."""
        return Options(timeout_s=self.timeout_s, heartbeats=self.heartbeats, **more)


class ConfinedLean(LeanSettings):
    """The Lean that judges what others wrote."""

    allow_unconfined: bool = False
    """Judge even where nothing keeps candidates from this user's files, as a project without bubblewrap."""
