"""Growth: what is proposed follows from the text alone, and only what Lean has nothing against is kept."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.conjectures.variations import (
    Fate,
    How,
    Proposal,
    Unsolved,
    Variations,
    checked,
    generalised,
    specialised,
    subgoals,
    without_a_hypothesis,
)
from prover.families import DIFFICULTIES, FAMILIES, HEADER, Family
from prover.syntax.normalise import normalise
from prover.syntax.signature import parse_signature
from prover.theorem import Theorem
from verifier.judging.pool import LeanPool


def theorem(said: str, name: str = "t") -> Theorem:
    """A theorem by what follows its name."""
    return Theorem(
        name=name,
        statement=f"theorem {name} {said}",
        header=HEADER,
        source="test",
        split="held_out",
        family="f",
        difficulty=3,
    )


def said(proposals: list[Proposal]) -> dict[str, str]:
    """What each proposal says behind its name, by what was done."""
    return {each.detail: each.theorem.statement.split(" ", 2)[2] for each in proposals}


# variations


def test_each_hypothesis_that_nothing_mentions_is_dropped_alone() -> None:
    found = without_a_hypothesis(
        theorem("(a b : Nat) (h g : a = b) (k : f h = b) [Inhabited Nat] : p g → a < b → b = a")
    )
    assert said(found) == {
        "without k : f h = b": "(a b : Nat) (h g : a = b) [Inhabited Nat] (_ : p g) (_ : a < b) : b = a",
        "without _ : p g": "(a b : Nat) (h g : a = b) (k : f h = b) [Inhabited Nat] (_ : a < b) : b = a",
        "without _ : a < b": "(a b : Nat) (h g : a = b) (k : f h = b) [Inhabited Nat] (_ : p g) : b = a",
    }
    assert without_a_hypothesis(theorem("(a : Nat) : a = a")) == []


def test_a_variable_is_replaced_by_small_values_wherever_it_stands() -> None:
    found = said(specialised(theorem("(m n : Nat) (h : n < m.succ) : ∀ b : Bool, f n b = m")))
    assert found == {
        "m = 0": "(n : Nat) (h : n < (0 : Nat).succ) (b : Bool) : f n b = (0 : Nat)",
        "m = 1": "(n : Nat) (h : n < (1 : Nat).succ) (b : Bool) : f n b = (1 : Nat)",
        "m = 2": "(n : Nat) (h : n < (2 : Nat).succ) (b : Bool) : f n b = (2 : Nat)",
        "n = 0": "(m : Nat) (h : 0 < m.succ) (b : Bool) : f 0 b = m",
        "n = 1": "(m : Nat) (h : 1 < m.succ) (b : Bool) : f 1 b = m",
        "n = 2": "(m : Nat) (h : 2 < m.succ) (b : Bool) : f 2 b = m",
        "b = false": "(m n : Nat) (h : n < m.succ) : f n false = m",
        "b = true": "(m n : Nat) (h : n < m.succ) : f n true = m",
    }


def test_a_value_has_its_type_where_another_could_be_meant() -> None:
    found = said(specialised(theorem("(n : Nat) (x : Int) (xs : List Nat) (t : Tree) : g n x xs t")))
    assert found["n = 1"] == "(x : Int) (xs : List Nat) (t : Tree) : g (1 : Nat) x xs t"
    assert found["x = -1"] == "(n : Nat) (xs : List Nat) (t : Tree) : g n (-1 : Int) xs t"
    assert found["xs = [0]"] == "(n : Nat) (x : Int) (t : Tree) : g n x ([0] : List Nat) t"
    assert found["t = Tree.leaf"] == "(n : Nat) (x : Int) (xs : List Nat) : g n x xs Tree.leaf"


def test_a_name_that_is_bound_again_is_not_replaced() -> None:
    assert specialised(theorem("(n : Nat) (h : ∃ n, n = 1) : n = 2")) == []
    assert specialised(theorem("(n : Nat) : ∀ n : Nat, n = n")) == []


def test_a_number_becomes_a_variable_of_each_type_it_may_have() -> None:
    found = generalised(theorem("(k : Nat) (p : Nat × Int) (h : p.2 < 12) : p.1 + 2 = k + 2 * 12"))
    statements = [each.theorem.statement.split(" ", 2)[2] for each in found]
    assert statements == [
        "(m : Nat) (k : Nat) (p : Nat × Int) (h : p.2 < 12) : p.1 + m = k + m * 12",
        "(m : Int) (k : Nat) (p : Nat × Int) (h : p.2 < 12) : p.1 + m = k + m * 12",
        "(m : Nat) (k : Nat) (p : Nat × Int) (h : p.2 < m) : p.1 + 2 = k + 2 * m",
        "(m : Int) (k : Nat) (p : Nat × Int) (h : p.2 < m) : p.1 + 2 = k + 2 * m",
    ]
    assert [each.detail for each in found] == ["m for 2", "m for 2", "m for 12", "m for 12"]
    assert generalised(theorem("(p : Nat × Nat) : p.1 = p.2")) == []


# subgoals

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
    goals = subgoals(theorem("(n : Nat) : ∀ m, m < n → p m ∧ q"), PROOF)
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
    goals = subgoals(theorem("(n : Nat) : n = n"), "by\nhave a : n = 1 := x\n\nhave b : n = 2 := y")
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
    assert subgoals(theorem("(n : Nat) : n = n"), proof) == []


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from([*PROOF.split(" "), "have", "(", "⟩", "\n"])).map(" ".join)
)
def test_subgoals_of_any_text_are_statements(proof: str) -> None:
    for each in subgoals(theorem("(n : Nat) : ∀ m, m < n → p m ∧ q"), proof):
        assert parse_signature(each.theorem.statement).name == each.theorem.name


# lineage


@given(st.integers(0, 10**6), st.sampled_from(FAMILIES), st.sampled_from(DIFFICULTIES))
def test_whatever_grows_is_a_new_statement_with_its_lineage(
    seed: int, family: Family, difficulty: int
) -> None:
    instance = family.make(random.Random(seed), difficulty)
    parent = theorem(instance.statement)
    unsolved = [Unsolved(parent, (instance.proof, "by\n  have h1 : 1 + 1 = 2 := rfl\n  simp"))]
    found = Variations().propose(unsolved)
    assert found == Variations().propose(unsolved)
    assert 0 < len(found) <= 16
    forms = [normalise(each.theorem.statement) for each in found]
    assert len({normalise(parent.statement), *forms}) == len(forms) + 1
    assert len({each.theorem.name for each in found}) == len(found)
    for each in found:
        grown = each.theorem
        assert parse_signature(grown.statement).name == grown.name
        assert (each.parent, grown.header, grown.split, grown.family, grown.difficulty) == (
            "t",
            HEADER,
            "held_out",
            "f",
            3,
        )
        assert grown.source == "growth"


def test_names_stay_short_over_generations_and_tell_the_line() -> None:
    first = generalised(theorem("(a : Nat) : a + 2 = 2 + a", name="Nat.two'"))[0]
    second = specialised(first.theorem)[0]
    assert first.theorem.name.startswith("Nat.two'.generalise_")
    assert second.theorem.name.startswith("Nat.two'.specialise_")
    assert second.parent == first.theorem.name


def test_every_kind_gets_its_turn_where_there_is_little_room() -> None:
    parent = theorem("(a b : Nat) (h : a < b) : a + 7 < b + 7")
    proof = "by\n  have g : a ≤ b := by omega\n  have k : a + 7 ≤ b + 7 := by omega\n"
    found = Variations(per_theorem=4).propose([Unsolved(parent, (proof,))])
    assert [each.how for each in found] == [How.SUBGOAL, How.DROP_HYPOTHESIS, How.SPECIALISE, How.GENERALISE]


def test_what_has_no_signature_proposes_nothing_and_stops_nobody() -> None:
    broken = theorem("(n : Nat").model_copy(update={"name": "broken"})
    whole = Unsolved(theorem(": 1 + 1 = 2"))
    assert Variations().propose([Unsolved(broken), whole]) == Variations().propose([whole]) != []


# what Lean has to say


async def test_only_what_lean_has_nothing_against_is_kept(pool: LeanPool) -> None:
    parent = theorem("(n m : Nat) (h : n = m) : size (copies 7 n) = m")
    proof = """by
  have easy : n + 0 = m := by simp [h]
  have unseen : n = nowhere := rfl
  have known : size (copies 7 m) = m := by simp
"""
    proposals = [*subgoals(parent, proof), *without_a_hypothesis(parent), *generalised(parent)]
    known = normalise(next(each for each in proposals if each.detail == "have known").theorem.statement)
    report = await checked([*proposals, proposals[0]], pool, {known})
    fates = [(each.proposal.detail, each.fate) for each in report.results]
    assert fates == [
        ("have easy", Fate.TRIVIAL),
        ("have unseen", Fate.DOES_NOT_ELABORATE),
        ("have known", Fate.DUPLICATE),
        ("without h : n = m", Fate.FALSE),
        ("k for 7", Fate.KEPT),
        ("have easy", Fate.DUPLICATE),
    ]
    assert [each.detail for each in report.kept] == ["k for 7"]
    assert [each.lean_calls for each in report.results] == [2, 1, 0, 3, 5, 0]
    assert report.lean_calls == 11
    assert "nowhere" in report.results[1].reason
    assert all(each.reason for each in report.results)
