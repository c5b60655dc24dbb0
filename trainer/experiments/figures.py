"""The figures of a report: what its template draws, as shares of a chart's width and height."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from prover.evaluation.statistics import Estimate
from trainer.experiments.held_out import HeldOut
from trainer.run.directory import IterationRow
from verifier.verdict import Status

__all__ = ["Bar", "Curve", "VerdictMix", "learning_curve", "training_figures", "verdict_mix"]

MOST_TICKS = 8
BAR_WIDTH = 0.82
"""Of the room that there is for each."""


@dataclass(frozen=True)
class Curve:
    """Pass rates over iterations."""

    trained: list[tuple[float, float]]
    """In training."""
    measured: list[tuple[float, Estimate]]
    """Pass@1 on held-out theorems, before and after."""
    levels: dict[str, float]
    """Pass@1 of the control and of the portfolio."""
    ticks: list[tuple[float, int]]


@dataclass(frozen=True)
class Bar:
    """The verdicts of one iteration: from where on each colour, and how much of it."""

    x: float
    parts: list[tuple[str, float, float]]


@dataclass(frozen=True)
class VerdictMix:
    """Bars of one width, an iteration each."""

    bars: list[Bar]
    width: float
    ticks: list[tuple[float, int]]


def learning_curve(held_out: HeldOut, iterations: Sequence[IterationRow]) -> Curve | None:
    """The pass rate in training, and pass@1 of every policy and of the portfolio; None before training."""
    trained = [(row.iteration, row.pass_rate) for row in iterations if row.pass_rate is not None]
    if not trained:
        return None
    last = trained[-1][0]
    at_1 = {name: record.summary.at(1) for name, record in held_out.evaluations.items()}
    return Curve(
        trained=[(iteration / last, rate) for iteration, rate in trained],
        measured=[(x, at_1[name]) for name, x in (("before", 0.0), ("after", 1.0)) if name in at_1],
        levels={name: at_1[name].value for name in ("control", "portfolio") if name in at_1},
        ticks=[(iteration / last, iteration) for iteration in range(0, last + 1, ceil(last / MOST_TICKS))],
    )


def verdict_mix(iterations: Sequence[IterationRow]) -> VerdictMix | None:
    """The shares of verdicts by iteration; None where there is none."""
    rows = [row for row in iterations if sum(row.statuses.values())]
    if not rows:
        return None
    room = 1 / len(rows)
    bars = [
        Bar((place + (1 - BAR_WIDTH) / 2) * room, _stacked(row.statuses)) for place, row in enumerate(rows)
    ]
    shown = range(0, len(rows), ceil(len(rows) / MOST_TICKS))
    ticks = [((place + 0.5) * room, rows[place].iteration) for place in shown]
    return VerdictMix(bars, BAR_WIDTH * room, ticks)


def training_figures(iterations: Sequence[IterationRow]) -> list[IterationRow]:
    """Some of the iterations, the first and the last among them, if there is anything to say of them."""
    rows = [row for row in iterations if row.contrast_share is not None]
    shown = rows[:: ceil(len(rows) / MOST_TICKS)] if rows else []
    return shown if not rows or shown[-1] is rows[-1] else [*shown, rows[-1]]


def _stacked(statuses: Mapping[Status, int]) -> list[tuple[str, float, float]]:
    total, below = sum(statuses.values()), 0.0
    parts = []
    for colour in ("proved", "rejected", "refuted", "unknown"):
        share = sum(count for status, count in statuses.items() if _colour(status) == colour) / total
        parts.append((colour, below, share))
        below += share
    return parts


def _colour(status: Status) -> str:
    return "rejected" if status is Status.REJECTED else status.kind.value
