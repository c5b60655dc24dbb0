"""How a submission is judged: what a request may set, and the defaults."""

from dataclasses import dataclass, replace
from typing import Any

from verifier.verdict import ALLOWED_AXIOMS

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """The limits of one judgement, and what its verdict brings."""

    tactics: bool = False
    """Whether the verdict has each tactic's span."""
    timeout_s: float = 60.0
    """Wall-clock seconds for the elaboration, and again for the audit; it only guards."""
    heartbeats: int = 200_000
    """Budget of each declaration, in thousands of small allocations as Lean's `maxHeartbeats`, and with
    Lean's own default: the limit that decides."""
    allowed_axioms: frozenset[str] = ALLOWED_AXIOMS
    """All that the proof may rest on."""

    goals: bool = True
    """Whether tactics come with their goals, which can take longer to print than to prove."""

    def but(self, **changes: Any) -> "Options":
        """These, but for the changes that are not None."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})
