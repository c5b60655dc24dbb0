"""The parts of a statement's text: keyword, name, binder groups, claim; pure, no Lean.

The parts joined again have the tokens of the statement: nothing is added, lost or moved.  Comments are no
tokens and go, documentation comments among them.  Line breaks inside a part stay; between the parts there
are blanks, so a tactic block of several lines that starts in the middle of a line may lose its layout.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from verifier.errors import InvalidInput

__all__ = [
    "LOCAL_DEFINITIONS",
    "QUANTIFIERS",
    "Binder",
    "Bracket",
    "Signature",
    "Token",
    "definition_sign",
    "for_all",
    "is_identifier",
    "mentions",
    "parse_signature",
    "peeled",
    "substituted",
    "tokens_of",
    "without_comments",
]

Bracket = Literal["(", "{", "⦃", "{{", "[", ""]
"""How a binder group opens; nothing for a name without brackets."""

_BRACKETS: dict[str, Bracket] = {"(": "(", "{": "{", "⦃": "⦃", "[": "["}
_CLOSED_BY: dict[Bracket, str] = {"(": ")", "{": "}", "⦃": "⦄", "{{": "}}", "[": "]", "": ""}
_OPENING = {"(": ")", "[": "]", "{": "}", "⦃": "⦄", "⟨": "⟩"}
_CLOSING = frozenset(_OPENING.values())
_KEYWORDS = frozenset({"theorem", "lemma", "def", "abbrev"})
_MODIFIERS = frozenset({"private", "protected", "public", "noncomputable", "nonrec", "partial", "unsafe"})
LOCAL_DEFINITIONS = frozenset({"let", "let_fun", "letI", "have", "haveI"})
QUANTIFIERS = frozenset({"∀", "∃", "∃!", "λ", "fun", "∑", "∏", "∫", "⋃", "⋂", "⨆", "⨅", "Σ", "Π"})

# Lean's own identifiers: λ, Π and Σ are no letters, superscripts end a name.
_LETTER = (
    "A-Za-z_\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f\u0391-\u039f\u03a1\u03a2\u03a4-\u03ba\u03bc-\u03c9"
    "\u03ca-\u03fb\u1f00-\u1ffe\u2100-\u214f\U0001d49c-\U0001d59f"
)
_PART = rf"(?:«[^»\n]*»|[{_LETTER}][{_LETTER}0-9'!?\u2080-\u209c\u1d62-\u1d6a\u2c7c]*)"
_IDENTIFIER = re.compile(rf"{_PART}(?:\.{_PART})*")
_TOKEN = re.compile(
    rf"""(?P<blank>\s+|--[^\n]*)
    |(?P<block>/-)
    |r"[^"]*"|r(?P<hashes>\#+)".*?"(?P=hashes)
    |"(?:\\.|[^"\\])*"
    |''|⁻¹'                                        # notations of Mathlib for images and preimages
    |'(?:\\(?:x[0-9a-fA-F]{{2}}|u[0-9a-fA-F]{{4}}|.)|[^\\'])'
    |{_IDENTIFIER.pattern}
    |0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|\d+(?:\.\d+)?
    |:=|::|=>|->|<->|∃!|.""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, `text[start:stop]` of what was read.  Operators of several symbols may come in pieces."""

    text: str
    start: int
    stop: int


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


def parse_signature(statement: str) -> Signature:
    """The parts of a statement (Lean text up to, not including, `:=`).

    Raises InvalidInput, with the reason, for what is no statement of one named theorem or definition.
    """
    reader = _Reader(without_comments(statement))
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
    if definition_sign(tokens_of(claim)) is not None:
        raise InvalidInput(f"the claim of `{name}` has a `:=`: give the statement without what follows it")
    return Signature(prefix, keyword, name, universes, binders, claim)


def peeled(claim: str) -> tuple[tuple[Binder, ...], str]:
    """The binders and premises a claim begins with, and what it claims of them.

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


def for_all(binders: Sequence[Binder], claim: str) -> str:
    """The claim for all that the binder groups bring: `∀ (x : T), claim`."""
    return f"∀ {' '.join(each.text for each in binders)}, {claim}" if binders else claim


