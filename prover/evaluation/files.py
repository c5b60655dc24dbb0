"""The directory of an evaluation: what it is of, and all that came of it so far.

    plan.json         what is evaluated, by what, how often; an evaluation goes on only with the same
    problems.jsonl    the theorems, with what is known to be wrong with them
    statements.jsonl  what Lean said of each statement
    attempts.jsonl    a row for each attempt (`prover/evaluation/summary.py`)
    searches.jsonl    the tree of each search, if proofs were searched for (`prover/search/record.py`)
    time.json         seconds spent so far
    certificates/     of every proof that was found, as `proofmill audit` takes them

and at its end summary.json, report.html and results.parquet.  Rows are appended, and a row that a kill cut
short is removed when the evaluation goes on.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_json

from prover.evaluation.statistics import Counts
from prover.evaluation.summary import EvalSummary, Evaluated, counts_at, outcomes
from prover.formats.base import Problem
from prover.search.record import SearchRecord
from verifier.errors import InvalidInput, ProofmillError
from verifier.sandbox.lock import locked
from verifier.verdict import Kind, Status

__all__ = [
    "EvalFiles",
    "EvalPlan",
    "EvalRecord",
    "StatementRow",
    "latest",
    "read_record",
    "read_rows",
]

Row = TypeVar("Row")
SEARCHES = "searches.jsonl"
NOTE_TIME_S = 5.0
"""How many seconds a kill can take from what is said to be spent."""


@dataclass(frozen=True)
class EvalPlan:
    """What is evaluated, by what, how often: `plan.json`."""

    samples: int
    """Attempts at every theorem."""
    repairs: int
    """How often an attempt may answer to Lean's complaints; each answer is one more Lean call."""
    fingerprint: Mapping[str, str]
    """Hashes and versions by what they are of: the theorems, the prover, the judge, the code."""


class StatementRow(BaseModel):
    """What Lean said of a statement with `sorry` for a proof."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    status: Status
    reason: str = ""

    @property
    def elaborates(self) -> bool | None:
        """None where Lean gave no answer, or cannot read what the statement stands under."""
        return None if self.status.kind is Kind.UNKNOWN else self.status is Status.INCOMPLETE


class EvalFiles:
    """An evaluation's directory, held by one process.

    Raises:
        InvalidInput: it holds something else, an evaluation of something else, or another process has it.
    """

    def __init__(
        self,
        directory: Path,
        plan: EvalPlan,
        problems: Iterable[Problem],
        *,
        unknown_again: bool = False,
    ) -> None:
        """With `unknown_again`, attempts whose verdict is unknown count as not made yet."""
        self.directory = directory
        self.plan = plan
        self._stack = ExitStack()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            busy = f"another evaluation writes to {directory}: wait for it"
            self._stack.enter_context(locked(directory / ".lock", busy))
            self._begin(problems)
            self.attempts = {
                key: row
                for key, row in latest(self._rows("attempts.jsonl", Evaluated)).items()
                if not (unknown_again and row.kind is Kind.UNKNOWN)
            }
            """By theorem, sample and round."""
            self.statements: dict[str, StatementRow] = {
                row.name: row for row in self._rows("statements.jsonl", StatementRow)
            }
            clock = directory / "time.json"
            self._before = float(json.loads(clock.read_bytes())) if clock.is_file() else 0.0
            self._began = time.monotonic()
            self._noted = self._before
            self._attempts = self._stack.enter_context((directory / "attempts.jsonl").open("ab"))
            self._statements = self._stack.enter_context((directory / "statements.jsonl").open("ab"))
            _cut_to_whole_rows(directory / SEARCHES)
        except OSError as error:
            self._stack.close()
            raise InvalidInput(
                f"cannot write to {directory}: {error.strerror}; choose another --out"
            ) from error
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def add_attempt(self, row: Evaluated) -> None:
        """Keep an attempt; on disk when this returns."""
        self.attempts[row.name, row.sample, row.round] = row
        self._append(self._attempts, row)

    def add_statement(self, row: StatementRow) -> None:
        """Keep what Lean said of a statement."""
        self.statements[row.name] = row
        self._append(self._statements, row)

    def add_search(self, row: SearchRecord) -> None:
        """Keep the tree of a search; raises ProofmillError where it cannot be written."""
        with (self.directory / SEARCHES).open("ab") as file:
            self._append(file, row)

    @property
    def seconds(self) -> float:
        """Spent on this evaluation, also by processes before this one."""
        return self._before + time.monotonic() - self._began

    def write(self, name: str, text: str) -> Path:
        """Replace a file of the directory.  Raises ProofmillError where it cannot be written."""
        path = self.directory / name
        draft = path.with_name(f".{name}")
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            raise _cannot_write(path, error) from error
        return path

    def _append(self, file: BinaryIO, row: BaseModel) -> None:
        try:
            file.write(row.model_dump_json().encode() + b"\n")
            file.flush()
        except OSError as error:
            raise _cannot_write(self.directory, error) from error
        if self.seconds - self._noted > NOTE_TIME_S:
            self.note_time()

    def note_time(self) -> None:
        """Keep the seconds that were spent so far."""
        self._noted = self.seconds
        self.write("time.json", json.dumps(self._noted))

    def _begin(self, problems: Iterable[Problem]) -> None:
        plan = {"samples": self.plan.samples, "repairs": self.plan.repairs, **self.plan.fingerprint}
        path = self.directory / "plan.json"
        if path.is_file():
            before = json.loads(path.read_bytes())
            if before != plan:
                changed = sorted(name for name in {*before, *plan} if before.get(name) != plan.get(name))
                raise InvalidInput(
                    f"{self.directory} holds an evaluation with another {', '.join(changed)}: go on with the "
                    "same, or choose another --out"
                )
            return
        if {path.name for path in self.directory.iterdir()} - {".lock", "problems.jsonl"}:
            raise InvalidInput(f"{self.directory} holds something else: choose another --out")
        rows = "".join(f"{to_json(row).decode()}\n" for row in problems)
        self.write("problems.jsonl", rows)
        self.write("plan.json", json.dumps(plan, indent=2, ensure_ascii=False) + "\n")

    def _rows(self, name: str, model: type[Row]) -> Iterator[Row]:
        """The rows that are whole; what is behind the last one is cut off."""
        path = self.directory / name
        _cut_to_whole_rows(path)
        if path.is_file():
            yield from read_rows(path, model)


@dataclass(frozen=True)
class EvalRecord:
    """What the directory of an evaluation holds."""

    directory: Path
    plan: dict[str, str | int]
    problems: dict[str, Problem]
    """By name."""
    attempts: list[Evaluated]
    """In the order of theorems, samples and rounds."""
    summary: EvalSummary

    @cached_property
    def kinds(self) -> dict[str, list[Kind]]:
        """What became of the attempts at each theorem that Lean reads, in the benchmark's order."""
        summary = self.summary
        unread = summary.not_elaborating.keys() | summary.no_answer.keys()
        found = outcomes(self.attempts, summary.samples)
        never = [Kind.UNKNOWN] * summary.samples
        return {name: found.get(name, never) for name in self.problems if name not in unread}

    @cached_property
    def searches(self) -> dict[str, SearchRecord]:
        """The trees of its searches by theorem; none where nothing was searched for."""
        path = self.directory / SEARCHES
        return {row.name: row for row in read_rows(path, SearchRecord)} if path.is_file() else {}

    def counts(self, k: int) -> dict[str, Counts]:
        """What pass@k of each of these is estimated from (`prover.evaluation.summary.counts_at`)."""
        in_order = self.summary.in_order
        return {name: counts_at(kinds, k, in_order=in_order) for name, kinds in self.kinds.items()}


