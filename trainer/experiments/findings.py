"""The report of a run: what its numbers say in words, and one HTML page that shows them.

The words are computed from the numbers and claim no more than they carry: a
difference counts as one only when the 95% intervals do not overlap, or, for the
paired comparison, when its interval excludes 0.
"""

from enum import Enum
from pathlib import Path

from prover.evaluation.files import EvalRecord
from prover.evaluation.statistics import Estimate
from trainer.experiments.held_out import SAMPLES, Arm, HeldOut, families_of, held_out_figures
from trainer.experiments.page import render_page
from trainer.run.alarm import Tally, is_lost
from trainer.run.directory import Summary, read_run
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
    run, held_out = read_run(run_dir), held_out_figures(run_dir)
    path = run_dir / "report.html"
    path.write_text(render_page(run, held_out, findings(run.summary, held_out)), encoding="utf-8")
    return path


def findings(summary: Summary, held_out: HeldOut) -> list[str]:
    """What the run shows and what it does not, most important first; the first is the headline."""
    before, after, control = (held_out.arm(name) for name in ("before", "after", "control"))
    if before is None:
        said = ["Unfinished: the run ended before anything was measured."]
    elif after is None:
        at_1 = before.sampled.summary.at(1)
        said = [
            f"Unfinished: before learning, pass@1 was {_interval(at_1)} on {at_1.n} held-out theorems; "
            "the run ended before it was measured again."
        ]
    else:
        sampled = _change(before.sampled, after.sampled)
        said = [
            _headline(before.sampled, after.sampled),
            _missing(summary, held_out),
            _greedy(before.greedy, after.greedy, control, sampled_rose=sampled is _Change.UP),
            _pass_at_8(before.sampled, after.sampled),
            _control(held_out, sampled_rose=sampled is _Change.UP),
            _portfolio(held_out, after.sampled),
            _new_families(before.new_families, after.new_families),
            _forgotten(before, after),
        ]
    said += [
        _unread(held_out),
        _unknown(summary, held_out),
        f"This is one run with one seed ({summary.seed}). The intervals cover the choice of theorems, "
        "not the luck of a training run.",
    ]
    return [sentence for sentence in said if sentence]


def _headline(before: EvalRecord, after: EvalRecord) -> str:
    old, new = before.summary.at(1), after.summary.at(1)
    meaning = {
        _Change.UP: "the 95% intervals do not overlap",
        _Change.DOWN: "the 95% intervals do not overlap: learning made the model worse",
        _Change.UNCLEAR: "the 95% intervals overlap, so this run does not show that learning changed it",
    }
    difference = new.value - old.value
    if abs(difference) < 0.0005:
        moved = "did not move,"
    else:
        moved = f"{'rose' if difference > 0 else 'fell'} by {_points(abs(difference))},"
    return (
        f"Pass@1 on {new.n} held-out theorems {moved} "
        f"from {_interval(old)} to {_interval(new)}; {meaning[_change(before, after)]}."
    )


def _missing(summary: Summary, held_out: HeldOut) -> str:
    if summary.finished:
        return ""
    missing = ["the control"] if held_out.arm("control") is None else []
    if held_out.portfolio is None and held_out.tactics != ():
        missing.append("the portfolio")
    if not missing:
        return "Unfinished: the run was stopped before it ended."
    return (
        f"Unfinished: the run was stopped before it measured {' and '.join(missing)}, "
        "so nothing here says what the change is owed to."
    )


def _greedy(before: EvalRecord, after: EvalRecord, control: Arm | None, *, sampled_rose: bool) -> str:
    went = f"Greedy decoding went {_from_to(before, after)}"
    if control is not None:
        went += f" (the control: {_interval(control.greedy.summary.at(1))})"
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


def _pass_at_8(before: EvalRecord, after: EvalRecord) -> str:
    meaning = {
        _Change.UP: "do not overlap: more theorems are within reach of 8 samples",
        _Change.DOWN: "do not overlap: fewer theorems are within reach of 8 samples",
        _Change.UNCLEAR: "overlap: it is not clear that more theorems are within reach of 8 samples",
    }
    change = _change(before, after, SAMPLES)
    return f"Pass@8 went {_from_to(before, after, SAMPLES)}; the intervals {meaning[change]}."


def _control(held_out: HeldOut, *, sampled_rose: bool) -> str:
    control, paired = held_out.arm("control"), held_out.over_control
    if control is None or paired is None:
        return ""
    compared = (
        "The control, the same start trained further on the supervised proofs for the same steps and "
        f"tokens without the verifier, reaches {_interval(control.sampled.summary.at(1))}. "
        f"The paired difference, trained minus control, is {_difference(paired)} over {paired.n} theorems"
    )
    match _sign(paired):
        case _Change.UP:
            return (
                f"{compared}: learning from verdicts gave more than the same amount of supervised training."
            )
        case _Change.DOWN:
            return (
                f"{compared}: the same amount of supervised training gave more than learning from verdicts."
            )
    if sampled_rose:
        return f"{compared}. That interval includes 0, so the gain cannot be credited to the verifier."
    return f"{compared}. That interval includes 0, so neither way of training is shown to be better."


