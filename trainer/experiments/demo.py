"""`proofmill demo`: a model learns to prove, and a report says by how much and compared to what.

The flow: a supervised start on proofs that Lean has accepted, a measurement on
held-out theorems, training on verdicts, the measurement again.  Two baselines
keep it honest: the best fixed list of tactics, and a control that trains on the
supervised proofs for as many optimizer steps and tokens as the trained model had.

Each part leaves its result in a directory of its own, and what is there is not done again: a demo that was
stopped or killed goes on when it is started again with the same `--out`, code and settings.

    start/                    the policy that all begins with, and the proofs it was trained on
    evaluations/before/ ...   what was measured
    training/                 a run as `proofmill up` makes them (docs/architecture.md)
    control/                  the control's policy
    summary.json, report.html
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from pydantic import TypeAdapter

from prover.evaluation.statistics import Estimate, paired_difference
from prover.families import FAMILIES, Dataset, Role
from prover.generators.sealed import new_sealed
from prover.theorem import Theorem
from trainer.config import RunConfig
from trainer.experiments.findings import findings, write_report
from trainer.experiments.held_out import (
    SAMPLES,
    Measured,
    MeasuredPortfolio,
    arm_of,
    measure,
    measure_portfolio,
    rate_by_family,
)
from trainer.experiments.measuring import Measuring
from trainer.experiments.parts import (
    budget_of,
    control_of,
    fingerprint,
    held,
    judging,
    made_by,
    train,
    train_control,
)
from trainer.run.directory import (
    EVALUATIONS,
    TRAINING,
    ArmStages,
    FamilyRates,
    GreedyRates,
    HeldOut,
    LeanBuild,
    Paired,
    Spent,
    Summary,
    read_attempts,
    read_metrics,
    read_times,
    timed,
    write_summary,
)
from trainer.run.start import START, Judge, dataset_of, make_start
from verifier.console import say
from verifier.errors import ProofmillError
from verifier.lean.runtime import resolve_runtime

__all__ = ["measure_policy", "run_demo"]

Arm = Literal["before", "after", "control"]

MEASURED = "measured.json"
_POLICY = TypeAdapter(Measured)
_PORTFOLIO = TypeAdapter(MeasuredPortfolio)


def run_demo(config: RunConfig, directory: Path) -> Summary:
    """Do what is not done yet of the demo in `directory`; what is finished is readable if it is interrupted.

    Raises:
        InvalidInput: `directory` holds something else, or a demo of other code or settings.
        ProofmillError: a part of the machine failed; no verdict is invented for it.
    """
    made = fingerprint(config)
    data = dataset_of(config)
    with held(directory):
        made_by(directory, made)
        try:
            experiment(config, directory, data)
        except BaseException:
            # The cause matters more than the page about what was finished before it.
            with suppress(ProofmillError, OSError):
                write_summary(directory, summary_of(config, directory, data))
                say(f"report of what was finished: {write_report(directory)}")
            raise
        summary = summary_of(config, directory, data)
        write_summary(directory, summary)
        for sentence in findings(summary):
            say(f"- {sentence}")
        say(f"report: {write_report(directory)}")
    return summary


def experiment(config: RunConfig, directory: Path, data: Dataset) -> None:
    """The whole experiment, top to bottom."""
    measured = partial(measure_policy, config, directory, [*data.held_out, *data.held_out_family])
    with judging(config) as judge:
        start = make_start(config, directory / START, judge)
        measured("before", start, judge)
        measure_baseline(config, directory, data, judge)
    with timed(directory, "training"):
        trained = train(config, directory / TRAINING, start)
    with judging(config) as judge:
        measured("after", trained.policy, judge)
        with timed(directory, "control"):
            control = train_control(config, directory / "control", start, trained.budget)
        measured("control", control.policy, judge)


def measure_policy(
    config: RunConfig, directory: Path, theorems: Sequence[Theorem], arm: Arm, policy: Path, judge: Judge
) -> Measured:
    """Measure a policy on held-out theorems, unless that is done."""
    place = directory / EVALUATIONS / arm
    if not place.is_dir():
        with timed(directory, "evaluation"), new_sealed(place) as draft:
            measured = measure(Measuring(config, draft, judge), arm, theorems, policy)
            (draft / MEASURED).write_bytes(_POLICY.dump_json(measured))
    return _POLICY.validate_json((place / MEASURED).read_bytes())


def measure_baseline(config: RunConfig, directory: Path, data: Dataset, judge: Judge) -> None:
    """Choose and measure the fixed list of tactics, unless that is done."""
    place = directory / EVALUATIONS / "portfolio"
    if not place.is_dir():
        with timed(directory, "portfolio"), new_sealed(place) as draft:
            chosen_on = data.train[: config.measure.portfolio_theorems]
            measured = measure_portfolio(Measuring(config, draft, judge), chosen_on, data.held_out)
            (draft / MEASURED).write_bytes(_PORTFOLIO.dump_json(measured))


def summary_of(config: RunConfig, directory: Path, data: Dataset) -> Summary:
    """What the parts that are there come to."""
    runtime = resolve_runtime(config.lean.project)
    attempts = read_attempts(directory)
    lean_calls = sum(row.lean_ms > 0 for row in attempts)
    held_out = held_out_of(directory, data)
    times = read_times(directory)
    of_start = read_times(directory / START)
    rounds = read_metrics(directory)
    busy = {
        "sampling": sum(row.sampling_s for row in rounds),
        "lean": sum(row.lean_s for row in rounds),
        "learning": sum(row.learning_s for row in rounds),
    }
    parts = {part: seconds for part, seconds in times.items() if part != "training"}
    return Summary(
        held_out=held_out,
        algorithm=config.algorithm,
        attempts=len(attempts),
        verdicts=dict(Counter(row.status for row in attempts)),
        trained_on=budgets_of(directory),
        lean_calls=lean_calls,
        cached=len(attempts) - lean_calls,
        wall_s=sum(times.values()) + sum(of_start.values()),
        time_s=of_start | parts | busy,
        lean=LeanBuild(version=runtime.version, runtime=runtime.name),
        seed=config.seed,
        config=config.public,
        finished=held_out.control_paired is not None,
    )


def budgets_of(directory: Path) -> dict[Literal["trained", "control"], Spent]:
    """What the trained model and its control learned from, once there is a control."""
    if not (directory / "control").is_dir():
        return {}
    return {
        "trained": Spent(**asdict(budget_of(directory / TRAINING))),
        "control": Spent(**asdict(control_of(directory / "control").budget)),
    }


def held_out_of(directory: Path, data: Dataset) -> HeldOut:
    """The figures of what was measured."""
    arms = {
        arm: _POLICY.validate_json(path.read_bytes())
        for arm in get_args(Arm)
        if (path := directory / EVALUATIONS / arm / MEASURED).is_file()
    }
    path = directory / EVALUATIONS / "portfolio" / MEASURED
    portfolio = _PORTFOLIO.validate_json(path.read_bytes()) if path.is_file() else None
    paired: dict[str, Paired] = {}
    if portfolio is not None and arms.keys() >= {"after", "control"}:
        trained = arms["after"].counts_of(data.held_out)
        control = arms["control"].counts_of(data.held_out)
        paired = {
            "control_paired": _paired(paired_difference(trained, control)),
            "portfolio_paired": _paired(paired_difference(trained, portfolio.counts, k=SAMPLES)),
        }
    return HeldOut(
        **{arm: arm_of(measured, data.held_out) for arm, measured in arms.items()},
        greedy=GreedyRates(**{arm: measured.greedy_rate(data.held_out) for arm, measured in arms.items()}),
        held_out_families=ArmStages(
            **{arm: arm_of(measured, data.held_out_family) for arm, measured in arms.items()}
        ),
        portfolio=portfolio.portfolio if portfolio is not None else None,
        by_family=by_family(arms, portfolio, data),
        **paired,
    )


def by_family(
    arms: Mapping[str, Measured], portfolio: MeasuredPortfolio | None, data: Dataset
) -> dict[str, FamilyRates]:
    """The rates of every arm on each family that is measured."""
    theorems = [*data.held_out, *data.held_out_family]
    sizes = Counter(theorem.family for theorem in theorems)
    columns = {arm: rate_by_family(measured, theorems) for arm, measured in arms.items()}
    if portfolio is not None:
        columns["portfolio"] = portfolio.by_family
    return {
        family.name: FamilyRates(
            n=sizes[family.name],
            supervised=family.role in (Role.SUPERVISED, Role.RARE),
            held_out=family.role is Role.HELD_OUT,
            **{arm: rates.get(family.name) for arm, rates in columns.items()},
        )
        for family in FAMILIES
        if sizes[family.name]
    }


def _paired(difference: Estimate) -> Paired:
    return Paired(difference=difference.value, ci=difference.ci, n=difference.n)
