"""A comparison of learners: one start for all, nothing done twice, a table that says what was measured."""

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.evaluation.statistics import bootstrap_interval, nested_interval
from prover.theorem import Theorem
from tests.support.evaluations import STATUS, arm_of, attempt, record_of, write_arm
from trainer.cli.app import COMPARED
from trainer.experiments.compare import compare, measured_in, result_of, show
from trainer.experiments.comparison_table import ArmResult, MeasuredResult, table_of, write_comparison
from trainer.experiments.held_out import Arm
from trainer.experiments.parts import fingerprint, lock_directory
from trainer.experiments.variants import (
    ARMS,
    CONTROL,
    START,
    arm_config,
    arm_title,
    control_of,
    take_arms,
)
from trainer.learners.policy_gradient import PolicyGradientConfig
from trainer.model.optimizer import Budget
from verifier.errors import InvalidInput
from verifier.lean.runtime import LeanRuntime
from verifier.verdict import Kind

P, U = Kind.PROVED, Kind.UNKNOWN
TINY: dict[str, Any] = {
    "iterations": 1,
    "theorems_per_iteration": 4,
    "data": {"supervised_pairs": 48, "rare_pairs": 7, "train": 54, "held_out": 27, "held_out_family": 4},
    "supervised": {"steps": 40, "learning_rate": 0.003},
    "lean": {"workers": 1},
    "policy_gradient": {"credit": {"weight": 0.5}},
}


def result(arm: str, seed: int, **given: Any) -> ArmResult:
    return ArmResult(
        **{
            "arm": arm,
            "seed": seed,
            "attempts": 9216,
            "optimizer_steps": 10,
            "tokens": 1000,
            "minutes": 2.0,
            "made_by": "",
        }
        | given
    )


def measured(arm: str, seed: int, proved: int, **given: Any) -> MeasuredResult:
    """Of four theorems `proved` are always proved, and the others never."""
    kinds = {f"t{i}": [Kind.PROVED if i < proved else Kind.REFUTED] * 8 for i in range(4)}
    return MeasuredResult(result(arm, seed, **given), arm_of(kinds))


def rows_of(table: str) -> dict[str, list[str]]:
    lines = [[cell.strip() for cell in line.strip("| ").split(" |")] for line in table.splitlines()]
    return {line[0]: line[1:] for line in lines if len(line) > 5}


def test_an_arm_is_the_runs_settings_with_its_own_on_top() -> None:
    config = arm_config(TINY, "grpo_potential", seed=3)
    learner = config.section(PolicyGradientConfig)
    assert (config.algorithm, config.seed, learner.seed) == ("grpo", 3, 3)
    assert (learner.credit.scheme, learner.credit.weight) == ("potential", 0.5)
    credited = {"policy_gradient": {"credit": {"scheme": "lecture"}}}
    assert config.needs_tactics and not arm_config(credited, "grpo", seed=3).needs_tactics
    for arm in ARMS:
        assert arm_config({}, arm, seed=0).seed == 0
    assert set(COMPARED.split(",")) < set(ARMS)
    assert arm_title("grpo_verified_prefix") == "GRPO, credit by verified prefix"
    with pytest.raises(InvalidInput, match="grpo_potential"):
        arm_config(TINY, "grpo_magic", seed=0)


def test_arms_of_the_settings_stand_beside_the_projects() -> None:
    own = {"anchored": {"algorithm": "grpo", "policy_gradient": {"anchor": {"weight": 1.0}}}}
    shared, arms = take_arms({**TINY, "arms": own})
    assert "arms" not in shared and set(arms) == {*ARMS, "anchored"}
    config = arm_config(shared, "anchored", seed=3, arms=arms)
    assert isinstance(config.learner, PolicyGradientConfig) and config.learner.anchor.is_on
    assert arm_title("anchored") == "anchored"
    assert arm_title(control_of("grpo")) == "The control of: GRPO"
    taken: list[dict[str, Any]] = [{"grpo": {}}, {"control-grpo": {}}, {"anchored": 3}]
    for wrong in taken:
        with pytest.raises(InvalidInput, match="arms"):
            take_arms({"arms": wrong})


