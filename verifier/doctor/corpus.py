"""Reads the corpus: one Lean file per class, in `cheats/` and `controls/`, with many cases in each.

A case is a few `--!` lines and the Lean text below them, up to the next case:

    --! id: have
    --! must: incomplete, rejected
    --! note: the `sorry` stands in a `have`
    theorem t : (1 : Nat) = 2 := by ...

`--! statement:` and `--! header:` may stand in a case or, for all that follow in
the file, before the first one; several `header` lines are lines of one header.
`--! as: proof` says that the Lean text is what follows `:=`, not a whole file,
and `--! seconds:` sets the wall clock for what is meant to run out of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from verifier.verdict import Status, Submission

__all__ = ["HONEST_MUST", "Block", "Case", "CorpusError", "read_blocks", "read_case", "read_cases"]

HERE = Path(__file__).parent
MARK = "--! "
HONEST_MUST = (Status.PROVED,)


class CorpusError(ValueError):
    """A corpus file that does not read as cases; the message has the file and the line."""


@dataclass(frozen=True)
class Case:
    """A submission with its class, the statuses it may get and what it shows."""

    group: str
    submission: Submission
    must: tuple[Status, ...]
    note: str
    seconds: float | None = None
    """Wall-clock limit, where it is not the pool's."""

    @property
    def name(self) -> str:
        """Its id within its class."""
        return self.submission.id.partition("/")[2]

    @property
    def is_honest(self) -> bool:
        return self.must == HONEST_MUST


@dataclass
class Block:
    """The lines of one case, or those before the first."""

    line: int
    fields: dict[str, list[str]] = field(default_factory=dict)
    body: list[str] = field(default_factory=list)

    def get(self, key: str) -> str | None:
        return "\n".join(self.fields[key]) if key in self.fields else None


def read_cases(kind: str) -> list[Case]:
    """All cases of `kind`, which is `cheats` or `controls`, in the order of files and lines.

    Raises CorpusError for a malformed file and for an id that is there twice.
    """
    cases: dict[str, Case] = {}
    for path in sorted((HERE / kind).glob("*.lean")):
        for case in _read_file(path, kind):
            if case.submission.id in cases:
                raise CorpusError(f"{path.name}: the id {case.submission.id} is there twice")
            cases[case.submission.id] = case
    return list(cases.values())


def read_case(kind: str, id_: str) -> Case:
    """The case of `kind` that has this id, which begins with its class."""
    return next(case for case in read_cases(kind) if case.submission.id == id_)


def _read_file(path: Path, kind: str) -> Iterator[Case]:
    defaults, *blocks = read_blocks(path)
    for block in blocks:
        try:
            yield _case(path.stem, kind, defaults, block)
        except (KeyError, ValueError) as error:
            raise CorpusError(f"{path.name}, line {block.line}: {error}") from error


def read_blocks(path: Path) -> list[Block]:
    """What stands before the first case, and each case, of one file."""
    blocks = [Block(1)]
    for number, line in enumerate(path.read_text("utf-8").split("\n"), start=1):
        if not line.startswith(MARK):
            blocks[-1].body.append(line)
            continue
        key, _, value = line.removeprefix(MARK).partition(":")
        if key == "id":
            blocks.append(Block(number))
        blocks[-1].fields.setdefault(key, []).append(value.removeprefix(" "))
    return blocks


def _case(group: str, kind: str, defaults: Block, block: Block) -> Case:
    unknown = block.fields.keys() - {"id", "must", "note", "statement", "header", "as", "seconds"}
    if unknown:
        raise ValueError(f"unknown fields {sorted(unknown)}")
    text = "\n".join(block.body).strip("\n")
    must = block.get("must") or (None if kind == "cheats" else "proved")
    if must is None:
        raise ValueError("a cheat says which statuses it `must` get")
    seconds = block.get("seconds")
    return Case(
        group=group,
        submission=Submission(
            id=f"{group}/{block.get('id')}",
            statement=block.get("statement") or defaults.get("statement") or "",
            header=block.get("header") or defaults.get("header") or "",
            **{block.get("as") or "code": text},
        ),
        must=tuple(Status(each.strip()) for each in must.split(",")),
        note=block.get("note") or "",
        seconds=None if seconds is None else float(seconds),
    )
