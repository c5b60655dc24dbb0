"""The demo as a user runs it, small: what it leaves behind, and what an interrupt or a kill does to it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import is_running
from trainer.config import RunConfig
from trainer.experiments.demo import run_demo
from trainer.experiments.held_out import held_out_figures
from trainer.run.directory import read_run
from verifier.errors import InvalidInput
from verifier.lean.runtime import LeanRuntime
from verifier.sandbox.child import process_tree
from verifier.verdict import Kind, Status

pytestmark = [pytest.mark.e2e, pytest.mark.redis]

SETTINGS = """
iterations = 2
theorems_per_iteration = 4
algorithm = "{algorithm}"
[data]
supervised_pairs = 48
rare_pairs = 7
train = 54
held_out = 27
held_out_family = 4
[supervised]
steps = 40
learning_rate = 0.003
[lean]
workers = 1
verdicts = "{verdicts}"
[expert_iteration]
steps = 1
[policy_gradient.credit]
scheme = "first_error"
[lora]
rank = 4
[measure]
portfolio_theorems = 2
"""


def start_demo(
    tmp_path: Path, verdict_file: Path, algorithm: str = "grpo"
) -> tuple[subprocess.Popen[str], Path]:
    config, run = tmp_path / "demo.toml", tmp_path / "run"
    config.write_text(SETTINGS.format(algorithm=algorithm, verdicts=verdict_file))
    command = [sys.executable, "-m", "trainer.cli", "demo", "--config", str(config), "--out", str(run)]
    # Tests that a shell runs in the background ignore interrupts, and what they start would, too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    return process, run


def finish_demo(tmp_path: Path, verdict_file: Path, algorithm: str = "grpo") -> tuple[Path, str]:
    """A demo that comes to its end, and what it says."""
    process, run = start_demo(tmp_path, verdict_file, algorithm)
    output, _ = process.communicate(timeout=900)
    assert process.returncode == 0, output
    return run, output


def check_complete(run: Path, algorithm: str, lean_version: str) -> None:
    summary = json.loads((run / "summary.json").read_text())
    held_out = held_out_figures(run)
    for name in ("before", "after", "control"):
        arm = held_out.arm(name)
        assert arm is not None
        for k in (1, 8):
            rate = arm.sampled.summary.at(k)
            assert 0 <= rate.ci[0] <= rate.value <= rate.ci[1] <= 1 and rate.n == 27
        assert arm.sampled.summary.samples == 8
        assert arm.greedy.summary.at(1).n == 27 and arm.new_families.summary.at(1).n == 4
        families = {*arm.sampled.summary.groups["source"], *arm.new_families.summary.groups["source"]}
        assert len(families) == 31
        assert arm.sampled.summary.fingerprint["lean"] == lean_version
    assert held_out.portfolio is not None and held_out.portfolio.summary.n == 27
    assert held_out.over_control is not None and held_out.over_portfolio is not None
    assert not any(record.summary.unknown for record in held_out.evaluations.values())
    assert summary["lean"]["version"] == lean_version
    assert (summary["finished"], summary["seed"], summary["algorithm"]) == (True, 0, algorithm)

    recorded = read_run(run)
    assert len(recorded.attempts) == summary["attempts"] == sum(summary["verdicts"].values())
    assert summary["lean_calls"] + summary["cached"] == summary["attempts"]
    assert [row.iteration for row in recorded.iterations] == [1, 2]
    supervised = [each for each in recorded.attempts if each.phase == "supervised"]
    assert {each.status for each in supervised} == {Status.PROVED}
    assert not any(each.kind is Kind.UNKNOWN for each in recorded.attempts)
    for policy in ("start/policy", "training/versions/v0002/policy", "control/policy"):
        assert (run / policy / "model.safetensors").is_file()
    assert (run / "report.html").is_file()
    assert list((run / "training" / "tensorboard").iterdir())


@pytest.mark.slow
def test_a_small_demo_of_expert_iteration_leaves_a_complete_run(
    tmp_path: Path, verdict_file: Path, lean_runtime: LeanRuntime
) -> None:
    run, _ = finish_demo(tmp_path, verdict_file, "expert_iteration")
    check_complete(run, "expert_iteration", lean_runtime.version)


def descendants(pid: int) -> set[int]:
    """All live processes below `pid`."""
    return set(process_tree(pid)) - {pid}


def wait_until(holds: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 600
    while not holds():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)


def training_goes_on(run: Path) -> bool:
    rows = run / "training" / "metrics.jsonl"
    return rows.exists() and rows.stat().st_size > 0


def learning_is_measured(run: Path) -> bool:
    rows = run / "evaluations" / "after" / "attempts.jsonl"
    return rows.exists() and rows.stat().st_size > 0


@pytest.mark.slow
def test_a_demo_that_is_killed_in_training_and_in_measuring_ends_as_one_that_is_not(
    tmp_path: Path, verdict_file: Path, lean_runtime: LeanRuntime
) -> None:
    (tmp_path / "undisturbed").mkdir()
    finished, _ = finish_demo(tmp_path / "undisturbed", verdict_file)
    check_complete(finished, "grpo", lean_runtime.version)
    for moment in (training_goes_on, learning_is_measured):
        process, run = start_demo(tmp_path, verdict_file)
        wait_until(partial(moment, run), process)
        started = descendants(process.pid)
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 30
        while any(map(is_running, started)):
            assert time.monotonic() < deadline, "something still runs"
            time.sleep(0.05)
    run, output = finish_demo(tmp_path, verdict_file)
    assert "supervised start" not in output, "the start was there"
    summaries = [json.loads((each / "summary.json").read_text()) for each in (finished, run)]
    for summary in summaries:
        # Time is not the same twice, and a verifier that was killed has forgotten what it judged.
        for name in ("wall_s", "time_s", "lean_calls", "cached"):
            del summary[name]
    assert summaries[0] == summaries[1]
    kinds = [
        {name: record.kinds for name, record in held_out_figures(each).evaluations.items()}
        for each in (finished, run)
    ]
    assert len(kinds[0]) == 11 and kinds[0] == kinds[1]
    policies = [each / "training" / "versions" / "v0002" / "policy" for each in (finished, run)]
    assert len({(each / "model.safetensors").read_bytes() for each in policies}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["in the start", "in training"])
def test_an_interrupt_ends_every_process_and_leaves_the_run_readable(
    tmp_path: Path, verdict_file: Path, lean_runtime: LeanRuntime, moment: str
) -> None:
    process, run = start_demo(tmp_path, verdict_file)
    if moment == "in training":
        wait_until(lambda: training_goes_on(run), process)
    else:
        wait_until(lambda: (run / "made_by").exists() and descendants(process.pid), process)
    time.sleep(2)
    started = descendants(process.pid)
    assert started, "the demo should have processes of its own by now"
    process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 60
    while process.poll() is None or any(map(is_running, started)):
        assert time.monotonic() < deadline, "something still runs"
        time.sleep(0.05)
    output = process.stdout.read() if process.stdout else ""
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert json.loads((run / "summary.json").read_text())["finished"] is False
    assert (run / "report.html").is_file()


def test_a_demo_of_other_settings_or_among_several_processes_is_refused(
    tmp_path: Path, lean_runtime: LeanRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for left in (".experiment", "made_by"):
        (run / left).write_text("other settings")
    with pytest.raises(InvalidInput, match="other code or settings"):
        run_demo(RunConfig(), run)
    monkeypatch.setitem(os.environ, "WORLD_SIZE", "2")
    with pytest.raises(InvalidInput, match="proofmill train"):
        run_demo(RunConfig(), run)
