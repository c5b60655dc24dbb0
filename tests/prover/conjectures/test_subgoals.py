"""Subgoals: every `have` of a proof that states something, under what is in scope there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.conjectures.subgoals import extract_subgoals
from prover.families import HEADER
from prover.syntax.signature import parse_signature
from prover.theorem import Theorem


def theorem(said: str) -> Theorem:
    """A theorem by what follows its name."""
    return Theorem(name="t", statement=f"theorem t {said}", header=HEADER, source="test", split="train")


PROOF = """by
  intro x hx
  have h1 : x < 5 := by omega -- have no : 1 = 2 := rfl
  have : x + 1 < 6 := by
    have inner (k : Nat) : k = k := rfl
    omega
  obtain ⟨y, hy⟩ : ∃ y, y = x := ⟨x, rfl⟩
  constructor
  · have left : x = y := by simp
    have below : x = 3 := left
  · have right := h1
    have ⟨z, hz⟩ : ∃ z, z = 1 := ⟨1, rfl⟩
    have last : x = 4 := by
"""


def test_each_have_becomes_a_theorem_under_what_is_in_scope() -> None:
    goals = extract_subgoals(theorem("(n : Nat) : ∀ m, m < n → p m ∧ q"), PROOF)
    context = "(n : Nat) x (hx : x < n)"
    two = f"{context} (h1 : x < 5) (this3 : x + 1 < 6)"
    assert [(each.detail, each.theorem.statement.split(" ", 2)[2]) for each in goals] == [
        ("have h1", f"{context} : x < 5"),
        ("have this3", f"{context} (h1 : x < 5) : x + 1 < 6"),
        ("have inner", f"{context} (h1 : x < 5) (k : Nat) : k = k"),
        ("have left", f"{two} : x = y"),
        ("have below", f"{two} (left : x = y) : x = 3"),
        ("have last", f"{two} : x = 4"),
    ]


def test_lines_that_start_at_the_margin_see_each_other() -> None:
    goals = extract_subgoals(theorem("(n : Nat) : n = n"), "by\nhave a : n = 1 := x\n\nhave b : n = 2 := y")
    assert goals[1].theorem.statement.endswith("(n : Nat) (a : n = 1) : n = 2")


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "by omega",
        "by have",
        "by have h",
        "by have h : ",
        "by have h : n = 1",
        "by have h := 1",
        "by have : ) := 1",
    ],
)
def test_a_proof_without_a_stated_have_has_no_subgoals(proof: str) -> None:
    assert extract_subgoals(theorem("(n : Nat) : n = n"), proof) == []


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from([*PROOF.split(" "), "have", "(", "⟩", "\n"])).map(" ".join)
)
def test_subgoals_of_any_text_are_statements(proof: str) -> None:
    for each in extract_subgoals(theorem("(n : Nat) : ∀ m, m < n → p m ∧ q"), proof):
        assert parse_signature(each.theorem.statement).name == each.theorem.name
