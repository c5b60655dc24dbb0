"""The statement zoo: statements for which Lean makes declarations of its own, and what they must not change.

Lean puts a `match`, a proof by `omega` or a derived instance into declarations
beside the theorem, under names it chooses.  Which names those are depends on
what stands before, so honest files of one theorem differ in them; and a
cheat can take a name before Lean does.  `zoo/*.lean` has the statements in the form
that `corpus.py` reads: the text of a case is its proof, and its fields are

    statement, header    what is to be proved, and after what
    own                  the whole of an honest file that states the same in other words
    helper               a declaration that an honest file may have before the theorem
    false                a false statement that would hold if every `match` answered 7 (`true`, `True`)
    unequal              a false statement `match … ≠ v`, where `v` is what the `match` answers
    altered              a header with which the false statement would hold

`zoo_cases` are the honest ways to submit the proof; `hijack.py` makes the cheats.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from verifier.doctor.corpus import HONEST_MUST, Block, Case, CorpusError, read_blocks
from verifier.verdict import Submission

__all__ = ["VARIANTS", "Exhibit", "read_zoo", "renamed", "zoo_cases"]

HERE = Path(__file__).parent / "zoo"
FIELDS = {"id", "statement", "header", "helper", "own", "false", "unequal", "altered"}
PART = r"(?:«[^»]+»|[^\W\d][\w'!?]*)"
NAME = re.compile(rf"\btheorem\s+(?P<name>(?:{PART}\.)*(?P<last>{PART}))")
SCOPE = re.compile(r"^(?P<word>namespace|section|mutual|end)\b[ \t]*(?P<name>\S*)", re.MULTILINE)
IMPORT = re.compile(r"^import .*$\n?", re.MULTILINE)

VARIANTS = (
    "proof",
    "file",
    "twice",
    "helper",
    "own",
    "numbers",
    "universe",
    "dressed",
    "whole",
    "whole-twice",
    "ended",
)
"""How an honest proof is submitted; `helper` and `own` only where an exhibit has them,
`ended` where its header opens scopes."""


@dataclass(frozen=True)
class Exhibit:
    """A statement with its proof, and false statements that have the same auxiliaries."""

    id: str
    statement: str
    proof: str
    header: str = ""
    helper: str | None = None
    own: str | None = None
    false: str | None = None
    unequal: str | None = None
    altered: str | None = None

    @property
    def theorem(self) -> str:
        return f"{self.statement} :=\n{self.proof}"


def read_zoo() -> list[Exhibit]:
    """All statements, in the order of files and lines.

    Raises CorpusError for a malformed file and for an id that is there twice.
    """
    found: dict[str, Exhibit] = {}
    for path in sorted(HERE.glob("*.lean")):
        for block in read_blocks(path)[1:]:
            exhibit = _exhibit(path, block)
            if exhibit.id in found:
                raise CorpusError(f"{path.name}: the id {exhibit.id} is there twice")
            found[exhibit.id] = exhibit
    return list(found.values())


def _exhibit(path: Path, block: Block) -> Exhibit:
    unknown = block.fields.keys() - FIELDS
    statement = block.get("statement")
    if unknown or statement is None:
        raise CorpusError(
            f"{path.name}, line {block.line}: no statement, or unknown fields {sorted(unknown)}"
        )
    return Exhibit(
        id=f"{path.stem}/{block.get('id')}",
        statement=statement,
        proof="\n".join(block.body).strip("\n"),
        header=block.get("header") or "",
        helper=block.get("helper"),
        own=block.get("own"),
        false=block.get("false"),
        unequal=block.get("unequal"),
        altered=block.get("altered"),
    )


def renamed(statement: str, name: str) -> str:
    """`statement` of a theorem called `name` in its own namespace.  Raises ValueError if it has none."""
    found = NAME.search(statement)
    if found is None:
        raise ValueError(f"no theorem in {statement!r}")
    return statement[: found.start("last")] + name + statement[found.end("last") :]


def zoo_cases() -> list[Case]:
    """Every exhibit in every honest form that it has."""
    return [
        Case(
            group=f"zoo, {variant}",
            submission=Submission(
                id=f"zoo/{exhibit.id}/{variant}",
                statement=exhibit.statement,
                header=exhibit.header,
                **{"proof" if variant == "proof" else "code": text},
            ),
            must=HONEST_MUST,
            note="",
        )
        for exhibit in read_zoo()
        for variant, text in _forms(exhibit)
    ]


def _forms(exhibit: Exhibit) -> Iterator[tuple[str, str]]:
    """The honest forms of a submission, by the names in `VARIANTS`."""
    theorem = exhibit.theorem
    # The same theorem under another name takes every auxiliary before the theorem itself can.
    before = f"{renamed(exhibit.statement, 'before_it')} :=\n{exhibit.proof}"
    yield "proof", exhibit.proof
    yield "file", theorem
    yield "twice", f"{before}\n\n{theorem}"
    if exhibit.helper is not None:
        yield "helper", f"{exhibit.helper}\n\n{theorem}"
    if exhibit.own is not None:
        yield "own", exhibit.own
    # Other auxiliaries before those of the theorem, so that numbers in names are others.
    yield "numbers", f"{OTHERS}\n\n{theorem}"
    yield "universe", f"universe u_1\n\ndef keep (β : Type u_1) : Type u_1 := β\n\n{theorem}"
    yield "dressed", DRESSED.format(theorem=theorem)
    # As a prompt gives it, the header before the theorem.
    yield "whole", f"{exhibit.header}\n\n{theorem}\n"
    imports = "".join(f"{line}\n" for line in IMPORT.findall(exhibit.header))
    rest = IMPORT.sub("", exhibit.header)
    yield "whole-twice", f"{imports}import Init\n\n{rest}\n\n{before}\n\n{theorem}\n"
    ends = _ends(exhibit.header)
    if ends:
        yield "ended", "\n\n".join([exhibit.header, theorem, *ends])


def _ends(header: str) -> list[str]:
    """The commands that close what a header leaves open, in their order."""
    opened: list[str] = []
    for found in SCOPE.finditer(header):
        if found["word"] == "end":
            opened.pop()
        else:
            opened.append(found["name"])
    return [f"end {name}".rstrip() for name in reversed(opened)]


OTHERS = """namespace Elsewhere
def chosen (n : Nat) (o : Option Bool) : Nat := match n, o with | 0, some true => 3 | k, _ => k
theorem bounded (xs : Array Nat) (i : Nat) (h : i + 2 < xs.size) : xs[i] + xs[i + 1] ≥ xs[i] := by simp
end Elsewhere"""

DRESSED = """/-! What a file may have around a theorem. -/
#check Nat
example : 1 + 1 = 2 := rfl

-- The theorem.
{theorem}

#eval 1 + 1
open Nat in
example : succ 1 = 2 := rfl
/- Behind it. -/"""
