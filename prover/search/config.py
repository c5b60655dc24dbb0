"""Settings of a search over tactic states."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from verifier.settings import Cli, Section

__all__ = ["OrderName", "SearchConfig"]

OrderName = Literal["best_first", "breadth_first", "mcts"]
"""Of `prover/search/orders.py`."""


class SearchConfig(Section):
    """How a proof is searched for, and what that may cost for one theorem."""

    order: Annotated[OrderName, Cli("--search-order")] = "best_first"
    """Which node is next: the one with the likeliest way to it, the oldest, or as a Monte Carlo tree search
    decides (AlphaProof)."""
    length_power: float = Field(default=0.5, ge=0, le=1)
    """α of best-first search: a node's score is Σ log p over the tactics on the way to it, divided by their
    number to this power (BFS-Prover, arXiv 2502.03438)."""
    tactics: Annotated[int, Cli("--search-tactics")] = Field(default=400, ge=1)
    """Tactics that are tried at most."""
    heartbeats: int = Field(default=20_000, ge=1)
    """Budget of each tactic, as Lean's `maxHeartbeats`."""
    total_heartbeats: Annotated[int, Cli("--search-heartbeats")] = Field(default=2_000_000, ge=1)
    """Budget of all tactics together, in the same unit."""
    tokens: Annotated[int, Cli("--search-tokens")] = Field(default=1_000_000, ge=1)
    """Tokens that a model writes at most, all tactics together."""
    tactic_tokens: int = Field(default=128, ge=1)
    """Tokens that a model writes at most for one tactic; a longer one is not tried."""
    width: int = Field(default=64, ge=1)
    """Tactics asked for on a goal at most."""
    batch: int = Field(default=8, ge=1)
    """Tactics asked for on a goal at a time."""
    exploration: float = Field(default=1.0, ge=0)
    """`mcts`: c of PUCT, Q + c·P·√N/(1 + n) (AlphaZero, arXiv 1712.01815)."""
    widening: float = Field(default=8.0, gt=0)
    """`mcts`: C of progressive sampling; a node gets more tactics while it had fewer than C·N^α."""
    widening_power: float = Field(default=0.5, ge=0, le=1)
    """`mcts`: α of the same, where N counts the visits of the node."""
    back_up: Literal["hardest", "product", "sum"] = "hardest"
    """`mcts`: what a tactic is worth that leaves several goals: γ·min v (AlphaProof), Π v (HTPS), or
    γ·Π v, which is the sum of the tactics left where v = γ^n."""
    discount: float = Field(default=0.95, gt=0, le=1)
    """`mcts`: γ, what a goal is worth less for each tactic that it needs."""
    value: Annotated[Literal["uniform", "learned"], Cli("--search-value")] = "uniform"
    """`mcts`: v of goals on which nothing was tried: `unknown_value` for all, or what the value head says
    that stands beside the model (`proofmill learn`)."""
    unknown_value: float = Field(default=0.5, gt=0, le=1)
    """`mcts`: v of goals of which nothing is known."""

    @model_validator(mode="after")
    def _value_is_read(self) -> Self:
        if self.value == "learned" and self.order != "mcts":
            raise ValueError("value: a learned one is for the order mcts; others go by the policy alone")
        return self
