"""Monte Carlo tree search over goals (AlphaProof, Nature 2025; HTPS, arXiv 2205.11491); pure.

A walk goes down from the theorem.  At a node it takes the tactic with the highest PUCT score, and of the
goals that this leaves the one that is thought to be the hardest, until it comes to a node on which more is to
be tried.  A node that is often visited gets more tactics (progressive sampling).  What the new tactics leave
has a value, and the best of them is carried back up the walk.

A value v lies between 0 and 1, and stands for γ^n, where n is the number of tactics that are left.  So the
product over goals stands for the sum of their tactics, and the smallest for those of the longest branch.
"""

import math
from collections.abc import Iterable, Sequence

from prover.search.config import SearchConfig
from prover.search.tree import Edge, Node, SearchTree

__all__ = ["TreeSearch", "puct"]


class TreeSearch:
    """An `Order` that weighs what is likely against what was seldom tried."""

    def __init__(self, tree: SearchTree, config: SearchConfig) -> None:
        self.batch = config.batch
        self._tree = tree
        self._config = config
        self._walk: list[tuple[Node, Edge]] = []

    def next(self) -> Node | None:
        """As `Order.next`: the end of a walk down from the theorem."""
        node, self._walk = self._tree.root, []
        while True:
            edges = [edge for edge in node.edges if not edge.is_lost]
            if not node.is_exhausted and (not edges or self._allows_more(node)):
                return node
            if not edges:
                # It is lost, and those above it too: only the theorem itself is come to like this.
                return None
            edge = self._best(node, edges)
            self._walk.append((node, edge))
            node = min((each for each in edge.below if each.proof is None), key=self.mean)

    def enter(self, node: Node, found: Sequence[Edge]) -> None:
        """As `Order.enter`: carry what came of the walk back up."""
        value = self._value_of(node, found)
        node.visits += 1
        node.total += value
        for above, edge in reversed(self._walk):
            value = self._join(value if each is node else self.mean(each) for each in edge.below)
            edge.visits += 1
            above.visits += 1
            above.total += value
            node = above

    def mean(self, node: Node) -> float:
        """How likely a node is to be proved, as far as is known."""
        if node.proof is not None or node.is_lost:
            return float(node.proof is not None)
        if node.visits:
            return node.total / node.visits
        return self._config.unknown_value if node.value is None else node.value

    def _allows_more(self, node: Node) -> bool:
        """Whether fewer than C·N^α tactics were tried on it, where N counts its visits."""
        return node.tried < self._config.widening * math.pow(node.visits, self._config.widening_power)

    def _value_of(self, node: Node, found: Sequence[Edge]) -> float:
        """What a walk that ended at the node is worth: the best of what its new tactics leave."""
        left = [edge for edge in found if not edge.is_lost]
        if node.proof is not None or not left:
            return self.mean(node)
        return max(self._worth(edge) for edge in left)

    def _worth(self, edge: Edge) -> float:
        return self._join(map(self.mean, edge.below))

    def _join(self, values: Iterable[float]) -> float:
        """The value of a tactic from those of the goals that it leaves."""
        config = self._config
        match config.back_up:
            case "hardest":
                return config.discount * min(values)
            case "product":
                return math.prod(values)
            case "sum":
                return config.discount * math.prod(values)

    def _best(self, node: Node, edges: Sequence[Edge]) -> Edge:
        """The tactic with the highest score; its prior is its share among those that are left."""
        likeliest = max(edge.logprob for edge in edges)
        shares = [math.exp(edge.logprob - likeliest) for edge in edges]
        whole, exploration = sum(shares), self._config.exploration
        scores = [
            puct(self._worth(edge), share / whole, edge.visits, node.visits, exploration=exploration)
            for edge, share in zip(edges, shares, strict=True)
        ]
        return edges[scores.index(max(scores))]


def puct(value: float, prior: float, visits: int, parent_visits: int, *, exploration: float) -> float:
    """The score of a tactic, Q + c·P·√N/(1 + n) (AlphaZero, arXiv 1712.01815).

    Args:
        prior: the share of the tactic's probability among those that Lean took.
        visits: n, of the tactic.
        parent_visits: N, of its node.
        exploration: c.
    """
    return value + exploration * prior * math.sqrt(parent_visits) / (1 + visits)
