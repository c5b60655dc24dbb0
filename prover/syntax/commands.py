"""The commands of a Lean file, found in its text alone; pure, no Lean.

A command starts where a line starts with one of Lean's words for commands, as files are laid out in practice.
What a macro adds to the language is taken for a part of the command before it.  Finding commands raises
nothing: Lean refuses what is not understood here.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from prover.syntax.signature import MODIFIERS
from prover.syntax.tokens import (
    Token,
    find_closing,
    find_definition_sign,
    is_identifier,
    outermost,
    tokens_of,
)

__all__ = [
    "THEOREMS",
    "Command",
    "Declaration",
    "UnreadableTheorem",
    "commands_of",
    "constructors_of",
    "find_sorry",
    "read_declaration",
]

THEOREMS = frozenset({"theorem", "lemma"})
_DECLARATIONS = THEOREMS | frozenset(
    {"abbrev", "axiom", "class", "coinductive", "def", "example", "inductive", "instance", "opaque"}
    | {"structure"}
)
_SCOPES = frozenset({"namespace", "section", "end", "mutual"})
_CONTEXT = frozenset({"variable", "variables", "universe", "universes"})
_SETTINGS = frozenset({"open", "set_option"})
"""These are tactics as well, where they stand further in and `in` follows."""
_OTHER = frozenset(
    {"add_decl_doc", "alias", "assert_not_exists", "assert_not_imported", "attribute", "binder_predicate"}
    | {"builtin_initialize", "declare_syntax_cat", "deriving", "dsimproc", "elab", "elab_rules", "export"}
    | {"grind_pattern", "import", "include", "infix", "infixl", "infixr", "initialize", "irreducible_def"}
    | {"library_note", "macro", "macro_rules", "module", "notation", "notation3", "omit", "postfix"}
    | {"prefix", "prelude", "proof_wanted", "register_option", "register_simp_attr", "run_cmd", "run_meta"}
    | {"seal", "simproc", "simproc_decl", "suppress_compilation", "syntax", "unif_hint", "unseal"}
)
"""These are commands at the start of a line only: further in, they may be terms or tactics."""
_MODIFIERS = MODIFIERS | {"local", "meta", "scoped"}
_BEFORE_IN = _SETTINGS | _CONTEXT | {"attribute", "include", "omit"}
_INDUCTIVE = re.compile(r"^inductive[ \t]+(\S+)[ \t]+where((?:\s*\|[^\n|]*)+)", re.MULTILINE)
_CONSTRUCTOR = re.compile(r"\|([^\n|]*)")


@dataclass(frozen=True)
class Command:
    """A command of a Lean file: `source[start:stop]`, without comments around it."""

    source: str
    kind: str
    """The keyword that says what it is: `theorem`, `open`, … or `#` for those that only ask."""
    modifiers: frozenset[str]
    name: str
    """The name of what it declares, opens or ends; empty where there is none."""
    inside: tuple[str, ...]
    """The commands that `… in` puts before it, without the `in`."""
    start: int
    own_start: int
    """Where the command itself starts, behind those that `… in` puts before it."""
    keyword: int
    """Where its keyword stands, behind attributes and modifiers."""
    stop: int
    tokens: tuple[Token, ...]
    """Its tokens from the keyword on."""

    @property
    def text(self) -> str:
        return self.source[self.start : self.stop]

    @property
    def line(self) -> int:
        """The line of its keyword, from 1."""
        return self.source.count("\n", 0, self.keyword) + 1

    @cached_property
    def mentions(self) -> frozenset[str]:
        """Every part of every name in it: of `h.trans` both, since either may be a declaration's name."""
        names = (token.text for token in self.tokens if is_identifier(token.text))
        return frozenset(part for name in names for part in name.split("."))

    @property
    def last_name(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]

    @property
    def has_sorry(self) -> bool:
        return any(token.text in ("sorry", "admit") for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A theorem's statement, as the project has it, and its proof, where there is one without `sorry`."""

    name: str
    statement: str
    proof: str | None


class UnreadableTheorem(ValueError):
    """A theorem cannot be read as a statement and a proof; the message says why."""


def commands_of(source: str) -> list[Command]:
    """The commands of a file, in order; line ends must be line feeds."""
    tokens = tokens_of(source)
    commands: list[Command] = []
    first: int | None = None  # of a command that started with `… in`
    inside: list[str] = []
    at = 0
    while at < len(tokens):
        may_start = first is not None or _starts_line(source, tokens, at)
        keyword = _command_at(source, tokens, at) if may_start else None
        if keyword is None:
            first, inside, at = None, [], at + 1
            continue
        first = at if first is None else first
        stop = _next_start(source, tokens, keyword + 1)
        ending = _in(tokens, keyword, stop)
        if ending is not None:
            inside.append(source[tokens[at].start : tokens[ending - 1].stop])
            at = ending + 1
        else:
            commands.append(_command(source, tokens[first:stop], at - first, keyword - first, tuple(inside)))
            first, inside, at = None, [], stop
    return commands


def read_declaration(command: Command) -> Declaration:
    """Part a theorem, or a definition that is to be found, into its statement and its proof.

    A theorem loses attributes and modifiers, which are for what comes after it, and a `lemma`, which is
    Mathlib's word, becomes the theorem that it is.

    Raises:
        UnreadableTheorem: what follows its statement is not `:=`.
    """
    sign = _proof_sign(command)
    text, end = command.source, command.tokens[sign - 1].stop
    proof = text[command.tokens[sign].stop : command.stop].strip()
    unproved = command.has_sorry or proof in ("", "by")
    is_theorem = command.kind in THEOREMS
    statement = (
        f"theorem{text[command.tokens[0].stop : end]}" if is_theorem else text[command.own_start : end]
    )
    return Declaration(command.name, statement, None if unproved else proof)


def constructors_of(source: str) -> dict[str, list[str]]:
    """The constructors of each inductive type without parameters, as text such as ` node (l r : Tree)`.

    Types are found where they are laid out as usual: `inductive NAME where`, and one constructor a line.
    """
    return {name: _CONSTRUCTOR.findall(body) for name, body in _INDUCTIVE.findall(source)}


def find_sorry(commands: Sequence[Command], mentions: Iterable[str]) -> str | None:
    """The name of a definition with `sorry` on which a text rests that mentions these names."""
    named = set(mentions)
    for command in reversed(commands):
        if command.name and command.last_name in named and command.kind not in THEOREMS:
            if command.has_sorry:
                return command.name
            named |= command.mentions
    return None


def _starts_line(source: str, tokens: Sequence[Token], at: int) -> bool:
    return at == 0 or "\n" in source[tokens[at - 1].stop : tokens[at].start]


def _column(source: str, token: Token) -> int:
    return token.start - source.rfind("\n", 0, token.start) - 1


def _command_at(source: str, tokens: Sequence[Token], at: int) -> int | None:
    """The place of the keyword of the command that starts at a token, if one does."""
    keyword = at
    while keyword < len(tokens):
        text = tokens[keyword].text
        if text == "@" and _text(tokens, keyword + 1) == "[":
            keyword = _behind_bracket(tokens, keyword + 1)
        elif text in _MODIFIERS:
            # `scoped[Namespace]` has a name with it.
            has_name = _text(tokens, keyword + 1) == "["
            keyword = _behind_bracket(tokens, keyword + 1) if has_name else keyword + 1
        else:
            break
    word = _text(tokens, keyword)
    if word in _DECLARATIONS or word in _SCOPES or word in _CONTEXT:
        return keyword
    if keyword > at:
        return keyword if word in _OTHER or word in _SETTINGS else None
    if word in _SETTINGS and (_column(source, tokens[at]) == 0 or not _line_has_in(source, tokens[at])):
        return keyword
    if _column(source, tokens[at]) > 0:
        return None
    if word == "deriving" and _text(tokens, at + 1) != "instance":
        return None
    asks = word == "#" and at + 1 < len(tokens) and tokens[at + 1].start == tokens[at].stop
    return keyword if word in _OTHER or asks else None


def _next_start(source: str, tokens: Sequence[Token], at: int) -> int:
    while at < len(tokens):
        if _starts_line(source, tokens, at) and _command_at(source, tokens, at) is not None:
            return at
        at += 1
    return at


def _command(
    source: str, tokens: Sequence[Token], own: int, keyword: int, inside: tuple[str, ...]
) -> Command:
    """The command of these tokens; it itself starts at `own`, and its keyword stands at `keyword`."""
    kind = tokens[keyword].text
    named = keyword + (2 if kind == "class" and _text(tokens, keyword + 1) == "inductive" else 1)
    name = _text(tokens, named) if kind in _DECLARATIONS | _SCOPES else ""
    return Command(
        source=source,
        kind=kind,
        modifiers=_MODIFIERS.intersection(token.text for token in tokens[own:keyword]),
        name=name if is_identifier(name) else "",
        inside=inside,
        start=tokens[0].start,
        own_start=tokens[own].start,
        keyword=tokens[keyword].start,
        stop=tokens[-1].stop,
        tokens=tuple(tokens[keyword:]),
    )


def _proof_sign(command: Command) -> int:
    """The place among the command's tokens of the `:=` before the proof.  Raises UnreadableTheorem."""
    tokens = command.tokens
    if not command.name:
        raise UnreadableTheorem(f"a `{command.kind}` has no name: give it one")
    sign = find_definition_sign(tokens)
    has_case = False
    for place, token in outermost(tokens, stop=sign):
        text = token.text
        if text in ("match", "fun", "λ"):
            break  # cases that follow are its own
        # An absolute value may start a line too.
        has_case |= text == "|" and _starts_line(command.source, tokens, place)
        if text == "where" or (text == "=>" and has_case):
            raise UnreadableTheorem(
                f"`{command.name}` is proved by {'`where`' if text == 'where' else 'cases'} and not after a "
                "`:=`: write its proof after one"
            )
    if sign is None:
        raise UnreadableTheorem(f"`{command.name}` has no `:=` after its statement: end it with one")
    return sign


def _in(tokens: Sequence[Token], keyword: int, stop: int) -> int | None:
    """The place of the `in` that makes a command a part of the next one."""
    if tokens[keyword].text not in _BEFORE_IN:
        return None
    return next((place for place, token in outermost(tokens, keyword, stop) if token.text == "in"), None)


def _line_has_in(source: str, token: Token) -> bool:
    end = source.find("\n", token.start)
    return "in" in source[token.start : end if end >= 0 else len(source)].split()


def _behind_bracket(tokens: Sequence[Token], at: int) -> int:
    """The place behind the bracket that closes the one at a token; the end where none does."""
    closing = find_closing(tokens, at)
    return len(tokens) if closing is None else closing + 1


def _text(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].text if at < len(tokens) else ""
