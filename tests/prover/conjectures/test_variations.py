"""Variations: what is proposed follows from the text alone, and says something new."""

import random

from hypothesis import given
from hypothesis import strategies as st

from prover.conjectures.base import How, Proposal, Unsolved
from prover.conjectures.variations import Variations, drop_hypotheses, generalise, specialise
from prover.families import DIFFICULTIES, FAMILIES, HEADER, Family
from prover.syntax.normalise import normalise
from prover.syntax.signature import parse_signature
from prover.theorem import Theorem


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
    found = drop_hypotheses(
        theorem("(a b : Nat) (h g : a = b) (k : f h = b) [Inhabited Nat] : p g → a < b → b = a")
    )
    assert said(found) == {
        "without k : f h = b": "(a b : Nat) (h g : a = b) [Inhabited Nat] (_ : p g) (_ : a < b) : b = a",
        "without _ : p g": "(a b : Nat) (h g : a = b) (k : f h = b) [Inhabited Nat] (_ : a < b) : b = a",
        "without _ : a < b": "(a b : Nat) (h g : a = b) (k : f h = b) [Inhabited Nat] (_ : p g) : b = a",
    }
    assert drop_hypotheses(theorem("(a : Nat) : a = a")) == []


def test_a_variable_is_replaced_by_small_values_wherever_it_stands() -> None:
    found = said(specialise(theorem("(m n : Nat) (h : n < m.succ) : ∀ b : Bool, f n b = m")))
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
    found = said(specialise(theorem("(n : Nat) (x : Int) (xs : List Nat) (t : Tree) : g n x xs t")))
    assert found["n = 1"] == "(x : Int) (xs : List Nat) (t : Tree) : g (1 : Nat) x xs t"
    assert found["x = -1"] == "(n : Nat) (xs : List Nat) (t : Tree) : g n (-1 : Int) xs t"
    assert found["xs = [0]"] == "(n : Nat) (x : Int) (t : Tree) : g n x ([0] : List Nat) t"
    assert found["t = Tree.leaf"] == "(n : Nat) (x : Int) (xs : List Nat) : g n x xs Tree.leaf"


def test_a_name_that_is_bound_again_is_not_replaced() -> None:
    assert specialise(theorem("(n : Nat) (h : ∃ n, n = 1) : n = 2")) == []
    assert specialise(theorem("(n : Nat) : ∀ n : Nat, n = n")) == []


def test_a_number_becomes_a_variable_of_each_type_it_may_have() -> None:
    found = generalise(theorem("(k : Nat) (p : Nat × Int) (h : p.2 < 12) : p.1 + 2 = k + 2 * 12"))
    statements = [each.theorem.statement.split(" ", 2)[2] for each in found]
    assert statements == [
        "(m : Nat) (k : Nat) (p : Nat × Int) (h : p.2 < 12) : p.1 + m = k + m * 12",
        "(m : Int) (k : Nat) (p : Nat × Int) (h : p.2 < 12) : p.1 + m = k + m * 12",
        "(m : Nat) (k : Nat) (p : Nat × Int) (h : p.2 < m) : p.1 + 2 = k + 2 * m",
        "(m : Int) (k : Nat) (p : Nat × Int) (h : p.2 < m) : p.1 + 2 = k + 2 * m",
    ]
    assert [each.detail for each in found] == ["m for 2", "m for 2", "m for 12", "m for 12"]
    assert generalise(theorem("(p : Nat × Nat) : p.1 = p.2")) == []


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
    first = generalise(theorem("(a : Nat) : a + 2 = 2 + a", name="Nat.two'"))[0]
    second = specialise(first.theorem)[0]
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
