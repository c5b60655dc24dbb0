"""The parts of a statement's text: keyword, name, binder groups, claim; pure, no Lean.

The parts joined again have the tokens of the statement: nothing is added, lost or moved.  Comments are no
tokens and go, documentation comments among them.  Line breaks inside a part stay; between the parts there
are blanks, so a tactic block of several lines that starts in the middle of a line may lose its layout.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from prover.syntax.tokens import (
    KEYWORDS,
    LOCAL_DEFINITIONS,
    QUANTIFIERS,
    Token,
    find_closing,
    find_definition_sign,
    is_identifier,
    outermost,
    strip_comments,
    tokens_of,
)
from verifier.errors import InvalidInput

__all__ = ["MODIFIERS", "Binder", "Bracket", "Signature", "parse_signature", "quantify", "split_premises"]

Bracket = Literal["(", "{", "⦃", "{{", "[", ""]
"""How a binder group opens; nothing for a name without brackets."""

_BRACKETS: dict[str, Bracket] = {"(": "(", "{": "{", "⦃": "⦃", "[": "["}
_CLOSED_BY: dict[Bracket, str] = {"(": ")", "{": "}", "⦃": "⦄", "{{": "}}", "[": "]", "": ""}
MODIFIERS = frozenset({"private", "protected", "public", "noncomputable", "nonrec", "partial", "unsafe"})


@dataclass(frozen=True, slots=True)
class Binder:
    """A group such as `(x y : T)`.

    `names` is empty for an instance without a name; `type` where none is written.  `default` is what
    stands after `:=`: a value, or the `by …` that finds one.
    """

    bracket: Bracket
    names: tuple[str, ...]
    type: str = ""
    default: str = ""

    @property
    def text(self) -> str:
        names = " ".join(self.names)
        inside = f"{names} : {self.type}" if names and self.type else names or self.type
        if self.default:
            inside += f" := {self.default}"
        return f"{self.bracket}{inside}{_CLOSED_BY[self.bracket]}"


@dataclass(frozen=True, slots=True)
class Signature:
    """A statement in parts.  `prefix` holds attributes and modifiers, `universes` is `.{u, v}` or empty."""

    prefix: str
    keyword: str
    name: str
    universes: str
    binders: tuple[Binder, ...]
    claim: str

    @property
    def text(self) -> str:
        """The statement again, up to, not including, `:=`."""
        name = self.name + self.universes
        before = [self.prefix, self.keyword, name, *(binder.text for binder in self.binders)]
        return f"{' '.join(part for part in before if part)} : {self.claim}"

    @property
    def bound(self) -> tuple[str, ...]:
        """The names that the binder groups introduce, in order."""
        return tuple(name for binder in self.binders for name in binder.names)

    @property
    def terms(self) -> tuple[str, ...]:
        """The types of the binder groups, and the claim."""
        return (*(binder.type for binder in self.binders), self.claim)

    def map_terms(self, change: Callable[[str], str]) -> Self:
        """Change every type, default and claim, and keep the names."""
        binders = (
            replace(binder, type=change(binder.type), default=change(binder.default))
            for binder in self.binders
        )
        return replace(self, binders=tuple(binders), claim=change(self.claim))


def parse_signature(statement: str) -> Signature:
    """The parts of a statement (Lean text up to, not including, `:=`).

    Raises InvalidInput, with the reason, for what is no statement of one named theorem or definition.
    """
    reader = _Reader(strip_comments(statement))
    prefix = reader.prefix()
    keyword = reader.take().text
    if not is_identifier(reader.peek()):
        raise InvalidInput(f"the {keyword} has no name but `{reader.peek()}`: name what is stated")
    name = reader.take().text
    universes = reader.universes()
    binders = tuple(reader.binders(until=":"))
    claim = reader.rest()
    if not claim:
        raise InvalidInput(f"`{name}` claims nothing: write the claim behind the last `:`")
    if find_definition_sign(tokens_of(claim)) is not None:
        raise InvalidInput(f"the claim of `{name}` has a `:=`: give the statement without what follows it")
    return Signature(prefix, keyword, name, universes, binders, claim)


def split_premises(claim: str) -> tuple[tuple[Binder, ...], str]:
    """Part a claim into the binders and premises that it begins with, and what it claims of them.

    `∀ x : T, P x → Q x` gives `(x : T)` and `(_ : P x)`, and `Q x`.  Bounded quantifiers (`∀ x ∈ s`) stay.
    """
    binders: list[Binder] = []
    rest = claim.strip()
    while True:
        found = _quantified(rest) or _premise(rest)
        if found is None:
            return tuple(binders), rest
        binders += found[0]
        rest = found[1]


def quantify(binders: Sequence[Binder], claim: str) -> str:
    """Claim it for all that the binder groups bring: `∀ (x : T), claim`."""
    return f"∀ {' '.join(binder.text for binder in binders)}, {claim}" if binders else claim


def _quantified(text: str) -> tuple[list[Binder], str] | None:
    """The binders of a leading `∀`, and what follows its comma."""
    reader = _Reader(text)
    if reader.peek() != "∀":
        return None
    reader.take()
    try:
        binders = list(reader.binders(until=",", shared_type=True))
    except InvalidInput:
        return None
    return binders, reader.rest()


def _premise(text: str) -> tuple[list[Binder], str] | None:
    """The premise of `P → Q`, without a name, and `Q`."""
    arrow: Token | None = None
    for _, token in outermost(tokens_of(text)):
        if token.text in ("↔", "<->"):
            return None  # binds less than the arrow
        if arrow is None and token.text in QUANTIFIERS | LOCAL_DEFINITIONS | {"if", "match"}:
            return None  # its body reaches to the end
        if arrow is None and token.text in ("→", "->"):
            arrow = token
    if arrow is None:
        return None
    return [Binder("(", ("_",), text[: arrow.start].strip())], text[arrow.stop :].strip()


class _Reader:
    """One pass over the tokens of a text without comments, with a cursor."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def slice(self, start: int, stop: int) -> str:
        """The text of the tokens from `start` up to, not including, `stop`."""
        return self.text[self.tokens[start].start : self.tokens[stop - 1].stop] if start < stop else ""

    def rest(self) -> str:
        return self.slice(self.at, len(self.tokens))

    def prefix(self) -> str:
        """Attributes and modifiers, up to the keyword."""
        while self.peek() not in KEYWORDS:
            if self.peek() == "@" and self.next_is("["):
                self.at += 1
                self.at = self.closing() + 1
            elif self.peek() in MODIFIERS:
                self.at += 1
            else:
                found = f"`{self.peek()}`" if self.peek() else "nothing"
                raise InvalidInput(
                    f"a statement starts with `theorem` or `lemma` and a name, not with {found}: "
                    "other commands belong into the header"
                )
        return self.slice(0, self.at)

    def universes(self) -> str:
        start = self.at
        if self.peek() == "." and self.next_is("{"):
            self.at += 1
            self.at = self.closing() + 1
        return self.slice(start, self.at)

    def next_is(self, text: str) -> bool:
        return self.at + 1 < len(self.tokens) and self.tokens[self.at + 1].text == text

    def closing(self) -> int:
        """The place of the bracket that closes the one at the cursor.  Raises InvalidInput."""
        place = find_closing(self.tokens, self.at)
        if place is None:
            raise InvalidInput(f"the bracket in `{self.rest()[:40]}` is not closed: mend the statement")
        return place

    def binders(self, *, until: str, shared_type: bool = False) -> Iterator[Binder]:
        """The groups up to the token `until`, which is taken too.

        With `shared_type`, as behind `∀`, names without brackets may have one type: `x y : T,`.
        """
        bare: list[str] = []
        while self.peek() != until:
            if self.peek() in _BRACKETS:
                yield from (Binder("", (name,)) for name in bare)
                bare = []
                yield self.group()
            elif is_identifier(self.peek()):
                bare.append(self.take().text)
            elif shared_type and bare and self.peek() == ":":
                yield Binder("(", tuple(bare), self.shared_type())
                bare = []
            else:
                found = f"`{self.peek()}`" if self.peek() else "the end"
                raise InvalidInput(f"binder groups and `{until}` were expected, not {found}")
        yield from (Binder("", (name,)) for name in bare)
        self.at += 1

    def shared_type(self) -> str:
        """The type between `:` and the comma, which stays."""
        self.at += 1
        start = self.at
        commas = (place for place, token in outermost(self.tokens, start) if token.text == ",")
        self.at = next(commas, len(self.tokens))
        return self.slice(start, self.at)

    def group(self) -> Binder:
        """One bracketed group.  Raises InvalidInput when it is none."""
        bracket: Bracket = "{{" if self.peek() == "{" and self.next_is("{") else _BRACKETS[self.peek()]
        stop = self.closing()
        # `{{x : T}}` has its parts between the inner brackets.
        first, last = self.at + len(bracket), stop + 1 - len(bracket)
        inside = self.tokens[first:last]
        names, colon = self.names(inside, bracket)
        type_from = first + (len(names) if colon is None else colon + 1)
        sign = find_definition_sign(self.tokens[type_from:last])
        type_to = last if sign is None else type_from + sign
        default = "" if sign is None else self.slice(type_to + 1, last)
        self.at = stop + 1
        return Binder(bracket, names, self.slice(type_from, type_to), default)

    def names(self, inside: Sequence[Token], bracket: Bracket) -> tuple[tuple[str, ...], int | None]:
        """The names before the colon, and where it is; no names and no colon for a nameless instance."""
        count = 0
        while count < len(inside) and is_identifier(inside[count].text):
            count += 1
        follows = inside[count].text if count < len(inside) else ""
        if follows == ":" and count and (bracket != "[" or count == 1):
            return tuple(token.text for token in inside[:count]), count
        if bracket == "[" and inside:
            return (), None
        if count and follows in ("", ":="):
            return tuple(token.text for token in inside[:count]), None
        written = " ".join(token.text for token in inside[:8])
        raise InvalidInput(f"`{bracket}{written}…` is no binder group: names, `:` and a type were expected")
