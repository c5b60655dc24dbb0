"""The tokens of Lean's text, and what can be said of a text by its tokens alone; pure, no Lean.

Comments are no tokens.  Nothing raises: text that is not well formed has tokens too.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = [
    "BRACKETS",
    "KEYWORDS",
    "LOCAL_DEFINITIONS",
    "QUANTIFIERS",
    "Token",
    "binds",
    "find_closing",
    "find_definition_sign",
    "is_identifier",
    "mentions",
    "outermost",
    "strip_comments",
    "substitute",
    "tokens_of",
]

BRACKETS = {"(": ")", "[": "]", "{": "}", "⦃": "⦄", "⟨": "⟩"}
_CLOSING = frozenset(BRACKETS.values())
KEYWORDS = frozenset({"theorem", "lemma", "def", "abbrev"})
"""The words with which a statement may start."""
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


def tokens_of(text: str) -> list[Token]:
    """The tokens of any text; comments and blanks are none.  Nothing is raised."""
    return [Token(text[start:stop], start, stop) for start, stop, blank in _lexed(text) if not blank]


def strip_comments(text: str) -> str:
    """Remove the comments: one inside a line leaves a blank, one that ends a line leaves nothing."""
    kept: list[str] = []
    for start, stop, blank in _lexed(text):
        if blank and text.startswith("--", start):
            if kept and kept[-1].isspace():
                kept[-1] = kept[-1].rstrip(" \t")
        else:
            kept.append(" " if blank and text.startswith("/-", start) else text[start:stop])
    return "".join(kept).strip()


def is_identifier(text: str) -> bool:
    """Whether the text is a name, with or without namespaces, and not one of Lean's own words here."""
    return _IDENTIFIER.fullmatch(text) is not None and text not in QUANTIFIERS | KEYWORDS


def mentions(text: str, name: str) -> bool:
    """Whether a token of the text is the name, or a field of it such as `name.1` or `name.succ`."""
    return any(_is_of(token, text, name) for token in tokens_of(text))


def substitute(text: str, name: str, term: str) -> str:
    """Put `term`, which brings its own parentheses, in place of every mention of a name or a number."""
    out: list[str] = []
    end = 0
    for token in tokens_of(text):
        if _is_of(token, text, name):
            out += [text[end : token.start], term + token.text[len(name) :]]
            end = token.stop
    return "".join([*out, text[end:]])


def binds(text: str, name: str) -> bool:
    """Whether a quantifier, `fun` or `let` of the text may bind the name anew; errs on the side of yes."""
    is_binding = False
    for token in tokens_of(text):
        if token.text in QUANTIFIERS | LOCAL_DEFINITIONS:
            is_binding = True
        elif token.text in (",", "=>", "↦", ":="):
            is_binding = False
        elif is_binding and token.text == name:
            return True
    return False


def outermost(
    tokens: Sequence[Token], start: int = 0, stop: int | None = None
) -> Iterator[tuple[int, Token]]:
    """The tokens of `tokens[start:stop]` that stand in no brackets, with their places.

    It ends at a bracket that closes what was opened before `start`.
    """
    depth = 0
    for place in range(start, len(tokens) if stop is None else stop):
        token = tokens[place]
        if token.text in BRACKETS:
            depth += 1
        elif token.text not in _CLOSING:
            if depth == 0:
                yield place, token
        elif depth == 0:
            return
        else:
            depth -= 1


def find_closing(tokens: Sequence[Token], start: int) -> int | None:
    """The place of the bracket that closes the one at `start`; None where brackets do not match."""
    open_brackets: list[str] = []
    for place in range(start, len(tokens)):
        text = tokens[place].text
        if text in BRACKETS:
            open_brackets.append(BRACKETS[text])
        elif text in _CLOSING:
            if not open_brackets or open_brackets.pop() != text:
                return None
            if not open_brackets:
                return place
    return None


def find_definition_sign(tokens: Sequence[Token], start: int = 0) -> int | None:
    """The place of the first `:=` from `start` on outside brackets that belongs to no `let` or `have`."""
    open_definitions = 0
    for place, token in outermost(tokens, start):
        if token.text in LOCAL_DEFINITIONS:
            open_definitions += 1
        elif token.text == ":=":
            if not open_definitions:
                return place
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
