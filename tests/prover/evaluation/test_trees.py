"""Pictures of searches: nothing covers anything else, the proof stands out, what has no room is counted."""

import random

import pytest

from prover.evaluation.trees import draw, worth_drawing
from prover.search.record import SearchRecord
from prover.search.search import Cost, Outcome
from prover.search.tree import SearchTree
from tests.support.search_trees import goal, grow, tree


def search(seed: int, tactics: int, *, proved: bool = False, name: str = "t") -> SearchRecord:
    chance, found = random.Random(seed), tree()
    for number in range(tactics):
        node = chance.choice(found.nodes)
        left = [goal(f"{number}-{place}") for place in range(chance.choice((1, 1, 2)))]
        grow(found, node, f"tactic {number}", *left)
    if proved:
        prove_all(found)
    return SearchRecord.of(name, Outcome("by …" if proved else None, "", Cost(), found))


def prove_all(found: SearchTree) -> None:
    for node in found.nodes:
        grow(found, node, "done")


@pytest.mark.parametrize("seed", range(8))
def test_no_dot_covers_another_one(seed: int) -> None:
    picture = draw(search(seed, 60, proved=seed % 2 == 0))
    places = [(round(dot.x, 3), round(dot.y, 3)) for dot in picture.dots]
    assert len(set(places)) == len(places)
    assert all(0 < dot.x < picture.width and 0 < dot.y < picture.height for dot in picture.dots)
    assert all(line.y1 < line.y2 for line in picture.lines)


def test_the_proof_stands_out_and_is_labelled() -> None:
    picture = draw(search(1, 30, proved=True))
    proof = [line for line in picture.lines if line.is_proof]
    assert [line.label for line in proof] == ["done"] and all(dot.fate == "proved" for dot in picture.dots)
    assert not any(line.is_proof or line.label for line in draw(search(1, 30)).lines)


def test_of_a_large_tree_a_part_is_drawn_with_the_proof_in_it() -> None:
    record = search(2, 3000, proved=True)
    picture = draw(record, most=50)
    assert len(picture.dots) <= 60 and any(line.is_proof for line in picture.lines)
    drawn = sum("no goal left" not in dot.title for dot in picture.dots)
    assert picture.left_out == len(record.nodes) - drawn


def test_a_goal_that_a_tactic_leaves_twice_is_drawn_once() -> None:
    found = tree()
    node = found.root
    for depth in range(6):
        twice = goal(f"{depth}")
        grow(found, node, "constructor", twice, twice.model_copy(update={"rests_on": ("?other",)}))
        node = node.edges[0].below[0]
    record = SearchRecord.of("t", Outcome(None, "", Cost(), found))
    assert record.nodes[0].edges[0].below == (1, 1)
    assert len(draw(record).dots) == len(record.nodes) == 7


def test_half_of_what_is_drawn_was_found_if_there_is_as_much() -> None:
    found = [search(number, 5 + 9 * number, proved=True, name=f"f{number}") for number in range(5)]
    failed = [search(number, 5 + 9 * number, name=f"u{number}") for number in range(5)]
    assert [each.name for each in worth_drawing([*failed, *found], 4)] == ["f4", "f3", "u4", "u3"]
    assert [each.name for each in worth_drawing(found, 4)] == ["f4", "f3", "f2", "f1"]
    assert [each.name for each in worth_drawing([*failed, found[0]], 4)] == ["f0", "u4", "u3", "u2"]
    nothing = SearchRecord.of("n", Outcome(None, "unknown identifier", Cost()))
    assert worth_drawing([nothing], 4) == []
    with pytest.raises(ValueError, match="no tree"):
        draw(nothing)
