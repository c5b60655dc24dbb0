"""One tree for all ways to search: goals that are left, tactics tried on them, what is proved; pure.

An OR node is goals that stand together: one goal, or several that share metavariables.  One tactic that
closes it is enough.  An AND edge is a tactic with the nodes that it leaves; all of them have to be proved
(AlphaProof, HTPS).  Nodes with the same goals are one node, however one comes to them, and an edge that leads
back to a node above it is dropped.

That a node is proved is what tactic states say, step by step.  It is no verdict: `prover/search/found.py`
makes a text of it, and that is judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from verifier.tactic_state import Goal, TacticStep, independent_groups

__all__ = ["Edge", "Node", "SearchTree"]


@dataclass(eq=False, slots=True)
class Node:
    """Goals that stand together."""

    goals: tuple[Goal, ...]
    path: tuple[TacticStep, ...]
    """The steps to a state that has them, the shortest that is known."""
    numbers: tuple[int, ...]
    """Which goals of that state they are."""
    score: float
    """Log-probability of the tactics on the way here, in nats."""
    depth: int
    edges: list["Edge"] = field(default_factory=list)
    above: list["Edge"] = field(default_factory=list)
    """The edges that lead here."""
    tried: int = 0
    """Tactics that were asked for, on each of its goals."""
    known: set[tuple[int, str]] = field(default_factory=set)
    """The tactics that came of it, each with the number of the goal."""
    is_exhausted: bool = False
    """Whether nothing more will be tried on it."""
    is_lost: bool = False
    """Whether it is exhausted, and each of its edges leaves something that is lost."""
    value: float | None = None
    """How likely it is thought to be proved, before anything was tried on it; None where nobody was asked."""
    visits: int = 0
    """How often a tree search came back from below it."""
    total: float = 0.0
    """The sum of what it came back with."""
    proof: "Edge | None" = None
    """The edge that proves it with the fewest tactics, once there is one."""
    size: int = 0
    """The tactics of that proof."""

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two nodes the same."""
        return tuple(goal.key for goal in self.goals)


@dataclass(eq=False, slots=True)
class Edge:
    """A tactic on a goal of a node, and the nodes that it leaves."""

    node: Node
    tactic: str
    number: int
    """Which goal of the node it was tried on."""
    below: tuple[Node, ...]
    logprob: float = 0.0
    """Of the tactic, in nats."""
    visits: int = 0
    """How often a tree search went this way."""

    @property
    def goal(self) -> str:
        """The key of the goal that it was tried on."""
        return self.node.key[self.number]

    @property
    def is_lost(self) -> bool:
        """Whether something that it leaves is lost."""
        return any(node.is_lost for node in self.below)

    @property
    def is_proved(self) -> bool:
        """Whether all that it leaves is proved."""
        return all(node.proof is not None for node in self.below)


class SearchTree:
    """All that is known of the goals of one theorem.

    Raises ValueError when there is no goal.
    """

    def __init__(self, goals: Sequence[Goal]) -> None:
        if len(goals) != 1:
            raise ValueError(f"a proof begins with one goal, not {len(goals)}")
        self.root = Node(tuple(goals), (), (0,), 0.0, 0)
        self._nodes: dict[tuple[str, ...], Node] = {self.root.key: self.root}
        self.loops = 0
        """Edges that were dropped, because they lead back."""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, in the order in which they were found."""
        return tuple(self._nodes.values())

    @property
    def is_proved(self) -> bool:
        """Whether the theorem is, step by step."""
        return self.root.proof is not None

    def add(
        self,
        node: Node,
        tactic: str,
        logprob: float,
        before: Sequence[Goal],
        after: Sequence[Goal],
        *,
        number: int = 0,
    ) -> Edge | None:
        """Enter what a tactic made of a goal of `node`; None where it led back to where one has been.

        Args:
            before: all goals of the state at the node's path.
            after: all goals of the state after the tactic.
            number: which goal of the node it was tried on.
        """
        others = {
            goal.rests_on[0]
            for place, goal in enumerate(before)
            if place not in node.numbers and goal.rests_on
        }
        left = [place for place, goal in enumerate(after) if goal.rests_on[0] not in others]
        path = (*node.path, TacticStep(tactic=tactic, goal=node.numbers[number]))
        groups = [
            tuple(left[place] for place in group)
            for group in independent_groups([after[place] for place in left])
        ]
        keys = [tuple(after[place].key for place in group) for group in groups]
        if any(self._is_above(key, node) for key in keys):
            self.loops += 1
            return None
        below = []
        for key, group in zip(keys, groups, strict=True):
            known = self._nodes.get(key)
            if known is None:
                goals = tuple(after[place] for place in group)
                known = Node(goals, path, group, node.score + logprob, node.depth + 1)
                self._nodes[key] = known
            below.append(known)
        edge = Edge(node, tactic, number, tuple(below), logprob)
        node.edges.append(edge)
        for child in below:
            child.above.append(edge)
        self._raise_proofs(edge)
        return edge

    def is_wanted(self, node: Node) -> bool:
        """Whether a proof of the node could still be of use: the theorem may come to rest on it."""
        seen, waiting = set[int](), [node]
        while waiting:
            here = waiting.pop()
            if here.proof is not None or id(here) in seen:
                continue
            if here is self.root:
                return True
            seen.add(id(here))
            waiting += [edge.node for edge in here.above if not edge.is_lost]
        return False

    def exhaust(self, node: Node) -> None:
        """Enter that nothing more will be tried on a node; with it those above it may be lost."""
        node.is_exhausted = True
        waiting = [node]
        while waiting:
            here = waiting.pop()
            if not here.is_lost and here.is_exhausted and all(edge.is_lost for edge in here.edges):
                here.is_lost = True
                waiting += [edge.node for edge in here.above]

    def withdraw(self, edge: Edge) -> None:
        """Take back an edge that turned out not to be one, with all proofs that rest on it."""
        edge.node.edges.remove(edge)
        for child in edge.below:
            child.above.remove(edge)
        for node in self._nodes.values():
            node.proof, node.size = None, 0
        for node in self._nodes.values():
            for each in node.edges:
                self._raise_proofs(each)
        if edge.node.is_exhausted:
            self.exhaust(edge.node)

    def proof(self) -> list[Edge]:
        """The edges of the shortest proof that is known, depth first.

        Raises ValueError when there is none.
        """
        if self.root.proof is None:
            raise ValueError("the theorem is not proved")
        edges: list[Edge] = []
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            edge = node.proof
            assert edge is not None
            edges.append(edge)
            waiting += reversed(edge.below)
        return edges

    def _is_above(self, key: tuple[str, ...], node: Node) -> bool:
        """Whether the node of `key` is this one, or one that this one may be a part of the proof of."""
        target, seen, waiting = self._nodes.get(key), set[int](), [node]
        if target is None:
            return False
        while waiting:
            here = waiting.pop()
            if here is target:
                return True
            if id(here) not in seen:
                seen.add(id(here))
                waiting += [edge.node for edge in here.above]
        return False

    def _raise_proofs(self, edge: Edge) -> None:
        """Enter a proof that an edge completes, or a shorter one, in its node and in those above."""
        waiting = [edge]
        while waiting:
            here = waiting.pop()
            if not here.is_proved:
                continue
            size = 1 + sum(child.size for child in here.below)
            node = here.node
            if node.proof is None or size < node.size:
                node.proof, node.size = here, size
                waiting += node.above
