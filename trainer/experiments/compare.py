"""`proofmill compare`: several ways to learn, from one start, on the same theorems, with as many Lean calls.

For each seed: data, supervised start and measurement as in the demo; then each arm goes on from that start
for the same number of attempts; then the control, for the optimizer steps and tokens of the first arm, or a
control for each arm, at its rate and for its steps and tokens.  All are measured on the same held-out
theorems.

Each part leaves `seed-S/ARM/result.json`, and what has one is not done again: a comparison that was stopped
goes on with the part that it was at, unless code or settings have changed.  The verdicts of all parts are in
one file: a proof that one arm has found is not judged again for another, and counts for each as an attempt.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trainer.config import RunConfig
from trainer.experiments.comparison_table import ArmResult, MeasuredResult, write_comparison
from trainer.experiments.held_out import Arm, held_out_figures, measure_policy
from trainer.experiments.parts import (
    Trained,
    fingerprint,
    lock_directory,
    mismatch,
    open_judge,
    sharing_verdicts,
    start_or_resume,
    train,
    train_control,
)
from trainer.experiments.variants import CONTROL, START, arm_config, control_of, take_arms
from trainer.model.optimizer import Budget
from trainer.run.directory import TRAINING, read_attempts, read_times, timed, write_whole
from trainer.run.start import dataset_of, make_start
from verifier.console import say
from verifier.errors import InvalidInput

__all__ = ["compare", "show"]

RESULT = "result.json"
MEASURED = "after"
"""The name of every arm's evaluations."""


def compare(
    settings: Mapping[str, Any],
    directory: Path,
    seeds: Sequence[int],
    arms: Sequence[str],
    *,
    own_controls: bool = False,
) -> Path:
    """Do what is not yet done in `directory`; returns the file with the table.

    Args:
        settings: of all arms, and `[arms.NAME]` of arms beyond the project's.
        own_controls: whether each arm has a control of its own.

    Raises:
        InvalidInput: an arm is unknown or named twice; `directory` holds something else, or results of other
            code or settings, or is being written.
        ProofmillError: a part of the machine failed; what was finished stays.
    """
    if len(set(arms)) < len(arms) or START in arms:
        raise InvalidInput(f"name each arm once, and none of them {START!r}: {', '.join(arms)}")
    shared, known = take_arms(settings)
    configs = {
        (seed, arm): sharing_verdicts(arm_config(shared, arm, seed, known), directory)
        for seed in seeds
        for arm in (START, *arms)
    }
    shared_control = {CONTROL: arms[0]} if arms else {}
    results: list[MeasuredResult] = []
    with lock_directory(directory):
        for seed in seeds:
            part = directory / f"seed-{seed}"
            controls = {control_of(arm): arm for arm in arms} if own_controls else shared_control
            for arm in (START, *arms, *controls):
                config, budget = configs[seed, controls.get(arm, arm)], None
                if arm in controls:
                    of_arm = next(
                        found for found, _ in results if (found.seed, found.arm) == (seed, controls[arm])
                    )
                    budget = Budget(of_arm.optimizer_steps, of_arm.tokens)
                result = result_of(config, part, arm, budget)
                results.append(MeasuredResult(result, measured_in(part / arm)))
                table = write_comparison(directory, results)
    say(table.read_text(encoding="utf-8"))
    return table


def show(directory: Path) -> Path:
    """Write the table of the results that are in `directory`, whoever made them; returns its file.

    Raises:
        InvalidInput: there is none, or one cannot be read.
    """
    results = [
        MeasuredResult(_read(path), measured_in(path.parent))
        for path in sorted(directory.glob(f"seed-*/*/{RESULT}"), key=lambda path: path.stat().st_mtime)
    ]
    if not results:
        raise InvalidInput(f"{directory} holds no result: give the --out of a comparison")
    table = write_comparison(directory, results)
    say(table.read_text(encoding="utf-8"))
    return table


def _read(path: Path) -> ArmResult:
    try:
        return ArmResult.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error


def result_of(config: RunConfig, directory: Path, arm: str, budget: Budget | None = None) -> ArmResult:
    """The result of an arm, from disk if it is there; `budget` is the control's.

    Raises:
        InvalidInput: what is there was made by other code or settings.
    """
    place = directory / arm
    path = place / RESULT
    made = fingerprint(config, budget)
    if path.is_file():
        result = _read(path)
        if result.made_by == made:
            return result
        raise mismatch(path)
    start_or_resume(place, made)
    data = dataset_of(config)
    say(f"seed {config.seed}, {arm}")
    with timed(place, arm), open_judge(config) as judge:
        start = make_start(config, directory / START / "start", judge)
        trained = trained_of(config, place, arm, start, budget)
        judge.run(measure_policy(config, place, MEASURED, data, trained.policy, judge))
    result = ArmResult(
        arm=arm,
        seed=config.seed,
        attempts=sum(row.phase in ("train", "disproof") for row in read_attempts(place)),
        optimizer_steps=trained.budget.optimizer_steps,
        tokens=trained.budget.tokens,
        minutes=read_times(place)[arm] / 60,
        made_by=made,
    )
    write_whole(path, result.model_dump_json(indent=1) + "\n")
    return result


def measured_in(directory: Path) -> Arm:
    """What was measured of the arm that has this directory.

    Raises:
        InvalidInput: its evaluations are not there, or cannot be read.
    """
    measured = held_out_figures(directory).arm(MEASURED)
    if measured is None:
        raise InvalidInput(f"{directory} holds a result without evaluations: remove it to have it made anew")
    return measured


def trained_of(config: RunConfig, place: Path, arm: str, start: Path, budget: Budget | None) -> Trained:
    """The policy of an arm, which goes on from `start` or is it, and what that took."""
    if arm == START:
        return Trained(start, Budget())
    if budget is not None:
        return train_control(config, place / "control", start, budget)
    return train(config, place / TRAINING, start)
