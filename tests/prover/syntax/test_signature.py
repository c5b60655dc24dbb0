"""A statement's parts: joined again they have its tokens, and what cannot be taken apart is refused."""

import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.families import DIFFICULTIES, FAMILIES, Family
from prover.syntax.signature import Binder, Signature, parse_signature, split_premises
from prover.syntax.tokens import tokens_of
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool

WORD = re.compile(r'"[^"]*"|[^\W\d][\w\'!?.]*|\d+|\S')


def words(text: str) -> list[str]:
    """An oracle for tokens that knows line comments and nothing else of Lean."""
    return WORD.findall(re.sub(r"--[^\n]*", "", text))


# whole statements


@pytest.mark.parametrize(
    ("statement", "parts"),
    [
        ("theorem t : 1 = 1", Signature("", "theorem", "t", "", (), "1 = 1")),
        (
            "lemma Nat.foo' (a b : ℕ) {c} ⦃d : ℤ⦄ [Ring R] [inst : Field K] : a + b = c",
            Signature(
                "",
                "lemma",
                "Nat.foo'",
                "",
                (
                    Binder("(", ("a", "b"), "ℕ"),
                    Binder("{", ("c",)),
                    Binder("⦃", ("d",), "ℤ"),
                    Binder("[", (), "Ring R"),
                    Binder("[", ("inst",), "Field K"),
                ),
                "a + b = c",
            ),
        ),
        (
            "theorem «two words».{u, v} x _ {{y : Type u}} (h : x = 1 := by simp) (k := 3) : x = k",
            Signature(
                "",
                "theorem",
                "«two words»",
                ".{u, v}",
                (
                    Binder("", ("x",)),
                    Binder("", ("_",)),
                    Binder("{{", ("y",), "Type u"),
                    Binder("(", ("h",), "x = 1", "by simp"),
                    Binder("(", ("k",), "", "3"),
                ),
                "x = k",
            ),
        ),
        (
            "@[simp, norm_cast] protected theorem t (f : {x : ℕ // x ≠ 0} → (ℕ → ℕ) × ℤ)\n"
            "  (h : ∀ x : ℕ, ∃ y : ℕ, (fun z : ℕ => z) x = y) :\n  ∀ s : Set ℕ, {z : ℕ | z ∈ s} = s",
            Signature(
                "@[simp, norm_cast] protected",
                "theorem",
                "t",
                "",
                (
                    Binder("(", ("f",), "{x : ℕ // x ≠ 0} → (ℕ → ℕ) × ℤ"),
                    Binder("(", ("h",), "∀ x : ℕ, ∃ y : ℕ, (fun z : ℕ => z) x = y"),
                ),
                "∀ s : Set ℕ, {z : ℕ | z ∈ s} = s",
            ),
        ),
        (
            '/-- Says ": (". -/ theorem t -- : no\n  (s : String) /- (a : /- : -/ ℕ) -/ (h : s = ":)")'
            " (c : Char) (g : c = ':' ∨ c = '\\'') : let n := 2; n = 2 ∧ s = \"\\\":\"",
            Signature(
                "",
                "theorem",
                "t",
                "",
                (
                    Binder("(", ("s",), "String"),
                    Binder("(", ("h",), 's = ":)"'),
                    Binder("(", ("c",), "Char"),
                    Binder("(", ("g",), "c = ':' ∨ c = '\\''"),
                ),
                'let n := 2; n = 2 ∧ s = "\\":"',
            ),
        ),
        (
            "noncomputable def d {A : Type*} [Group A] [DecidablePred fun a : A => a = 1] : A ≃* A",
            Signature(
                "noncomputable",
                "def",
                "d",
                "",
                (
                    Binder("{", ("A",), "Type*"),
                    Binder("[", (), "Group A"),
                    Binder("[", (), "DecidablePred fun a : A => a = 1"),
                ),
                "A ≃* A",
            ),
        ),
    ],
)
def test_a_statement_is_taken_apart(statement: str, parts: Signature) -> None:
    assert parse_signature(statement) == parts
    assert parse_signature(parts.text) == parts


