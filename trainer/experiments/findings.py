"""The report of a run: what its numbers say in words, and one HTML page that shows them.

The words are computed from the numbers and claim no more than they carry: a
difference counts as one only when the 95% intervals do not overlap, or, for the
paired comparison, when its interval excludes 0.
"""

from enum import Enum
from pathlib import Path

from trainer.experiments.page import render_page
from trainer.run.directory import HeldOut, Rate, Summary, read_run
from verifier.verdict import Kind

__all__ = ["findings", "write_report"]


class _Change(Enum):
    UP = "up"
    DOWN = "down"
    UNCLEAR = "unclear"


def write_report(run_dir: Path) -> Path:
    """Write `report.html` into a run directory, finished or not, and return its path.

    Raises `InvalidInput` when the directory's files cannot be read as a run.
    """
    run = read_run(run_dir)
    path = run_dir / "report.html"
    path.write_text(render_page(run, findings(run.summary)), encoding="utf-8")
    return path


def findings(summary: Summary) -> list[str]:
    """What the run shows and what it does not, most important first; the first is the headline."""
    held_out = summary.held_out
    said = [
        _headline(held_out),
        _missing(summary),
        _greedy(held_out),
        _pass_at_8(held_out),
        _control(held_out),
        _portfolio(held_out),
        _held_out_families(held_out),
        _unknown(summary),
        f"This is one run with one seed ({summary.seed}). The intervals cover the choice of theorems, "
        "not the luck of a training run.",
    ]
    return [sentence for sentence in said if sentence]


def _headline(held_out: HeldOut) -> str:
    before, after = held_out.before, held_out.after
    if before is None:
        return "Unfinished: the run ended before anything was measured."
    if after is None:
        return (
            f"Unfinished: before learning, pass@1 was {_interval(before.at_1)} on {before.n} held-out "
            "theorems; the run ended before it was measured again."
        )
    match _change(before.at_1, after.at_1):
        case _Change.UP:
            meaning = "the 95% intervals do not overlap"
        case _Change.DOWN:
            meaning = "the 95% intervals do not overlap: learning made the model worse"
        case _Change.UNCLEAR:
            meaning = "the 95% intervals overlap, so this run does not show that learning changed it"
    difference = after.pass_at_1 - before.pass_at_1
    if abs(difference) < 0.0005:
        moved = "did not move,"
    else:
        moved = f"{'rose' if difference > 0 else 'fell'} by {_points(abs(difference))},"
    return (
        f"Pass@1 on {after.n} held-out theorems {moved} "
        f"from {_interval(before.at_1)} to {_interval(after.at_1)}; {meaning}."
    )


def _missing(summary: Summary) -> str:
    if summary.finished or summary.held_out.after is None:
        return ""
    measured = {"the control": summary.held_out.control, "the portfolio": summary.held_out.portfolio}
    missing = [name for name, arm in measured.items() if arm is None]
    if not missing:
        return "Unfinished: the run was stopped before it ended."
    return (
        f"Unfinished: the run was stopped before it measured {' and '.join(missing)}, "
        "so nothing here says what the change is owed to."
    )


def _greedy(held_out: HeldOut) -> str:
    before, after = held_out.greedy.before, held_out.greedy.after
    if before is None or after is None:
        return ""
    went = f"Greedy decoding went from {_interval(before)} to {_interval(after)}"
    if held_out.greedy.control is not None:
        went += f" (the control: {_interval(held_out.greedy.control)})"
    sampled_rose = _sampled_change(held_out) is _Change.UP
    match _change(before, after), sampled_rose:
        case _Change.UP, True:
            return (
                f"{went}, and these intervals do not overlap either: the proof the model finds most "
                "likely is right more often, so the gain is more than sharpening."
            )
        case _Change.UP, False:
            return f"{went}; the intervals do not overlap, although sampled pass@1 shows no clear gain."
        case _Change.UNCLEAR, True:
            return (
                f"{went}, and these intervals overlap: the gain in sampled pass@1 may be mere sharpening, "
                "that is, drawing more often the proofs the model already found most likely."
            )
        case _Change.UNCLEAR, False:
            return f"{went}; the intervals overlap, so greedy decoding shows no clear change either."
        case _:
            return (
                f"{went}; the intervals do not overlap: the proof the model finds most likely "
                "is right less often."
            )


def _pass_at_8(held_out: HeldOut) -> str:
    before, after = held_out.before, held_out.after
    if before is None or after is None:
        return ""
    went = f"Pass@8 went from {_interval(before.at_8)} to {_interval(after.at_8)}"
    match _change(before.at_8, after.at_8):
        case _Change.UP:
            return f"{went}; the intervals do not overlap: more theorems are within reach of 8 samples."
        case _Change.DOWN:
            return f"{went}; the intervals do not overlap: fewer theorems are within reach of 8 samples."
        case _Change.UNCLEAR:
            return (
                f"{went}; the intervals overlap: it is not clear that more theorems "
                "are within reach of 8 samples."
            )


