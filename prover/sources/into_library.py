"""From sources of theorems into the store: what comes in, and what is said of everything that does not.

A row that is wrong costs only itself: all others are imported.  Doing an import again changes nothing.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from prover.families import build_dataset
from prover.library.records import AddedTheorem, AddOutcome
from prover.library.store import TheoremStore
from prover.sources.open_answers import with_answer
from prover.sources.rows import BadRow, Found, Row
from prover.syntax.commands import THEOREMS, commands_of, find_sorry, read_declaration
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.jsonl import numbered_rows, reason_of

__all__ = [
    "FAULTY",
    "ImportReport",
    "Reported",
    "family_theorems",
    "import_rows",
    "jsonl_theorems",
]

FAULTY = dict.fromkeys(
    (
        "amc12a_2021_p9",
        "induction_pord1p1on2powklt5on2",
        "induction_prod1p1onk3le3m1onn",
        "mathd_algebra_158",
        "mathd_algebra_342",
    ),
    "known fault of miniF2F: vacuous, or wrongly parenthesised",
) | {"mathd_algebra_314": "known fault of miniF2F: over ℕ by mistake"}
"""Rows of miniF2F that say something else than their problems, and why."""

_STATING = THEOREMS | {"def", "abbrev", "instance"}
"""ProofNet asks for some objects, too."""
_BATCH = 10_000


class Reported(BaseModel):
    """A row of which something is to be said."""

    model_config = ConfigDict(frozen=True)

    where: str
    """The file, and the row or line in it."""
    name: str
    """Of the theorem; empty where the row has none."""
    reason: str


class ImportReport(BaseModel):
    """What became of the rows of an import: each is counted in `added` or `present`, or listed in
    `duplicates` or `malformed`, which were left out.  The other lists say more of what came in."""

    added: int = 0
    present: int = 0
    """Rows that the store had before, from an import of the same."""
    duplicates: list[Reported] = []
    """Left out: the store has the statement, under the same header."""
    malformed: list[Reported] = []
    """Left out: no theorem can be read there."""
    renamed: list[Reported] = []
    """Added under another name: theirs is that of another statement."""
    faulty: list[Reported] = []
    """Flagged, and not trained on: the statement says something else than it should."""
    contaminated: list[Reported] = []
    """Not trained on: the statement is one of an evaluation theorem."""

    @property
    def rows(self) -> int:
        return self.added + self.present + len(self.duplicates) + len(self.malformed)

    def merge(self, other: "ImportReport") -> None:
        """Add what another import came to."""
        for name in type(self).model_fields:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def enter(self, row: Found, added: AddedTheorem, *, is_new: bool) -> None:
        """Account for a row; `is_new` says whether the theorem came with this import."""
        name = row.theorem.name

        def report(reason: str) -> Reported:
            return Reported(where=row.where, name=name, reason=reason)

        others = ", ".join(f"`{other}`" for other in added.others[:3])
        match added.outcome:
            case AddOutcome.ADDED:
                self.added += 1
                if added.name != name:
                    self.renamed.append(report(f"another statement has its name: it is `{added.name}` now"))
                if row.faulty is not None:
                    self.faulty.append(report(row.faulty))
                if others:
                    self.contaminated.append(report(f"training and evaluation share its statement: {others}"))
            case AddOutcome.PRESENT if is_new:
                self.duplicates.append(report("the row is there twice"))
            case AddOutcome.PRESENT:
                self.present += 1
            case AddOutcome.DUPLICATE:
                self.duplicates.append(report(f"it has the statement of {others}"))
            case AddOutcome.NOW_EVALUATION:
                self.present += 1
                self.contaminated.append(
                    report("it was there to be trained on; now it is for evaluation only")
                )
            case AddOutcome.IS_EVALUATION:
                self.present += 1
                self.contaminated.append(report("it is there as an evaluation theorem, and stays one"))


def import_rows(
    store: TheoremStore, rows: Iterable[Row], *, on_row: Callable[[], None] = lambda: None
) -> ImportReport:
    """Take the theorems of a source into the store.

    Raises:
        InvalidInput: the source as a whole cannot be read.
        ProofmillError: the store cannot be written; what is in it by then is whole rows.
    """
    report = ImportReport()
    first = len(store)
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        with store.batch():
            for row in batch:
                if isinstance(row, BadRow):
                    report.malformed.append(Reported(where=row.where, name="", reason=row.reason))
                else:
                    added = store.add(row.theorem, row.features, proof=row.proof, faulty=row.faulty)
                    report.enter(row, added, is_new=added.index >= first)
                on_row()
    return report


def family_theorems(seed: int, *, train: int, held_out: int, held_out_family: int) -> Iterator[Row]:
    """Theorems of the project's families, as `build_dataset` draws them, without proofs.

    What is known of those to be trained on is how long their reference proofs are, and what these use.

    Raises:
        InvalidInput: the families cannot give that many.
    """
    data = build_dataset(seed, train=train, held_out=held_out, held_out_family=held_out_family)
    for number, (theorem, features) in enumerate(zip(data.train, data.train_features, strict=True), start=1):
        yield Found(f"families {seed}:{number}", theorem, features)
    for number, theorem in enumerate((*data.held_out, *data.held_out_family), start=len(data.train) + 1):
        yield Found.of(f"families {seed}:{number}", theorem)


def jsonl_theorems(path: Path, *, source: str, answers: bool = False) -> Iterator[Row]:
    """The theorems of a JSONL file of miniF2F, ProofNet or PutnamBench, or of their form.

    A row has `name` and `formal_statement`, `lean4_statement` as PutnamBench writes it, or `lean4_code` as
    Goedel-Prover-V2 does (with `problem_id` for a name): Lean text that states one theorem and ends in `:=`,
    in `:= by`, or in a proof; what stands before goes into the header.  Only with `formal_statement` must
    there be a `header` and a `split`; the others are for evaluation.
    Lines count from 1.  With `answers`, an answer that PutnamBench leaves open (`abbrev …_solution := sorry`)
    is the published one, where that stands below it as a comment.

    Raises:
        InvalidInput: the file cannot be read.
    """
    try:
        with path.open("rb") as lines:
            for number, line in numbered_rows(lines):
                yield _jsonl_row(line, f"{path}:{number}", source, answers=answers)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}. Give the path of a JSONL file") from error


class _JsonlRow(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    name: str = Field(min_length=1, validation_alias=AliasChoices("name", "problem_id"))
    split: Literal["train", "valid", "test"] | None = None
    formal_statement: str | None = None
    lean4_statement: str | None = None
    lean4_code: str | None = None
    header: str | None = None
    informal_prefix: str | None = None
    """A comment, with its signs."""
    informal_statement: str | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "_JsonlRow":
        stated = [self.formal_statement, self.lean4_statement, self.lean4_code]
        if sum(text is not None for text in stated) != 1:
            raise ValueError("a row has one of `formal_statement`, `lean4_statement` and `lean4_code`")
        if self.formal_statement is not None and (self.split is None or self.header is None):
            missing = "split" if self.split is None else "header"
            raise ValueError(f"field `{missing}` is missing")
        return self

    @property
    def text(self) -> str:
        return _with_line_feeds(self.formal_statement or self.lean4_statement or self.lean4_code or "")

    @property
    def informal(self) -> str:
        comment = (self.informal_prefix or "").strip().removeprefix("/--").removesuffix("-/").strip()
        return _with_line_feeds(self.informal_statement or comment)


def _jsonl_row(line: bytes, where: str, source: str, *, answers: bool) -> Row:
    try:
        row = _JsonlRow.model_validate(json.loads(line.decode("utf-8")))
        text = with_answer(row.text) if answers else row.text
        commands = commands_of(text)
        if not commands or commands[-1].kind not in _STATING:
            raise ValueError(
                "the statement does not end with a `theorem`, `lemma` or `def`: give one of these"
            )
        if any(command.kind in THEOREMS for command in commands[:-1]):
            raise ValueError("the statement has two theorems: give each a row of its own")
        last = commands[-1]
        parts = read_declaration(last)
        header = _with_line_feeds(row.header or "") + "".join(
            f"{text}\n" for text in (*(each.text for each in commands[:-1]), *last.inside)
        )
    # ValidationError, JSONDecodeError, UnicodeError and UnreadableProof are ValueErrors.
    except (ValueError, RecursionError) as error:
        return BadRow(where, reason_of(error))
    theorem = Theorem(
        name=row.name, statement=parts.statement, header=header, source=source, split=row.split or "test"
    )
    unanswered = find_sorry(commands_of(header), last.mentions) if "sorry" in header else None
    faulty = f"it rests on `{unanswered}`, which is left open with `sorry`" if unanswered else None
    found = Found.of(where, theorem, parts.proof, faulty or FAULTY.get(row.name))
    return replace(found, informal=row.informal, answer_given=text != row.text)


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n")
