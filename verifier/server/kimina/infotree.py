"""The tactics of a text as trees, in the form in which the Lean REPL writes its info trees.

A worker says which syntax nodes ran as tactics, each before those that it contains.  So the tree is made
again from their spans.  What a tactic's macro expands to has the span of the tactic: the REPL calls that
synthetic.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from verifier.judging.protocol import RawTactic
from verifier.judging.rules import is_tactic
from verifier.server.kimina.schemas import InfotreeLevel, Position

__all__ = ["infotree_of", "positions_in", "split_goals"]

DEPTH_LIMIT = 60
"""Levels of a tree.  What is deeper stands on the last one, because JSON that is nested a few hundred deep is
refused by whoever writes or reads it."""

NOT_SUBSTANTIVE = frozenset(
    {
        "null",
        "Lean.cdot",
        "Lean.cdotTk",
        "Lean.Parser.Term.byTactic",
        "Lean.Parser.Tactic.tacticSeq",
        "Lean.Parser.Tactic.tacticSeq1Indented",
        "Lean.Parser.Tactic.tactic_<;>_",
        "Lean.Parser.Tactic.«tactic_<;>_»",
        "Lean.Parser.Tactic.paren",
    }
)
"""The nodes that the REPL takes for brackets around tactics; tokens are too."""

NO_TEXT = "<failed to pretty print>"
"""What the REPL says of a token in place of its text; their client leaves such nodes out."""


@dataclass
class _Node:
    raw: RawTactic
    start: int
    stop: int
    is_synthetic: bool
    children: list["_Node"] = field(default_factory=list)


def infotree_of(text: str, tactics: Sequence[RawTactic], level: InfotreeLevel) -> list[dict[str, Any]]:
    """The trees of the text's tactics, with the nodes that `level` is about, in reading order."""
    written = text.encode()
    position = positions_in(written)
    nodes = _within_depth(_kept(_trees(tactics), level), DEPTH_LIMIT)
    return [_json(node, written, position) for node in sorted(nodes, key=lambda node: node.start)]


def split_goals(goals: str) -> list[str]:
    """The goals that Lean prints one below the other, each by itself."""
    found: list[list[str]] = []
    is_complete = True
    for line in goals.strip().split("\n"):
        # What belongs to the line before is further in.
        if is_complete and not line.startswith(" "):
            found.append([])
            is_complete = False
        found[-1].append(line)
        is_complete = is_complete or line.startswith(("⊢", "| "))
    return [] if goals.strip() in ("", "no goals") else ["\n".join(lines) for lines in found]


def positions_in(written: bytes) -> Callable[[int], Position]:
    """A map from byte offsets of a text's UTF-8 to lines from 1 and columns in code points."""
    starts = list(accumulate((len(line) + 1 for line in written.split(b"\n")), initial=0))

    def position(byte: int) -> Position:
        line = bisect_right(starts, byte) - 1
        return Position(line=line + 1, column=len(written[starts[line] : byte].decode(errors="replace")))

    return position


def _trees(tactics: Iterable[RawTactic]) -> list[_Node]:
    """All nodes that have a place in the text, each below the one that it stands in."""
    roots: list[_Node] = []
    path: list[_Node] = []
    for raw in tactics:
        if raw.start is None or raw.stop is None:
            continue
        # One tactic that runs for several goals is there once for each, side by side.
        again = next(
            (at for at, node in enumerate(path) if _is_same(node.raw, raw) and node.raw.before != raw.before),
            None,
        )
        del path[len(path) if again is None else again :]
        while path and not path[-1].start <= raw.start <= raw.stop <= path[-1].stop:
            path.pop()
        is_synthetic = any(
            (node.start, node.stop) == (raw.start, raw.stop) and is_tactic(node.raw.kind) for node in path
        )
        node = _Node(raw, raw.start, raw.stop, is_synthetic)
        (path[-1].children if path else roots).append(node)
        # What is deeper is not looked at again: a candidate can make its tree as deep as it likes.
        path = [*path[: 2 * DEPTH_LIMIT], node]
    return roots


def _is_same(one: RawTactic, other: RawTactic) -> bool:
    return (one.kind, one.start, one.stop) == (other.kind, other.start, other.stop)


def _kept(nodes: Iterable[_Node], level: InfotreeLevel) -> list[_Node]:
    """The nodes of a level; those below one that is left out stand in its place."""
    kept: list[_Node] = []
    todo = [(node, kept) for node in nodes]
    todo.reverse()
    while todo:
        node, place = todo.pop()
        below, node.children = node.children, []
        is_left_out = (level == "original" and node.is_synthetic) or (
            level == "substantive" and (not _is_node(node.raw.kind) or node.raw.kind in NOT_SUBSTANTIVE)
        )
        if not is_left_out:
            place.append(node)
        todo += [(child, place if is_left_out else node.children) for child in reversed(below)]
    return kept


def _within_depth(nodes: Iterable[_Node], limit: int) -> list[_Node]:
    kept: list[_Node] = []
    todo = [(node, kept, 1) for node in nodes]
    todo.reverse()
    while todo:
        node, place, depth = todo.pop()
        below, node.children = node.children, []
        place.append(node)
        deeper = (place, depth) if depth >= limit else (node.children, depth + 1)
        todo += [(child, *deeper) for child in reversed(below)]
    return kept


def _is_node(kind: str) -> bool:
    """Whether a kind is of a node with parts; the kind of a token is its own text."""
    return kind == "null" or "." in kind or kind.startswith("tactic")


def _json(node: _Node, written: bytes, position: Callable[[int], Position]) -> dict[str, Any]:
    raw = node.raw
    is_node = _is_node(raw.kind)
    return {
        "kind": "TacticInfo",
        "node": {
            "name": raw.kind if is_node else None,
            "stx": {
                "pp": written[node.start : node.stop].decode(errors="replace") if is_node else NO_TEXT,
                "range": {
                    "synthetic": node.is_synthetic,
                    "start": position(node.start).model_dump(),
                    "finish": position(node.stop).model_dump(),
                },
            },
            "goalsBefore": split_goals(raw.before),
            "goalsAfter": split_goals(raw.after),
        },
        "children": [_json(child, written, position) for child in node.children],
    }
