"""Theorems from LeanDojo's benchmarks, and from repositories that LeanDojo traces.

A benchmark is a JSON list with a row for every theorem: `url`, `commit`, `file_path`, `full_name`, `start`,
`end`, and `traced_tactics` with the premises they name.  It has neither the statement nor what this stands
under, so both are read from a checkout of the repository at that commit.
"""

import importlib
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from prover.library.features import features_of
from prover.sources.lean_files import LeanFile, read_lean
from prover.sources.rows import RowIssue, Source, SourceFormat, SourceRow, SourceTheorem
from prover.syntax.commands import UnreadableTheorem
from prover.theorem import Split
from verifier.errors import InvalidInput, ProofmillError
from verifier.jsonl import reason_of

__all__ = ["LEANDOJO", "DojoMissing", "Tracing", "leandojo_theorems", "longest_chains", "trace_repository"]

_SPLITS: Mapping[str, Split] = {"train": "train", "val": "valid", "test": "test"}
"""The splits, by the names that LeanDojo gives the files."""
_CHUNK = 1 << 20
_BETWEEN = re.compile(r"[ \t\r\n,]*")


class DojoMissing(ProofmillError):
    """A repository cannot be traced here: LeanDojo, or what it needs, is not installed."""


class _Premise(BaseModel):
    model_config = ConfigDict(extra="ignore")

    full_name: str


class _Tactic(BaseModel):
    model_config = ConfigDict(extra="ignore")

    annotated_tactic: tuple[str, list[_Premise]]


class _Traced(BaseModel):
    model_config = ConfigDict(extra="ignore")

    commit: str
    file_path: str = Field(min_length=1)
    full_name: str = Field(min_length=1)
    start: tuple[int, int]
    end: tuple[int, int]
    """Line and column, from 1."""
    traced_tactics: list[_Tactic]


@dataclass(frozen=True, slots=True)
class _Listed:
    """The part of a row that is kept while all are read: the tactic states are most of a benchmark."""

    where: str
    split: Split
    commit: str
    file: str
    name: str
    lines: range
    premises: frozenset[str]
    has_tactics: bool


def leandojo_theorems(benchmark: Path, repository: Path, *, source: str) -> Iterator[SourceRow]:
    """The theorems of a JSON file, or of the files `train.json`, `val.json` and `test.json` of a directory.

    They come in the order of the repository's files.  Where all three files are read, the dependency depth
    of a theorem with a tactic proof is the longest chain of the benchmark's theorems below it.

    Raises:
        InvalidInput: there is no such file, or no such repository.
    """
    if not repository.is_dir():
        raise InvalidInput(f"{repository} is no directory: give a checkout of the repository that was traced")
    listed = [benchmark] if benchmark.is_file() else [benchmark / f"{stem}.json" for stem in _SPLITS]
    files = [path for path in listed if path.is_file()]
    if not files:
        raise InvalidInput(
            f"{benchmark} has no rows of LeanDojo: give a JSON file, or a directory with `train.json`, "
            "`val.json` and `test.json`"
        )
    rows: list[_Listed] = []
    for path in files:
        for row in _rows_of(path):
            if isinstance(row, RowIssue):
                yield row
            else:
                rows.append(row)
    is_whole = len(files) == len(_SPLITS)
    depths = longest_chains({row.name: row.premises for row in rows}) if is_whole else {}
    rows.sort(key=lambda row: row.file)
    for relative, of_file in groupby(rows, key=lambda row: row.file):
        file = _lean_file(repository, relative)
        for row in of_file:
            try:
                yield _read_row(row, file, source, depths)
            except UnreadableTheorem as error:
                yield RowIssue(row.where, "", str(error))


