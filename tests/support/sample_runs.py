"""Runs that are made up on purpose, for tests of words and layout, not of results."""

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prover.evaluation.files import EvalRecord
from prover.evaluation.statistics import Estimate
from prover.families import FAMILIES, Role
from prover.theorem import Theorem
from tests.support.evaluations import attempt, record_of, write_record
from trainer.experiments.held_out import HeldOut
from trainer.run.directory import EVALUATIONS
from verifier.verdict import Status

__all__ = ["SUPERVISED", "sample_held_out", "sample_summary", "write_sample_run"]

SUPERVISED = {family.name for family in FAMILIES if family.role in (Role.SUPERVISED, Role.RARE)}
TRAINED = [family.name for family in FAMILIES if family.role is not Role.HELD_OUT]
NEW = [family.name for family in FAMILIES if family.role is Role.HELD_OUT]
STATEMENT = "theorem {family}_{i} (xs ys : List Nat) : (xs ++ ys).length = ys.length + xs.length"
PROOFS = {
    "proved": "by\n  induction xs with\n  | nil => simp\n  | cons x xs ih =>\n    simp only [ih]\n    omega",
    "rejected": "by\n  induction xs with\n  | nil => simp\n  | cons x xs ih => exact ih",
    "incomplete": "by sorry",
    "timeout": "by decide",
}
REASONS = {
    "proved": "",
    "rejected": "2:20: type mismatch\n  ih\nhas type\n  (xs ++ ys).length = ys.length + xs.length : Prop",
    "incomplete": "the proof uses sorry",
    "timeout": "no answer within 10 s",
}
TACTICS = ["omega", "simp", "decide", "simp_all", "rfl", "intros; simp", "exact rfl", "trivial"]


def sample_held_out(
    before: float = 0.28,
    after: float | None = 0.76,
    greedy: tuple[float, float] = (0.60, 0.80),
    paired: tuple[float, float, float] = (0.12, 0.08, 0.16),
    portfolio: tuple[float, float] = (0.33, 0.56),
    over_portfolio: tuple[float, float, float] | None = None,
    pass_at_8: tuple[float, float] = (0.65, 0.89),
    families: tuple[float, float] = (0.15, 0.17),
    unknown: int = 0,
) -> HeldOut:
    """What was measured in a run; with `after=None` in one that was stopped in training."""
    evaluations = {
        "before": _record(TRAINED, before, pass_at_8[0], unknown=unknown),
        "before-greedy": _record(TRAINED, greedy[0], samples=1),
        "before-new-families": _record(NEW, families[0], 0.4, 0.05, n=60),
        "candidates": record_of([attempt(tactic, 0, Status.PROVED, tactic) for tactic in TACTICS], samples=1),
    }
    if after is None:
        return HeldOut(evaluations)
    evaluations |= {
        "after": _record(TRAINED, after, pass_at_8[1]),
        "after-greedy": _record(TRAINED, greedy[1], samples=1),
        "after-new-families": _record(NEW, families[1], 0.45, 0.05, n=60),
        "control": _record(TRAINED, after - paired[0], 0.8),
        "control-greedy": _record(TRAINED, greedy[1] - 0.03, samples=1),
        "control-new-families": _record(NEW, 0.16, 0.4, 0.05, n=60),
        "portfolio": _record(TRAINED, *portfolio),
    }
    ahead = pass_at_8[1] - portfolio[1]
    difference, *interval = over_portfolio or (ahead, ahead - 0.08, ahead + 0.08)
    return HeldOut(
        evaluations,
        over_control=Estimate(paired[0], paired[1:], 240, 0),
        over_portfolio=Estimate(difference, (interval[0], interval[1]), 240, 0),
    )


