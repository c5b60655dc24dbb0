"""Learners that are formulas, recorded runs drawn again, and policies compared on them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from prover.generators.sealed import new_sealed
from prover.library.features import FEATURES
from prover.theorem import Theorem
from trainer.bench.curriculum import bench_curriculum
from trainer.bench.settings import CurriculumBenchSettings
from trainer.cli.curriculum import curriculum_app
from trainer.config import run_config
from trainer.curriculum.config import CurriculumConfig
from trainer.curriculum.policies.registry import POLICIES
from trainer.curriculum.scheduler import Outcome
from trainer.run.checkpoints import SCHEMA
from trainer.run.directory import AttemptRow, Summary
from trainer.run.start import catalogue_of, curriculum_of
from trainer.simulation.learners import (
    CORRELATIONS,
    MIXES,
    LearnsFrom,
    Mix,
    NumberedTheorems,
    SimulatedLearner,
    draw_world,
)
from trainer.simulation.recorded import RecordedLearner, RecordedRun, read_recorded_run
from trainer.simulation.report import table_of
from trainer.simulation.simulate import POINTS, Setting, simulate, simulate_policy
from verifier.errors import InvalidInput
from verifier.verdict import Status

runner = CliRunner()


def learner(mix: Mix = "easy", learns_from: LearnsFrom = "informative", count: int = 400) -> SimulatedLearner:
    return SimulatedLearner(draw_world(mix, count, 0), learns_from, 0)


# Synthetic learners


@pytest.mark.parametrize("groups", [[], [(3, 8, 0), (4, 8, 0)], [(3, 0, 8)], [(3, 0, 0)]])
def test_groups_that_are_not_informative_teach_nothing(groups: list[tuple[int, int, int]]) -> None:
    taught = learner()
    before = taught.rates()
    taught.learn(groups)
    assert (taught.rates() == before).all()


def test_an_informative_group_teaches_its_theorem_most_then_its_family_then_the_others() -> None:
    world = draw_world("easy", 400, 0)
    taught = SimulatedLearner(world, "informative", 0)
    tried = int(np.flatnonzero(world.provable)[0])
    same = world.features.family == world.features.family[tried]
    before = taught.rates()
    taught.learn([(tried, 4, 4)])
    odds = [rates[world.provable] / (1 - rates[world.provable]) for rates in (before, taught.rates())]
    gained = np.log(odds[1] / odds[0])  # the first of them is of the theorem that was tried
    family, others = gained[1:][same[world.provable][1:]], gained[~same[world.provable]]
    assert gained[0] > 2 * family.max()
    assert family.min() > 2 * others.max() and others.min() > 0


def test_who_learns_from_proofs_learns_from_a_group_that_is_all_proved_but_less_each_time() -> None:
    taught = learner(learns_from="proofs")
    gains = []
    for _ in range(4):
        before = taught.ability()
        taught.learn([(3, 8, 0)])
        gains.append(taught.ability() - before)
    assert gains[0] > gains[1] > gains[2] > gains[3]
    assert gains[0] > 0


def test_what_is_not_practised_fades() -> None:
    taught = learner()
    for _ in range(20):
        taught.learn([(index, 4, 4) for index in range(64)])
    practised = taught.ability()
    for _ in range(50):
        taught.learn([(3, 0, 8)] * 64)
    assert taught.ability() < practised


def test_the_hopeless_are_never_proved_and_only_the_false_disproved() -> None:
    world = draw_world("uniform", 2000, 0)
    able = SimulatedLearner(world, "informative", 0)
    for _ in range(300):
        able.learn([(index, 4, 4) for index in range(0, 2000, 30)])
    proved = np.array([able.attempt(index, 32, disprove=False)[0] for index in range(2000)]) > 0
    disproved = np.array([able.attempt(index, 32, disprove=True)[0] for index in range(2000)]) > 0
    assert not (proved & ~world.provable).any()
    assert not (disproved & ~world.false).any()
    assert not (world.false & world.provable).any()
    assert proved.mean() > 0.5 and disproved[world.false].mean() > 0.5


def test_a_few_attempts_have_no_known_verdict() -> None:
    tried = learner()
    known = sum(sum(tried.attempt(index, 100, disprove=False)) for index in range(100))
    assert 9_700 < known < 9_990


def test_in_the_heavy_tail_most_theorems_are_far_out_of_reach_and_a_few_are_easy() -> None:
    rates = {mix: learner(mix, count=4000).rates() for mix in MIXES}
    assert (rates["heavy_tailed"] < 1e-3).mean() > 0.6
    assert 0.01 < (rates["heavy_tailed"] > 0.5).mean() < 0.05
    assert (rates["easy"] > 0.5).mean() > 0.65
    assert 0.15 < (rates["uniform"] > 0.5).mean() < 0.35


@pytest.mark.parametrize("guidance", [0.0, 1.0])
def test_features_go_with_difficulty_as_closely_as_is_said(guidance: float) -> None:
    world = draw_world("uniform", 20_000, 0, guidance)
    # The difficulties of this mix are the order itself, so this is close to what is meant.
    true = ~world.false
    for name in FEATURES:
        found = np.corrcoef(np.log(world.features.column(name)[true] + 1), world.difficulty[true])[0, 1]
        assert found == pytest.approx(guidance * CORRELATIONS[name], abs=0.06)


# Policies compared


def test_the_policy_of_this_project_solves_more_per_call_where_most_is_out_of_reach() -> None:
    (comparison,) = simulate([Setting("heavy_tailed", theorems=3000, calls=6000)], seeds=3)
    ours, uniform = (comparison.policies[policy] for policy in ("informative", "uniform"))
    assert ours.solved_per_call_over_uniform.ci[0] > 1.5
    assert uniform.solved_per_call_over_uniform.ci == (1, 1)
    assert ours.informative > uniform.informative
    assert max(each.share_of_best.value for each in comparison.policies.values()) == 1
    assert set(comparison.policies) == set(POLICIES)


def test_all_policies_get_the_same_calls_and_the_same_seed_gives_the_same_course() -> None:
    world = draw_world("easy", 500, 1)

    def course(policy: str) -> Any:
        taught = SimulatedLearner(world, "informative", 1)
        config = CurriculumConfig.model_validate({"policy": policy})
        return simulate_policy(NumberedTheorems(world.features), taught, config, 2000, 1)

    courses = {policy: course(policy) for policy in ("informative", "uniform")}
    assert all(len(each.solved) == POINTS for each in courses.values())
    # A group of eight solves at most one theorem; groups grow, and only replays and disproofs are smaller.
    assert all(max(each.solved) <= 2000 / 4 for each in courses.values())
    assert course("informative") == courses["informative"]


def test_where_uniform_solves_nothing_there_is_no_ratio() -> None:
    theorem = Theorem(name="t", statement="theorem t : 1 = 2", source="s", split="train")
    with pytest.raises(InvalidInput, match="--calls"):
        simulate([Setting(RecordedRun("run", (theorem,), np.zeros(1)), theorems=1, calls=64)], seeds=2)


def test_choosing_from_a_store_is_measured(tmp_path: Path) -> None:
    settings = CurriculumBenchSettings(theorems=1500, count=64, rounds=3, store=tmp_path / "t.db")
    added = []
    measured = bench_curriculum(settings, on_added=lambda: added.append(1))
    assert (measured.theorems, len(added)) == (1500, 2)
    assert 64 < measured.touched <= 3 * 64
    assert measured.choose_ms_p50 > 0 and measured.rss_mb > 10
    assert bench_curriculum(settings).theorems == 1500


# Recorded runs


def write_run(directory: Path, rates: dict[str, float], attempts: int = 4) -> Path:
    """A run in which the theorems of a family were proved at one rate."""
    directory.mkdir()
    rows = [
        AttemptRow(
            phase=phase,
            theorem=f"{family}_{number}",
            family=family,
            statement=f"theorem {family}_{number} : {number} = {number}",
            proof="by rfl",
            status=status,
        )
        for family, rate in rates.items()
        for number in range(60)
        for place in range(attempts)
        for phase, status in [
            ("train", Status.PROVED if place < rate * attempts else Status.REJECTED),
            ("train", Status.TIMEOUT),
            ("supervised", Status.PROVED),
        ]
    ]
    (directory / "attempts.jsonl").write_text("".join(row.model_dump_json() + "\n" for row in rows), "utf-8")
    summary = Summary(algorithm="grpo", seed=0)
    (directory / "summary.json").write_text(summary.model_dump_json(), "utf-8")
    return directory


def test_a_recorded_theorem_is_proved_as_often_as_its_known_verdicts_in_training(tmp_path: Path) -> None:
    run = read_recorded_run(write_run(tmp_path / "run", {"never": 0, "half": 0.5, "always": 1}))
    assert len(run.theorems) == 180
    assert [run.theorems[index].family for index in (0, 60, 120)] == ["never", "half", "always"]
    again = RecordedLearner(run, 0)
    proofs = [again.attempt(index, 1000, disprove=False)[0] for index in (0, 60, 120)]
    assert (proofs[0], proofs[2]) == (0, 1000) and 400 < proofs[1] < 600
    assert again.attempt(60, 8, disprove=True) == (0, 8)


def test_policies_are_compared_on_a_recorded_run(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0.25})
    (comparison,) = simulate([Setting(read_recorded_run(run), theorems=300, calls=1200)], seeds=3)
    assert comparison.policies["informative"].solved_per_call_over_uniform.value > 1.2
    assert comparison.policies["informative"].ability is None
    assert "| Informative |" in table_of([comparison])


def test_a_run_without_a_known_verdict_cannot_be_drawn_again(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no attempt"):
        read_recorded_run(write_run(tmp_path / "run", {}))


# The commands


def test_simulate_prints_its_figures_and_writes_the_table_and_the_plot(tmp_path: Path) -> None:
    arguments = ["simulate", "--mix", "easy", "--seeds", "2", "--calls", "1024", "--theorems", "500"]
    result = runner.invoke(curriculum_app, [*arguments, "--json", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    ratio = printed["solved_per_call_over_uniform"]["easy"]
    assert ratio["ci"][0] <= ratio["value"] <= ratio["ci"][1]
    figures = printed["comparisons"]["easy"]["policies"]
    assert figures["informative"]["solved_per_call_over_uniform"] == ratio
    assert figures["uniform"]["solved_per_call_over_uniform"]["value"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"simulation.{x}" for x in ("md", "png", "svg")
    ]
    result = runner.invoke(curriculum_app, arguments)
    assert result.stdout.strip() == (tmp_path / "simulation.md").read_text("utf-8").strip()


def test_a_mix_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="heavy_tailed, easy, uniform"):
        runner.invoke(curriculum_app, ["simulate", "--mix", "hard"], catch_exceptions=False)


def test_why_reads_the_newest_version_of_a_run(tmp_path: Path) -> None:
    config = run_config({"data": {"train": 40}})
    scheduler = curriculum_of(config, catalogue_of(config))
    choice = scheduler.choose(1)[0]
    scheduler.observe([Outcome(choice.index, 1, 3)])
    for number, state in enumerate((curriculum_of(config, catalogue_of(config)).state(), scheduler.state())):
        with new_sealed(tmp_path / "versions" / f"v{number:04d}") as draft:
            kept = {"schema": SCHEMA, "config": config.public, "curriculum": state}
            (draft / "run.json").write_text(json.dumps(kept), "utf-8")
    name = choice.theorem.name
    result = runner.invoke(curriculum_app, ["why", name, "--run", str(tmp_path), "--json"])
    assert json.loads(result.stdout)["history"] == [
        {"round": 1, "proved": 1, "refuted": 3, "disproof": False}
    ]
    result = runner.invoke(curriculum_app, ["why", name, "--run", str(tmp_path)])
    assert result.exit_code == 0
    for said in (
        name,
        choice.theorem.family,
        "Beta(",
        "rank ",
        "log-odds: family",
        "round 1: 1 proved, 3 refuted",
    ):
        assert said in result.stdout
    with pytest.raises(InvalidInput, match="`nothing`"):
        runner.invoke(curriculum_app, ["why", "nothing", "--run", str(tmp_path)], catch_exceptions=False)


def test_why_of_what_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no version"):
        runner.invoke(curriculum_app, ["why", "t", "--run", str(tmp_path)], catch_exceptions=False)
