"""The HTML page of a report: plain values for the template, and two figures as inline SVG.

The page is one file without scripts or requests.  Figures are drawn by
matplotlib in placeholder colours which become CSS variables, so that they
follow the reader's light or dark setting like the rest of the page.
"""

import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from prover.pages import page_environment
from trainer.learners.registry import title_of
from trainer.run.directory import Arm, AttemptRow, FamilyRates, HeldOut, IterationRow, Rate, Run
from verifier.verdict import Kind, Status

__all__ = ["render_page"]

# Placeholder colours: nothing else draws in them, so each can be exchanged for a CSS variable.
COLOURS = {
    "ink": "#010101",
    "muted": "#020202",
    "rule": "#030303",
    "before": "#040404",
    "after": "#050505",
    "control": "#060606",
    "portfolio": "#070707",
    "proved": "#080808",
    "rejected": "#090909",
    "refuted": "#0a0a0a",
    "unknown": "#0b0b0b",
}
TIME_LABELS = {
    "pretraining": "pre-training",
    "supervised": "supervised start",
    "lean": "Lean",
    "evaluation": "measuring",
}
FIGURE_INCHES = (5.0, 2.9)
FIGURE_FONT = 9
EXAMPLES = 6
REFUTED_EXAMPLES = 4
LONGEST_EXAMPLE = 700
LONGEST_REASON = 400


@dataclass(frozen=True)
class ArmRow:
    """A line of the table of arms; `colour` names a CSS variable."""

    label: str
    colour: str
    arm: Arm
    greedy: Rate | None
    attempts: int | None
    lean_calls: int | None


@dataclass(frozen=True)
class FamilyGroup:
    title: str
    families: list[tuple[str, FamilyRates]]


@dataclass(frozen=True)
class Example:
    text: str
    family: str
    origin: str
    status: Status
    reason: str


def render_page(run: Run, findings: Sequence[str]) -> str:
    """The report as one HTML document; `findings[0]` is its headline."""
    summary = run.summary
    template = page_environment(Path(__file__).parent).get_template("report.html.j2")
    return template.render(
        summary=summary,
        findings=findings,
        algorithm=title_of(summary.algorithm),
        arm_groups=_arm_groups(run),
        curve=_learning_curve(summary.held_out, run.iterations),
        mix=_verdict_mix(run.iterations),
        family_groups=_family_groups(summary.held_out),
        times=[(TIME_LABELS.get(part, part), seconds) for part, seconds in summary.time_s.items()],
        longest=max(summary.time_s.values(), default=0.0) or 1.0,
        known=_status_counts(summary.verdicts, unknown=False),
        unknown=_status_counts(summary.verdicts, unknown=True),
        verdicts=sum(summary.verdicts.values()),
        proofs=_proof_examples(run),
        refuted=_refuted_examples(run.attempts),
        config=json.dumps(summary.config, indent=2, ensure_ascii=False),
    )


def _arm_groups(run: Run) -> list[tuple[str, list[ArmRow]]]:
    held_out = run.summary.held_out
    attempts = Counter[str](row.phase for row in run.attempts)
    lean_calls = Counter[str](row.phase for row in run.attempts if row.lean_ms > 0)
    labels = {
        "before": "Before learning",
        "after": "After learning",
        "control": "Control",
        "portfolio": "Portfolio",
    }

    greedy = {
        "before": held_out.greedy.before,
        "after": held_out.greedy.after,
        "control": held_out.greedy.control,
    }
    arms = {
        "before": held_out.before,
        "after": held_out.after,
        "control": held_out.control,
        "portfolio": held_out.portfolio,
    }
    whole = [
        ArmRow(labels[name], name, arm, greedy.get(name), attempts[name], lean_calls[name])
        for name, arm in arms.items()
        if arm is not None
    ]
    families = held_out.held_out_families
    family_arms = {"before": families.before, "after": families.after, "control": families.control}
    # Attempts are recorded per phase, so their calls are counted once, in the first group.
    of_families = [
        ArmRow(labels[name], name, arm, greedy=None, attempts=None, lean_calls=None)
        for name, arm in family_arms.items()
        if arm is not None
    ]
    groups = [("Held-out theorems", whole), ("Families held out whole", of_families)]
    return [(title, rows) for title, rows in groups if rows]


