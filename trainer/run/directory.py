"""What a run directory holds: the schema of its files, and reading them.

`summary.json` is one object; `metrics.jsonl` has a row per iteration and
`attempts.jsonl` a row per attempt.  A run that was stopped leaves everything it
had finished, so nearly every field may be missing, and the last line of a
`.jsonl` file may be cut short.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainer.learners.registry import LearnerName
from verifier.errors import InvalidInput
from verifier.verdict import Kind, Status

__all__ = [
    "Arm",
    "ArmStages",
    "AttemptRow",
    "FamilyRates",
    "GreedyRates",
    "HeldOut",
    "IterationRow",
    "LeanBuild",
    "Paired",
    "Phase",
    "Portfolio",
    "Rate",
    "Run",
    "Summary",
    "read_run",
]

Phase = Literal["supervised", "before", "train", "disproof", "after", "control", "portfolio"]
Interval = tuple[float, float]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Rate(_Record):
    """A share of `n` theorems with its 95% interval."""

    rate: float
    ci: Interval
    n: int


class Arm(_Record):
    """Pass rates of one policy on `n` theorems, `samples` attempts each."""

    n: int
    samples: int
    pass_at_1: float = Field(alias="pass@1")
    pass_at_1_ci: Interval = Field(alias="pass@1_ci")
    pass_at_8: float = Field(alias="pass@8")
    pass_at_8_ci: Interval = Field(alias="pass@8_ci")
    unknown: int = 0
    """Attempts without a known verdict; they are in no rate."""

    @property
    def at_1(self) -> Rate:
        return Rate(rate=self.pass_at_1, ci=self.pass_at_1_ci, n=self.n)

    @property
    def at_8(self) -> Rate:
        return Rate(rate=self.pass_at_8, ci=self.pass_at_8_ci, n=self.n)


class Portfolio(Arm):
    """A fixed list of one-line tactics, tried in order in place of samples."""

    tactics: tuple[str, ...]


class GreedyRates(_Record):
    before: Rate | None = None
    after: Rate | None = None
    control: Rate | None = None


class ArmStages(_Record):
    before: Arm | None = None
    after: Arm | None = None
    control: Arm | None = None


class Paired(_Record):
    """Mean rate of the trained model minus that of another arm, over the same `n` theorems."""

    difference: float
    ci: Interval
    n: int


class FamilyRates(_Record):
    """Pass@1 on the `n` measured theorems of one family; the portfolio's is its best single tactic.

    `supervised`: the start saw proofs of it.  `held_out`: no training theorem belongs to it.
    """

    before: float | None = None
    after: float | None = None
    control: float | None = None
    portfolio: float | None = None
    n: int
    supervised: bool
    held_out: bool


class HeldOut(_Record):
    before: Arm | None = None
    after: Arm | None = None
    greedy: GreedyRates = GreedyRates()
    control: Arm | None = None
    control_paired: Paired | None = None
    """At one attempt."""
    portfolio_paired: Paired | None = None
    """At eight attempts."""
    held_out_families: ArmStages = ArmStages()
    portfolio: Portfolio | None = None
    by_family: dict[str, FamilyRates] = {}


class LeanBuild(_Record):
    version: str
    runtime: str


class Spent(_Record):
    """What learning consumed after the supervised start; tokens without padding."""

    optimizer_steps: int
    tokens: int


class Summary(_Record):
    """`summary.json`.  Times are seconds; `cached` verdicts were answered without a Lean call."""

    held_out: HeldOut = HeldOut()
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
    """The columns of `metrics.jsonl` the report reads; a row may hold only a held-out measurement."""

    iteration: int
    pass_rate: float | None = None
    statuses: dict[Status, int] = {}
    held_out_pass_at_1: float | None = Field(default=None, alias="held_out_pass@1")


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
    greedy: bool = False
    """Whether it is the likeliest of its policy, and not a sample."""

    @property
    def kind(self) -> Kind:
        return self.status.kind


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
    path = run_dir / "summary.json"
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
        iterations=_read_rows(run_dir / "metrics.jsonl", IterationRow),
        attempts=_read_rows(run_dir / "attempts.jsonl", AttemptRow),
    )


def _read_rows(path: Path, model: type[Row]) -> tuple[Row, ...]:
    if not path.is_file():
        return ()
    lines = path.read_bytes().split(b"\n")
    # Text after the last newline is a row that was being written when the run was stopped.
    lines.pop()
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(model.model_validate_json(line))
        except ValidationError as error:
            raise InvalidInput(f"{path}, line {number}: {error}") from error
    return tuple(rows)