def _portfolio(held_out: HeldOut, after: EvalRecord) -> str:
    if held_out.tactics == ():
        return (
            "No one-line tactic proved any of the training theorems it was chosen on: there is no portfolio."
        )
    portfolio, paired = held_out.portfolio, held_out.over_portfolio
    if portfolio is None or paired is None:
        return ""
    once, eight = _change(portfolio, after), _sign(paired)
    where = {_Change.UP: "ahead of", _Change.DOWN: "behind", _Change.UNCLEAR: "not clearly different from"}
    apart = "" if once is eight else f" {where[eight]} it"
    conclusion = {
        _Change.UP: ".",
        _Change.UNCLEAR: ": on these theorems eight samples are not shown to beat the fixed tactics.",
        _Change.DOWN: ": on these theorems the fixed tactics prove more than eight samples.",
    }
    return (
        f"No model at all, but a fixed list of {portfolio.summary.samples} one-line tactics, chosen greedily "
        f"on training theorems, reaches pass@1 {_interval(portfolio.summary.at(1))} and "
        f"pass@8 {_interval(portfolio.summary.at(SAMPLES))}. "
        f"The trained model is {where[once]} it at one attempt and{apart} at eight{conclusion[eight]} "
        f"Theorem by theorem at eight, trained minus portfolio, the difference is {_difference(paired)}."
    )


def _new_families(before: EvalRecord, after: EvalRecord) -> str:
    meaning = {
        _Change.UP: "do not overlap: some of what was learned carries over to new families",
        _Change.DOWN: "do not overlap: learning cost the model on families it did not train on",
        _Change.UNCLEAR: "overlap: no clear sign that what was learned carries over to new families",
    }
    families = len(after.summary.groups.get("source", ()))
    return (
        f"On {after.summary.at(1).n} theorems of the {families} families held out whole, "
        f"pass@1 went {_from_to(before, after)}; the intervals {meaning[_change(before, after)]}."
    )


def _forgotten(before: Arm, after: Arm) -> str:
    old, new = families_of([before]), families_of([after])
    lost = [
        f"{family} ({_of(old[family])} attempts before, {_of(new[family])} after)"
        for family in sorted(old.keys() & new.keys())
        if is_lost(old[family], new[family])
    ]
    if not lost:
        return ""
    return f"Learning cost what was there: {', '.join(lost)} is proved less than half as often."


def _of(tally: Tally) -> str:
    proved, known = tally
    return f"{proved} of {known}"


def _unread(held_out: HeldOut) -> str:
    measured = [record.summary for record in held_out.evaluations.values()]
    unread = {name for found in measured for name in (*found.not_elaborating, *found.no_answer)}
    if not unread:
        return ""
    missing = "theorem is" if len(unread) == 1 else "theorems are"
    return f"{len(unread)} {missing} missing from a measurement: Lean did not read the statement there."


def _unknown(summary: Summary, held_out: HeldOut) -> str:
    measured = [record.summary for record in held_out.evaluations.values()]
    total = sum(summary.verdicts.values()) + sum(evaluation.attempts for evaluation in measured)
    unknown = sum(count for status, count in summary.verdicts.items() if status.kind is Kind.UNKNOWN)
    unknown += sum(evaluation.unknown for evaluation in measured)
    if not unknown:
        return ""
    sentence = (
        f"{unknown:,} of {total:,} verdicts ({unknown / total:.2%}) are unknown: the machine and not the "
        "proof decided. They gave no reward and are in no rate."
    )
    arms = [arm.sampled.summary for name in ("before", "after") if (arm := held_out.arm(name)) is not None]
    if most := max((arm.unknown / arm.attempts for arm in arms if arm.unknown), default=0.0):
        sentence += f" At worst they would move a measured pass@1 by about {_points(most)}."
    return sentence


def _change(before: EvalRecord, after: EvalRecord, k: int = 1) -> _Change:
    """Of pass@k: unclear where the intervals overlap."""
    old, new = before.summary.at(k).ci, after.summary.at(k).ci
    return _Change.UP if new[0] > old[1] else _Change.DOWN if new[1] < old[0] else _Change.UNCLEAR


def _sign(paired: Estimate) -> _Change:
    """Of a difference: unclear where its interval includes 0."""
    low, high = paired.ci
    return _Change.UP if low > 0 else _Change.DOWN if high < 0 else _Change.UNCLEAR


def _from_to(before: EvalRecord, after: EvalRecord, k: int = 1) -> str:
    return f"from {_interval(before.summary.at(k))} to {_interval(after.summary.at(k))}"


def _interval(rate: Estimate) -> str:
    low, high = rate.ci
    return f"{rate.value:.1%} [{100 * low:.1f}, {100 * high:.1f}]"


def _difference(paired: Estimate) -> str:
    low, high = paired.ci
    return f"{_signed(paired.value)} points [{_signed(low)}, {_signed(high)}]"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")