def _family_groups(held_out: HeldOut) -> list[FamilyGroup]:
    groups: dict[str, list[tuple[str, FamilyRates]]] = {
        "Held out whole: no theorem of the family was trained on": [],
        "Trained on through verdicts alone: no supervised proofs": [],
        "Trained on, with supervised proofs of easy instances": [],
    }
    held_out_whole, verdicts_alone, supervised = groups.values()
    for name, rates in held_out.by_family.items():
        group = held_out_whole if rates.held_out else supervised if rates.supervised else verdicts_alone
        group.append((name, rates))
    for families in groups.values():
        families.sort(key=lambda item: (-(item[1].after or 0.0), -(item[1].before or 0.0), item[0]))
    return [FamilyGroup(title, families) for title, families in groups.items() if families]


def _status_counts(verdicts: dict[Status, int], unknown: bool) -> list[tuple[Status, int]]:
    return [
        (status, verdicts[status])
        for status in Status
        if verdicts.get(status) and (status.kind is Kind.UNKNOWN) == unknown
    ]


def _proof_examples(run: Run) -> list[Example]:
    """Proofs the policy found, of distinct families, the hardest to come by first."""
    proved_before = {row.theorem for row in run.attempts if row.phase == "before" and row.kind is Kind.PROVED}
    measured_before = {row.theorem for row in run.attempts if row.phase == "before"}
    unsupervised = {name for name, rates in run.summary.held_out.by_family.items() if not rates.supervised}

    def newly_proved(row: AttemptRow) -> bool:
        return row.theorem in measured_before - proved_before

    def worth(row: AttemptRow) -> tuple[bool, bool, bool, int]:
        lines = row.proof.strip().count("\n")
        return row.family in unsupervised, lines > 0, newly_proved(row), lines

    found = [
        row
        for row in run.attempts
        if row.phase in ("train", "after") and row.kind is Kind.PROVED and len(row.proof) <= LONGEST_EXAMPLE
    ]
    chosen = _first_of_each(sorted(found, key=worth, reverse=True), EXAMPLES)
    return [
        _example(row, "No attempt proved it before learning" if newly_proved(row) else "") for row in chosen
    ]


def _refuted_examples(attempts: Sequence[AttemptRow]) -> list[Example]:
    """The latest refuted attempts, of distinct statuses where there are several."""
    refuted = [
        row
        for row in reversed(attempts)
        if row.phase in ("train", "after")
        and row.kind is Kind.REFUTED
        and row.reason
        and len(row.proof) <= LONGEST_EXAMPLE
    ]
    by_status: dict[Status, list[AttemptRow]] = defaultdict(list)
    for row in refuted:
        by_status[row.status].append(row)
    first_of_each_status = [rows[0] for rows in by_status.values()]
    return [_example(row, "") for row in _first_of_each([*first_of_each_status, *refuted], REFUTED_EXAMPLES)]


def _first_of_each(rows: Iterable[AttemptRow], limit: int) -> list[AttemptRow]:
    """Up to `limit` rows, one per family in the order given."""
    chosen: dict[str, AttemptRow] = {}
    for row in rows:
        chosen.setdefault(row.family, row)
    return list(chosen.values())[:limit]


def _example(row: AttemptRow, note: str) -> Example:
    origin = "held-out theorem" if row.phase == "after" else f"training, iteration {row.iteration}"
    reason = row.reason if len(row.reason) <= LONGEST_REASON else row.reason[:LONGEST_REASON].rstrip() + " …"
    return Example(
        text=f"{row.statement} := {row.proof.strip()}",
        family=row.family,
        origin=f"{origin}. {note}" if note else origin,
        status=row.status,
        reason=reason,
    )


