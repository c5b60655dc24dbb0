"""A search that is written down: all nodes, what proves them, and what it took."""

from prover.search.record import SearchRecord
from prover.search.search import Cost, Outcome
from tests.support.search_trees import child, goal, grow, tree


def recorded() -> SearchRecord:
    """A theorem of two parts, one of which two tactics close, the shorter one found later."""
    found = tree()
    grow(found, found.root, "constructor", goal("a"), goal("b"))
    a, b = child(found.root), child(found.root, place=1)
    grow(found, a, "long", goal("c"))
    grow(found, child(a), "end")
    grow(found, a, "short")
    grow(found, b, "end")
    found.root.tried = 8
    return SearchRecord.of("t", Outcome("by …", "", Cost(tactics=5, heartbeats=7), found))


def test_every_node_is_there_with_what_its_shortest_proof_begins_with() -> None:
    record = recorded()
    assert [node.size for node in record.nodes] == [3, 1, 1, 1] and record.nodes[0].tried == 8
    assert [(node.goals[0].split("⊢ ")[1], edge.tactic) for node, edge in record.solved] == [
        ("root", "constructor"),
        ("a", "short"),
        ("b", "end"),
        ("c", "end"),
    ]
    assert record.nodes[0].edges[0].below == (1, 2)
    assert record.cost["tactics"] == 5 and record.cost["heartbeats"] == 7
    assert SearchRecord.model_validate_json(record.model_dump_json()) == record


def test_a_search_that_could_not_begin_has_no_nodes() -> None:
    record = SearchRecord.of("t", Outcome(None, "unknown identifier", Cost()))
    assert record.nodes == () and record.reason == "unknown identifier"
