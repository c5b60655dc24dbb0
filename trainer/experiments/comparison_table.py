"""The table of a comparison: rates over seeds and theorems, with intervals, as Markdown and as a figure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import matplotlib.pyplot as plt
from pydantic import BaseModel, ConfigDict

from prover.evaluation.files import EvalRecord
from prover.evaluation.statistics import nested_interval, pass_at_k
from trainer.experiments.held_out import SAMPLES, Arm, families_of
from trainer.experiments.variants import CONTROL, START, arm_title, control_of, is_control
from trainer.run.alarm import is_lost

__all__ = ["ArmResult", "MeasuredResult", "percent", "table_of", "write_comparison"]


class ArmResult(BaseModel):
    """What one arm took with one seed: `result.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arm: str
    seed: int
    attempts: int
    """Judged in training."""
    optimizer_steps: int
    tokens: int
    """Prompt and response tokens that training read, without padding."""
    minutes: float
    made_by: str
    """A hash of the code and the settings."""


class MeasuredResult(NamedTuple):
    """What one arm took with one seed, and what it came to on theorems that are the same for all arms."""

    result: ArmResult
    measured: Arm


OPENED = 3
"""Proofs from which on a family that the start never proved counts as opened."""

Values = list[list[float]]
"""Of each seed, one value for each theorem."""
Interval = tuple[float, float]


def write_comparison(directory: Path, results: Sequence[MeasuredResult]) -> Path:
    """Write `comparison.md` and `comparison.svg`; returns the first."""
    table = directory / "comparison.md"
    table.write_text(table_of(results), encoding="utf-8")
    _draw(directory / "comparison.svg", results)
    return table


def table_of(results: Sequence[MeasuredResult]) -> str:
    """A row for each arm in Markdown: means over seeds with 95% intervals, in percent or points."""
    arms = _by_arm(results)
    lines = [
        "| | pass@1 | pass@8 | greedy | pass@1 over the control | new families, pass@1 | nats per token "
        "| attempts judged | steps | tokens read | minutes |",
        "| --- " * 11 + "|",
    ]
    for arm, of_arm in arms.items():
        control = arms.get(control_of(arm), arms.get(CONTROL, []))
        columns = [
            arm_title(arm),
            percent(_rates(of_arm, 1)),
            percent(_rates(of_arm, SAMPLES)),
            percent([_pass_at(measured.greedy, 1) for _, measured in of_arm]),
            "" if is_control(arm) else _difference(of_arm, control),
            percent([_pass_at(measured.new_families, 1) for _, measured in of_arm]),
            f"{fmean(_entropy(measured) for _, measured in of_arm):.2f}",
            f"{fmean(result.attempts for result, _ in of_arm):,.0f}",
            f"{fmean(result.optimizer_steps for result, _ in of_arm):,.0f}",
            f"{fmean(result.tokens for result, _ in of_arm):,.0f}",
            f"{fmean(result.minutes for result, _ in of_arm):.1f}",
        ]
        lines.append(f"| {' | '.join(columns)} |")
    seeds = ", ".join(map(str, sorted({result.seed for result, _ in results})))
    lines += ["", f"Means over seeds ({seeds}), with 95% intervals over seeds and theorems."]
    if len(arms) > 1:
        lines += ["", *_differences(arms)]
    if families := _families(arms):
        lines += ["", *families]
    return "\n".join(lines) + "\n"


def _differences(arms: Mapping[str, Sequence[MeasuredResult]]) -> list[str]:
    """Every arm against every other."""
    lines = [
        "Pass@1 of the row minus that of the column, theorem by theorem:",
        "",
        f"| | {' | '.join(map(arm_title, arms))} |",
        "| --- " * (len(arms) + 1) + "|",
    ]
    for arm, of_arm in arms.items():
        cells = [_difference(of_arm, other) if name != arm else "" for name, other in arms.items()]
        lines.append(f"| {arm_title(arm)} | {' | '.join(cells)} |")
    return lines


def _families(arms: Mapping[str, Sequence[MeasuredResult]]) -> list[str]:
    """The families that arms opened or forgot, by all of their seeds, against the start's of the same."""
    lines = []
    for arm, of_arm in arms.items():
        seeds = {result.seed for result, _ in of_arm}
        before = families_of([start for of_start, start in arms.get(START, []) if of_start.seed in seeds])
        if arm == START or not before:
            continue
        found = families_of([measured for _, measured in of_arm])
        after = {family: tally for family, tally in found.items() if family in before}
        opened = [
            family for family, (proved, _) in after.items() if proved >= OPENED and not before[family][0]
        ]
        lost = [family for family, tally in after.items() if is_lost(before[family], tally)]
        lines.append(f"| {arm_title(arm)} | {', '.join(opened)} | {', '.join(lost)} |")
    if not lines:
        return []
    return [
        f"Families are opened where no attempt of the start proved a theorem and at least {OPENED} do, and "
        "forgotten where less than half of the start's pass rate is left and the intervals do not overlap:",
        "",
        "| | opened | forgotten |",
        "| --- | --- | --- |",
        *lines,
    ]


def _by_arm(results: Sequence[MeasuredResult]) -> dict[str, list[MeasuredResult]]:
    """Results by arm, the start first and the control second."""
    arms: defaultdict[str, list[MeasuredResult]] = defaultdict(list)
    for measured in results:
        arms[measured.result.arm].append(measured)
    first = [arm for arm in (START, CONTROL) if arm in arms]
    return {arm: arms[arm] for arm in (*first, *(arm for arm in arms if arm not in first))}


def _rates(results: Sequence[MeasuredResult], k: int) -> Values:
    return [_pass_at(measured.sampled, k) for _, measured in results]


def _pass_at(record: EvalRecord, k: int) -> list[float]:
    return [pass_at_k(n, c, k) for n, c in record.counts(k).values() if n >= k]


def _entropy(measured: Arm) -> float:
    """Nats per token at the sampling temperature, on held-out theorems of both kinds."""
    rows = [*measured.sampled.attempts, *measured.new_families.attempts]
    return sum(row.nats for row in rows) / (sum(row.tokens for row in rows) or 1)


def _difference(of_arm: Sequence[MeasuredResult], control: Sequence[MeasuredResult]) -> str:
    """Pass@1 of an arm minus the control's, theorem by theorem, of the seeds that both have."""
    of_seed = {result.seed: measured.sampled.counts(1) for result, measured in control}
    differences = []
    for result, measured in of_arm:
        if (others := of_seed.get(result.seed)) is not None:
            counts = measured.sampled.counts(1)
            pairs = [(counts[name], others[name]) for name in counts if name in others]
            differences.append([c / n - d / m for (n, c), (m, d) in pairs if n and m])
    return percent(differences, "+.1f") if differences else ""


def percent(values: Values, form: str = ".1f") -> str:
    """A mean over seeds and theorems with its 95% interval, in percent, each number in a format."""
    mean, (low, high) = _estimate(values)
    return f"{mean:{form}} [{low:{form}}, {high:{form}}]"


def _estimate(values: Values) -> tuple[float, Interval]:
    low, high = nested_interval(values)
    return 100 * fmean(map(fmean, values)), (100 * low, 100 * high)


def _draw(path: Path, results: Sequence[MeasuredResult]) -> None:
    """Intervals of pass@1 and pass@8 by arm, and a dot for each seed."""
    arms = _by_arm(results)
    figure, axes = plt.subplots(1, 2, figsize=(9, 1.2 + 0.34 * len(arms)), sharey=True, layout="constrained")
    for axis, k in zip(axes, (1, SAMPLES), strict=True):
        for place, of_arm in enumerate(arms.values()):
            values = _rates(of_arm, k)
            mean, (low, high) = _estimate(values)
            axis.plot([low, high], [place, place], color="#9db4c8", linewidth=5, solid_capstyle="butt")
            axis.plot(
                [100 * fmean(of_seed) for of_seed in values], [place] * len(values), ".", color="#5b7389"
            )
            axis.plot([mean], [place], "o", color="#16324a")
        axis.set_xlabel(f"pass@{k} on held-out theorems, %")
        axis.grid(axis="x", color="#e6e6e6")
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(arms)), [arm_title(arm) for arm in arms])
    axes[0].invert_yaxis()
    figure.savefig(path)
    plt.close(figure)
