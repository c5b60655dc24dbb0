"""A canonical text for a theorem statement, to find duplicates and keep splits apart.

Two statements that differ only in whitespace, comments, the theorem's name or the names of bound variables
get the same text.  The converse holds on token level: what differs in anything else stays different.  Bound
are the names of the signature's binder groups and those after `∀ ∃ λ fun ∑ ∏` and their kin; other binders
(set-builder notation, `match` arms) keep their names.

Its tokens are simpler than those of `prover.syntax.tokens` and must stay as they are: stores hold digests of
normal forms, and a hash of the normal form decides on which side of a split a generated theorem falls.
"""

import re
from collections.abc import Mapping

from prover.syntax.tokens import BRACKETS

__all__ = ["blank_comments", "normalise"]

_COMMENT = re.compile(r"/-.*?-/|--[^\n]*", re.DOTALL)
_DECLARATION = re.compile(r"^\s*(?:theorem|lemma)\s+\S+")
_IDENTIFIER = r"(?:[^\W\d]|«[^»]*»)[\w'!?]*(?:\.[\w'!?]+)*"
_TOKEN = re.compile(
    rf"""(?P<name>{_IDENTIFIER})
    |\d+(?:\.\d+)?
    |"(?:\\.|[^"\\])*"
    |[()\[\]{{}},⟨⟩⦃⦄]
    |[!-/:-@\\^`|~]+          # a run of ASCII symbols is one operator
    |\S""",
    re.VERBOSE,
)
_QUANTIFIERS = frozenset({"∀", "∃", "λ", "fun", "∑", "∏", "∫", "⋃", "⋂", "Σ", "Π"})
_BODY_STARTS = frozenset({",", "=>", "↦"})
_CLOSING = frozenset(BRACKETS.values())

Scope = Mapping[str, str]


def normalise(statement: str) -> str:
    """The canonical text of a statement (Lean text up to, not including, `:=`).

    Bound names become `«0»`, `«1»`, … in the order in which they are bound, so the result is again a
    statement's text and normalising it changes nothing.  Text that is not well formed gives some text too;
    nothing is raised.
    """
    text = _DECLARATION.sub("", blank_comments(statement))
    return " ".join(_Renamer([match.group() for match in _TOKEN.finditer(text)]).signature())


def blank_comments(text: str) -> str:
    """Put a blank in place of every comment; what nests comments, or a string like one, is misread."""
    return _COMMENT.sub(" ", text)


def _is_name(token: str) -> bool:
    return token not in _QUANTIFIERS and re.fullmatch(_IDENTIFIER, token) is not None


class _Renamer:
    """One pass over the tokens with a cursor; a scope maps each bound name to its canonical one."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.bound = 0

    def signature(self) -> list[str]:
        """Binder groups, whose names reach to the end, then everything after them."""
        scope: Scope = {}
        out: list[str] = []
        while self.at < len(self.tokens) and self.tokens[self.at] in BRACKETS:
            group, scope = self.binder_group(scope)
            out += group
        while self.at < len(self.tokens):
            out += self.term(scope)
            if self.at < len(self.tokens):  # an unmatched closing bracket: keep it and go on
                out.append(self.take())
        return out

    def take(self) -> str:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def bind(self, name: str, scope: Scope) -> tuple[str, Scope]:
        canonical = f"«{self.bound}»"
        self.bound += 1
        return canonical, {**scope, name: canonical}

    def binder_group(self, scope: Scope) -> tuple[list[str], Scope]:
        """`(x y : T)` and its bracket variants; a group without names before `:` binds nothing."""
        out = [self.take()]
        stop = self.at
        while stop < len(self.tokens) and _is_name(self.tokens[stop]):
            stop += 1
        inner = scope
        if stop < len(self.tokens) and self.tokens[stop] == ":":
            while self.at < stop:
                canonical, inner = self.bind(self.take(), inner)
                out.append(canonical)
        out += self.term(scope)
        if self.at < len(self.tokens):
            out.append(self.take())
        return out, inner

    def term(self, scope: Scope) -> list[str]:
        """Everything up to the closing bracket of the enclosing group, which stays in place."""
        out: list[str] = []
        while self.at < len(self.tokens) and self.tokens[self.at] not in _CLOSING:
            token = self.take()
            out.append(self.renamed(token, scope))
            if token in _QUANTIFIERS:
                binders, scope = self.quantifier_binders(scope)
                out += binders
            elif token in BRACKETS:
                out += self.term(scope)
                if self.at < len(self.tokens):
                    out.append(self.take())
        return out

    def quantifier_binders(self, scope: Scope) -> tuple[list[str], Scope]:
        """The binders `x y : T,` or `x ∈ s,` or `(x : T) (h : P),`, with the comma or arrow at their end."""
        out: list[str] = []
        inner = scope
        while self.at < len(self.tokens) and _is_name(self.tokens[self.at]):
            canonical, inner = self.bind(self.take(), inner)
            out.append(canonical)
        while self.at < len(self.tokens) and self.tokens[self.at] in BRACKETS:
            group, inner = self.binder_group(inner)
            out += group
        while self.at < len(self.tokens) and self.tokens[self.at] not in _CLOSING:
            token = self.take()
            out.append(self.renamed(token, inner))
            if token in _BODY_STARTS:
                break
            if token in BRACKETS:
                out += self.term(inner)
                if self.at < len(self.tokens):
                    out.append(self.take())
        return out, inner

    @staticmethod
    def renamed(token: str, scope: Scope) -> str:
        """A bound name, or the bound name before a field: `x.1` follows `x`."""
        name, dot, field = token.partition(".")
        return scope[name] + dot + field if name in scope else token