def sample_summary(*, unknown: int = 0, finished: bool = True) -> dict[str, Any]:
    """A summary as the demo writes it."""
    return {
        "algorithm": "grpo",
        "attempts": 9841,
        "verdicts": {
            "proved": 5120,
            "rejected": 4473,
            "incomplete": 96,
            "forbidden": 3,
            "timeout": unknown,
        },
        "lean_calls": 6120,
        "cached": 3721,
        "wall_s": 611.4,
        "time_s": {"supervised": 101.2, "sampling": 48.1, "lean": 96.5, "learning": 41.0, "control": 96.0},
        "lean": {"version": "4.28.0-pre", "runtime": "embedded"},
        "seed": 7,
        "config": {"iterations": 15, "group_size": 8, "learning_rate": 4e-4},
        "finished": finished,
    }


def write_sample_run(
    run_dir: Path, summary: dict[str, Any], held_out: HeldOut | None = None, iterations: int = 15
) -> Path:
    """A run directory with the files the demo leaves."""
    rng = random.Random(11)
    metrics, attempts = [], []
    for iteration in range(1, iterations + 1):
        solve_rate = 0.3 + 0.5 * iteration / 15 + rng.uniform(-0.04, 0.04)
        proved = round(256 * solve_rate)
        statuses = {"proved": proved, "rejected": 246 - proved, "incomplete": 6, "timeout": 4}
        metrics.append(
            {
                "iteration": iteration,
                "policy_version": iteration,
                "pass_rate": solve_rate,
                "statuses": statuses,
                "loss": 0.1,
                "contrast_share": 0.4,
                "entropy": 0.3 - iteration / 100,
                "kl_from_start": iteration / 50,
                "grad_norm_better": 0.8,
                "grad_norm_worse": 0.6,
                "forgotten": ["parity"] if iteration == iterations else [],
            }
        )
        for _ in range(30):
            family, theorem = rng.choice(TRAINED), rng.randrange(15)
            status, proof = _attempt(rng, solve_rate)
            attempts.append(
                {
                    "phase": "train",
                    "iteration": iteration,
                    "policy_version": iteration,
                    "theorem": f"{family}_{theorem}",
                    "family": family,
                    "statement": STATEMENT.format(family=family, i=theorem),
                    "proof": proof,
                    "status": status,
                    "reason": REASONS[status],
                    "lean_ms": rng.choice([0.0, 21.5]),
                }
            )
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "summary.json").write_text(json.dumps(summary))
    for name, rows in (("metrics", metrics), ("attempts", attempts)):
        (run_dir / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, record in held_out.evaluations.items() if held_out is not None else ():
        write_record(run_dir / EVALUATIONS / name, record)
    return run_dir


def _record(
    families: Iterable[str],
    at_1: float,
    at_8: float | None = None,
    half_width: float = 0.04,
    *,
    n: int = 240,
    samples: int = 8,
    unknown: int = 0,
) -> EvalRecord:
    """An evaluation with these rates in its summary, and with some attempts that need not be like them."""
    rng = random.Random(7)
    theorems = [
        Theorem(
            name=f"{family}_{i}",
            statement=STATEMENT.format(family=family, i=i),
            source="families",
            split="held_out",
            family=family,
        )
        for family in families
        for i in range(2)
    ]
    rows = []
    for theorem in theorems:
        for sample in range(samples):
            status, proof = _attempt(rng, at_1)
            rows.append(attempt(theorem.name, sample, Status(status), proof, REASONS[status]))
    rates = {"1": at_1} if at_8 is None else {"1": at_1, "8": at_8}
    intervals = {k: (max(0.0, r - half_width), min(1.0, r + half_width)) for k, r in rates.items()}
    record = record_of(rows, theorems, samples=samples)
    figures = {"n": n, "attempts": n * samples, "unknown": unknown, "left_out": {}}
    figures |= {"pass_at_k": rates, "ci": intervals}
    summary = record.summary.model_copy(update=figures)
    return EvalRecord(record.directory, {}, record.problems, record.attempts, summary)


def _attempt(rng: random.Random, solve_rate: float) -> tuple[str, str]:
    """A status and a proof."""
    refuted = rng.choices(["rejected", "incomplete", "timeout"], [20, 1, 1])[0]
    status = "proved" if rng.random() < solve_rate else refuted
    proof = PROOFS[status]
    return status, proof if rng.random() < 0.7 else proof.replace("simp", "simp_all")
