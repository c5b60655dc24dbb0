"""Evaluations made up on purpose, for tests of what is done with them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic_core import to_json

from prover.evaluation.files import EvalRecord
from prover.evaluation.summary import Evaluated, summary_of
from prover.formats.base import Problem
from prover.theorem import Theorem
from trainer.experiments.held_out import Arm
from trainer.run.directory import EVALUATIONS
from verifier.verdict import Kind, Status

__all__ = ["arm_of", "attempt", "record_of", "write_arm", "write_record"]

STATUS = {Kind.PROVED: Status.PROVED, Kind.REFUTED: Status.REJECTED, Kind.UNKNOWN: Status.TIMEOUT}


def attempt(name: str, sample: int, status: Status, proof: str = "by simp", reason: str = "") -> Evaluated:
    """One answer of a model, of four tokens that took two nats."""
    return Evaluated(
        name=name,
        sample=sample,
        answer=proof,
        proof=proof,
        status=status,
        reason=reason,
        lean_calls=1,
        tokens=4,
        nats=2.0,
    )


def record_of(
    rows: Sequence[Evaluated], theorems: Sequence[Theorem] = (), *, samples: int = 8, in_order: bool = False
) -> EvalRecord:
    """The record of these attempts, at these theorems or at some of the same names."""
    named = {theorem.name: theorem for theorem in theorems}
    for row in rows:
        made_up = Theorem(name=row.name, statement=f"theorem {row.name} : True", source="test", split="test")
        named.setdefault(row.name, made_up)
    problems = {name: Problem(theorem) for name, theorem in named.items()}
    summary = summary_of(
        list(problems.values()),
        rows,
        samples=samples,
        in_order=in_order,
        not_elaborating={},
        no_answer={},
        wall_seconds=12.0,
        fingerprint={},
    )
    return EvalRecord(Path(), {}, problems, list(rows), summary)


def arm_of(kinds: Mapping[str, Sequence[Kind]], greedy: Sequence[Kind] | None = None) -> Arm:
    """What was measured of a policy with such attempts, whose first is the greedy one if none is given."""
    rows = [
        attempt(name, place, STATUS[kind])
        for name, of_theorem in kinds.items()
        for place, kind in enumerate(of_theorem)
    ]
    likeliest = greedy or [of_theorem[0] for of_theorem in kinds.values()]
    first = [attempt(name, 0, STATUS[kind]) for name, kind in zip(kinds, likeliest, strict=True)]
    return Arm(record_of(rows), record_of(first, samples=1), record_of(rows))


def write_record(directory: Path, record: EvalRecord) -> None:
    """The files that `read_record` reads."""
    directory.mkdir(parents=True)
    (directory / "plan.json").write_text("{}")
    (directory / "summary.json").write_text(record.summary.model_dump_json())
    for name, rows in (("problems", record.problems.values()), ("attempts", record.attempts)):
        lines = b"".join(to_json(row) + b"\n" for row in rows)
        (directory / f"{name}.jsonl").write_bytes(lines)


def write_arm(run_dir: Path, name: str, arm: Arm) -> None:
    """The evaluations of a policy in a run directory."""
    for record, ending in ((arm.sampled, ""), (arm.greedy, "-greedy"), (arm.new_families, "-new-families")):
        write_record(run_dir / EVALUATIONS / f"{name}{ending}", record)
