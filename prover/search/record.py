"""A search as it is written down, a row of `searches.jsonl`: for pages and for learning; pure."""

from collections.abc import Iterator, Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict

from prover.search.search import Outcome
from prover.search.tree import Node

__all__ = ["EdgeRow", "NodeRow", "SearchRecord"]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EdgeRow(_Row):
    """A tactic that Lean took."""

    tactic: str
    number: int
    """Which goal of the node it was tried on."""
    logprob: float
    """In nats."""
    visits: int
    below: tuple[int, ...]
    """The nodes that it leaves; none where it closes the goals."""
    is_proof: bool
    """Whether the shortest proof of the node that is known begins with it."""


class NodeRow(_Row):
    """Goals that stand together."""

    goals: tuple[str, ...]
    """As Lean prints them, without tags of cases."""
    depth: int
    tried: int
    """Tactics that were asked for."""
    visits: int
    value: float | None
    """What the search came to think of it; None where it asked nobody and never came by."""
    size: int
    """Tactics of the shortest proof that is known; 0 where there is none."""
    is_lost: bool
    """Whether nothing more can come of it."""
    edges: tuple[EdgeRow, ...]


class SearchRecord(_Row):
    """All that a search for one proof has found."""

    name: str
    """Of the theorem."""
    proof: str | None
    reason: str
    """Why there is none, if so."""
    cost: dict[str, int]
    """As `prover.search.search.Cost` has it."""
    nodes: tuple[NodeRow, ...]
    """The first is the theorem; none where its search could not begin."""

    @classmethod
    def of(cls, name: str, outcome: Outcome) -> Self:
        """The record of a search that has ended."""
        nodes = outcome.tree.nodes if outcome.tree is not None else ()
        numbers = {id(node): number for number, node in enumerate(nodes)}
        return cls(
            name=name,
            proof=outcome.proof,
            reason=outcome.reason,
            cost=vars(outcome.cost),
            nodes=tuple(_row(node, numbers) for node in nodes),
        )

    @property
    def solved(self) -> Iterator[tuple[NodeRow, EdgeRow]]:
        """Every node that is proved, with the tactic that its shortest proof begins with."""
        for node in self.nodes:
            for edge in node.edges:
                if edge.is_proof:
                    yield node, edge


def _row(node: Node, numbers: Mapping[int, int]) -> NodeRow:
    return NodeRow(
        goals=tuple(goal.untagged for goal in node.goals),
        depth=node.depth,
        tried=node.tried,
        visits=node.visits,
        value=node.total / node.visits if node.visits else node.value,
        size=node.size,
        is_lost=node.is_lost,
        edges=tuple(
            EdgeRow(
                tactic=edge.tactic,
                number=edge.number,
                logprob=edge.logprob,
                visits=edge.visits,
                below=tuple(numbers[id(child)] for child in edge.below),
                is_proof=edge is node.proof,
            )
            for edge in node.edges
        ),
    )
