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
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from prover.families import Dataset
from trainer.config import RunConfig
from trainer.experiments.findings import findings, write_report
from trainer.experiments.held_out import HeldOut, held_out_figures, measure_policy, measure_portfolio
from trainer.experiments.parts import (
    budget_of,
    control_of,
    fingerprint,
    lock_directory,
    open_judge,
    sharing_verdicts,
    start_or_resume,
    train,
    train_control,
)
from trainer.run.directory import (
    TRAINING,
    LeanBuild,
    Spent,
    Summary,
    read_attempts,
    read_metrics,
    read_times,
    timed,
    write_summary,
)
from trainer.run.start import START, dataset_of, make_start
from verifier.console import say
from verifier.errors import ProofmillError
from verifier.lean.runtime import resolve_runtime

__all__ = ["run_demo"]


def run_demo(config: RunConfig, directory: Path) -> Summary:
    """Do what is not done yet of the demo in `directory`; what is finished is readable if it is interrupted.

    Raises:
        InvalidInput: `directory` holds something else, or a demo of other code or settings.
        ProofmillError: a part of the machine failed; no verdict is invented for it.
    """
    made = fingerprint(config)
    with lock_directory(directory):
        start_or_resume(directory, made)
        try:
            experiment(sharing_verdicts(config, directory), directory, dataset_of(config))
        except BaseException:
            # The cause matters more than the page about what was finished before it.
            with suppress(ProofmillError, OSError):
                write_summary(directory, summary_of(config, directory, held_out_figures(directory)))
                say(f"report of what was finished: {write_report(directory)}")
            raise
        held_out = held_out_figures(directory)
        summary = summary_of(config, directory, held_out)
        write_summary(directory, summary)
        for sentence in findings(summary, held_out):
            say(f"- {sentence}")
        say(f"report: {write_report(directory)}")
    return summary


def experiment(config: RunConfig, directory: Path, data: Dataset) -> None:
    """The whole experiment, top to bottom."""
    with open_judge(config) as judge:
        start = make_start(config, directory / START, judge)
        judge.run(measure_policy(config, directory, "before", data, start, judge))
        judge.run(measure_portfolio(config, directory, data, judge))
    with timed(directory, "training"):
        trained = train(config, directory / TRAINING, start)
    with open_judge(config) as judge:
        judge.run(measure_policy(config, directory, "after", data, trained.policy, judge))
        with timed(directory, "control"):
            control = train_control(config, directory / "control", start, trained.budget)
        judge.run(measure_policy(config, directory, "control", data, control.policy, judge))


def summary_of(config: RunConfig, directory: Path, held_out: HeldOut) -> Summary:
    """What the parts that are there come to."""
    runtime = resolve_runtime(config.lean.project)
    attempts = read_attempts(directory)
    lean_calls = sum(row.lean_ms > 0 for row in attempts)
    times = read_times(directory)
    of_start = read_times(directory / START)
    measuring = [record.summary.wall_seconds for record in held_out.evaluations.values()]
    rounds = read_metrics(directory)
    busy = {
        "sampling": sum(row.sampling_s for row in rounds),
        "lean": sum(row.lean_s for row in rounds),
        "learning": sum(row.learning_s for row in rounds),
    }
    parts = {part: seconds for part, seconds in times.items() if part != "training"}
    return Summary(
        algorithm=config.algorithm,
        attempts=len(attempts),
        verdicts=dict(Counter(row.status for row in attempts)),
        trained_on=budgets_of(directory),
        lean_calls=lean_calls,
        cached=len(attempts) - lean_calls,
        wall_s=sum((*times.values(), *of_start.values(), *measuring)),
        time_s=of_start | parts | busy,
        lean=LeanBuild(version=runtime.version, runtime=runtime.name),
        seed=config.seed,
        config=config.public,
        finished=held_out.arm("control") is not None,
    )


def budgets_of(directory: Path) -> dict[Literal["trained", "control"], Spent]:
    """What the trained model and its control learned from, once there is a control."""
    if not (directory / "control").is_dir():
        return {}
    return {
        "trained": Spent(**asdict(budget_of(directory / TRAINING))),
        "control": Spent(**asdict(control_of(directory / "control").budget)),
    }