def longest_chains(premises: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """For every theorem the length of the longest chain below it, of premises of premises.

    What is no theorem of the mapping ends a chain, and counts.  So does the way back in a circle: no proofs
    have one, but two theorems of one name look like it.
    """
    depths: dict[str, int] = {}
    for root in premises:
        stack = [] if root in depths else [(root, iter(premises[root]))]
        on_stack = {root}
        while stack:
            name, remaining = stack[-1]
            below = next(
                (
                    premise
                    for premise in remaining
                    if premise in premises and premise not in depths and premise not in on_stack
                ),
                None,
            )
            if below is not None:
                stack.append((below, iter(premises[below])))
                on_stack.add(below)
            else:
                stack.pop()
                on_stack.discard(name)
                depths[name] = max((1 + depths.get(premise, 0) for premise in premises[name]), default=0)
    return depths


@dataclass(frozen=True)
class Tracing:
    """What LeanDojo made of a repository."""

    benchmark: Path
    """Its theorems, as a file that `leandojo_theorems` reads."""
    repository: Path
    """The checkout in which they stand."""


def trace_repository(url: str, commit: str, benchmark: Path) -> Tracing:
    """Have LeanDojo trace a repository and write its theorems to `benchmark`; takes hours for Mathlib.

    Raises:
        DojoMissing: LeanDojo is not installed here, or no Lean is.
    """
    try:
        dojo: Any = importlib.import_module("lean_dojo")
    except ImportError as error:
        raise DojoMissing(
            f"LeanDojo cannot be imported ({error}): install it with `pip install 'proofmill[dojo]'`. A "
            "benchmark that it has written before can be read without it"
        ) from error
    if shutil.which("lake") is None:
        raise DojoMissing(
            "LeanDojo builds the repository with Lean itself, and there is no `lake` on the path: install "
            "elan (https://github.com/leanprover/elan)"
        )
    traced = dojo.trace(dojo.LeanGitRepo(url, commit))
    rows = [
        {
            "url": url,
            "commit": commit,
            "file_path": str(theorem.file_path),
            "full_name": theorem.theorem.full_name,
            "start": list(theorem.start),
            "end": list(theorem.end),
            "traced_tactics": [
                {
                    "tactic": tactic.tactic,
                    "annotated_tactic": tactic.get_annotated_tactic(),
                    "state_before": tactic.state_before,
                    "state_after": tactic.state_after,
                }
                for tactic in theorem.get_traced_tactics()
            ],
        }
        for theorem in traced.get_traced_theorems()
        if theorem.repo == traced.repo
    ]
    benchmark.write_text(json.dumps(rows), encoding="utf-8")
    return Tracing(benchmark, Path(traced.root_dir))


def _rows_of(path: Path) -> Iterator[_Listed | RowIssue]:
    split = _SPLITS.get(path.stem, "train")
    number = 0
    try:
        for number, value in enumerate(_elements(path), start=1):
            where = f"{path}:{number}"
            try:
                yield _list(_Traced.model_validate(value), where, split)
            except ValueError as error:
                yield RowIssue(where, "", reason_of(error))
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}. Give a JSON file of LeanDojo") from error
    except (ValueError, RecursionError) as error:
        reason = f"{reason_of(error)}; this row and those behind it are not read"
        yield RowIssue(f"{path}:{number + 1}", "", reason)


def _list(row: _Traced, where: str, split: Split) -> _Listed:
    named = (premise for tactic in row.traced_tactics for premise in tactic.annotated_tactic[1])
    premises = frozenset(sys.intern(premise.full_name) for premise in named)
    lines = range(row.start[0], row.end[0] + 1)
    has_tactics = bool(row.traced_tactics)
    return _Listed(where, split, row.commit, row.file_path, row.full_name, lines, premises, has_tactics)


def _elements(path: Path) -> Iterator[Any]:
    """The elements of a JSON list, one at a time: a benchmark may be larger than the memory.

    Raises ValueError where it is no JSON list of objects.
    """
    decoder = json.JSONDecoder()
    with path.open(encoding="utf-8-sig") as file:
        text = file.read(_CHUNK).lstrip()
        if not text.startswith("["):
            raise ValueError("it is no JSON list")
        at = 1
        while True:
            blanks = _BETWEEN.match(text, at)
            at = blanks.end() if blanks else at
            if text.startswith("]", at):
                return
            try:
                value, at = decoder.raw_decode(text, at)
            except json.JSONDecodeError:
                # It may only be cut off.  More at a time, the longer it is: nothing is read often.
                more = file.read(max(_CHUNK, len(text) - at))
                if not more:
                    raise
                text, at = text[at:] + more, 0
            else:
                yield value


def _lean_file(repository: Path, relative: str) -> LeanFile | str:
    """A file of the repository, or why it cannot be read."""
    path = repository / relative
    try:
        if not path.resolve().is_relative_to(repository.resolve()):
            return f"{relative} is not in the repository"
        return LeanFile(read_lean(path))
    except ValueError as error:
        return f"{path} {error}: is this the repository that was traced, with its packages?"


def _read_row(row: _Listed, file: LeanFile | str, source: str, depths: Mapping[str, int]) -> SourceTheorem:
    """The theorem of a row, from its file; `file` is the reason where that cannot be read.

    Raises:
        UnreadableTheorem: the theorem is not there, or cannot be stated under a header.
    """
    if isinstance(file, str):
        raise UnreadableTheorem(f"`{row.name}`: {file}")
    last_name = row.name.rpartition(".")[2]
    for place in file.theorems:
        if file.commands[place].line in row.lines and file.commands[place].last_name == last_name:
            break
    else:
        raise UnreadableTheorem(
            f"`{row.name}` is not at lines {row.lines.start} to {row.lines.stop - 1} of {row.file}: is the "
            f"repository at commit {row.commit}?"
        )
    found = file.read_theorem(place, row.where, source=source, split=row.split)
    known = {"lemmas_used": len(row.premises)} if row.has_tactics else {}
    if row.has_tactics and row.name in depths:
        known["dependency_depth"] = depths[row.name]
    theorem = found.theorem.model_copy(update={"name": row.name})
    features = features_of(found.theorem, found.proof).with_known(**known)
    return replace(found, theorem=theorem, features=features)


def _read(source: Source) -> Iterator[SourceRow]:
    if source.repository is None:
        raise InvalidInput(
            f"{source.location} has no statements, only where they stand: pass a checkout of the repository, "
            "at the commit that its rows name, as --repository"
        )
    return leandojo_theorems(source.path, source.repository, source=source.name)


def _is_benchmark(path: Path) -> bool:
    return path.suffix == ".json" if path.is_file() else (path / "train.json").exists()


LEANDOJO = SourceFormat(_is_benchmark, _read)