def test_an_arm_is_compared_with_its_own_control_where_it_has_one() -> None:
    results = [measured("grpo", 0, 3), measured("dpo", 0, 2), measured(control_of("grpo"), 0, 1)]
    rows = rows_of(table_of([*results, measured(control_of("dpo"), 0, 2)]))
    assert rows["GRPO"][3].startswith("+50.0") and rows["DPO"][3].startswith("+0.0")
    assert rows["The control of: GRPO"][3] == ""


def test_the_table_has_means_over_seeds_and_differences_theorem_by_theorem() -> None:
    results = [
        measured("grpo", 0, 4),
        measured("grpo", 1, 2),
        measured(CONTROL, 0, 1, attempts=0),
        measured(CONTROL, 1, 1, attempts=0),
        measured(START, 0, 1, attempts=0, optimizer_steps=0, tokens=0),
        measured(START, 1, 1, attempts=0, optimizer_steps=0, tokens=0),
    ]
    rows = rows_of(table_of(results))
    assert list(rows)[2:] == ["Supervised start", "Supervised training continued", "GRPO"]
    assert rows["GRPO"][0].startswith("75.0 [") and rows["GRPO"][2].startswith("75.0 [")
    assert rows["GRPO"][3].startswith("+50.0 [") and rows["Supervised start"][3] == "+0.0 [+0.0, +0.0]"
    assert rows["GRPO"][5:] == ["0.50", "9,216", "10", "1,000", "2.0"]


def test_every_arm_is_compared_with_every_other_theorem_by_theorem() -> None:
    table = table_of([measured(START, 0, 1), measured("grpo", 0, 3), measured("dpo", 0, 2)])
    matrix = [line for line in table.splitlines() if line.startswith(("| GRPO |", "| DPO |"))][2:]
    assert matrix == [
        "| GRPO | +50.0 [+0.0, +100.0] |  | +25.0 [+0.0, +75.0] |",
        "| DPO | +25.0 [+0.0, +75.0] | -25.0 [-75.0, +0.0] |  |",
    ]


def test_families_that_were_opened_or_forgotten_are_named() -> None:
    def arm(name: str, proved: dict[str, int]) -> MeasuredResult:
        rows = [
            attempt(family, sample, STATUS[P if sample < count else Kind.REFUTED])
            for family, count in proved.items()
            for sample in range(40)
        ]
        theorems = [
            Theorem(name=each, statement=f"theorem {each} : True", source="t", split="test", family=each)
            for each in proved
        ]
        record = record_of(rows, theorems, samples=40)
        return MeasuredResult(result(name, 0), Arm(record, record, record_of([attempt("new", 0, STATUS[P])])))

    start = arm(START, {"parity": 30, "gcd": 0, "mirror": 0, "sums": 30})
    table = table_of([start, arm("grpo", {"parity": 2, "gcd": 12, "mirror": 1, "sums": 25})])
    assert "| GRPO | gcd | parity |" in table.splitlines()


def test_a_table_is_made_of_the_results_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no result"):
        show(tmp_path)
    for arm, proved in ((START, 1), ("grpo", 3)):
        found = measured(arm, 7, proved)
        place = tmp_path / "seed-7" / arm
        write_arm(place, "after", found.measured)
        (place / "result.json").write_text(found.result.model_dump_json())
    assert list(rows_of(show(tmp_path).read_text()))[2:4] == ["Supervised start", "GRPO"]


def test_unknown_verdicts_are_in_no_rate_of_the_table() -> None:
    kinds = {"t0": [U] * 8, "t1": [P] * 8, "t2": [P] * 8, "t3": [P, U] * 4}
    found = MeasuredResult(result("grpo", 0), arm_of(kinds, greedy=[U, P, P, P]))
    row = rows_of(table_of([found, measured(CONTROL, 0, 4)]))["GRPO"]
    assert row[:4] == ["100.0 [100.0, 100.0]"] * 3 + ["+0.0 [+0.0, +0.0]"]


def test_the_figure_and_the_table_are_written(tmp_path: Path) -> None:
    write_comparison(tmp_path, [measured("grpo", 0, 3), measured(START, 0, 1)])
    assert "GRPO" in (tmp_path / "comparison.md").read_text()
    assert "<svg" in (tmp_path / "comparison.svg").read_text()


