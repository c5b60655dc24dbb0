"""The tree of a search: what is proved, what is wanted, and that no proof rests on itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.search.tree import SearchTree
from tests.support.search_trees import child, goal, grow, tree
from verifier.tactic_state import Goal


def test_a_theorem_is_proved_when_all_goals_of_one_of_its_tactics_are() -> None:
    found = tree()
    grow(found, found.root, "constructor", goal("a"), goal("b"))
    grow(found, found.root, "other", goal("c"))
    grow(found, child(found.root), "omega")
    assert not found.is_proved
    grow(found, child(found.root, 0, 1), "simp", beside=(goal("elsewhere"),))
    assert found.is_proved and found.root.size == 3
    assert [(edge.tactic, edge.goal) for edge in found.proof()] == [
        ("constructor", "n : Nat\n⊢ root\n"),
        ("omega", "n : Nat\n⊢ a\n"),
        ("simp", "n : Nat\n⊢ b\n"),
    ]
    grow(found, child(found.root, 1), "rfl")
    assert found.root.size == 2, "the shorter proof is the one that is kept"
    assert [edge.tactic for edge in found.proof()] == ["other", "rfl"]


def test_goals_that_share_a_metavariable_are_one_node_and_others_are_nodes_of_their_own() -> None:
    found = tree()
    grow(found, found.root, "refine", goal("w", "?m"), goal("h", "?m"), goal("other"))
    below = found.root.edges[0].below
    assert [len(node.key) for node in below] == [2, 1]
    assert below[0].numbers == (0, 1) and below[1].numbers == (2,)


def test_the_same_goals_are_one_node_and_a_proof_counts_wherever_they_are_left() -> None:
    found = tree()
    grow(found, found.root, "left", goal("a"))
    grow(found, found.root, "right", goal("b"))
    grow(found, child(found.root, 1), "back", goal("a"))
    assert len(found.nodes) == 3
    grow(found, child(found.root), "omega")
    assert child(found.root, 1).proof is not None and found.root.size == 2


def test_what_leads_back_is_dropped() -> None:
    found = tree()
    grow(found, found.root, "symm", goal("a"))
    assert not grow(found, found.root, "skip", goal("root"))
    assert not grow(found, child(found.root), "symm", goal("root"))
    assert not grow(found, child(found.root), "skip", goal("a"), goal("b"))
    assert found.loops == 3 and not found.is_proved


def test_what_no_proof_can_rest_on_is_not_wanted() -> None:
    found = tree()
    grow(found, found.root, "constructor", goal("a"), goal("b"))
    a, b = found.root.edges[0].below
    assert found.is_wanted(a) and found.is_wanted(b)
    found.exhaust(b)
    assert not found.is_wanted(a), "its sibling is lost"
    grow(found, found.root, "other", goal("a"))
    assert found.is_wanted(a), "it is a part of another way"
    grow(found, a, "omega")
    assert not found.is_wanted(a) and not found.is_wanted(found.root), "the theorem is proved"


def test_what_is_lost_takes_those_above_with_it() -> None:
    found = tree()
    grow(found, found.root, "left", goal("a"))
    grow(found, found.root, "right", goal("b"))
    a, b = child(found.root), child(found.root, 1)
    grow(found, a, "on", goal("c"))
    found.exhaust(found.root)
    found.exhaust(a)
    found.exhaust(child(a))
    assert child(a).is_lost and a.is_lost and not found.root.is_lost
    found.exhaust(b)
    assert found.root.is_lost


def test_a_step_that_is_taken_back_takes_the_proofs_with_it_that_rest_on_it() -> None:
    found = tree()
    grow(found, found.root, "constructor", goal("a"), goal("b"))
    a, b = found.root.edges[0].below
    grow(found, a, "omega")
    grow(found, b, "simp")
    grow(found, b, "on", goal("c"))
    grow(found, child(b, 1), "rfl")
    found.exhaust(a)
    assert found.is_proved and found.root.size == 3
    found.withdraw(b.edges[0])
    assert found.root.size == 4 and [edge.tactic for edge in found.proof()][-2:] == ["on", "rfl"]
    found.withdraw(a.edges[0])
    assert not found.is_proved and a.is_lost and not found.is_wanted(b)


def test_the_tag_of_a_case_does_not_tell_goals_apart() -> None:
    tagged, bare = Goal(text="case succ\nn : Nat\n⊢ n = n"), Goal(text="\nn : Nat\n⊢ n = n")
    assert tagged.key == bare.key == "n : Nat\n⊢ n = n\n"
    assert bare.model_copy(update={"hash": "7"}).key != bare.key, "printed alike, of other types"
    with pytest.raises(ValueError, match="one goal"):
        SearchTree([tagged, bare])


names = st.sampled_from("abcdef")


@given(st.lists(st.tuples(st.integers(0, 9), st.lists(names, max_size=3, unique=True)), max_size=25))
def test_a_proof_never_rests_on_itself_and_is_as_long_as_it_is_said_to_be(
    moves: list[tuple[int, list[str]]],
) -> None:
    found = tree()
    for place, left in moves:
        node = found.nodes[place % len(found.nodes)]
        grow(found, node, f"to {' '.join(left)}", *map(goal, left))
    for node in found.nodes:
        stack = [(node, frozenset[int]())]
        while stack:
            here, above = stack.pop()
            assert id(here) not in above
            stack += [(each, above | {id(here)}) for edge in here.edges for each in edge.below]
        solvable = any(edge.is_proved for edge in node.edges)
        assert (node.proof is not None) == solvable
    if found.is_proved:
        assert len(found.proof()) == found.root.size


def test_a_tree_may_be_deep() -> None:
    found = tree()
    for depth in range(3000):
        grow(found, found.nodes[-1], f"t{depth}", goal(f"g{depth}"))
    assert found.is_wanted(found.nodes[-1])
    grow(found, found.nodes[-1], "done")
    assert len(found.proof()) == found.root.size == 3001
