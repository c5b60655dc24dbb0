"""The audit of a text that is compared with no statement; pure, no IO.

Such a text may be silent and still prove nothing: its theorems can rest on axioms of its own, on `sorryAx`,
or on terms that it put into its environment past the kernel.  So each theorem that the text names is written
out and given to an auditor, which asks its kernel about it as about any other proof; only its type is the
text's own.  The names are found in the words of the text, since a text can make what it likes of Lean's list
of theorems.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from verifier.judging.protocol import AuditReply, CheckReply, Export, TextReply
from verifier.judging.rules import judge_declaration
from verifier.verdict import Severity, Status

__all__ = [
    "Finding",
    "NamedTheorem",
    "audited_with",
    "claims_something",
    "judge_theorem_audit",
    "judge_theorem_screening",
    "theorems_of",
]

_PART = r"(?:«[^»\n]*»|[^\W\d][\w'!?]*)"
_TOKEN = re.compile(
    rf"""(?P<skipped>--[^\n]*
    |r"[^"]*"|r(?P<hashes>\#+)".*?"(?P=hashes)
    |"(?:\\.|[^"\\])*"
    |'(?:\\(?:x[0-9a-fA-F]{{2}}|u[0-9a-fA-F]{{4}}|.)|[^\\'])')
    |(?P<block>/-)
    |(?P<name>{_PART}(?:\.{_PART})*)
    |\S""",
    re.VERBOSE | re.DOTALL,
)
_MENTION = re.compile(rf"\b(?:theorem|lemma)\s+(?:_root_\.)?({_PART}(?:\.{_PART})*)")
_NAMESPACE = re.compile(rf"\bnamespace\s+({_PART}(?:\.{_PART})*)")
_BLOCK_MARK = re.compile(r"/-|-/")
_MODIFIERS = frozenset(
    {"private", "protected", "public", "nonrec", "noncomputable", "unsafe", "partial", "meta"}
)
_PARTS = re.compile(_PART)


@dataclass(frozen=True)
class NamedTheorem:
    """A theorem that a text names: `text[start:stop]` is its name there, `parts` the whole name."""

    parts: tuple[str, ...]
    start: int
    stop: int
    is_private: bool = False
    is_certain: bool = True
    """Whether the text surely declares it; where it may not, one that Lean lacks is no fault."""

    @property
    def name(self) -> str:
        """Its whole name, as Lean prints it."""
        return ".".join(self.parts)

    @property
    def key(self) -> tuple[str, ...]:
        """Its whole name, as exports have it: without quotation marks."""
        return tuple(part.strip("«»") for part in self.parts)

    @property
    def statement(self) -> str:
        """A statement of that name, for requests that need one.  What it says is not compared."""
        return f"{'private ' if self.is_private else ''}theorem {self.name} : True"


@dataclass(frozen=True)
class Finding:
    """A theorem of a text that is not proved, and why not."""

    theorem: NamedTheorem
    status: Status
    reason: str


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    stop: int
    is_name: bool


def claims_something(reply: TextReply) -> bool:
    """Whether Lean took the text for finished: without an error, and without a `sorry` that it shows."""
    is_refused = any(message.severity == Severity.ERROR for message in reply.messages)
    return reply.error is None and not is_refused and not reply.sorries


def theorems_of(text: str) -> tuple[NamedTheorem, ...]:
    """What the text declares with `theorem` or `lemma`, in reading order, and what it may.  Nothing raises.

    Whether a string has terms in braces only Lean's parser knows: `s!"{"` has, and a quotation mark among
    them turns what is text and what is string around.  Where a string has a brace, so that what follows may
    be read wrongly, every `theorem` and `lemma` of the text counts, in comments and strings as well.
    """
    found = _read_theorems(text)
    if not _may_be_misread(text):
        return found
    places = {theorem.start for theorem in found}
    spaces = [tuple(_PARTS.findall(match[1])) for match in _NAMESPACE.finditer(text)]
    prefixes = {(), *spaces, tuple(part for space in spaces for part in space)}
    kinds = (False, True) if "private" in text else (False,)
    more = [
        NamedTheorem((*prefix, *_PARTS.findall(match[1])), *match.span(1), is_private, is_certain=False)
        for match in _MENTION.finditer(text)
        if match.start(1) not in places
        for prefix in sorted(prefixes)
        for is_private in kinds
    ]
    return (*found, *more)


def _may_be_misread(text: str) -> bool:
    """Whether a string may have terms in braces, so that it may end elsewhere."""
    return any(match.group().startswith('"') and "{" in match.group() for match in _matches(text))


def _read_theorems(text: str) -> tuple[NamedTheorem, ...]:
    """What the text declares where no string has terms in braces."""
    tokens = list(_tokens(text))
    scopes: list[str] = []  # a part of a namespace, or nothing for what else has an `end`
    found: list[NamedTheorem] = []
    for at, token in enumerate(tokens):
        before = text[token.start - 1 : token.start]
        if not token.is_name or before == ".":
            continue
        name = _name_behind(tokens, at)
        on_line = name is not None and "\n" not in text[token.stop : name.start]
        if token.text == "namespace" and name is not None:
            scopes += _PARTS.findall(name.text)
        elif token.text == "section":
            scopes += [""] * (len(_PARTS.findall(name.text)) if name is not None and on_line else 1)
        elif token.text == "mutual":
            scopes.append("")
        elif token.text == "end":
            closed = len(_PARTS.findall(name.text)) if name is not None and on_line else 1
            del scopes[max(0, len(scopes) - closed) :]
        # Behind a bracket stands a pattern of a macro.
        elif token.text in ("theorem", "lemma") and name is not None and before != "(":
            parts = tuple(_PARTS.findall(name.text))
            whole = parts[1:] if parts[0] == "_root_" else (*filter(None, scopes), *parts)
            found.append(NamedTheorem(whole, name.start, name.stop, _is_private(tokens, at)))
    return tuple(theorem for theorem in found if theorem.parts)


def audited_with(theorem: NamedTheorem, export: Export) -> frozenset[tuple[str, ...]]:
    """What the audit of an export has answered for as well: all that the theorem is seen to use of it.

    What an export declares and the theorem does not use is not among it, as no axioms were collected there.
    Names are as in `NamedTheorem.key`.  Of an export that cannot be followed it is nothing.
    """
    try:
        return _used_by(theorem, export)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        # The process that wrote it is a candidate's; the auditor may read more forms than stand here.
        return frozenset()


def judge_theorem_screening(theorem: NamedTheorem, reply: CheckReply) -> Finding | None:
    """What the process that elaborated the text says against a theorem of it; None to go on to the audit."""
    failure = reply.error or reply.statement_error
    if failure is not None:
        if reply.error is None and not theorem.is_certain:
            # No theorem can have that name here, such as a word behind `theorem` in a comment.
            return None
        return Finding(theorem, Status.INFRA_ERROR, f"`{theorem.name}` cannot be audited: {failure}")
    refused = [message.text for message in reply.messages if message.severity == Severity.ERROR]
    if refused:
        return Finding(theorem, Status.REJECTED, refused[0])
    if reply.declaration is None:
        if not theorem.is_certain:
            return None
        return Finding(
            theorem,
            Status.MISSING_DECLARATION,
            f"the text names `{theorem.name}`, and Lean has no such theorem",
        )
    if reply.refused is not None:
        return Finding(theorem, Status(reply.refused), f"`{theorem.name}` cannot be audited: {reply.reason}")
    if reply.export is None:
        return Finding(theorem, Status.INFRA_ERROR, f"the Lean worker exported nothing of `{theorem.name}`")
    return None


def judge_theorem_audit(
    theorem: NamedTheorem, reply: AuditReply, allowed_axioms: frozenset[str]
) -> Finding | None:
    """What an auditor says against a theorem of a text; None where it is proved."""
    failure = reply.error or reply.statement_error
    if failure is not None:
        return Finding(theorem, Status.INFRA_ERROR, f"the auditor refused the request: {failure}")
    if reply.refused is not None:
        return Finding(theorem, Status(reply.refused), reply.reason)
    if reply.declaration is None:
        return Finding(
            theorem, Status.MISSING_DECLARATION, f"nothing named `{theorem.name}` is in the export"
        )
    # Its type is its own, and so is the number of its universe parameters.
    found = reply.declaration.model_copy(update={"reference_universes": reply.declaration.universes})
    status, reason = judge_declaration(theorem.name, found, allowed_axioms)
    return None if status is Status.PROVED else Finding(theorem, status, reason)


def _tokens(text: str) -> Iterator[_Token]:
    """The tokens that are no comments, strings or characters."""
    for match in _matches(text):
        if not match["skipped"]:
            yield _Token(match.group(), match.start(), match.end(), match["name"] is not None)


def _matches(text: str) -> Iterator[re.Match[str]]:
    """All that is no block comment."""
    at = 0
    while (match := _TOKEN.search(text, at)) is not None:
        if match["block"]:
            at = _comment_end(text, match.start())
        else:
            at = match.end()
            yield match


def _comment_end(text: str, start: int) -> int:
    """Behind the `-/` of the block comment that starts here; comments nest, one without an end takes all."""
    depth = 0
    for mark in _BLOCK_MARK.finditer(text, start):
        depth += 1 if mark.group() == "/-" else -1
        if depth == 0:
            return mark.end()
    return len(text)


def _name_behind(tokens: Sequence[_Token], at: int) -> _Token | None:
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    return following if following is not None and following.is_name else None


def _is_private(tokens: Sequence[_Token], at: int) -> bool:
    while at > 0 and tokens[at - 1].text in _MODIFIERS:
        at -= 1
        if tokens[at].text == "private":
            return True
    return False


def _used_by(theorem: NamedTheorem, export: Export) -> frozenset[tuple[str, ...]]:
    names: list[tuple[str | int, ...]] = [()]
    for parent, part in export["names"]:
        names.append((*names[parent], part))
    roots = {names[row["name"]]: row for row in export["decls"] if "name" in row}
    exprs = export["exprs"]
    seen: set[int] = set()
    used: set[tuple[str | int, ...]] = set()
    todo: list[int] = []
    found = [name for name in roots if _as_written(name) == theorem.key]
    while found or todo:
        if found:
            name = found.pop()
            row = roots.get(name)
            if row is not None and name not in used:
                used.add(name)
                todo += [row[part] for part in ("type", "value") if part in row]
            continue
        place = todo.pop()
        if place not in seen:
            seen.add(place)
            match exprs[place]:
                case ["app", function, argument]:
                    todo += [function, argument]
                case ["lam" | "pi", _, domain, body, _]:
                    todo += [domain, body]
                case ["let", _, domain, value, body, _]:
                    todo += [domain, value, body]
                case ["proj", _, _, inner]:
                    todo.append(inner)
                case ["const", constant, *_]:
                    found.append(names[constant])
    return frozenset(map(_as_written, used))


def _as_written(name: tuple[str | int, ...]) -> tuple[str, ...]:
    # Lean puts `_private`, the module and a number before the name of what is private.
    numbers = [place for place, part in enumerate(name) if isinstance(part, int)]
    if name[:1] == ("_private",) and numbers:
        name = name[numbers[0] + 1 :]
    return tuple(map(str, name))
