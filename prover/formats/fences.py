"""The fenced blocks of what a model has written; pure.

Models write fences as Markdown has them, but not as strictly: they put ` QED` or the token that ends their
turn behind a closing fence, put a fence behind words or behind the last line of a proof, and begin a block
before they have ended the one before.  Every answer has some reading, and nothing is raised.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["END_OF_TURN", "LEAN", "Block", "Blocks", "blocks_of"]

LEAN = frozenset({"lean", "lean4"})

END_OF_TURN = re.compile(r"<[|｜][^<>|｜\n]*[|｜]>|</s>|<eos>|<end_of_turn>")
"""How the models people use end a turn, where the token was written out as text."""

_OPENING = re.compile(
    r"(?P<before>\s*(?:>\s?)?(?:[-*+]\s+|\d+[.)]\s+)?)(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)"
)
"""At the start of a line, or of an item of a list."""
_BEHIND_WORDS = re.compile(r"(?P<before>.*?[^`])(?P<fence>`{3,})(?P<info>lean4?\s*)", re.IGNORECASE)
_LANGUAGE = re.compile(r"\s*\{?\s*\.?([^\s{},:;=\[\]()\"']*)")
_NEXT = re.compile(r"\w[\w+#.-]*\s*|\s*\{?\s*\.?lean4?\b.*", re.IGNORECASE)
_CODE = re.compile(r"(?:abbrev|by|def|example|import|lemma|open|set_option|theorem)\b|/-|--")
_TAG = re.compile(r"</?\w+>")
_QUOTED = re.compile(r"\s*> ?")
_ONE_LINE = re.compile(r"\s*```lean4?\s+(?P<code>[^`]*[^`\s])\s*```\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences."""

    language: str
    """The first word behind the opening fence, in small letters; empty where there is none."""
    text: str


class Blocks(NamedTuple):
    """The blocks of a text."""

    closed: list[Block]
    opened: Block | None
    """The one that the text ends within."""


@dataclass(slots=True)
class _Open:
    language: str
    fence: str
    column: int
    lines: list[str]
    comments: int = 0
    """How many comments of Lean are open: a fence within is a part of them."""

    is_quoted: bool = False

    def add(self, line: str) -> None:
        if self.is_quoted:
            line = _QUOTED.sub("", line, count=1)
        self.lines.append(line)
        if self.language in LEAN:
            self.comments = max(0, self.comments + line.count("/-") - line.count("-/"))

    def block(self) -> Block:
        """Without the indentation that the block has as a whole, such as that of the list it stands in."""
        indented = [len(line) - len(line.lstrip()) for line in self.lines if line.strip()]
        shift = min([self.column, *indented])
        return Block(self.language, "\n".join(line[shift:] for line in self.lines))

    def closing(self, line: str) -> tuple[str, str] | None:
        """What stands before and behind the fence on a line that ends this block, if it does."""
        mark = self.fence[0]
        found = re.match(rf"\s*(?:>\s?)?{re.escape(mark)}{{{len(self.fence)},}}", line)
        if found is not None:
            # More of the marks on the line: something is quoted there.
            return None if mark * 3 in line[found.end() :] else ("", line[found.end() :])
        if mark != "`" or line.count(self.fence) != 1 or line.count("`") != len(self.fence):
            return None
        before, _, behind = line.partition(self.fence)
        is_end = before.strip() and not _TAG.sub("", END_OF_TURN.sub("", behind)).strip()
        return (before.rstrip(), behind) if is_end else None


def blocks_of(text: str) -> Blocks:
    """The fenced blocks of a text, in order; line ends must be line feeds."""
    blocks, in_comment = _read(text, skip_comments=True)
    return _read(text, skip_comments=False)[0] if in_comment else blocks


def _read(text: str, *, skip_comments: bool) -> tuple[Blocks, bool]:
    """The blocks, and whether the text ends within a comment of one; `"/-"` in a string looks like one."""
    closed: list[Block] = []
    opened: _Open | None = None
    for line in text.split("\n"):
        if opened is None:
            if whole := _ONE_LINE.fullmatch(END_OF_TURN.sub("", line)):
                closed.append(Block("lean", whole["code"]))
            opened = _opening(line)
            continue
        end = None if skip_comments and opened.comments else opened.closing(line)
        if end is None:
            opened.add(line)
            continue
        before, behind = end
        if before:
            opened.add(before)
        closed.append(opened.block())
        # A word right behind the fence is the language of the next block: this one was not closed before it.
        opened = _opening(line) if _NEXT.fullmatch(behind) and not before else None
    blocks = Blocks(closed, None if opened is None else opened.block())
    return blocks, skip_comments and opened is not None and opened.comments > 0


def _opening(line: str) -> _Open | None:
    """The block that starts on a line, if one does."""
    found = _OPENING.fullmatch(line) or _BEHIND_WORDS.fullmatch(line)
    if found is None:
        return None
    info = END_OF_TURN.sub("", found["info"])
    named = _LANGUAGE.match(info)
    opened = _Open(named[1].lower() if named else "", found["fence"], len(found["before"]), [])
    opened.is_quoted = ">" in found["before"] and not found["before"].strip(" >")
    rest = info[named.end() :].strip() if named else ""
    if opened.language in LEAN and _CODE.match(rest):
        opened.add(rest)
    return opened