def test_a_directory_with_something_else_or_one_that_is_written_is_refused(tmp_path: Path) -> None:
    with (
        lock_directory(tmp_path / "new"),
        pytest.raises(InvalidInput, match="another process"),
        lock_directory(tmp_path / "new"),
    ):
        pass
    with lock_directory(tmp_path / "new"):
        pass
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(InvalidInput, match="something else"), lock_directory(tmp_path / "full"):
        pass


@pytest.mark.lean
def test_a_result_of_other_settings_is_not_taken_for_this_one(tmp_path: Path) -> None:
    config = arm_config(TINY, "grpo", seed=0)
    path = tmp_path / "grpo" / "result.json"
    path.parent.mkdir()
    path.write_text(result("grpo", 0, made_by=fingerprint(config, None)).model_dump_json())
    assert result_of(config, tmp_path, "grpo").arm == "grpo"
    for other, budget in ((arm_config({**TINY, "iterations": 2}, "grpo", 0), None), (config, Budget(1, 2))):
        with pytest.raises(InvalidInput, match="other code or settings"):
            result_of(other, tmp_path, "grpo", budget)
    path.write_text("{}")
    with pytest.raises(InvalidInput, match="cannot be read"):
        result_of(config, tmp_path, "grpo")


@pytest.mark.parametrize("arms", [["grpo", "grpo"], ["start"], ["control"], ["grpo", "magic"]])
def test_arms_that_cannot_be_compared_are_refused(tmp_path: Path, arms: list[str]) -> None:
    with pytest.raises(InvalidInput):
        compare(TINY, tmp_path / "c", [0], arms)
    assert not (tmp_path / "c").exists()


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=9), min_size=1, max_size=4))
def test_the_interval_over_runs_holds_the_mean_of_runs_and_no_more_than_the_values(
    runs: list[list[float]],
) -> None:
    low, high = nested_interval(runs)
    assert min(map(min, runs)) - 1e-9 <= low <= high <= max(map(max, runs)) + 1e-9
    if len({value for run in runs for value in run}) == 1:
        assert low == pytest.approx(high)


def test_runs_that_differ_widen_the_interval_and_one_run_has_that_of_its_theorems() -> None:
    same = [[0.0, 1.0] * 50] * 3
    apart = [[0.0] * 100, [0.0, 1.0] * 50, [1.0] * 100]
    assert fmean(map(fmean, same)) == fmean(map(fmean, apart))
    widths = [high - low for low, high in map(nested_interval, (same, apart))]
    assert widths[1] > 3 * widths[0]
    assert nested_interval(same[:1]) == pytest.approx(bootstrap_interval(same[0]), abs=0.02)
    with pytest.raises(InvalidInput, match="every run"):
        nested_interval([[1.0], []])


@pytest.mark.redis
@pytest.mark.e2e
@pytest.mark.slow
def test_a_comparison_goes_on_where_it_was_stopped_and_does_nothing_twice(
    tmp_path: Path, verdict_file: Path, lean_runtime: LeanRuntime
) -> None:
    settings = {**TINY, "lean": {"workers": 1, "verdicts": str(verdict_file)}}
    table = compare(settings, tmp_path / "c", [0], ["grpo_first_error"])
    rows = rows_of(table.read_text())
    assert list(rows)[2] == "Supervised start" and "GRPO, credit by first error" in rows
    part = tmp_path / "c" / "seed-0"
    results = sorted(part.glob("*/result.json"))
    before = {path: path.stat().st_mtime_ns for path in results}
    trained = json.loads((part / "grpo_first_error" / "result.json").read_text())
    assert trained["attempts"] == 16
    assert len(measured_in(part / "grpo_first_error").sampled.counts(1)) == 27
    # As if it had been killed while it trained that arm.
    (part / "grpo_first_error" / "result.json").unlink()
    compare(settings, tmp_path / "c", [0], ["grpo_first_error"])
    again = json.loads((part / "grpo_first_error" / "result.json").read_text())
    assert {**again, "minutes": 0} == {**trained, "minutes": 0}
    unchanged = [path for path in results if path.parent.name != "grpo_first_error"]
    assert all(path.stat().st_mtime_ns == before[path] for path in unchanged)
