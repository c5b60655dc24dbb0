"""Sets of theorems to measure provers on: read row by row, named by what is in them.

"miniF2F-test" is the name of at least three different sets of statements.  So a set is known by a digest of
what it asks, whatever its file is called and in whatever order its rows stand.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from prover.formats.base import Problem
from prover.sources.datasets import CORE_HEADER, read_dataset
from prover.sources.lean_files import lean_theorems
from prover.sources.rows import RowIssue, SourceRow
from prover.theorem import Split, Theorem
from verifier.errors import InvalidInput

__all__ = ["VARIANTS", "Benchmark", "digest_of_problems", "labels_of", "load_benchmark"]

VARIANTS: Mapping[str, str] = {
    "f5c6826efcccce1ee846747f3851cf6e19cbad5fbb807760deb171b5a90202d5": (
        "miniF2F in Lean 4 as published with DeepSeek-Prover-V1.5, 244 valid and 244 test"
    ),
    "a03b749600b7172e40325bdbfb4d65f7fed7733267873c19e638e9f1bc9bacf2": (
        "ProofNet in Lean 4 as published with DeepSeek-Prover-V1.5, 185 valid and 186 test"
    ),
}
"""Published sets by the digests of all their rows."""


@dataclass(frozen=True)
class Benchmark:
    """Theorems to measure on."""

    name: str
    """Of the file."""
    variant: str
    """The published set that it is, or a part of; that nobody here knows it, otherwise."""
    set_digest: str
    """Of all that the file has."""
    digest: str
    """Of the theorems below."""
    problems: tuple[Problem, ...]
    bad: tuple[RowIssue, ...] = ()
    """Rows that are left out, and why."""
    renamed: tuple[RowIssue, ...] = ()
    """Rows whose name is that of another statement: they are under a name of their own."""

    @property
    def faulty(self) -> dict[str, str]:
        """Theorems that say something else than they should, and why."""
        return {
            problem.theorem.name: problem.faulty for problem in self.problems if problem.faulty is not None
        }

    @property
    def answer_given(self) -> set[str]:
        """Theorems that ask for an object, and were given the published one."""
        return {problem.theorem.name for problem in self.problems if problem.answer_given}

    @classmethod
    def of(cls, name: str, theorems: Iterable[Theorem]) -> Self:
        """Theorems of this project, whose set is called so; nothing is wrong with any of them."""
        problems = tuple(map(Problem, theorems))
        digest = digest_of_problems(problems)
        return cls(name, variant=name, set_digest=digest, digest=digest, problems=problems)

    def under_core_header(self) -> Self:
        """The same statements to be read by a Lean without Mathlib, as far as it can."""
        return self._with(
            replace(problem, theorem=problem.theorem.model_copy(update={"header": CORE_HEADER}))
            for problem in self.problems
        )

    def of_split(self, split: Split) -> Self:
        """The benchmark of the theorems of one split.

        Raises:
            InvalidInput: no theorem is of that split.
        """
        return self._with(problem for problem in self.problems if problem.theorem.split == split)

    def first(self, number: int) -> Self:
        """The benchmark of the first `number` theorems."""
        return self._with(self.problems[:number])

    def _with(self, problems: Iterable[Problem]) -> Self:
        kept = tuple(problems)
        if not kept:
            raise InvalidInput(f"{self.name} has no such theorem: look at the splits of its rows")
        return replace(self, problems=kept, digest=digest_of_problems(kept))


def load_benchmark(path: Path, *, answers: bool = True) -> Benchmark:
    """The theorems of a JSONL file, a Lean file, or a directory of Lean files.

    Lean files are of the split that they, or a directory they are in, are called after; else of `test`.
    Left out are rows that are malformed, are there twice, or come with a proof: nothing is left to be proved.
    ProofNet gives one name to several statements: those that come later get another.  PutnamBench asks for
    objects, too: with `answers` the published one is put in, without them such a theorem rests on `sorry`.

    Raises:
        InvalidInput: it cannot be read, or has no theorem.
    """
    if not path.exists():
        raise InvalidInput(f"there is nothing at {path}: give a JSONL file, a Lean file, or a directory")
    name = path.resolve().stem
    is_lean = path.is_dir() or path.suffix == ".lean"
    rows = (
        (_in_its_split(row, path) for row in lean_theorems(path, source=name, split="test", answers=answers))
        if is_lean
        else read_dataset(path, source=name, answers=answers)
    )
    problems, bad, renamed = _sorted_out(rows)
    if not problems:
        why = f"; the first row: {bad[0].where}: {bad[0].reason}" if bad else ""
        raise InvalidInput(f"{path} has no theorem to prove{why}")
    digest = digest_of_problems(problems)
    variant = VARIANTS.get(digest, "no published set that is known here")
    return Benchmark(
        name=name,
        variant=variant,
        set_digest=digest,
        digest=digest,
        problems=tuple(problems),
        bad=tuple(bad),
        renamed=tuple(renamed),
    )


def labels_of(theorem: Theorem) -> dict[str, str]:
    """By what results are grouped: the split, and what the names of miniF2F say of source and topic."""
    labels: dict[str, str] = {"split": theorem.split}
    if source := _SOURCE.match(theorem.name):
        labels["source"] = _SOURCES[source.group(1)]
        topic = next((topic for topic in _TOPICS if topic.replace(" ", "") in theorem.name), "other")
        labels["topic"] = topic
    elif theorem.family:
        labels["source"] = theorem.family
    return labels


def digest_of_problems(problems: Iterable[Problem]) -> str:
    """The same for the same statements under the same names, splits and headers, in whatever order."""
    rows = sorted(
        "\0".join(
            (
                problem.theorem.name,
                problem.theorem.split,
                problem.theorem.header.strip(),
                problem.theorem.statement.strip(),
            )
        )
        for problem in problems
    )
    return hashlib.sha256("\n".join(rows).encode(errors="surrogatepass")).hexdigest()


_SOURCES = {
    "mathd": "MATH",
    "amc": "AMC",
    "aime": "AIME",
    "imo": "IMO",
    "algebra": "custom",
    "numbertheory": "custom",
    "induction": "custom",
}
_SOURCE = re.compile(rf"({'|'.join(_SOURCES)})[0-9A-Za-z]*_")
_TOPICS = ("number theory", "algebra", "induction")


def _in_its_split(row: SourceRow, root: Path) -> SourceRow:
    """As people keep miniF2F: in `Valid/` and `Test/`, or in `Valid.lean` and `Test.lean`."""
    named = _SPLIT.findall(row.where.removeprefix(str(root.parent)).lower())
    if isinstance(row, RowIssue) or not named:
        return row
    return replace(row, theorem=row.theorem.model_copy(update={"split": named[-1]}))


_SPLIT = re.compile(r"(?<![^/])(train|valid|test)(?=/|\.lean)")


def _sorted_out(rows: Iterable[SourceRow]) -> tuple[list[Problem], list[RowIssue], list[RowIssue]]:
    """The problems, the rows that are none, and those that got another name."""
    problems, bad, renamed = list[Problem](), list[RowIssue](), list[RowIssue]()
    found: dict[str, tuple[str, Theorem]] = {}
    for row in rows:
        if isinstance(row, RowIssue):
            bad.append(row)
            continue
        theorem, name = row.theorem, row.theorem.name
        if name in found and not _says_the_same(theorem, found[name][1]):
            digest = hashlib.sha256(f"{theorem.header}\0{theorem.statement}".encode()).hexdigest()
            theorem = theorem.model_copy(update={"name": f"{name}~{digest[:8]}"})
        if theorem.name in found:
            reason = f"it is there already: {found[theorem.name][0]}"
            bad.append(RowIssue(row.where, name, reason))
        elif row.proof is not None:
            reason = "it comes with a proof: nothing is left to be proved"
            bad.append(RowIssue(row.where, name, reason))
        else:
            if theorem.name != name:
                reason = f"another statement has its name ({found[name][0]}): it is `{theorem.name}`"
                renamed.append(RowIssue(row.where, name, reason))
            problems.append(Problem(theorem, row.informal, row.faulty, row.answer_given))
        found.setdefault(theorem.name, (row.where, theorem))
    return problems, bad, renamed


def _says_the_same(a: Theorem, b: Theorem) -> bool:
    return (a.statement, a.header) == (b.statement, b.header)
