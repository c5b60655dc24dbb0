"""Difficulty features: what is counted, what no spelling changes, and what is said to be a guess."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prover.families import HEADER, generate
from prover.library.features import FEATURES, Features, FeatureTable, features_of, lemmas_of
from prover.theorem import Theorem

NAMES = st.lists(
    st.sampled_from(["a", "b", "x_1", "h_pos", "k'", "m", "hx"]), min_size=3, max_size=3, unique=True
)


def theorem(statement: str, header: str = "") -> Theorem:
    return Theorem(name="t", statement=statement, header=header, source="test", split="train", family="any")


def test_sizes_count_tokens_and_quantifiers_count_bound_names() -> None:
    features = features_of(theorem("theorem t (n m : Nat) (h : n < m) : ∃ k, n + k = m"), "by\n  omega")
    # ( n m : Nat ) ( h : n < m ) : ∃ k , n + k = m
    assert features.statement_size == 22
    assert features.quantifiers == 4
    assert features.proof_length == 2
    assert features.family == "any"


@given(
    NAMES, st.sampled_from([" ", "\n  ", " -- why\n", " /- why -/ "]), st.sampled_from(["t", "other.name"])
)
def test_names_of_variables_and_theorem_spaces_and_comments_change_nothing(
    names: tuple[str, str, str], space: str, name: str
) -> None:
    def features(x: str, y: str, h: str, space: str = " ", name: str = "t") -> Features:
        text = f"({x} {y} : Nat) ({h} : {x} < {y}) : {x} * {y} = {y} * {x} ∧ ∀ z, z = {x} → z < {y}"
        proof = f"⟨Nat.mul_comm {x} {y}, fun z e => e ▸ {h}⟩"
        spaced = f"theorem {name} {text}".replace(" ", space)
        return features_of(theorem(spaced), proof.replace(" ", space))

    x, y, h = names
    assert features(x, y, h, space, name) == features("a", "b", "h")


def test_a_variable_counts_the_same_before_the_colon_and_behind_it() -> None:
    before = features_of(theorem("theorem t (x y : Nat) : x + y = y + x"))
    behind = features_of(theorem("theorem t : ∀ x y : Nat, x + y = y + x"))
    assert before.quantifiers == behind.quantifiers == 2


@pytest.mark.parametrize(
    ("proof", "lemmas"),
    [
        ("by omega", set()),
        (
            "by\n  exact Nat.dvd_add h (Nat.dvd_mul_left_of_dvd h 3)",
            {"Nat.dvd_add", "Nat.dvd_mul_left_of_dvd"},
        ),
        ("by\n  simp [total, glue] <;> omega", {"total", "glue"}),
        ("by\n  rw [mul_comm, mul_comm.symm]\n  exact_mod_cast mul_pos h h", {"mul_comm", "mul_pos"}),
        ("by\n  have h_one : 1 = 1 := rfl\n  exact h_one.trans h.symm", set()),
        ("by\n  intro h_one\n  exact mul_pos h_one h_one", {"mul_pos"}),
        ("by\n  obtain ⟨k_1, hk_1⟩ := h\n  exact ⟨k_1, hk_1⟩", set()),
        (
            "by\n  induction n with\n  | zero => rfl\n  | succ n_1 ih_1 => exact Nat.succ_le ih_1 n_1",
            {"Nat.succ_le"},
        ),
        ("by\n  -- mul_comm would do\n  norm_num", set()),
        ("fun x_1 => add_comm x_1 h_0.1", {"add_comm"}),
    ],
)
def test_lemmas_are_the_names_a_proof_takes_from_outside(proof: str, lemmas: set[str]) -> None:
    assert lemmas_of(theorem("theorem t (n : Nat) (h h_0 : n = 1) : n = 1", HEADER), proof) == lemmas


def test_without_a_proof_what_is_of_the_proof_is_estimated_and_said_to_be() -> None:
    stated = theorem("theorem t (xs : List Nat) : total (glue xs xs) = 2 * total xs", HEADER)
    guessed, known = features_of(stated), features_of(stated, "by\n  simp [total, glue]")
    assert guessed.estimated == {"dependency_depth", "proof_length", "lemmas_used"}
    assert known.estimated == {"dependency_depth"}
    assert guessed.lemmas_used == 2
    assert guessed.with_known(lemmas_used=5).lemmas_used == 5
    assert guessed.with_known(lemmas_used=5).estimated == {"dependency_depth", "proof_length"}


def test_dependency_depth_is_the_longest_chain_of_the_header_s_declarations() -> None:
    header = (
        "def one : Nat := 1 -- two\n"
        "@[simp] def two : Nat := one + one\n"
        "noncomputable def three (n : Nat) : Nat := two + one + n\n"
        "def beside : Nat := 7\n"
    )
    depths = {
        claim: features_of(theorem(f"theorem t : {claim}", header)).dependency_depth
        for claim in ("0 = 0", "beside = 7", "two = 2", "three one = 4", "Nat.gcd 1 1 = 1")
    }
    assert list(depths.values()) == [0, 1, 2, 3, 1]


def test_a_recursive_definition_is_no_chain_of_itself() -> None:
    header = "def f : Nat → Nat\n  | 0 => 0\n  | n + 1 => f n\n"
    assert features_of(theorem("theorem t : f 0 = 0", header)).dependency_depth == 1


def test_a_number_that_the_features_do_not_have_is_refused() -> None:
    with pytest.raises(ValidationError):
        features_of(theorem("theorem t : 1 = 1")).with_known(hardness=3)
    with pytest.raises(ValidationError):
        features_of(theorem("theorem t : 1 = 1")).with_known(lemmas_used=-1)


def test_a_table_has_the_numbers_of_its_rows_in_their_order() -> None:
    rows = [features_of(each, proof) for each, proof in generate(3, 70)]
    table = FeatureTable.of(rows)
    assert len(table) == 70
    for name in FEATURES:
        assert table.column(name).tolist() == [getattr(row, name) for row in rows]
        assert table.column(name).dtype == np.float32
    assert [table.families[code] for code in table.family] == [row.family for row in rows]
    assert len(set(table.families)) == len(table.families)
    with pytest.raises(KeyError):
        table.column("family")


def test_a_table_of_nothing_has_columns_without_rows() -> None:
    table = FeatureTable.of([])
    assert len(table) == 0
    assert [len(table.column(name)) for name in FEATURES] == [0] * 5
