"""Negations say the opposite, planted falsehoods are disproved, and nothing that is true ever is."""

import pytest

from prover.disproof import (
    Outcome,
    Values,
    declared_values,
    disproofs,
    disprove,
    misread,
    negated,
    values_of,
)
from prover.families import FAMILIES, HEADER, generate
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.pool import LeanPool
from verifier.verdict import Kind, Submission


def theorem(said: str, header: str = HEADER) -> Theorem:
    """A theorem by what follows its name."""
    return Theorem(name="t", statement=f"theorem t {said}", header=header, source="test", split="train")


# negations


@pytest.mark.parametrize(
    ("said", "negation"),
    [
        (": 1 = 2", ": ¬ (1 = 2)"),
        (
            "(n : Nat) {m} (h : n < m := by omega) : ∃ k, n = k",
            ": ¬ (∀ (n : Nat) {m} (h : n < m), ∃ k, n = k)",
        ),
        (
            ".{u, v} {α : Type u} {β : Sort (max u v)} [inst : Inhabited α] (x : α) : p",
            ": ¬ (∀ {α : Type} {β : Sort (max 0 0)} [inst : Inhabited α] (x : α), p)",
        ),
        (
            "(α β : Type*) (s : List (Type _)) : ∀ γ : Type w, p",
            ": ¬ (∀ (α β : Type) (s : List (Type)), ∀ γ : Type, p)",
        ),
        ("x (k := 2) : p x", ": ¬ (∀ x (k := 2), p x)"),
    ],
)
def test_a_negation_binds_what_the_theorem_binds(said: str, negation: str) -> None:
    found = negated(theorem(said))
    assert found.statement == f"theorem t.negated {negation}"
    assert (found.name, found.header, found.split) == ("t.negated", HEADER, "train")


