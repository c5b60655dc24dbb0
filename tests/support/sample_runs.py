"""Runs that are made up on purpose, for tests of words and layout, not of results."""

import json
import random
from pathlib import Path
from typing import Any

__all__ = ["FAMILIES", "arm", "rate", "sample_summary", "write_sample_run"]

FAMILIES = {
    "nat_linear": (True, False),
    "int_linear": (True, False),
    "divisibility": (True, False),
    "propositional": (True, False),
    "first_order": (True, False),
    "list_append": (True, False),
    "bool_cases": (True, False),
    "sum_by_recursion": (False, False),
    "list_map_induction": (False, False),
    "even_odd_induction": (False, False),
    "tree_mirror": (False, False),
    "inequality_chain": (False, False),
    "option_bind": (False, True),
    "list_reverse": (False, True),
    "fin_cases": (False, True),
    "mod_arithmetic": (False, True),
}
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


def rate(value: float, half_width: float = 0.04, n: int = 240) -> dict[str, Any]:
    return {"rate": value, "ci": [max(0.0, value - half_width), min(1.0, value + half_width)], "n": n}


def arm(at_1: float, at_8: float, half_width: float = 0.04, n: int = 240, unknown: int = 0) -> dict[str, Any]:
    return {
        "n": n,
        "samples": 8,
        "pass@1": at_1,
        "pass@1_ci": rate(at_1, half_width)["ci"],
        "pass@8": at_8,
        "pass@8_ci": rate(at_8, half_width)["ci"],
        "unknown": unknown,
    }


def sample_summary(
    before: float = 0.28,
    after: float | None = 0.76,
    greedy: tuple[float, float] = (0.60, 0.80),
    paired: tuple[float, float, float] = (0.12, 0.08, 0.16),
    portfolio: tuple[float, float] = (0.33, 0.56),
    pass_at_8: tuple[float, float] = (0.65, 0.89),
    families: tuple[float, float] = (0.15, 0.17),
    unknown: int = 0,
) -> dict[str, Any]:
    """A summary as the demo writes it; `after=None` is one that was stopped in training."""
    rng = random.Random(7)
    held_out: dict[str, Any] = {
        "before": arm(before, pass_at_8[0], unknown=unknown),
        "greedy": {"before": rate(greedy[0])},
    }
    by_family: dict[str, dict[str, Any]] = {}
    for name, (supervised, held_out_family) in FAMILIES.items():
        start = rng.uniform(0.2, 0.7) if supervised else rng.uniform(0.0, 0.3)
        by_family[name] = {"before": start, "n": 15, "supervised": supervised, "held_out": held_out_family}
    held_out |= {"by_family": by_family, "held_out_families": {"before": arm(families[0], 0.4, 0.05, n=60)}}
    if after is not None:
        held_out["after"] = arm(after, pass_at_8[1])
        held_out["greedy"] |= {"after": rate(greedy[1]), "control": rate(greedy[1] - 0.03)}
        held_out["control"] = arm(after - paired[0], 0.8)
        held_out["control_paired"] = {"difference": paired[0], "ci": list(paired[1:]), "n": 240}
        held_out["held_out_families"] |= {
            "after": arm(families[1], 0.45, 0.05, n=60),
            "control": arm(0.16, 0.4, 0.05, n=60),
        }
        held_out["portfolio"] = arm(*portfolio) | {
            "tactics": ["omega", "simp", "decide", "simp_all", "rfl", "intros; simp", "exact rfl", "trivial"]
        }
        del held_out["portfolio"]["unknown"]
        for rates in by_family.values():
            gain = 0.05 if rates["held_out"] else rng.uniform(0.1, 0.5)
            reached = min(1.0, rates["before"] + gain)
            rates |= {
                "after": reached,
                "control": max(0.0, reached - rng.uniform(-0.05, 0.2)),
                "portfolio": rng.uniform(0, 0.7),
            }
    return {
        "held_out": held_out,
        "algorithm": "grpo",
        "attempts": 9841,
        "verdicts": {
            "proved": 5120,
            "rejected": 4473,
            "incomplete": 96,
            "forbidden": 3,
            "timeout": 149 if unknown else 0,
        },
        "lean_calls": 6120,
        "cached": 3721,
        "wall_s": 611.4,
        "time_s": {
            "supervised": 101.2,
            "sampling": 48.1,
            "lean": 96.5,
            "learning": 41.0,
            "evaluation": 80.3,
            "control": 96.0,
            "portfolio": 70.1,
        },
        "lean": {"version": "4.28.0-pre", "runtime": "embedded"},
        "seed": 7,
        "config": {"iterations": 15, "group_size": 8, "learning_rate": 4e-4},
        "finished": after is not None,
    }


def write_sample_run(run_dir: Path, summary: dict[str, Any], iterations: int = 15) -> Path:
    """A run directory with the three files the demo leaves."""
    rng = random.Random(11)
    metrics, attempts = [], []

    def attempt(phase: str, iteration: int | None, solve_rate: float) -> None:
        family = rng.choice(list(FAMILIES))
        theorem = rng.randrange(15)
        refuted = rng.choices(["rejected", "incomplete", "timeout"], [20, 1, 1])[0]
        status = "proved" if rng.random() < solve_rate else refuted
        kind = {"proved": "proved", "timeout": "unknown"}.get(status, "refuted")
        attempts.append(
            {
                "phase": phase,
                "iteration": iteration,
                "policy_version": iteration or 0,
                "theorem": f"{family}_{theorem}",
                "family": family,
                "statement": STATEMENT.format(family=family, i=theorem),
                "proof": PROOFS[status] if rng.random() < 0.7 else PROOFS[status].replace("simp", "simp_all"),
                "status": status,
                "kind": kind,
                "reason": REASONS[status],
                "lean_ms": rng.choice([0.0, 21.5]),
            }
        )  # fmt: skip

    for _ in range(200):
        attempt("before", None, 0.28)
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
            }
        )
        if iteration % 5 == 0:
            metrics.append({"iteration": iteration, "held_out_pass@1": solve_rate - 0.06})
        for _ in range(30):
            attempt("train", iteration, solve_rate)
    if summary["finished"]:
        for phase in ("after", "control", "portfolio"):
            for _ in range(200):
                attempt(phase, None, 0.7)
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "summary.json").write_text(json.dumps(summary))
    for name, rows in (("metrics", metrics), ("attempts", attempts)):
        (run_dir / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run_dir
