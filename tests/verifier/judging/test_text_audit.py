"""Which theorems a text names, and for which of them the audit of an export has answered; no Lean."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.judging.text_audit import NamedTheorem, audited_with, theorems_of

NAMED = {
    "theorem t : 1 = 1 := rfl": ["t"],
    "lemma a : True := trivial\nprotected theorem b.c' : True := a": ["a", "b.c'"],
    "namespace A.B\ntheorem x : True := trivial\nend B\ntheorem y : True := trivial\nend A\n"
    "theorem z : True := trivial": ["A.B.x", "A.y", "z"],
    "section\nnamespace N\nsection foo\ntheorem x : True := trivial\nend foo\nend N\nend\n"
    "theorem y : True := trivial": ["N.x", "y"],
    "mutual\ntheorem x : True := trivial\nend\ntheorem y : True := trivial": ["x", "y"],
    "namespace N\ntheorem _root_.M.x : True := trivial\nend N": ["M.x"],
    "theorem «a.b».c : True := trivial": ["«a.b».c"],
    "@[simp] theorem x {α : Type} : True := trivial": ["x"],
    "theorem x.{u} : True := trivial": ["x"],
    "open Nat in theorem x : True := trivial": ["x"],
    "/- theorem a : /- theorem b -/ theorem c -/ -- theorem d\ntheorem e : True := trivial": ["e"],
    'def a := "theorem b : \\" theorem c"\ndef d := r#"theorem e " theorem f"#': [],
    "def a := '\"'\ntheorem b : True := trivial\ndef c := '\\\"'": ["b"],
    "theorem a' : True := trivial\ntheorem b'' (h' : a' = a') : True := trivial": ["a'", "b''"],
    "macro `(theorem a : True := trivial)": [],
    "`(theorem $x : True := trivial)": [],
    "example : True := trivial": [],
    "def x := Foo.theorem y": [],
    "/- without an end theorem a": [],
    "end end end theorem a : True": ["a"],
    "theorem": [],
    "": [],
}


@pytest.mark.parametrize("text", NAMED)
def test_a_text_names_its_theorems_with_their_namespaces(text: str) -> None:
    assert [theorem.name for theorem in theorems_of(text)] == NAMED[text]


def test_where_a_string_may_end_elsewhere_every_mention_of_a_theorem_counts() -> None:
    """To Lean the string ends behind the brace; by quotation marks alone the theorem is in a string."""
    text = 'axiom own : False\ndef a : String := s!"a{ "\\"" }c"\nnamespace N\ntheorem t : False := own\n-- "'
    found = theorems_of(text)
    assert {theorem.name for theorem in found} == {"t", "N.t"}
    assert not any(theorem.is_certain for theorem in found)
    plain = 'def a := "a theorem t"\ntheorem u : True := trivial -- theorem v'
    assert [(theorem.name, theorem.is_certain) for theorem in theorems_of(plain)] == [("u", True)]


def test_a_theorem_is_found_where_its_name_stands() -> None:
    text = "-- ∀ 𝔸\nnamespace N\nprivate theorem x₁ : True := trivial\ntheorem y : True := trivial"
    private, other = theorems_of(text)
    assert [text[each.start : each.stop] for each in (private, other)] == ["x₁", "y"]
    assert (private.statement, other.statement) == ("private theorem N.x₁ : True", "theorem N.y : True")


@given(
    st.text()
    | st.lists(st.sampled_from(["theorem ", "end ", "namespace A.«", "/-", "'", '"', "»", "\n"])).map("".join)
)
def test_any_text_can_be_looked_through(text: str) -> None:
    assert all(text[each.start : each.stop] for each in theorems_of(text))


def export() -> dict[str, Any]:
    """`a` uses `b` in its proof, and nothing uses `c`."""
    return {
        "names": [[0, "a"], [0, "b"], [0, "c"], [0, "_private"], [4, "Main"], [5, 0], [6, "d"]],
        "levels": [],
        "exprs": [["const", 2], ["const", 7], ["app", 0, 1], ["lam", 0, 0, 2, "d"], ["sort", 0]],
        "decls": [
            {"kind": "theorem", "name": 2, "params": [], "type": 4, "value": 4},
            {"kind": "theorem", "name": 3, "params": [], "type": 4, "value": 4},
            {"kind": "theorem", "name": 7, "params": [], "type": 4, "value": 4},
            {"kind": "theorem", "name": 1, "params": [], "type": 4, "value": 3},
        ],
    }


def test_an_audit_answers_for_what_the_theorem_uses_and_for_nothing_that_only_lies_beside_it() -> None:
    """Nobody collected the axioms of the latter, and what writes exports is a candidate's process."""
    assert audited_with(NamedTheorem(("a",), 0, 1), export()) == {("a",), ("b",), ("d",)}


@pytest.mark.parametrize(
    "spoiled",
    [
        {"names": [[99, "a"]]},
        {"names": [1, 2]},
        {"exprs": []},
        {"exprs": None},
        {"decls": [{"name": "a"}]},
        {"decls": [{"name": 1, "value": "x"}]},
    ],
)
def test_an_export_that_cannot_be_followed_answers_for_nothing_else(spoiled: dict[str, Any]) -> None:
    assert audited_with(NamedTheorem(("a",), 0, 1), export() | spoiled) == frozenset()
