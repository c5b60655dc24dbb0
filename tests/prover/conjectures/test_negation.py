"""Negations say the opposite, planted falsehoods are disproved, and nothing that is true ever is."""

import pytest

from prover.conjectures.negation import (
    DisproofOutcome,
    candidate_disproofs,
    disprove,
    negate,
)
from prover.families import FAMILIES, HEADER, generate
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.verdict import Kind, Status, Submission


def theorem(said: str, header: str = HEADER) -> Theorem:
    """A theorem by what follows its name."""
    return Theorem(name="t", statement=f"theorem t {said}", header=header, source="test", split="train")


# negations


def test_a_negation_is_that_of_the_theorem_as_its_header_states_it() -> None:
    marked = theorem("").model_copy(update={"statement": "@[simp] private theorem t (n : Nat) : n = 0"})
    found = negate(marked)
    assert (found.name, found.split) == ("t.negated", "train")
    assert found.statement == "theorem t.negated : ¬ type_of% @t"
    assert found.header == f"{HEADER}\n{marked.statement} := sorry\n"


@pytest.mark.parametrize(
    ("said", "lowest"),
    [
        (
            ".{u, v} {α : Type u} {β : Sort (max u v)} [inst : Inhabited α] (x : α) : p",
            "∀ {α : Type} {β : Sort (max 0 0)} [inst : Inhabited α] (x : α), p",
        ),
        (
            "(α β : Type*) (s : List (Type _)) (h : n < m := by omega) : ∀ γ : Type w, p",
            "∀ (α β : Type) (s : List (Type)) (h : n < m), ∀ γ : Type, p",
        ),
    ],
)
def test_what_is_said_of_all_universes_is_negated_in_the_lowest(said: str, lowest: str) -> None:
    found = negate(theorem(said))
    assert found.header.endswith(f"\ntheorem t.at_lowest : {lowest} := @t\n")
    assert found.statement == "theorem t.negated : ¬ type_of% @t.at_lowest"


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (theorem("(n : Nat)"), "were expected"),
        (theorem("").model_copy(update={"statement": "def t : Nat"}), "only a theorem can be false"),
    ],
)
def test_what_cannot_be_negated_is_refused_with_the_reason(refused: Theorem, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        negate(refused)


AT_0 = "by\n  intro h\n  exact absurd (h 0) (by decide)"


@pytest.mark.parametrize(
    ("said", "header", "proof", "status"),
    [
        ("(n : Nat) : n + 1 = n", "", AT_0, Status.PROVED),
        ("(n : Nat) : n + 0 = n", "", AT_0, Status.REJECTED),
        ("(n : Nat) : n + 1 = n", "", "fun _ => absurd (t 0) (by decide)", Status.INCOMPLETE),
        # Bound by Lean, and by the header: no text of the statement says so.
        (": n + 1 = (n : Nat)", "", "fun h => absurd (@h 0) (by decide)", Status.PROVED),
        (": n + 1 = n", "variable (n : Nat)", AT_0, Status.PROVED),
        (": n + 0 = n", "variable (n : Nat)", AT_0, Status.REJECTED),
        # It holds in every universe, and nothing else follows from it in the lowest.
        ("{α : Type u} (x : α) : x = x", "", "fun _ => t.at_lowest", Status.REJECTED),
    ],
)
async def test_a_negation_is_proved_where_the_theorem_is_false_and_not_otherwise(
    pool: LeanPool, said: str, header: str, proof: str, status: Status
) -> None:
    negation = negate(theorem(said, header))
    submission = Submission(id="s", statement=negation.statement, header=negation.header, proof=proof)
    assert (await pool.verify(submission)).status is status


async def test_lean_reads_the_negation_of_every_family(pool: LeanPool) -> None:
    theorems = [each for each, _ in generate(11, len(FAMILIES))]
    assert {each.family for each in theorems} == {family.name for family in FAMILIES}
    for each in theorems:
        negation = negate(each)
        reply = await pool.statement(negation.statement, negation.header)
        assert (reply.error, reply.statement_error) == (None, None), each.name


@pytest.mark.parametrize(
    "said",
    [
        ".{u} {α : Type u} [DecidableEq α] (x _ : α) (h : x = x := by simp) : ∀ y : α, x = y ∨ x ≠ y",
        "{α : Type _} {β : Type v} ⦃f : α → β⦄ (hf : ∀ x y, f x = f y → x = y) : ∃ g : β → α, g ∘ f = id",
    ],
)
async def test_lean_sees_that_the_lowest_universe_is_one_of_all(said: str, pool: LeanPool) -> None:
    negation = negate(theorem(said, "universe v\n"))
    reply = await pool.statement(negation.statement, negation.header)
    assert (reply.error, reply.statement_error) == (None, None)


# candidates


def test_there_are_at_most_three_attempts_and_no_values_where_there_is_nothing_to_choose() -> None:
    assert len(candidate_disproofs(theorem("(a b : Nat) (h : a < b) : a + 1 = b"))) == 3
    assert len(candidate_disproofs(theorem(": ∀ n : Nat, n < 5"))) == 3
    (whole,) = candidate_disproofs(theorem("(h : 1 = 2) : ∃ x : Nat, x < 0"))
    assert "intro" not in whole


def test_many_variables_make_no_large_attempt() -> None:
    names = " ".join(f"a{number}" for number in range(12))
    attempts = candidate_disproofs(theorem(f"({names} : Nat) (f : Nat → Nat) : a0 = f a1"))
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
    assert found.outcome is DisproofOutcome.DISPROVED, found.reason
    assert 1 <= found.lean_calls <= 3
    assert found.verdict is not None
    assert found.verdict.kind is Kind.PROVED
    assert found.verdict.certificate is not None
    assert found.proof in candidate_disproofs(theorem(said))


@pytest.mark.parametrize("said", TRUE)
async def test_what_is_true_stays_open(said: str, pool: LeanPool) -> None:
    found = await disprove(theorem(said), pool)
    assert (found.outcome, found.proof, found.verdict) == (DisproofOutcome.OPEN, None, None)
    assert found.lean_calls == len(candidate_disproofs(theorem(said)))


async def test_a_name_that_lean_binds_by_itself_makes_nothing_false(pool: LeanPool) -> None:
    """There is no `i : Fin 0`, which the text does not bind: so what is said of it holds."""
    vacuous = theorem("(f : Fin 0 → Nat) (h : f i = f i) : False", "set_option autoImplicit true\n")
    submission = Submission(id="t", statement=vacuous.statement, header=vacuous.header, proof="i.elim0")
    assert (await pool.verify(submission)).kind is Kind.PROVED
    assert (await disprove(vacuous, pool)).outcome is DisproofOutcome.OPEN


async def test_of_a_statement_that_does_not_elaborate_nothing_is_known(pool: LeanPool) -> None:
    found = await disprove(theorem('(n : Nat) : n = "text"'), pool)
    assert found.outcome is DisproofOutcome.UNKNOWN
    assert "String" in found.reason
