"""Trees of a search that grow without Lean."""

from prover.search.tree import Node, SearchTree
from verifier.tactic_state import Goal

__all__ = ["child", "goal", "grow", "tree"]


def goal(name: str, *shares: str) -> Goal:
    return Goal(text=f"case {name}\nn : Nat\n⊢ {name}", rests_on=(f"?{name}", *shares))


def tree(name: str = "root") -> SearchTree:
    return SearchTree([goal(name)])


def grow(found: SearchTree, node: Node, tactic: str, *left: Goal, beside: tuple[Goal, ...] = ()) -> bool:
    """Enter that a tactic leaves some goals of a node, beside others of the same state."""
    before = [Goal(text=node.goals[0].text, rests_on=("?own",)), *beside]
    node.numbers = (0,)
    return found.add(node, tactic, -1.0, before, [*left, *beside]) is not None


def child(node: Node, edge: int = 0, place: int = 0) -> Node:
    return node.edges[edge].below[place]