def _learning_curve(held_out: HeldOut, iterations: Sequence[IterationRow]) -> Markup | None:
    train = [(row.iteration, row.pass_rate) for row in iterations if row.pass_rate is not None]
    if not train:
        return None
    last = train[-1][0]
    checkpoints = {
        row.iteration: row.held_out_pass_at_1 for row in iterations if row.held_out_pass_at_1 is not None
    }
    measured = {0: held_out.before, last: held_out.after}
    for iteration, arm in measured.items():
        if arm is not None:
            checkpoints[iteration] = arm.pass_at_1

    figure = _figure()
    axes = figure.subplots()
    axes.plot(*zip(*train, strict=True), color=COLOURS["muted"], linewidth=1.5)
    for arm, colour in ((held_out.control, "control"), (held_out.portfolio, "portfolio")):
        if arm is not None:
            axes.axhline(arm.pass_at_1, color=COLOURS[colour], linewidth=1.3, dashes=(4, 3))
    steps = sorted(checkpoints)
    rates = [checkpoints[step] for step in steps]
    axes.plot(steps, rates, color=COLOURS["after"], linewidth=2, marker="o", markersize=5)
    for iteration, arm in measured.items():
        if arm is not None:
            axes.vlines(iteration, *arm.pass_at_1_ci, color=COLOURS["after"], linewidth=2)
    axes.set_ylim(0, 1)
    return _svg(figure, "Training pass rate and held-out pass@1 by iteration")


def _verdict_mix(iterations: Sequence[IterationRow]) -> Markup | None:
    rows = [row for row in iterations if sum(row.statuses.values())]
    if not rows:
        return None
    figure = _figure()
    axes = figure.subplots()
    bottom = [0.0] * len(rows)
    for colour in ("proved", "rejected", "refuted", "unknown"):
        shares = [_share(row.statuses, colour) for row in rows]
        axes.bar([row.iteration for row in rows], shares, bottom=bottom, width=0.82, color=COLOURS[colour])
        bottom = [below + share for below, share in zip(bottom, shares, strict=True)]
    axes.set_xlim(rows[0].iteration - 0.6, rows[-1].iteration + 0.6)
    axes.set_ylim(0, 1)
    return _svg(figure, "Share of proved, rejected, otherwise refuted and unknown verdicts by iteration")


def _share(statuses: dict[Status, int], colour: str) -> float:
    def group(status: Status) -> str:
        return "rejected" if status is Status.REJECTED else status.kind.value

    in_group = sum(count for status, count in statuses.items() if group(status) == colour)
    return in_group / sum(statuses.values())


def _figure() -> Figure:
    return Figure(figsize=FIGURE_INCHES, layout="constrained")


def _svg(figure: Figure, description: str) -> Markup:
    """The figure as an inline SVG element in the page's own colours and typeface."""
    for axes in figure.axes:
        axes.set_xlabel("iteration", color=COLOURS["muted"], fontsize=FIGURE_FONT)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.tick_params(length=0, labelcolor=COLOURS["muted"], labelsize=FIGURE_FONT)
        axes.spines[:].set_visible(False)
        axes.grid(axis="y", color=COLOURS["rule"], linewidth=0.8)
        axes.set_axisbelow(True)
    text = io.StringIO()
    # A salt per figure keeps ids of two figures in one page apart, and the page the same on each writing.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": description}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    # Left out: the file prologue, and a style sheet and font list that would fight with the page's own.
    drawn = text.getvalue().partition("<svg")[2].partition("</metadata>")[2]
    drawn = re.sub(r"<style.*?</style>|font-family: [^;]*; ", "", drawn, flags=re.DOTALL)
    width, height = (72 * inches for inches in FIGURE_INCHES)
    opening = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{description}">'
    for name, placeholder in COLOURS.items():
        drawn = drawn.replace(placeholder, f"var(--{name})")
    return Markup(opening + drawn)