def tokens_of(text: str) -> list[Token]:
    """The tokens of any text; comments and blanks are none.  Nothing is raised."""
    return [Token(text[start:stop], start, stop) for start, stop, blank in _lexed(text) if not blank]


def without_comments(text: str) -> str:
    """The text with its comments gone: a blank for one inside a line, nothing for one that ends it."""
    kept: list[str] = []
    for start, stop, blank in _lexed(text):
        if blank and text.startswith("--", start):
            if kept and kept[-1].isspace():
                kept[-1] = kept[-1].rstrip(" \t")
        else:
            kept.append(" " if blank and text.startswith("/-", start) else text[start:stop])
    return "".join(kept).strip()


def is_identifier(text: str) -> bool:
    return _IDENTIFIER.fullmatch(text) is not None and text not in QUANTIFIERS | _KEYWORDS


def mentions(text: str, name: str) -> bool:
    """Whether a token of the text is the name, or a field of it such as `name.1` or `name.succ`."""
    return any(_is_of(token, text, name) for token in tokens_of(text))


def substituted(text: str, name: str, term: str) -> str:
    """The text with `term` for every mention of a name or a number; it brings its own parentheses."""
    out: list[str] = []
    end = 0
    for token in tokens_of(text):
        if _is_of(token, text, name):
            out += [text[end : token.start], term + token.text[len(name) :]]
            end = token.stop
    return "".join([*out, text[end:]])


def definition_sign(tokens: Sequence[Token]) -> int | None:
    """The place of the first `:=` outside brackets that belongs to no `let` or `have` among the tokens."""
    open_definitions = 0
    for index, token in _outermost(tokens):
        if token.text in LOCAL_DEFINITIONS:
            open_definitions += 1
        elif token.text == ":=":
            if not open_definitions:
                return index
            open_definitions -= 1
    return None


def _is_of(token: Token, text: str, name: str) -> bool:
    # What stands behind a dot is a field or a constructor, whatever else has its name.
    after_dot = text[token.start - 1 : token.start] == "."
    return not after_dot and (token.text == name or token.text.startswith(f"{name}."))


def _lexed(text: str) -> Iterator[tuple[int, int, bool]]:
    """Start and stop of every stretch of the text, and whether it is blank or a comment."""
    at = 0
    while (match := _TOKEN.match(text, at)) is not None:
        stop = _comment_end(text, at) if match["block"] else match.end()
        yield at, stop, bool(match["block"] or match["blank"])
        at = stop


def _comment_end(text: str, start: int) -> int:
    """Behind the `-/` of the block comment that starts here; comments nest, one without an end takes all."""
    depth = 0
    for mark in re.compile(r"/-|-/").finditer(text, start):
        depth += 1 if mark.group() == "/-" else -1
        if depth == 0:
            return mark.end()
    return len(text)


def _outermost(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """The tokens outside brackets with their places, up to one that closes what stands around them."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.text in _OPENING:
            depth += 1
        elif token.text not in _CLOSING:
            if depth == 0:
                yield index, token
        elif depth == 0:
            return
        else:
            depth -= 1


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
    for _, token in _outermost(tokens_of(text)):
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
        while self.peek() not in _KEYWORDS:
            if self.peek() == "@" and self.next_is("["):
                self.at += 1
                self.at = self.closing() + 1
            elif self.peek() in _MODIFIERS:
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
        depth: list[str] = []
        for index in range(self.at, len(self.tokens)):
            text = self.tokens[index].text
            if text in _OPENING:
                depth.append(_OPENING[text])
            elif text in _CLOSING:
                if not depth or depth.pop() != text:
                    break
                if not depth:
                    return index
        raise InvalidInput(f"the bracket in `{self.rest()[:40]}` is not closed: mend the statement")

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
        commas = (index for index, token in _outermost(self.tokens[start:]) if token.text == ",")
        self.at = start + next(commas, len(self.tokens) - start)
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
        sign = definition_sign(self.tokens[type_from:last])
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
