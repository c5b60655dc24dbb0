"""What a run directory holds: the schema of its files, reading them, and writing them as the run goes on.

`summary.json` is one object; `metrics.jsonl` has a row per iteration and
`attempts.jsonl` a row per attempt.  A run that was stopped leaves everything it
had finished, so nearly every field may be missing, and the last line of a
`.jsonl` file may be cut short.

An experiment (`proofmill demo`) has its training in `training/`, a run directory itself, and
the proofs of its start in `start/`; what is measured has evaluations of its own in `evaluations/`
(`trainer/experiments/held_out.py`), which are in no number of `summary.json`.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from prover.evaluation.files import read_rows
from prover.theorem import Theorem
from trainer.learners.registry import LearnerName
from verifier.errors import InvalidInput
from verifier.verdict import Kind, Status, Verdict

__all__ = [
    "ATTEMPTS",
    "EVALUATIONS",
    "METRICS",
    "SUMMARY",
    "TRAINING",
    "AttemptRow",
    "IterationRow",
    "LeanBuild",
    "Phase",
    "Run",
    "RunWriter",
    "Spent",
    "Summary",
    "read_attempts",
    "read_metrics",
    "read_run",
    "read_times",
    "timed",
    "write_summary",
    "write_whole",
]

ATTEMPTS = "attempts.jsonl"
METRICS = "metrics.jsonl"
SUMMARY = "summary.json"
TIMES = "times.json"
EVALUATIONS = "evaluations"
TRAINING = "training"
PARTS = ("", "start", TRAINING)
"""Where the files of a run are: in its directory, or in those of its parts."""

Phase = Literal["supervised", "train", "disproof"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class LeanBuild(_Record):
    version: str
    runtime: str


class Spent(_Record):
    """What learning consumed after the supervised start; tokens without padding."""

    optimizer_steps: int
    tokens: int


class Summary(_Record):
    """`summary.json`.  Times are seconds; `cached` verdicts were answered without a Lean call."""

    algorithm: LearnerName
    attempts: int = 0
    verdicts: dict[Status, int] = {}
    trained_on: dict[Literal["trained", "control"], Spent] = {}
    lean_calls: int = 0
    cached: int = 0
    wall_s: float = 0.0
    time_s: dict[str, float] = {}
    lean: LeanBuild | None = None
    """None where the verifiers alone know."""
    seed: int
    config: dict[str, Any] = {}
    finished: bool = False


class IterationRow(_Record):
    """The columns of `metrics.jsonl` that are read."""

    iteration: int
    pass_rate: float | None = None
    statuses: dict[Status, int] = {}
    sampling_s: float = 0.0
    lean_s: float = 0.0
    learning_s: float = 0.0
    contrast_share: float | None = None
    """Groups with a proof and a failure, of all."""
    entropy: float | None = None
    """Nats per token, where the learner says it."""
    kl_from_start: float | None = None
    """Nats per token, where it is measured."""
    grad_norm_better: float | None = None
    grad_norm_worse: float | None = None
    forgotten: tuple[str, ...] = ()


class AttemptRow(_Record):
    """One attempt with its verdict; `lean_ms` is 0 when no Lean call was needed."""

    id: str | None = None
    """Of the attempt, in a run of the daemon."""
    account: str | None = None
    """What became of it there (`trainer/run/books.py`)."""
    phase: Phase
    iteration: int | None = None
    policy_version: int | None = None
    theorem: str
    family: str
    statement: str
    proof: str
    status: Status
    reason: str = ""
    lean_ms: float = 0.0

    @property
    def kind(self) -> Kind:
        return self.status.kind

    @classmethod
    def of(cls, phase: Phase, theorem: Theorem, proof: str, verdict: Verdict, **rest: Any) -> Self:
        """The row of a judged proof of a theorem; `rest` are columns that neither of them knows."""
        return cls(
            phase=phase,
            theorem=theorem.name,
            family=theorem.family,
            statement=theorem.statement,
            proof=proof,
            status=verdict.status,
            reason=verdict.reason,
            lean_ms=verdict.lean_ms,
            **rest,
        )


@dataclass(frozen=True)
class Run:
    """Everything the report needs of one run."""

    summary: Summary
    iterations: tuple[IterationRow, ...]
    attempts: tuple[AttemptRow, ...]


Row = TypeVar("Row", bound=BaseModel)


def read_run(run_dir: Path) -> Run:
    """Read a run directory; missing `.jsonl` files count as empty.

    Raises `InvalidInput` when `summary.json` is missing or a file does not fit the schema.
    """
    path = run_dir / SUMMARY
    if not path.is_file():
        raise InvalidInput(
            f"{run_dir} holds no summary.json: give the directory of a run of `proofmill demo`"
        )
    try:
        summary = Summary.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InvalidInput(f"{path} is not a run's summary: {error}") from error
    return Run(
        summary=summary,
        iterations=read_metrics(run_dir),
        attempts=read_attempts(run_dir),
    )


def read_metrics(run_dir: Path) -> tuple[IterationRow, ...]:
    """The rows of `metrics.jsonl`, of the run or of its parts.

    Raises `InvalidInput` when one does not fit the schema.
    """
    return tuple(row for part in PARTS for row in _read_rows(run_dir / part / METRICS, IterationRow))


def read_attempts(run_dir: Path) -> tuple[AttemptRow, ...]:
    """The rows of `attempts.jsonl`, of the run or of its parts, in the order in which these are made.

    Raises `InvalidInput` when one does not fit the schema.
    """
    return tuple(row for part in PARTS for row in _read_rows(run_dir / part / ATTEMPTS, AttemptRow))


def _read_rows(path: Path, model: type[Row]) -> tuple[Row, ...]:
    return tuple(read_rows(path, model)) if path.is_file() else ()


class RunWriter:
    """Appends to `attempts.jsonl`, `metrics.jsonl` and TensorBoard; rewrites `summary.json` atomically."""

    def __init__(self, directory: Path, summary: Summary) -> None:
        """What `summary` has counted is counted on."""
        self.directory = directory
        self.summary = summary
        self._statuses: Counter[str] = Counter(summary.verdicts)
        self._lean_calls = summary.lean_calls
        self._attempts = (directory / ATTEMPTS).open("a", encoding="utf-8")
        self._metrics = (directory / METRICS).open("a", encoding="utf-8")
        # Here, because it takes a while to load, and whoever reads a run needs none of it.
        from torch.utils.tensorboard import SummaryWriter

        self._tensorboard = SummaryWriter(str(directory / "tensorboard"))

    def __enter__(self) -> Self:
        self.save()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.save()
        self._attempts.close()
        self._metrics.close()
        self._tensorboard.close()

    def attempt(self, row: AttemptRow) -> None:
        """Record one judged attempt."""
        self._attempts.write(row.model_dump_json() + "\n")
        self._attempts.flush()
        self._statuses[row.status] += 1
        self._lean_calls += row.lean_ms > 0

    def metrics(self, step: int, row: dict[str, object]) -> None:
        """Record one iteration."""
        self._metrics.write(json.dumps(row) + "\n")
        self._metrics.flush()
        for name, value in row.items():
            of_each = value.items() if isinstance(value, dict) else ()
            for label, number in ((name, value), *((f"{name}/{part}", each) for part, each in of_each)):
                if isinstance(number, int | float):
                    self._tensorboard.add_scalar(label, number, step)
        self.save()

    def finish(self, wall_s: float, *, finished: bool) -> None:
        self.summary = self.summary.model_copy(update={"wall_s": wall_s, "finished": finished})

    def lengths(self) -> dict[str, int]:
        """How long the files are that rows are added to, in bytes, once all of it is on the disk."""
        lengths = {}
        for file in (self._attempts, self._metrics):
            file.flush()
            os.fsync(file.fileno())
            lengths[Path(file.name).name] = file.tell()
        return lengths

    @staticmethod
    def cut(directory: Path, lengths: Mapping[str, int]) -> None:
        """Remove the rows that came after `lengths` was asked for."""
        for name, length in lengths.items():
            os.truncate(directory / name, length)

    def save(self) -> None:
        """Write `summary.json`."""
        total = self._statuses.total()
        self.summary = self.summary.model_copy(
            update={
                "attempts": total,
                "verdicts": dict(self._statuses),
                "lean_calls": self._lean_calls,
                "cached": total - self._lean_calls,
            }
        )
        self._attempts.flush()
        write_summary(self.directory, self.summary)


def write_summary(directory: Path, summary: Summary) -> None:
    """Write `summary.json`; a reader sees the old or the new one, never half."""
    write_whole(directory / SUMMARY, summary.model_dump_json(indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there with all of `text`, or as it was."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


@contextmanager
def timed(directory: Path, part: str) -> Iterator[None]:
    """Add the wall-clock seconds of a part to `times.json`."""
    began = time.monotonic()
    try:
        yield
    finally:
        times = read_times(directory)
        times[part] = times.get(part, 0.0) + time.monotonic() - began
        write_whole(directory / TIMES, json.dumps(times))


def read_times(directory: Path) -> dict[str, float]:
    """The seconds of each part, by name."""
    path = directory / TIMES
    return dict(json.loads(path.read_bytes())) if path.is_file() else {}
