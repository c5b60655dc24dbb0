"""Data sets of theorems in JSONL, one theorem a row: miniF2F, ProofNet, PutnamBench, Goedel-Prover-V2.

A row has Lean text that states one theorem and ends in `:=`, in `:= by`, or in a proof; what stands before
the theorem goes into its header.  A data set that calls its fields otherwise is a line in `FORMATS`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from prover.sources.open_answers import fault_of_open_answer, with_answer
from prover.sources.rows import RowIssue, Source, SourceFormat, SourceRow, SourceTheorem
from prover.syntax.commands import THEOREMS, commands_of, read_declaration
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.jsonl import numbered_rows, reason_of

__all__ = ["CORE_HEADER", "FAULTY", "FORMATS", "JSONL", "RowFormat", "load_theorems", "read_dataset"]

CORE_HEADER = 'set_option autoImplicit false\nlocal notation "ℕ" => Nat\nlocal notation "ℤ" => Int\n'
"""A header under which statements written for Mathlib elaborate in core Lean, as far as they can.

Without `autoImplicit`, `x : ℝ` is an error; with it, ℝ would be any type, and the statement another one.
"""

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
"""Theorems of miniF2F that say something else than their problems, and why."""


@dataclass(frozen=True, slots=True)
class RowFormat:
    """What the fields of a data set's rows are called.  A row is of the format whose `statement` it has."""

    statement: str
    """The field with the Lean text."""
    name: Sequence[str] = ("name", "problem_id")
    """Fields with the theorem's name, of which the first that is there counts."""
    informal: str = "informal_statement"
    """The field with what the theorem says in words."""
    comment: str = "informal_prefix"
    """A field that has it as a comment of Lean, where the other is empty."""
    required: Sequence[str] = ()
    """Which of `split` and `header` a row must have; else it is for evaluation, under no further header."""


FORMATS = (
    RowFormat("formal_statement", required=("split", "header")),  # miniF2F and ProofNet
    RowFormat("lean4_statement"),  # PutnamBench
    RowFormat("lean4_code"),  # Goedel-Prover-V2
)
"""The formats of rows, one line a data set."""

_STATING = THEOREMS | {"def", "abbrev", "instance"}
"""ProofNet asks for some objects, too."""


class _Row(BaseModel):
    """A row with its fields under names of our own."""

    model_config = ConfigDict(strict=True)

    name: str = Field(min_length=1)
    text: str
    split: Literal["train", "valid", "test"]
    header: str
    informal: str
    comment: str


def read_dataset(
    path: Path, *, source: str, answers: bool = False, formats: Sequence[RowFormat] = FORMATS
) -> Iterator[SourceRow]:
    """The theorems of a JSONL file, and what is wrong with the rows that have none.  Lines count from 1.

    With `answers`, an answer that PutnamBench leaves open (`abbrev …_solution := sorry`) is the published
    one, where that stands below it as a comment.

    Raises:
        InvalidInput: the file cannot be read.
    """
    try:
        with path.open("rb") as lines:
            for number, line in numbered_rows(lines):
                where = f"{path}:{number}"
                try:
                    yield _read_row(_parse(line, formats), where, source, answers=answers)
                # ValidationError, JSONDecodeError, UnicodeError and UnreadableTheorem are ValueErrors.
                except (ValueError, RecursionError) as error:
                    yield RowIssue(where, "", reason_of(error))
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}. Give the path of a JSONL file") from error


def load_theorems(path: Path, *, source: str) -> list[Theorem]:
    """The theorems of a JSONL file, in its order.

    Raises:
        InvalidInput: the file cannot be read, or a row has no theorem.
    """
    theorems = []
    for row in read_dataset(path, source=source):
        if isinstance(row, RowIssue):
            raise InvalidInput(f"{row.where}: {row.reason}")
        theorems.append(row.theorem)
    return theorems


def _parse(line: bytes, formats: Sequence[RowFormat]) -> _Row:
    """The fields of a line.  Raises ValueError, with the reason, for what is a row of none of the formats."""
    row: Any = json.loads(line.decode("utf-8"))
    if not isinstance(row, dict):
        raise ValueError("a row must be a JSON object")
    fitting = [format for format in formats if row.get(format.statement) is not None]
    if len(fitting) != 1:
        *names, last = (f"`{format.statement}`" for format in formats)
        raise ValueError(f"a row has one of {', '.join(names)} and {last}")
    (format,) = fitting
    for field in format.required:
        if row.get(field) is None:
            raise ValueError(f"field `{field}` is missing")
    return _Row.model_validate(
        {
            "name": _first(row, *format.name),
            "text": row[format.statement],
            "split": _first(row, "split", default="test"),
            "header": _first(row, "header"),
            "informal": _first(row, format.informal),
            "comment": _first(row, format.comment),
        }
    )


def _first(row: Mapping[str, Any], *fields: str, default: str = "") -> Any:
    """The value of the first of these fields that is there."""
    return next((row[field] for field in fields if row.get(field) is not None), default)


def _read_row(row: _Row, where: str, source: str, *, answers: bool) -> SourceTheorem:
    """The theorem that a row states.  Raises ValueError, with the reason, when it states none or several."""
    given = _with_line_feeds(row.text)
    text = with_answer(given) if answers else given
    commands = commands_of(text)
    if not commands or commands[-1].kind not in _STATING:
        raise ValueError("the statement does not end with a `theorem`, `lemma` or `def`: give one of these")
    *context, last = commands
    if any(command.kind in THEOREMS for command in context):
        raise ValueError("the statement has two theorems: give each a row of its own")
    declaration = read_declaration(last)
    above = (*(command.text for command in context), *last.inside)
    header = _with_line_feeds(row.header) + "".join(f"{command}\n" for command in above)
    faulty = fault_of_open_answer(commands_of(header), last.mentions) if "sorry" in header else None
    comment = row.comment.strip().removeprefix("/--").removesuffix("-/").strip()
    return SourceTheorem(
        where,
        Theorem(
            name=row.name, statement=declaration.statement, header=header, source=source, split=row.split
        ),
        proof=declaration.proof,
        faulty=faulty or FAULTY.get(row.name),
        informal=_with_line_feeds(row.informal or comment),
        answer_given=text != given,
    )


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n")


def _read(source: Source) -> Iterator[SourceRow]:
    return read_dataset(source.path, source=source.name)


JSONL = SourceFormat(lambda path: path.suffix == ".jsonl" and path.is_file(), _read)
