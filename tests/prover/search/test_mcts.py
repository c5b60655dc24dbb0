"""Tree search: what a walk chooses, what it carries back, and that it finds what other orders find."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.search.config import SearchConfig
from prover.search.mcts import TreeSearch, puct
from prover.search.orders import ORDERS
from prover.search.tree import Node, SearchTree
from tests.support.search_trees import child, goal, grow, tree


def config(**settings: object) -> SearchConfig:
    return SearchConfig.model_validate({"order": "mcts", "discount": 0.9, **settings})


def visit(search: TreeSearch, node: Node, *values: float) -> None:
    """Enter that the newest edges of a node leave goals of these values."""
    new = node.edges[-len(values) :] if values else []
    for edge, value in zip(new, values, strict=True):
        for below in edge.below:
            below.value = value
    node.tried += 8
    search.enter(node, new)


def begun(*values: float, **settings: object) -> tuple[SearchTree, TreeSearch]:
    found = tree()
    search = TreeSearch(found, config(**settings))
    assert search.next() is found.root
    for number, _ in enumerate(values):
        grow(found, found.root, f"t{number}", goal(f"g{number}"))
    visit(search, found.root, *values)
    return found, search


def test_a_walk_goes_where_the_value_is_high_and_elsewhere_once_that_was_tried_often() -> None:
    found, search = begun(0.9, 0.2, widening=1)
    found.root.is_exhausted = True
    reached = []
    for _ in range(30):
        node = search.next()
        assert node is not None
        reached.append(node.goals[0].target)
        visit(search, node)
    assert reached[0] == "g0" and "g1" in reached
    assert reached.count("g0") > reached.count("g1")


def test_of_the_goals_that_a_tactic_leaves_the_hardest_is_next() -> None:
    found = tree()
    search = TreeSearch(found, config())
    search.next()
    grow(found, found.root, "constructor", goal("easy"), goal("hard"))
    easy, hard = found.root.edges[0].below
    easy.value, hard.value = 0.9, 0.3
    found.root.tried = 8
    search.enter(found.root, found.root.edges)
    assert search.next() is hard
    found.root.is_exhausted = True
    grow(found, hard, "omega")
    search.enter(hard, hard.edges)
    assert search.next() is easy, "what is proved is left alone"


@pytest.mark.parametrize(
    ("back_up", "expected"), [("hardest", 0.9 * 0.4), ("product", 0.4 * 0.5), ("sum", 0.9 * 0.4 * 0.5)]
)
def test_several_goals_are_worth_what_the_back_up_says(back_up: str, expected: float) -> None:
    found = tree()
    search = TreeSearch(found, config(back_up=back_up))
    search.next()
    grow(found, found.root, "constructor", goal("a"), goal("b"))
    for node, value in zip(found.root.edges[0].below, (0.4, 0.5), strict=True):
        node.value = value
    search.enter(found.root, found.root.edges)
    assert search.mean(found.root) == pytest.approx(expected)


def test_a_sum_adds_the_tactics_that_are_left_up() -> None:
    """With v = γ^n, three tactics and four beside them are eight with the one that left both."""
    found = tree()
    search = TreeSearch(found, config(back_up="sum"))
    search.next()
    grow(found, found.root, "constructor", goal("a"), goal("b"))
    for node, left in zip(found.root.edges[0].below, (3, 4), strict=True):
        node.value = 0.9**left
    search.enter(found.root, found.root.edges)
    assert math.log(search.mean(found.root), 0.9) == pytest.approx(8)


def test_a_node_gets_more_tactics_the_more_it_is_visited() -> None:
    found, search = begun(0.5, widening=8, widening_power=0.5)
    times = []
    for walk in range(1, 40):
        node = search.next()
        assert node is not None
        if node is found.root:
            times.append(walk)
        visit(search, node)
    assert times[:2] == [2, 5], "8 < 8·√2, and 16 < 8·√5; each walk is a visit"


def test_nothing_is_left_once_all_is_lost() -> None:
    found, search = begun(0.5)
    found.exhaust(found.root)
    found.exhaust(child(found.root))
    assert search.next() is None and search.mean(found.root) == 0


def test_the_score_of_a_tactic_is_that_of_alphazero() -> None:
    assert puct(0.25, 0.5, 3, 16, exploration=2) == pytest.approx(0.25 + 2 * 0.5 * 4 / 4)


names = st.sampled_from("abcdef")
tactics = st.dictionaries(names, st.lists(st.lists(names, max_size=2, unique=True), max_size=4))


@given(tactics, st.lists(st.lists(names, max_size=2, unique=True), max_size=4), st.integers(1, 4))
def test_all_orders_prove_the_same_given_time(
    made: dict[str, list[list[str]]], first: list[list[str]], batch: int
) -> None:
    """A small world, in which each goal has its tactics; loops are there, and goals that are lost."""
    proved = set()
    for order in ORDERS:
        settings = config(order=order, batch=batch, width=4, widening=batch)
        found = tree()
        search = ORDERS[order](found, settings)
        for _ in range(400):
            node = None if found.is_proved else search.next()
            if node is None:
                break
            world = made | {"root": first}
            here = world.get(node.goals[0].target, [])
            count = min(search.batch, 4 - node.tried)
            edges = len(node.edges)
            for place in range(node.tried, node.tried + count):
                if place < len(here):
                    grow(found, node, f"t{place}", *map(goal, here[place]))
            node.tried += count
            if node.tried >= min(4, len(here)):
                found.exhaust(node)
            search.enter(node, node.edges[edges:])
        else:
            pytest.fail("the search does not come to an end")
        proved.add(found.is_proved)
    assert len(proved) == 1
