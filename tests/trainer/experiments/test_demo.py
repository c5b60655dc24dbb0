"""The demo as a user runs it, small: what it leaves behind, and what an interrupt leaves running."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import is_running
from trainer.run.directory import read_run
from verifier.lean.runtime import LeanRuntime
from verifier.sandbox.child import process_tree
from verifier.verdict import Kind, Status

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
[expert_iteration]
steps = 1
[policy_gradient.credit]
scheme = "first_error"
[lora]
rank = 4
[measure]
portfolio_theorems = 2
"""


def start_demo(tmp_path: Path, algorithm: str = "grpo") -> tuple[subprocess.Popen[str], Path]:
    config, run = tmp_path / "demo.toml", tmp_path / "run"
    config.write_text(SETTINGS.format(algorithm=algorithm))
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


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["grpo", "expert_iteration"])
def test_a_small_demo_leaves_a_complete_run(
    tmp_path: Path, lean_runtime: LeanRuntime, algorithm: str
) -> None:
    process, run = start_demo(tmp_path, algorithm)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output

    summary = json.loads((run / "summary.json").read_text())
    held_out = summary["held_out"]
    for arm in ("before", "after", "control"):
        low, high = held_out[arm]["pass@1_ci"]
        assert 0 <= low <= held_out[arm]["pass@1"] <= high <= 1
        assert (held_out[arm]["n"], held_out[arm]["samples"]) == (27, 8)
        assert held_out["greedy"][arm]["n"] == 27
        assert held_out["held_out_families"][arm]["n"] == 4
    assert held_out["portfolio"]["n"] == 27
    assert len(held_out["by_family"]) == 31
    assert summary["lean"]["version"] == lean_runtime.version
    assert (summary["finished"], summary["seed"], summary["algorithm"]) == (True, 0, algorithm)

    recorded = read_run(run)
    assert len(recorded.attempts) == summary["attempts"] == sum(summary["verdicts"].values())
    assert summary["lean_calls"] + summary["cached"] == summary["attempts"]
    assert [row.iteration for row in recorded.iterations] == [1, 2]
    supervised = [each for each in recorded.attempts if each.phase == "supervised"]
    assert {each.status for each in supervised} == {Status.PROVED}
    assert not any(each.kind is Kind.UNKNOWN for each in recorded.attempts)
    for left in ("report.html", "policies/v0000/model.safetensors", "policies/v0002/model.safetensors"):
        assert (run / left).is_file()
    assert list((run / "tensorboard").iterdir())


def descendants(pid: int) -> set[int]:
    """All live processes below `pid`."""
    return set(process_tree(pid)) - {pid}


def everything_started(run: Path) -> bool:
    return (run / "generator.log").exists()


def first_proofs_judged(run: Path) -> bool:
    log = run / "attempts.jsonl"
    return log.exists() and log.stat().st_size > 0


@pytest.mark.slow
@pytest.mark.parametrize("moment", [everything_started, first_proofs_judged])
def test_an_interrupt_ends_every_process_and_leaves_the_run_readable(
    tmp_path: Path, lean_runtime: LeanRuntime, moment: Callable[[Path], bool]
) -> None:
    process, run = start_demo(tmp_path)
    deadline = time.monotonic() + 180
    while not moment(run):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
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
