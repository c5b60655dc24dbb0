"""The comparison of policies as a table in Markdown and as a figure."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from trainer.curriculum.policies.base import policy_kind
from trainer.curriculum.policies.registry import PolicyName
from trainer.simulation.simulate import Comparison, Figure

__all__ = ["table_of", "write_simulation"]

_COLOURS = {
    "informative": "#16324a",
    "uniform": "#8a8a8a",
    "variance": "#b5651d",
    "thompson": "#4f8a5b",
    "matchmaker": "#a04668",
}
_EASIEST = "#9db4c8"
"""All policies that go by one feature."""


def write_simulation(directory: Path, comparisons: Sequence[Comparison]) -> Path:
    """Write `simulation.md`, `.svg` and `.png`; returns the first."""
    directory.mkdir(parents=True, exist_ok=True)
    table = directory / "simulation.md"
    table.write_text(table_of(comparisons), encoding="utf-8")
    _draw(directory, comparisons)
    return table


def table_of(comparisons: Sequence[Comparison]) -> str:
    """A row for each policy of each comparison."""
    lines = []
    for comparison in comparisons:
        lines += [
            f"**{_title(comparison)}**: {comparison.theorems:,} theorems, {comparison.calls:,} Lean calls, "
            f"groups of {comparison.samples}; means over {comparison.seeds} seeds with 95% intervals.",
            "",
            "| policy | solved | per call, over uniform | share of the best | can prove in the end "
            "| informative groups | disproved |",
            "| --- " * 7 + "|",
        ]
        for name, each in comparison.policies.items():
            columns = [
                policy_kind(name).title,
                f"{each.solved.value:,.0f} [{each.solved.ci[0]:,.0f}, {each.solved.ci[1]:,.0f}]",
                _interval(each.solved_per_call_over_uniform, ".2f"),
                _interval(each.share_of_best, ".2f"),
                "" if each.ability is None else _interval(each.ability, ".1%"),
                f"{each.informative:.0%}",
                f"{each.disproved:.1f}",
            ]
            lines.append(f"| {' | '.join(columns)} |")
        lines.append("")
    return "\n".join(lines)


def _title(comparison: Comparison) -> str:
    return comparison.title.replace("_", " ")


def _interval(figure: Figure, form: str) -> str:
    low, high = figure.ci
    return f"{figure.value:{form}} [{low:{form}}, {high:{form}}]"


def _draw(directory: Path, comparisons: Sequence[Comparison]) -> None:
    """Above what is solved after so many calls, below the ratio to uniform at the end."""
    figure, axes = plt.subplots(
        2, len(comparisons), figsize=(1.2 + 4 * len(comparisons), 8), layout="constrained", squeeze=False
    )
    for place, comparison in enumerate(comparisons):
        _draw_curves(axes[0, place], comparison)
        _draw_ratios(axes[1, place], comparison)
        if place:
            axes[1, place].set_yticklabels([])
    axes[0, 0].set_ylabel("theorems solved")
    axes[0, 0].legend(frameon=False, fontsize=8)
    for suffix in ("svg", "png"):
        figure.savefig(directory / f"simulation.{suffix}", dpi=150)
    plt.close(figure)


def _draw_curves(axis: Axes, comparison: Comparison) -> None:
    for name, each in comparison.policies.items():
        steps = len(each.curve)
        calls = [comparison.calls * step / steps / 1000 for step in range(steps + 1)]
        axis.plot(
            calls,
            [0.0, *each.curve],
            color=_COLOURS.get(name, _EASIEST),
            linewidth=2.2 if name in ("informative", "uniform") else 1.1,
            zorder=3 if name == "informative" else 2,
            label=_legend(name),
        )
    axis.set_title(f"{_title(comparison)}\n{comparison.theorems:,} theorems", fontsize=10)
    axis.set_xlabel("Lean calls, thousands")
    axis.grid(color="#e6e6e6")
    _tidy(axis)


def _legend(name: PolicyName) -> str:
    """One entry for all that go easiest first; what begins with an underscore gets none."""
    if not name.startswith("easiest"):
        return policy_kind(name).title
    return "Easiest first, by each feature" if name == "easiest_dependency_depth" else "_"


def _draw_ratios(axis: Axes, comparison: Comparison) -> None:
    for place, (name, each) in enumerate(comparison.policies.items()):
        ratio, colour = each.solved_per_call_over_uniform, _COLOURS.get(name, _EASIEST)
        axis.plot(ratio.ci, [place, place], color=colour, linewidth=5, alpha=0.45, solid_capstyle="butt")
        axis.plot([ratio.value], [place], "o", color=colour)
        axis.annotate(
            f"{ratio.value:.2f}",
            (ratio.ci[1], place),
            (6, 0),
            textcoords="offset points",
            fontsize=8,
            va="center",
        )
    axis.axvline(1, color="#8a8a8a", linewidth=1, zorder=0)
    axis.set_yticks(
        range(len(comparison.policies)), [policy_kind(name).title for name in comparison.policies]
    )
    axis.invert_yaxis()
    axis.set_xlim(
        0, 1.2 * max(each.solved_per_call_over_uniform.ci[1] for each in comparison.policies.values())
    )
    axis.set_xlabel("solved per Lean call, over uniform")
    axis.grid(axis="x", color="#e6e6e6")
    _tidy(axis)


def _tidy(axis: Axes) -> None:
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
