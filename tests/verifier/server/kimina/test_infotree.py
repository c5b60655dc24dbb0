"""Trees made again from the spans of tactics, without Lean; `test_routes.py` has those of real texts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from verifier.judging.protocol import RawTactic
from verifier.server.kimina.header import header_of
from verifier.server.kimina.infotree import DEPTH_LIMIT, infotree_of, split_goals
from verifier.server.kimina.schemas import InfotreeLevel, ReplAnswer

TEXT = "theorem t : p ∧ p := by\n  constructor <;> simp"
BY, FIRST, SECOND = (TEXT.encode().index(word) for word in (b"by", b"constr", b"simp"))


def raw(kind: str, start: int, stop: int, before: str = "⊢ p", after: str = "no goals") -> RawTactic:
    return RawTactic(kind=kind, start=start, stop=stop, before=before, after=after)


def shape(nodes: list[dict[str, Any]]) -> JsonValue:
    return [[node["node"]["name"], shape(node["children"])] for node in nodes]


SIZE = len(TEXT.encode())
NODES = [
    raw("Lean.Parser.Term.byTactic", BY, SIZE),
    raw("by", BY, BY + 2),
    raw("Lean.Parser.Tactic.«tactic_<;>_»", FIRST, SIZE),
    raw("Lean.Parser.Tactic.constructor", FIRST, FIRST + 11),
    raw("Lean.Parser.Tactic.simp", SECOND, SIZE, before="case left\n⊢ p"),
    raw("Lean.Parser.Tactic.tacticSeq", SECOND, SIZE, before="case left\n⊢ p"),
    raw("Lean.Parser.Tactic.simp", SECOND, SIZE, before="case right\n⊢ p"),
]
SEQ, SIMP = "Lean.Parser.Tactic.tacticSeq", "Lean.Parser.Tactic.simp"


@pytest.mark.parametrize(("level", "first"), [("full", [SIMP, [[SEQ, []]]]), ("original", [SIMP, []])])
def test_a_tactic_that_runs_for_two_goals_stands_twice_beside_itself(
    level: InfotreeLevel, first: JsonValue
) -> None:
    """And what it expands to is below it, and was not written."""
    both = ["Lean.Parser.Tactic.«tactic_<;>_»", [["Lean.Parser.Tactic.constructor", []], first, [SIMP, []]]]
    expected = [["Lean.Parser.Term.byTactic", [[None, []], both]]]
    assert shape(infotree_of(TEXT, NODES, level)) == expected


def test_without_brackets_what_they_hold_stands_in_their_place() -> None:
    names = ["Lean.Parser.Tactic.constructor", SIMP, SIMP]
    assert shape(infotree_of(TEXT, NODES, "substantive")) == [[name, []] for name in names]


def test_positions_count_lines_and_code_points_and_a_node_has_its_text() -> None:
    (tree,) = infotree_of(TEXT, NODES, "tactics")
    assert tree["node"]["stx"] == {
        "pp": "by\n  constructor <;> simp",
        "range": {
            "synthetic": False,
            "start": {"line": 1, "column": TEXT.index("by")},
            "finish": {"line": 2, "column": len("  constructor <;> simp")},
        },
    }


@pytest.mark.parametrize(
    ("text", "goals"),
    [
        ("no goals", []),
        ("", []),
        ("⊢ p", ["⊢ p"]),
        ("h : p\n⊢ p ∧\n    q", ["h : p\n⊢ p ∧\n    q"]),
        (
            "case left\nh :\n  p\n⊢ p\ncase right\n⊢ q\nx : Nat\n| x",
            ["case left\nh :\n  p\n⊢ p", "case right\n⊢ q", "x : Nat\n| x"],
        ),
    ],
)
def test_goals_are_told_apart(text: str, goals: list[str]) -> None:
    assert split_goals(text) == goals


@pytest.mark.parametrize("size", [DEPTH_LIMIT, 5_000])
def test_a_tree_without_end_can_still_be_written_as_json(size: int) -> None:
    text = " " * (2 * size)
    deep = [raw("a.b", at, 2 * size - at) for at in range(size)]
    trees = infotree_of(text, deep, "full")
    ReplAnswer(messages=[], sorries=[], infotree=trees).model_dump_json()
    todo, count = list(trees), 0
    while todo:
        count += 1
        todo += todo.pop()["children"]
    assert count == size


@given(st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(sorted)))
def test_no_node_is_lost_wherever_it_stands(spans: list[list[int]]) -> None:
    trees = infotree_of(TEXT, [raw("token", start, stop) for start, stop in spans], "full")
    todo, count = list(trees), 0
    while todo:
        count += 1
        todo += todo.pop()["children"]
    assert count == len(spans)


@pytest.mark.parametrize(
    ("imports", "header"),
    [
        ("", ""),
        ("import Lean\n", "import Lean\n"),
        ("import Mathlib\nimport Aesop\n", "import Mathlib\nimport Aesop\n"),
        (
            "import Aesop\nimport Mathlib.Tactic\nimport Mathlib.Data.Nat.Basic\n",
            "import Mathlib\nimport Aesop\n",
        ),
        ("import MathlibExtras\n", "import MathlibExtras\n"),
        ("prelude\nimport Mathlib.Init\n", "prelude\nimport Mathlib.Init\n"),
    ],
)
def test_a_part_of_mathlib_brings_all_of_it_as_on_their_server(imports: str, header: str) -> None:
    assert header_of(imports) == header