def test_attributes_stay_with_the_theorem():
    marked = theorem("").model_copy(update={"statement": "@[simp] private theorem t (n : Nat) : n = 0"})
    assert negated(marked).statement == "theorem t.negated : ¬ (∀ (n : Nat), n = 0)"


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (theorem("(n : Nat)"), "were expected"),
        (theorem(": n = 1", "variable (n : Fin 0)\n"), "declares variables"),
        (theorem("").model_copy(update={"statement": "def t : Nat"}), "only a theorem can be false"),
    ],
)
def test_what_cannot_be_negated_is_refused_with_the_reason(refused: Theorem, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        negated(refused)


async def test_lean_says_that_the_negation_of_every_family_refutes_it(pool: LeanPool) -> None:
    theorems = [each for each, _ in generate(11, len(FAMILIES))]
    assert {each.family for each in theorems} == {family.name for family in FAMILIES}
    assert [(each.name, why) for each in theorems if (why := await misread(each, pool)) is not None] == []


@pytest.mark.parametrize(
    "said",
    [
        ".{u} {α : Type u} [DecidableEq α] (x _ : α) (h : x = x := by simp) : ∀ y : α, x = y ∨ x ≠ y",
        "{α : Type _} {β : Type v} ⦃f : α → β⦄ (hf : ∀ x y, f x = f y → x = y) : ∃ g : β → α, g ∘ f = id",
        "(P : Prop) n (h : n = 2 → P) : let m := n; m = (2 : Int) → P",
    ],
)
async def test_lean_says_so_too_of_universes_instances_and_defaults(said: str, pool: LeanPool) -> None:
    assert await misread(theorem(said, "universe v\n"), pool) is None


# candidates


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


def test_types_that_the_header_declares_have_their_constructors_values():
    declared = declared_values(f"{HEADER}inductive Pair where\n  | mk (n : Nat) (t : Tree)\n  | of (x : α)\n")
    small = "Tree.node Tree.leaf Tree.leaf"
    assert declared["Tree"].terms == ("Tree.leaf", small, f"Tree.node ({small}) Tree.leaf")
    assert declared["Pair"].terms == ("Pair.mk 0 Tree.leaf",)
    assert values_of("Tree → Nat", declared) == Values("Tree → Nat", ("fun _ => 0", "fun _ => 1"))


def test_there_are_at_most_three_attempts_and_no_values_where_there_is_nothing_to_choose():
    assert len(disproofs(theorem("(a b : Nat) (h : a < b) : a + 1 = b"))) == 3
    assert len(disproofs(theorem(": ∀ n : Nat, n < 5"))) == 3
    (whole,) = disproofs(theorem("(h : 1 = 2) : ∃ x : Nat, x < 0"))
    assert "intro" not in whole


def test_many_variables_make_no_large_attempt():
    names = " ".join(f"a{number}" for number in range(12))
    attempts = disproofs(theorem(f"({names} : Nat) (f : Nat → Nat) : a0 = f a1"))
    assert max(map(len, attempts)) < 4_000


# what Lean makes of them

FALSE = [
    "(a b : Nat) : a + b = a",
    "(a b c : Nat) (h : a < b) (g : b < c) : a + 2 < c",
    "(n : Nat) (h : 0 < n) (m : Nat) : n < 3 + m",
    "(n : Nat) : n * n ≠ 169",
    "(a b k : Nat) (h : k ∣ a * b) : k ∣ a ∨ k ∣ b",
    ": ∀ a b c : Nat, a - b + c = a + c - b",
    ": ∃ x y : Nat, 2 * x + 4 * y = 7",
    "(n : Nat) : ∃ m, m < n",
    "(n : Nat) (h : ∃ k, n = 2 * k) : ∃ k, n = 4 * k",
    "(x : Int) (h : x * x = 4) : x = 2",
    "(xs ys : List Nat) : xs ++ ys = ys ++ xs",
    "{α : Type u} [Inhabited α] (xs : List α) : xs.reverse = xs",
    "(f : Bool → Bool) (x y : Bool) : (f x && y) = (y || f x)",
    "(p q r : Prop) (h : p → q) (g : q → r) : r → p",
    "(p q r s : Prop) (h : p → q) (g : q → r) (k : p) : s ∧ q",
    "(m a k n : Nat) (h : m + 13 ≤ k) : (m + 13) * a * (m + 13) ≤ k * (n + 5) * k",
    "(p : Nat → Prop) (h : ∀ x, p (2 * x)) : p 3",
    "(p : Nat → Prop) (h : p 0) : ∀ n, p n",
    "(f : Nat → Nat) (h : f 0 = 0) : f 1 = 1",
    "(t : Tree) : weigh 1 1 t = 1",
    "(k n : Nat) : total (copies k n) = k + n",
    "(i : Fin 4) (x : Option Nat) : i.val < 3 ∨ x = none",
    ": 2 + 2 = 5",
]
TRUE = [
    "(n : Nat) : n < 2 ^ 40 ∨ 10 < n",
    "(f : Nat → Nat) (h : ∀ x, f x ≤ f (x + 1)) : f 0 ≤ f 100",
    "(x : Fin 0) : False",
    ": ∃ x : Nat, x * x = 1764",
]


@pytest.mark.parametrize("said", FALSE)
async def test_a_planted_falsehood_is_disproved(said: str, pool: LeanPool) -> None:
    found = await disprove(theorem(said), pool)
    assert found.outcome is Outcome.DISPROVED, found.reason
    assert 2 <= found.lean_calls <= 4
    assert found.verdict is not None
    assert found.verdict.kind is Kind.PROVED
    assert found.verdict.certificate is not None
    assert found.proof in disproofs(theorem(said))


@pytest.mark.parametrize("said", TRUE)
async def test_what_is_true_stays_open(said: str, pool: LeanPool) -> None:
    found = await disprove(theorem(said), pool)
    assert (found.outcome, found.proof, found.verdict) == (Outcome.OPEN, None, None)
    assert found.lean_calls == 1 + len(disproofs(theorem(said)))


async def test_a_name_that_lean_binds_by_itself_makes_nothing_false(pool: LeanPool) -> None:
    """For `i : Fin 0`, which the text does not bind, theorem and negation both hold: there is no `i`."""
    vacuous = theorem("(f : Fin 0 → Nat) (h : f i = f i) : False", "set_option autoImplicit true\n")
    for each, proof in ((vacuous, "i.elim0"), (negated(vacuous), "fun _ => i.elim0")):
        submission = Submission(id=each.name, statement=each.statement, header=each.header, proof=proof)
        assert (await pool.verify(submission)).kind is Kind.PROVED
    found = await disprove(vacuous, pool)
    assert found.outcome is Outcome.REFUSED
    assert found.lean_calls == 1


async def test_a_statement_that_does_not_elaborate_is_refused_in_lean_s_words(pool: LeanPool) -> None:
    found = await disprove(theorem("(n : Nat) : n = nowhere"), pool)
    assert found.outcome is Outcome.REFUSED
    assert "nowhere" in found.reason
