"""Tokens: what names, comments and signs of definitions are, told from the text alone."""

import pytest

from prover.syntax.tokens import find_definition_sign, mentions, strip_comments, substitute, tokens_of


def test_a_name_is_found_and_replaced_as_a_token_and_before_a_field() -> None:
    text = 'n + nn = n.succ ∧ f.n = .n ∧ "n" = s -- n\n'
    assert substitute(text, "n", "(2 : ℕ)") == '(2 : ℕ) + nn = (2 : ℕ).succ ∧ f.n = .n ∧ "n" = s -- n\n'
    assert mentions(text, "nn")
    assert not mentions('x.n = "n" /- n -/', "n")
    assert substitute("p.1 = 1 + 11", "1", "k") == "p.1 = k + 11"


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("x = 1 := rfl", "x = 1"),
        ("let y := 2; x = y := by simp", "let y := 2; x = y"),
        ("f (n := 2) = {a := 1} := rfl", "f (n := 2) = {a := 1}"),
        ("x = 1) := rfl", None),
        ("x = 1", None),
    ],
)
def test_the_sign_of_a_definition_is_the_one_outside_brackets_and_lets(text: str, before: str | None) -> None:
    tokens = tokens_of(text)
    sign = find_definition_sign(tokens)
    assert (None if sign is None else text[: tokens[sign].start].strip()) == before


def test_comments_go_and_lines_stay() -> None:
    assert strip_comments("a -- b\n  c /- d\n e -/ f -- g") == "a\n  c   f"
    assert strip_comments('"-- no" /- /- -/ open') == '"-- no"'