def read_record(directory: Path) -> EvalRecord:
    """Raises InvalidInput for what is no evaluation, or one that has not come to its end."""
    try:
        summary = EvalSummary.model_validate_json((directory / "summary.json").read_bytes())
        plan = json.loads((directory / "plan.json").read_bytes())
    except OSError as error:
        raise InvalidInput(
            f"{directory} holds no evaluation that has come to its end ({error.strerror}: {error.filename}): "
            "run `proofmill eval` with the same --out again"
        ) from error
    except ValueError as error:
        raise InvalidInput(f"{directory} holds no evaluation that can be read here: {error}") from error
    problems = {row.theorem.name: row for row in read_rows(directory / "problems.jsonl", Problem)}
    place = {name: number for number, name in enumerate(problems)}
    attempts = latest(read_rows(directory / "attempts.jsonl", Evaluated)).values()
    ordered = sorted(attempts, key=lambda row: (place[row.name], row.sample, row.round))
    return EvalRecord(directory, plan, problems, ordered, summary)


def latest(rows: Iterable[Evaluated]) -> dict[tuple[str, int, int], Evaluated]:
    """By theorem, sample and round; of a verdict that was asked for again, the later one."""
    return {(row.name, row.sample, row.round): row for row in rows}


def read_rows(path: Path, model: type[Row]) -> Iterator[Row]:
    """The rows of a file; one that is cut short at its end is left out.

    Raises:
        InvalidInput: there is no such file, or a row does not fit.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}; is it an evaluation?") from error
    adapter = TypeAdapter(model)
    for number, line in enumerate(lines, start=1):
        try:
            yield adapter.validate_json(line)
        except ValidationError as error:
            raise InvalidInput(f"{path}, line {number}: {error}") from error


def _cut_to_whole_rows(path: Path) -> None:
    """Remove what a kill left of a row behind the last whole one."""
    if path.is_file():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)


def _cannot_write(path: Path, error: OSError) -> ProofmillError:
    return ProofmillError(
        f"cannot write {path}: {error.strerror}; make room and run the same again, it goes on from there"
    )
