"""Kinds of errors are read off the words of the embedded Lean: what the words are, and how they are read."""

import pytest

from trainer.objectives.tactic_spans import LEFT_OPEN, PARSE_ERROR
from verifier.judging.pool import LeanPool
from verifier.verdict import Severity, Submission

STATEMENT = "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q"

PARSER = {
    "by\n  nonsense": "unknown tactic",
    "by\n  exact (hp": "unexpected end of input; expected ')', ',' or ':'",
    "by\n  exact": "unexpected end of input",
    "by\n  cases hp with |": "unexpected end of input; expected '_' or identifier",
    "by\n  exact ⟨hp, hq⟩)": "unexpected token ')'; expected command",
    "by\n  exact \xa0hp": "expected token",
    "by\n\texact hp": "tabs are not allowed; please configure your editor to expand them",
    'by exact "abc': "unterminated string literal",
    "by\n  exact «a": "unterminated identifier escape",
    "by\n  skip /- x": "unterminated comment",
    "by exact 'ab": "missing end of character literal",
    "by\n  exact 1e": "missing exponent digits in scientific literal",
    "by exact '\\q'": "invalid escape sequence",
}
"""Proofs that do not parse, and the first thing that Lean says."""
ELABORATION = {
    "by omega": "omega could not prove the goal",
    "by decide": "Expected type must not contain free variables",
    "by exact foo": "Unknown identifier `foo`",
    "by exact hp": "Type mismatch",
    "by simp": "`simp` made no progress",
    "by rfl": "Tactic `rfl` failed",
    "by\n  intro": "Tactic `introN` failed",
    "by\n  exact hp.": "Invalid field notation",
    "by exact `a b": "Function expected at",
}
"""Proofs that parse and are wrong."""
OPEN = {
    "by\n  constructor": "unsolved goals\ncase left",
    "by\n  · skip": "unsolved goals",
    "by\n\texact hp ": "elaboration function for `by` has not been implemented",
}
"""Proofs in which a block leaves goals, or was never elaborated."""


async def messages(pool: LeanPool, proof: str) -> list[str]:
    verdict = await pool.verify(Submission(id="s", statement=STATEMENT, proof=proof))
    return [message.text for message in verdict.messages if message.severity is Severity.ERROR]


@pytest.mark.parametrize("proof", PARSER)
async def test_what_the_parser_says_is_told_from_what_elaboration_says(pool: LeanPool, proof: str) -> None:
    said = [text for text in await messages(pool, proof) if PARSE_ERROR.match(text)]
    assert said and said[0].startswith(PARSER[proof])
    assert not LEFT_OPEN.match(said[0])


@pytest.mark.parametrize("proof", ELABORATION)
async def test_what_elaboration_says_is_no_parse_error_and_leaves_nothing_open(
    pool: LeanPool, proof: str
) -> None:
    said = await messages(pool, proof)
    assert said and said[0].startswith(ELABORATION[proof])
    assert not any(PARSE_ERROR.match(text) or LEFT_OPEN.match(text) for text in said)


@pytest.mark.parametrize("proof", OPEN)
async def test_a_block_that_leaves_its_goals_is_recognised(pool: LeanPool, proof: str) -> None:
    said = [text for text in await messages(pool, proof) if LEFT_OPEN.match(text)]
    assert said and said[0].startswith(OPEN[proof])
    assert not PARSE_ERROR.match(said[0])
