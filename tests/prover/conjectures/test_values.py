"""Values of a type: the simplest first, and none where the text does not say what the type is."""

import pytest

from prover.conjectures.values import Values, declared_values, values_of
from prover.families import HEADER


@pytest.mark.parametrize(
    ("type", "carrier", "terms", "value"),
    [
        ("Nat", "Nat", ("0", "1", "2"), "x"),
        (" ( Int )", "Int", ("0", "1", "-1"), "x"),
        ("Prop", "Bool", ("false", "true"), "(x = true)"),
        ("List Bool", "List Bool", ("[]", "[false]", "[true]"), "x"),
        ("Fin 2", "Fin 2", ("0", "1"), "x"),
        ("Nat → Nat", "Nat → Nat", ("fun _ => 0", "fun z => z", "fun _ => 1"), "x"),
        ("(Nat → Bool) → Bool", "( Nat → Bool ) → Bool", ("fun _ => false", "fun _ => true"), "x"),
        (
            "Int → Bool → Prop",
            "Int → Bool → Bool",
            ("fun _ => fun _ => false", "fun _ => fun _ => true"),
            "(fun z1 => (fun z0 => (((x z1) z0) = true)))",
        ),
    ],
)
def test_values_of_a_type_come_simplest_first(
    type: str, carrier: str, terms: tuple[str, ...], value: str
) -> None:
    found = values_of(type)
    assert found is not None
    assert (found.carrier, found.terms[: len(terms)], found.of("x")) == (carrier, terms, value)
    assert len(set(found.terms)) == len(found.terms)


@pytest.mark.parametrize(
    "type", ["", "n = 1", "α", "Fin n", "Fin 0", "p → q", "∀ x, p x", "List α", "Tree", "Type"]
)
def test_what_is_no_known_type_of_data_has_no_values(type: str) -> None:
    assert values_of(type) is None


def test_types_that_the_header_declares_have_their_constructors_values() -> None:
    declared = declared_values(f"{HEADER}inductive Pair where\n  | mk (n : Nat) (t : Tree)\n  | of (x : α)\n")
    small = "Tree.node Tree.leaf Tree.leaf"
    assert declared["Tree"].terms == ("Tree.leaf", small, f"Tree.node ({small}) Tree.leaf")
    assert declared["Pair"].terms == ("Pair.mk 0 Tree.leaf",)
    assert values_of("Tree → Nat", declared) == Values("Tree → Nat", ("fun _ => 0", "fun _ => 1"))
