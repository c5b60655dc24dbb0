"""The table of a comparison: rates over seeds and theorems, with intervals, as Markdown and as a figure."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import matplotlib.pyplot as plt
from pydantic import BaseModel, ConfigDict

from prover.evaluation.statistics import Counts, nested_interval, pass_at_k
from trainer.experiments.variants import CONTROL, START, arm_title
from verifier.verdict import Kind

__all__ = ["ArmResult", "table_of", "write_comparison"]


class ArmResult(BaseModel):
    """What one arm came to with one seed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arm: str
    seed: int
    counts: list[Counts]
    """Of the held-out theorems, which are the same for all arms of a seed."""
    family_counts: list[Counts]
    """Of theorems of families that training never saw."""
    greedy: list[Kind]
    """Of the held-out theorems."""
    entropy: float
    """Nats per token at the sampling temperature, on held-out theorems of both kinds."""
    attempts: int
    """Judged in training."""
    optimizer_steps: int
    tokens: int
    """Prompt and response tokens that training read, without padding."""
    minutes: float
    made_by: str
    """A hash of the code and the settings."""


Values = list[list[float]]
"""Of each seed, one value for each theorem."""
Interval = tuple[float, float]


def write_comparison(directory: Path, results: Sequence[ArmResult]) -> Path:
    """Write `comparison.md` and `comparison.svg`; returns the first."""
    table = directory / "comparison.md"
    table.write_text(table_of(results), encoding="utf-8")
    _draw(directory / "comparison.svg", results)
    return table


def table_of(results: Sequence[ArmResult]) -> str:
    """A row for each arm in Markdown: means over seeds with 95% intervals, in percent or points."""
    arms = _by_arm(results)
    lines = [
        "| | pass@1 | pass@8 | greedy | pass@1 over the control | new families, pass@1 | nats per token "
        "| attempts judged | steps | tokens read | minutes |",
        "| --- " * 11 + "|",
    ]
    for arm, of_arm in arms.items():
        control = arms.get(CONTROL, [])
        columns = [
            arm_title(arm),
            _percent(_rates(of_arm, 1)),
            _percent(_rates(of_arm, 8)),
            _percent([_proved(each.greedy) for each in of_arm]),
            _difference(of_arm, control) if arm != CONTROL else "",
            _percent([_pass_at(each.family_counts, 1) for each in of_arm]),
            f"{fmean(each.entropy for each in of_arm):.2f}",
            f"{fmean(each.attempts for each in of_arm):,.0f}",
            f"{fmean(each.optimizer_steps for each in of_arm):,.0f}",
            f"{fmean(each.tokens for each in of_arm):,.0f}",
            f"{fmean(each.minutes for each in of_arm):.1f}",
        ]
        lines.append(f"| {' | '.join(columns)} |")
    seeds = ", ".join(map(str, sorted({each.seed for each in results})))
    lines += ["", f"Means over seeds ({seeds}), with 95% intervals over seeds and theorems."]
    return "\n".join(lines) + "\n"


def _by_arm(results: Sequence[ArmResult]) -> dict[str, list[ArmResult]]:
    """Results by arm, the start first and the control second."""
    arms: defaultdict[str, list[ArmResult]] = defaultdict(list)
    for each in results:
        arms[each.arm].append(each)
    first = [arm for arm in (START, CONTROL) if arm in arms]
    return {arm: arms[arm] for arm in (*first, *(arm for arm in arms if arm not in first))}


def _rates(results: Sequence[ArmResult], k: int) -> Values:
    return [_pass_at(each.counts, k) for each in results]


def _pass_at(counts: Sequence[Counts], k: int) -> list[float]:
    return [pass_at_k(n, c, k) for n, c in counts if n >= k]


def _proved(kinds: Sequence[Kind]) -> list[float]:
    return [float(kind is Kind.PROVED) for kind in kinds if kind is not Kind.UNKNOWN]


def _difference(of_arm: Sequence[ArmResult], control: Sequence[ArmResult]) -> str:
    """Pass@1 of an arm minus the control's, theorem by theorem, of the seeds that both have."""
    of_seed = {each.seed: each for each in control}
    differences = [
        [
            c / n - d / m
            for (n, c), (m, d) in zip(each.counts, of_seed[each.seed].counts, strict=True)
            if n and m
        ]
        for each in of_arm
        if each.seed in of_seed
    ]
    return _percent(differences, "+.1f") if differences else ""


def _percent(values: Values, form: str = ".1f") -> str:
    mean, (low, high) = _estimate(values)
    return f"{mean:{form}} [{low:{form}}, {high:{form}}]"


def _estimate(values: Values) -> tuple[float, Interval]:
    low, high = nested_interval(values)
    return 100 * fmean(map(fmean, values)), (100 * low, 100 * high)


def _draw(path: Path, results: Sequence[ArmResult]) -> None:
    """Intervals of pass@1 and pass@8 by arm, and a dot for each seed."""
    arms = _by_arm(results)
    figure, axes = plt.subplots(1, 2, figsize=(9, 1.2 + 0.34 * len(arms)), sharey=True, layout="constrained")
    for axis, k in zip(axes, (1, 8), strict=True):
        for place, of_arm in enumerate(arms.values()):
            values = _rates(of_arm, k)
            mean, (low, high) = _estimate(values)
            axis.plot([low, high], [place, place], color="#9db4c8", linewidth=5, solid_capstyle="butt")
            axis.plot([100 * fmean(each) for each in values], [place] * len(values), ".", color="#5b7389")
            axis.plot([mean], [place], "o", color="#16324a")
        axis.set_xlabel(f"pass@{k} on held-out theorems, %")
        axis.grid(axis="x", color="#e6e6e6")
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(arms)), [arm_title(arm) for arm in arms])
    axes[0].invert_yaxis()
    figure.savefig(path)
    plt.close(figure)
