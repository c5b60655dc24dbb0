"""Settings of a search over tactic states."""

from typing import Annotated, Literal

from pydantic import Field

from verifier.settings import Cli, Section

__all__ = ["SearchConfig"]


class SearchConfig(Section):
    """How a proof is searched for, and what that may cost for one theorem."""

    order: Annotated[Literal["best_first", "breadth_first"], Cli("--search-order")] = "best_first"
    """Which node is next: the one with the likeliest way to it, or the oldest."""
    length_power: float = Field(default=0.5, ge=0, le=1)
    """α of best-first search: a node's score is Σ log p over the tactics on the way to it, divided by their
    number to this power (BFS-Prover, arXiv 2502.03438)."""
    tactics: Annotated[int, Cli("--search-tactics")] = Field(default=400, ge=1)
    """Tactics that are tried at most."""
    heartbeats: int = Field(default=20_000, ge=1)
    """Budget of each tactic, as Lean's `maxHeartbeats`."""
    total_heartbeats: int = Field(default=2_000_000, ge=1)
    """Budget of all tactics together, in the same unit."""
    width: int = Field(default=32, ge=1)
    """Tactics tried on a goal at most."""
