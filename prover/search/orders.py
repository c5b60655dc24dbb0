"""Which node of a search is next: by how likely the way to it is, by its age, or as a tree search decides.

To add an order, write its class and name it in `ORDERS`, and in `SearchConfig.order`.
"""

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Protocol

from prover.search.config import SearchConfig
from prover.search.mcts import TreeSearch
from prover.search.tree import Edge, Node, SearchTree

__all__ = ["ORDERS", "Frontier", "Order", "breadth_first", "normalised_score"]


class Order(Protocol):
    """Chooses nodes of a tree that grows; pure."""

    batch: int
    """Tactics that are tried on each goal of a node that is chosen."""

    def next(self) -> Node | None:
        """The node that tactics are tried on; None when there is nothing left to try."""
        ...

    def enter(self, node: Node, found: Sequence[Edge]) -> None:
        """Learn what came of the tactics on the node that was chosen last."""
        ...


class Frontier:
    """Each node in the order of a rank, the smallest first; when each had some tactics, each gets more."""

    def __init__(self, tree: SearchTree, config: SearchConfig, rank: Callable[[Node], float]) -> None:
        self.batch = config.batch
        self._tree = tree
        self._rank = rank
        self._number = count()
        self._waiting = [(0.0, next(self._number), tree.root)]

    def next(self) -> Node | None:
        """As `Order.next`."""
        if (node := self._pop()) is None:
            # More is tried on all that are left, and what nothing could rest on may be wanted since then.
            self._push(self._tree.nodes)
            node = self._pop()
        return node

    def enter(self, node: Node, found: Sequence[Edge]) -> None:
        """As `Order.enter`."""
        self._push(dict.fromkeys(each for edge in found for each in edge.below))

    def _push(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            if not node.is_exhausted:
                heapq.heappush(self._waiting, (self._rank(node), next(self._number), node))

    def _pop(self) -> Node | None:
        while self._waiting:
            _, _, node = heapq.heappop(self._waiting)
            if not node.is_exhausted and self._tree.is_wanted(node):
                return node
        return None


def normalised_score(length_power: float) -> Callable[[Node], float]:
    """The rank of best-first search: −Σ log p / depth^α (BFS-Prover, arXiv 2502.03438)."""
    return lambda node: -node.score / math.pow(max(1, node.depth), length_power)


def breadth_first(node: Node) -> float:
    """The rank of breadth-first search: the oldest of those that are nearest to the theorem."""
    return float(node.depth)


ORDERS: Mapping[str, Callable[[SearchTree, SearchConfig], Order]] = {
    "best_first": lambda tree, config: Frontier(tree, config, normalised_score(config.length_power)),
    "breadth_first": lambda tree, config: Frontier(tree, config, breadth_first),
    "mcts": TreeSearch,
}
