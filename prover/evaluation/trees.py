"""The tree of a search as a picture: what was tried on which goals, and where it ended; pure.

A node that is come to in several ways is drawn once, below the first of them.  Of a large tree the parts are
drawn that are proved, then those that were visited most.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, NamedTuple

from prover.search.record import EdgeRow, NodeRow, SearchRecord

__all__ = ["Dot", "Line", "Picture", "draw", "worth_drawing"]

MOST_DOTS = 160
LONGEST_LABEL = 38
COLUMN, ROW, LETTER = 30.0, 46.0, 6.7
"""Room of a leaf, of a tactic, and of a letter, in the units of the picture."""
Fate = Literal["proved", "lost", "open"]


class Dot(NamedTuple):
    """Goals that stand together, or the end of a branch where none is left."""

    x: float
    y: float
    radius: float
    fate: Fate
    title: str
    """What is shown to whoever points at it."""


class Line(NamedTuple):
    """A tactic, from the goals that it was tried on to some that it leaves."""

    x1: float
    y1: float
    x2: float
    y2: float
    is_proof: bool
    label: str
    """Its beginning, where it is a part of the proof; else nothing."""
    title: str


@dataclass(frozen=True)
class Picture:
    """One search."""

    name: str
    reason: str
    dots: list[Dot]
    lines: list[Line]
    width: float
    height: float
    cost: dict[str, int]
    left_out: int
    """Nodes for which there was no room."""


def worth_drawing(records: Iterable[SearchRecord], most: int) -> list[SearchRecord]:
    """Of the searches with a tree some of the largest; half of them found a proof, if there are as many."""
    grown = sorted((each for each in records if each.nodes), key=lambda each: -len(each.nodes))
    found = [each for each in grown if each.proof is not None]
    failed = [each for each in grown if each.proof is None]
    half = max(most // 2, most - len(failed))
    kept = [*found[:half], *failed[: most - min(half, len(found))]]
    return sorted(kept, key=lambda each: each.proof is None)


def draw(record: SearchRecord, most: int = MOST_DOTS) -> Picture:
    """The picture of a search that has a tree.

    Raises:
        ValueError: it has none.
    """
    if not record.nodes:
        raise ValueError(f"the search for {record.name} has no tree")
    branches = _chosen(record.nodes, most)
    drawing = _Drawing(record.nodes, branches, _nodes_of_proof(record.nodes))
    drawing.place(0, 0)
    return Picture(
        name=record.name,
        reason=record.reason,
        dots=drawing.dots,
        lines=drawing.lines,
        width=drawing.width,
        height=max(dot.y for dot in drawing.dots) + ROW,
        cost=record.cost,
        left_out=len(record.nodes) - len(branches),
    )


Branches = dict[int, list[tuple[EdgeRow, list[int | None]]]]
"""The nodes that are drawn; of each the tactics, with the nodes below it, or None where no goal is left."""


def _chosen(nodes: Sequence[NodeRow], most: int) -> Branches:
    branches: Branches = {0: []}
    order = count()
    waiting: list[tuple[tuple[bool, int, float], int, int, EdgeRow]] = []

    def wait(number: int) -> None:
        for edge in nodes[number].edges:
            rank = (not edge.is_proof, -edge.visits, -edge.logprob)
            heapq.heappush(waiting, (rank, next(order), number, edge))

    wait(0)
    drawn = 1
    while waiting and drawn < most:
        _, _, number, edge = heapq.heappop(waiting)
        new = list(dict.fromkeys(child for child in edge.below if child not in branches))
        drawn += max(1, len(new))
        branches[number].append((edge, [*new] if edge.below else [None]))
        for child in new:
            branches[child] = []
            wait(child)
    return branches


def _nodes_of_proof(nodes: Sequence[NodeRow]) -> set[int]:
    """The nodes of the shortest proof of the theorem that is known; none where there is none."""
    found: set[int] = set()
    waiting = [0] if nodes[0].size else []
    while waiting:
        number = waiting.pop()
        found.add(number)
        waiting += [child for edge in nodes[number].edges if edge.is_proof for child in edge.below]
    return found


@dataclass
class _Drawing:
    """Leaves side by side, others above the middle of what is below them; a label has room where it ends."""

    nodes: Sequence[NodeRow]
    branches: Branches
    of_proof: set[int]
    dots: list[Dot] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    width: float = 0.0

    def place(self, number: int, depth: int, label: str = "") -> float:
        """Draw a node and what is below it; where it stands."""
        y = ROW * (depth + 0.5)
        below: list[tuple[float, EdgeRow, str]] = []
        for edge, shown in self.branches[number]:
            for first, child in enumerate(shown):
                is_labelled = edge.is_proof and number in self.of_proof and not first
                tactic = _short(edge.tactic) if is_labelled else ""
                if child is not None:
                    x = self.place(child, depth + 1, tactic)
                else:
                    x = self._leaf(tactic)
                    self.dots.append(Dot(x, y + ROW, 3.0, "proved", f"no goal left after\n{edge.tactic}"))
                below.append((x, edge, tactic))
        x = (below[0][0] + below[-1][0]) / 2 if below else self._leaf(label)
        for end, edge, tactic in below:
            is_proof = edge.is_proof and number in self.of_proof
            self.lines.append(Line(x, y, end, y + ROW, is_proof, tactic, edge.tactic))
        self.dots.append(_dot(self.nodes[number], x, y))
        return x

    def _leaf(self, label: str) -> float:
        x = self.width + COLUMN / 2
        self.width += max(COLUMN, LETTER * len(label) + COLUMN)
        return x


def _dot(node: NodeRow, x: float, y: float) -> Dot:
    fate: Fate = "proved" if node.size else "lost" if node.is_lost else "open"
    value = "" if node.value is None else f", value {node.value:.2f}"
    said = f"{node.tried} tactics tried, {node.visits} visits{value}"
    goals = "\n\n".join(node.goals)
    return Dot(x, y, min(3.0 + node.visits**0.5, 10.0), fate, f"{goals}\n\n{said}")


def _short(tactic: str) -> str:
    line = tactic.split("\n", 1)[0]
    return line if line == tactic and len(line) <= LONGEST_LABEL else f"{line[:LONGEST_LABEL]} …"
