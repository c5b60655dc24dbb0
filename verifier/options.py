"""How a submission is judged: what a request may set, and the defaults."""

from dataclasses import dataclass, replace
from typing import Any

from verifier.verdict import ALLOWED_AXIOMS

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """The limits of one judgement, and what its verdict brings."""

    tactics: bool = False
    """Whether the verdict has the span of each tactic."""
    timeout_s: float = 60.0
    """Wall-clock seconds for the elaboration, and again for the audit.  It guards the machine: a verdict that
    it ends is unknown."""
    heartbeats: int = 200_000
    """Budget of each declaration, in thousands of small allocations as Lean's `maxHeartbeats`, with Lean's
    own default.  It is the limit that decides: a proof that exceeds it is refuted on every machine."""
    allowed_axioms: frozenset[str] = ALLOWED_AXIOMS
    """All axioms that the proof may rest on."""

    goals: bool = True
    """Whether tactics come with their goals, which can take longer to print than the proof takes to check."""

    def but(self, **changes: Any) -> "Options":
        """These options with the changes that are not None."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})