@pytest.mark.parametrize(("source", "count"), [("minif2f", 488), ("proofnet", 371)])
def test_parts_of_every_published_statement_join_to_its_tokens(
    shared_data: Path, source: str, count: int
) -> None:
    rows = [json.loads(line) for line in (shared_data / f"{source}.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == count
    for row in rows:
        statement = re.sub(r"\s*:=\s*(by\s*)?$", "", row["formal_statement"])
        signature = parse_signature(statement)
        assert words(signature.text) == words(statement)
        assert signature.name == row["name"]


@given(st.integers(0, 10**6), st.sampled_from(FAMILIES), st.sampled_from(DIFFICULTIES))
def test_a_family_s_statement_is_the_text_of_its_parts(seed: int, family: Family, difficulty: int) -> None:
    statement = f"theorem t {family.make(random.Random(seed), difficulty).statement}"
    assert parse_signature(statement).text == statement


NAMES = st.sampled_from(["x", "y₁", "h'", "α", "«odd name»", "_", "A.b", "n?", "ℓ", "𝔸"])
TYPES = st.recursive(
    st.sampled_from(
        ["ℕ", "x = 1", '"(:" = s', "∃ y : ℕ, y = x", "f '' s ⊆ t", "c = '('", "a ::ₘ s = t", "p.1 = 2"]
    ),
    lambda inner: (
        st.builds("({} → {})".format, inner, inner)
        | st.builds("{{z : ℕ | {}}} = ∅".format, inner)
        | st.builds("(∀ z : ℕ, {}) ∧ ⟨1, 2⟩ = u".format, inner)
        | st.builds("let k := (2 : ℕ); {}".format, inner)
    ),
    max_leaves=4,
)
BINDERS = (
    st.builds(
        Binder,
        st.sampled_from(["(", "{", "⦃", "{{"]),
        st.lists(NAMES, min_size=1, max_size=3).map(tuple),
        TYPES | st.just(""),
        st.sampled_from(["", "", "by simp", "(2 : ℕ)"]),
    )
    | st.builds(
        Binder, st.just("["), st.just(()) | st.just(("inst",)), st.sampled_from(["Ring α", "F (a : ℕ)"])
    )
    | st.builds(lambda name: Binder("", (name,)), NAMES)
)
SIGNATURES = st.builds(
    Signature,
    st.sampled_from(["", "@[simp]", "private", "@[simp, to_additive (attr := simp)] protected"]),
    st.sampled_from(["theorem", "lemma"]),
    st.sampled_from(["t", "Nat.t'", "«a b».c"]),
    st.sampled_from(["", ".{u}", ".{u, v}"]),
    st.lists(BINDERS, max_size=4).map(tuple),
    TYPES,
)
GAPS = st.sampled_from([" ", "\n  ", "  ", " -- (why : x)\n", " /- : -/ ", "\n/- a /- b -/ ) -/\n"])


@given(SIGNATURES, st.lists(GAPS, min_size=1))
def test_parts_survive_whatever_stands_between_them(signature: Signature, gaps: list[str]) -> None:
    text = signature.text
    blanks = [
        match.start()
        for match in re.finditer(r" (?=[({⦃:\[])", text)
        if text[: match.start()].count('"') % 2 == 0
    ]
    for number, at in reversed(list(enumerate(blanks))):
        text = text[:at] + gaps[number % len(gaps)] + text[at + 1 :]
    parsed = parse_signature(text)
    assert words(parsed.text) == words(signature.text)
    assert (parsed.name, parsed.bound, parsed.universes) == (
        signature.name,
        signature.bound,
        signature.universes,
    )


@given(SIGNATURES)
def test_taking_apart_what_was_joined_gives_the_same_parts(signature: Signature) -> None:
    assert parse_signature(signature.text) == signature


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("", "starts with `theorem` or `lemma` and a name, not with nothing"),
        ("example : 1 = 1", "not with `example`"),
        ("open Nat in theorem t : 1 = 1", "not with `open`"),
        ("theorem : 1 = 1", "the theorem has no name but `:`"),
        ("theorem t", "`:` were expected, not the end"),
        ("theorem t (n : ℕ)", "`:` were expected, not the end"),
        ("theorem t :", "`t` claims nothing"),
        ("theorem t : 1 = 1 := rfl", "has a `:=`"),
        ("theorem t := rfl", "`:` were expected, not `:=`"),
        ("theorem t (n : ℕ : n = n", "is not closed"),
        ("theorem t (n : ℕ] : n = n", "is not closed"),
        ("theorem t (1 + 1 : ℕ) : 1 = 1", "is no binder group"),
        ("theorem t () : 1 = 1", "is no binder group"),
        ("theorem t (n : ℕ)) : n = n", "not `)`"),
    ],
)
def test_what_is_no_statement_is_refused_with_the_reason(statement: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(reason)):
        parse_signature(statement)


@given(
    st.text(max_size=60) | st.text("theorm t(){}[]:=⟨⟩∀,/-\"'\\ \n", max_size=60).map("theorem t ".__add__)
)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    covered = [token.text for token in tokens_of(text)]
    assert all(token.strip() and token in text for token in covered)
    try:
        signature = parse_signature(text)
    except InvalidInput:
        return
    assert [token.text for token in tokens_of(signature.text)] == covered


# pieces of text


@pytest.mark.parametrize(
    ("claim", "binders", "rest"),
    [
        ("n = n", "", "n = n"),
        ("∀ n, n = n", "n", "n = n"),
        (
            "∀ x y : ℕ, x < y → (p → q) → ∃ z, z = x → z = y",
            "(x y : ℕ) (_ : x < y) (_ : (p → q))",
            "∃ z, z = x → z = y",
        ),
        (
            "∀ (x : ℕ) {y} (h : x = y), ∀ z : Fin (x + 1), p z",
            "(x : ℕ) {y} (h : x = y) (z : Fin (x + 1))",
            "p z",
        ),
        ("∀ x ∈ s, p x", "", "∀ x ∈ s, p x"),
        ("p → q ↔ r", "", "p → q ↔ r"),
        ("fun_of p → q", "(_ : fun_of p)", "q"),
        ("∃ x, x = 1 → p", "", "∃ x, x = 1 → p"),
        ("let x := 1; x = 2 → p", "", "let x := 1; x = 2 → p"),
    ],
)
def test_a_claim_is_peeled_as_far_as_lean_reads_it(claim: str, binders: str, rest: str) -> None:
    found, left = split_premises(claim)
    assert (" ".join(binder.text for binder in found), left) == (binders, rest)


async def test_lean_reads_the_joined_parts_as_the_statement(pool: LeanPool) -> None:
    for statement in (
        "theorem a.{u} {α : Type u} [Inhabited α] x (_ y : α)  /- : -/ (h : x = y := by simp) :\n x = y",
        "theorem b (s : String) -- :(\n (c : Char) {{n : Nat}} (k := 3) : "
        '(let m := n; m = k) ∧ c = \'"\' ∨ s = ":"',
    ):
        reply = await pool.statement(statement)
        joined = await pool.statement(parse_signature(statement).text)
        assert reply.statement_error is None
        assert joined.type == reply.type != ""