def _control(held_out: HeldOut) -> str:
    control, paired = held_out.control, held_out.control_paired
    if control is None or paired is None:
        return ""
    low, high = paired.ci
    compared = (
        "The control, the same start trained further on the supervised proofs for the same steps and "
        f"tokens without the verifier, reaches {_interval(control.at_1)}. "
        f"The paired difference, trained minus control, is {_signed(paired.difference)} points "
        f"[{_signed(low)}, {_signed(high)}] over {paired.n} theorems"
    )
    if low > 0:
        return f"{compared}: learning from verdicts gave more than the same amount of supervised training."
    if high < 0:
        return f"{compared}: the same amount of supervised training gave more than learning from verdicts."
    if _sampled_change(held_out) is _Change.UP:
        return f"{compared}. That interval includes 0, so the gain cannot be credited to the verifier."
    return f"{compared}. That interval includes 0, so neither way of training is shown to be better."


def _portfolio(held_out: HeldOut) -> str:
    portfolio, after = held_out.portfolio, held_out.after
    if portfolio is None or after is None:
        return ""
    if not portfolio.tactics:
        return (
            "No one-line tactic proved any of the training theorems it was chosen on: there is no portfolio."
        )
    once, eight = _change(portfolio.at_1, after.at_1), _change(portfolio.at_8, after.at_8)
    by_theorem = ""
    if (paired := held_out.portfolio_paired) is not None:
        low, high = paired.ci
        eight = _Change.UP if low > 0 else _Change.DOWN if high < 0 else _Change.UNCLEAR
        by_theorem = (
            " Theorem by theorem at eight, trained minus portfolio, the difference is "
            f"{_signed(paired.difference)} points [{_signed(low)}, {_signed(high)}]."
        )
    where = {_Change.UP: "ahead of", _Change.DOWN: "behind", _Change.UNCLEAR: "not clearly different from"}
    if once is eight:
        compared = f"The trained model is {where[once]} it at one attempt and at eight"
    else:
        compared = f"The trained model is {where[once]} it at one attempt and {where[eight]} it at eight"
    conclusion = {
        _Change.UP: ".",
        _Change.UNCLEAR: ": on these theorems eight samples are not shown to beat the fixed tactics.",
        _Change.DOWN: ": on these theorems the fixed tactics prove more than eight samples.",
    }
    return (
        f"No model at all, but a fixed list of {len(portfolio.tactics)} one-line tactics, chosen greedily on "
        f"training theorems, reaches pass@1 {_interval(portfolio.at_1)} and "
        f"pass@8 {_interval(portfolio.at_8)}. "
        f"{compared}{conclusion[eight]}{by_theorem}"
    )


def _held_out_families(held_out: HeldOut) -> str:
    before, after = held_out.held_out_families.before, held_out.held_out_families.after
    if before is None or after is None:
        return ""
    families = sum(family.held_out for family in held_out.by_family.values())
    whose = f"the {families} families held out whole" if families else "families held out whole"
    went = (
        f"On {after.n} theorems of {whose}, pass@1 went from {_interval(before.at_1)} "
        f"to {_interval(after.at_1)}; the intervals"
    )
    match _change(before.at_1, after.at_1):
        case _Change.UP:
            return f"{went} do not overlap: some of what was learned carries over to new families."
        case _Change.DOWN:
            return f"{went} do not overlap: learning cost the model on families it did not train on."
        case _Change.UNCLEAR:
            return f"{went} overlap: no clear sign that what was learned carries over to new families."


def _unknown(summary: Summary) -> str:
    total = sum(summary.verdicts.values())
    unknown = sum(count for status, count in summary.verdicts.items() if status.kind is Kind.UNKNOWN)
    if not unknown:
        return ""
    sentence = (
        f"{unknown:,} of {total:,} verdicts ({unknown / total:.2%}) are unknown: the machine and not the "
        "proof decided. They gave no reward and are in no rate."
    )
    arms = [
        arm for arm in (summary.held_out.before, summary.held_out.after) if arm is not None and arm.unknown
    ]
    if arms:
        most = max(arm.unknown / (arm.n * arm.samples) for arm in arms)
        sentence += f" At worst they would move a measured pass@1 by about {_points(most)}."
    return sentence


def _sampled_change(held_out: HeldOut) -> _Change:
    if held_out.before is None or held_out.after is None:
        return _Change.UNCLEAR
    return _change(held_out.before.at_1, held_out.after.at_1)


def _change(old: Rate, new: Rate) -> _Change:
    if new.ci[0] > old.ci[1]:
        return _Change.UP
    if new.ci[1] < old.ci[0]:
        return _Change.DOWN
    return _Change.UNCLEAR


def _interval(rate: Rate) -> str:
    low, high = rate.ci
    return f"{rate.rate:.1%} [{100 * low:.1f}, {100 * high:.1f}]"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")
