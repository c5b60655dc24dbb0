"""Theorems from files of Lean, under headers that make their statements say what they say there.

The header of a theorem is what stands before it in its file: imports, options, definitions, notations, what
is open, and the variables, sections and namespaces it stands in.  So nothing of its context is guessed.
Left out are earlier theorems, examples and commands that only ask or note; an earlier theorem stays where
the statement, its proof, or a definition names it.  Scopes that are over go too, unless they define
something, so that theorems that need the same have the same header and a Lean worker stays warm.

What stands in a `mutual` block, or is proved by cases or fields instead of a term after `:=`, is reported.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from prover.sources.open_answers import answers_given, fault_of_open_answer, with_answer
from prover.sources.rows import RowIssue, Source, SourceFormat, SourceRow, SourceTheorem
from prover.syntax.commands import (
    THEOREMS,
    Command,
    UnreadableTheorem,
    commands_of,
    read_declaration,
)
from prover.theorem import Split, Theorem
from verifier.errors import InvalidInput

__all__ = ["LEAN", "LeanFile", "lean_theorems", "read_lean"]

_ONLY_SAY = frozenset(
    {"#", "add_decl_doc", "assert_not_exists", "assert_not_imported", "example", "library_note"}
    | {"proof_wanted"}
)
_SCOPES = frozenset({"namespace", "section", "mutual"})
_FLEETING = frozenset(
    {"include", "omit", "open", "set_option", "universe", "universes", "variable", "variables"}
)
"""Commands whose effect ends with the scope they stand in."""
_DOCUMENTATION = re.compile(r"/--((?:(?!-/).)*)-/\s*(?:--[^\n]*\n\s*)*\Z", re.DOTALL)
_BUILT = frozenset({".lake", "lake-packages", "build", ".git"})


def lean_theorems(
    root: Path, *, source: str, split: Split = "train", answers: bool = False
) -> Iterator[SourceRow]:
    """The theorems of a Lean file, or of all Lean files of a directory, in the order of their paths.

    With `answers`, an answer that PutnamBench leaves open (`abbrev …_solution := sorry`) is the published
    one, where that stands below it as a comment.

    Raises:
        InvalidInput: there is no such file, or no Lean file in the directory.
    """
    files = [root] if root.is_file() else sorted(_lean_files(root))
    if not files:
        raise InvalidInput(f"{root} has no Lean file: give a `.lean` file, or a directory of such")
    for path in files:
        shown = str(path).encode(errors="replace").decode()
        try:
            text = read_lean(path)
        except ValueError as error:
            yield RowIssue(shown, "", str(error))
            continue
        file = LeanFile(with_answer(text, keep_lines=True) if answers else text)
        given = answers_given(text) if answers else frozenset()
        for place in file.theorems:
            where = f"{shown}:{file.commands[place].line}"
            try:
                row = file.read_theorem(place, where, source=source, split=split)
                yield replace(row, answer_given=not given.isdisjoint(file.commands[place].mentions))
            except UnreadableTheorem as error:
                yield RowIssue(where, "", str(error))


def read_lean(path: Path) -> str:
    """The text of a file, with line feeds.  Raises ValueError, with the reason, if it has none."""
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"is no UTF-8 at byte {error.start}: save it as UTF-8") from error


class LeanFile:
    """The commands of a file, and which of them state theorems."""

    def __init__(self, text: str) -> None:
        self.commands = commands_of(text)
        self.names: dict[int, str] = {}
        """The full names of what the commands declare, by place."""
        self._scopes: dict[int, tuple[Command, ...]] = {}
        scopes: list[Command] = []
        for place, command in enumerate(self.commands):
            if command.kind in _SCOPES:
                scopes.append(command)
            elif command.kind == "end":
                del scopes[len(scopes) - _count_closed(command, scopes) :]
            elif command.name:
                self.names[place] = _full_name(command.name, scopes)
                self._scopes[place] = tuple(scopes)

    @property
    def theorems(self) -> list[int]:
        """The places of the commands that state theorems."""
        return [place for place, command in enumerate(self.commands) if command.kind in THEOREMS]

    def read_theorem(self, place: int, where: str, *, source: str, split: Split) -> SourceTheorem:
        """The theorem at a place.

        Raises:
            UnreadableTheorem: it cannot be stated under a header; the error says why.
        """
        command = self.commands[place]
        declaration = read_declaration(command)
        if any(scope.kind == "mutual" for scope in self._scopes[place]):
            raise UnreadableTheorem(f"`{command.name}` stands in a `mutual` block: state it on its own")
        statement = declaration.statement
        if command.name.startswith("_root_."):
            if any(scope.kind == "namespace" for scope in self._scopes[place]):
                raise UnreadableTheorem(
                    f"`{command.name}` leaves the namespace it stands in: state it outside"
                )
            statement = statement.replace("_root_.", "", 1)
        theorem = Theorem(
            name=self.names[place],
            statement=statement,
            header=self.header(place),
            source=source,
            split=split,
        )
        faulty = fault_of_open_answer(self._before(place), command.mentions)
        informal = self._documentation(place)
        return SourceTheorem(where, theorem, declaration.proof, faulty=faulty, informal=informal)

    def _documentation(self, place: int) -> str:
        """The comment before a theorem that Lean takes for its documentation, without its signs."""
        command = self.commands[place]
        before = self.commands[place - 1].stop if place else 0
        found = _DOCUMENTATION.search(command.source, before, command.own_start)
        return found[1].strip() if found else ""

    def header(self, place: int) -> str:
        """What a theorem stands under, as text that ends with a line feed, or none."""
        texts = [command.text for command in _in_force(self._before(place))]
        texts += self.commands[place].inside
        return "".join(f"{text}\n" for text in texts)

    def _before(self, place: int) -> list[Command]:
        """The commands before a theorem that it needs."""
        needed: list[Command] = []
        named = set(self.commands[place].mentions)
        for earlier in range(place - 1, -1, -1):
            command = self.commands[earlier]
            if command.kind in _ONLY_SAY:
                continue
            if command.kind in THEOREMS and command.last_name not in named and not self._is_mutual(earlier):
                continue
            needed.append(command)
            named |= command.mentions
        return needed[::-1]

    def _is_mutual(self, place: int) -> bool:
        return any(scope.kind == "mutual" for scope in self._scopes.get(place, ()))


def _lean_files(root: Path) -> Iterator[Path]:
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if name not in _BUILT]
        yield from (Path(directory) / name for name in files if name.endswith(".lean"))


def _count_closed(end: Command, scopes: Sequence[Command]) -> int:
    """How many of the open scopes, innermost last, an `end` closes: `end A.B` may close an `A` and a `B`."""
    owed = _depth(end)
    count = 0
    while owed > 0 and count < len(scopes):
        count += 1
        owed -= _depth(scopes[-count])
    return count


def _depth(command: Command) -> int:
    return command.name.count(".") + 1


def _full_name(name: str, scopes: Sequence[Command]) -> str:
    if name.startswith("_root_."):
        return name.removeprefix("_root_.")
    return ".".join([*(scope.name for scope in scopes if scope.kind == "namespace"), name])


def _in_force(commands: Sequence[Command]) -> list[Command]:
    """The commands without the scopes that are over and have left nothing behind."""
    blocks: list[list[Command]] = [[]]
    opened: list[Command] = []
    for command in commands:
        if command.kind in _SCOPES:
            opened.append(command)
            blocks.append([command])
        elif command.kind == "end":
            count = _count_closed(command, opened)
            del opened[len(opened) - count :]
            closed = list(chain.from_iterable(blocks[len(blocks) - count :]))
            del blocks[len(blocks) - count :]
            if any(_outlasts_its_scope(inner) for inner in closed):
                blocks[-1] += [*closed, command]
        else:
            blocks[-1].append(command)
    return list(chain.from_iterable(blocks))


def _outlasts_its_scope(command: Command) -> bool:
    return command.kind not in _FLEETING | _SCOPES | {"end"} and "local" not in command.modifiers


def _read(source: Source) -> Iterator[SourceRow]:
    return lean_theorems(source.path, source=source.name)


LEAN = SourceFormat(lambda path: path.is_dir() or (path.suffix == ".lean" and path.exists()), _read)
