"""What the `have`s of a proof state and what is known where they stand, told from the text; pure, no Lean."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from prover.syntax.signature import Binder, Signature, parse_signature, quantify
from prover.syntax.tokens import (
    Token,
    find_definition_sign,
    is_identifier,
    strip_comments,
    substitute,
    tokens_of,
)
from verifier.errors import InvalidInput

__all__ = ["Have", "read_haves"]


@dataclass(frozen=True, slots=True)
class Have:
    """A `have` of a proof: what it states, and the hypotheses that are in scope there."""

    signature: Signature
    """Its name (`this3` where it has none), its binder groups and its claim."""
    hypotheses: tuple[Binder, ...]


@dataclass(frozen=True, slots=True)
class _Fact:
    """A hypothesis, and where in the text it was stated, by an `intro` or a `have` in this column."""

    binder: Binder
    start: int
    column: int


def read_haves(proof: str, premises: Sequence[Binder]) -> list[Have]:
    """The `have`s of a proof that write down what they state, in order; none from what cannot be read.

    In scope are the premises of the claim under the names that `intro` gives them, and earlier `have`s whose
    block has ended while the block around them has not.  What `obtain`, `cases` and `induction` bring is not
    seen.
    """
    text = strip_comments(proof)
    tokens = tokens_of(text)
    waiting = [replace(premise, names=(name,)) for premise in premises for name in premise.names]
    scope: list[_Fact] = []
    haves: list[Have] = []
    for place, token in enumerate(tokens):
        if token.text not in ("intro", "intros", "have", "·"):
            continue
        column = _column(text, token.start)
        scope = [fact for fact in scope if fact.column <= column]
        if token.text in ("intro", "intros"):
            names = _names_in_line(text, tokens[place + 1 :])
            scope += [_Fact(binder, 0, column) for binder in _introduce(names, waiting)]
        elif token.text == "have":
            signature = _stated(text, tokens, place + 1, anonymous=f"this{len(scope)}")
            if signature is None:
                continue
            known = (fact.binder for fact in scope if _has_ended(text, fact, token.start))
            haves.append(Have(signature, tuple(known)))
            claim = quantify(signature.binders, signature.claim)
            scope.append(_Fact(Binder("(", (signature.name,), claim), token.start, column))
    return haves


def _column(text: str, at: int) -> int:
    """The column of a bullet; of anything else, that where its line has text, a bullet before it aside."""
    start = text.rfind("\n", 0, at) + 1
    line = text[start:]
    return at - start if text[at] == "·" else len(line) - len(line.lstrip(" ·"))


def _has_ended(text: str, fact: _Fact, at: int) -> bool:
    """Whether the block that proves a fact ends before `at`: in its own line, or at one no further in."""
    lines = text[fact.start : at].split("\n")[1:]
    written = [line for line in lines[:-1] if line.strip()] + lines[-1:]
    return not lines or any(len(line) - len(line.lstrip(" ")) <= fact.column for line in written)


def _names_in_line(text: str, tokens: Sequence[Token]) -> list[str]:
    """The names that follow each other from the first token on, in its line."""
    return [
        token.text
        for token in takewhile(
            lambda token: is_identifier(token.text) and "\n" not in text[tokens[0].start : token.start],
            tokens,
        )
    ]


def _introduce(names: Iterable[str], waiting: list[Binder]) -> list[Binder]:
    """Take as many premises from those that wait as there are names, and give them these names."""
    introduced: list[Binder] = []
    for name in names:
        if not waiting:
            break
        premise = waiting.pop(0)
        (old,) = premise.names
        introduced.append(replace(premise, names=(name,)))
        waiting[:] = [replace(later, type=substitute(later.type, old, name)) for later in waiting]
    return introduced


def _stated(text: str, tokens: Sequence[Token], start: int, *, anonymous: str) -> Signature | None:
    """What the `have` before `start` states; None where no type is written."""
    sign = find_definition_sign(tokens, start)
    if sign is None or sign == start:
        return None
    written = text[tokens[start].start : tokens[sign - 1].stop]
    name = "" if is_identifier(tokens[start].text) else anonymous
    try:
        return parse_signature(f"theorem {name} {written}")
    except InvalidInput:
        return None
