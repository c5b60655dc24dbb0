"""The training daemon: when it is killed, when nobody answers, and when its files are not right."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from prover.generators.messages import Order
from prover.generators.transformers import TransformersEngine, load_model
from prover.generators.worker import GENERATOR_GROUP, load_with
from prover.library.store import TheoremStore
from prover.library.training_set import TrainingSet
from prover.theorem import Theorem
from tests.chaos import chaos, prepare
from tests.support.answering import answering
from trainer.config import RunConfig, load_config, run_config, write_settings
from trainer.curriculum.draws import DrawsConfig
from trainer.launch.up import run_up
from trainer.run.daemon import run_daemon
from trainer.run.start import alone_in, curriculum_of
from verifier.errors import InvalidInput, ProofmillError, StalledError
from verifier.lean.runtime import LeanRuntime
from verifier.streams.connection import REDIS_VARIABLE, connect
from verifier.streams.stream import Stream, StreamNames
from verifier.streams.valkey import EmbeddedRedis

TIMES = {"wall_s", "learning_s", "sampling_s", "lean_s", "busy", "bottleneck"}
OF_THE_CACHE = {"lean_calls", "cached"}


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> str:
    return redis_server.url


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    settings = prepare(tmp_path / "given", rounds=2, max_staleness=0, algorithm="grpo")
    # So that every group has as many samples as every other.
    return load_config(settings, curriculum={"policy": "uniform"})


def with_daemon(config: RunConfig, **settings: Any) -> RunConfig:
    return config.model_copy(update={"daemon": config.daemon.model_copy(update=settings)})


def stalled_run(config: RunConfig, redis_url: str, tmp_path: Path) -> Path:
    """A run that nobody answered, with some versions."""
    with pytest.raises(StalledError, match="look at the logs of the generators"):
        run_daemon(with_daemon(config, deadline_s=0.1), tmp_path / "run", redis_url, "run")
    return tmp_path / "run"


def rows(path: Path, *, without: set[str]) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in without} for row in found]


@pytest.fixture
def answered(redis_url: str) -> Iterator[None]:
    with answering(redis_url, "run", load_with(TransformersEngine("cpu", threads=1))):
        yield


@pytest.mark.parametrize("scheme", ["outcome", "first_error"])
def test_verdicts_are_asked_for_tactics_where_the_learner_needs_them(
    config: RunConfig, redis_url: str, scheme: str, tmp_path: Path
) -> None:
    credit = {"policy_gradient": {"credit": {"scheme": scheme}}}
    asks = run_config(config.model_dump(exclude={"policy_gradient"}) | credit)
    stalled_run(asks, redis_url, tmp_path)
    with connect(redis_url) as client:
        orders = Stream(client, StreamNames("run").tasks, Order).read(GENERATOR_GROUP, "g", 9, 0)
    tasks = [task for order in orders for task in order.message.tasks]
    assert {task.submission(0, "by simp").tactics for task in tasks} == {scheme != "outcome"}


def test_a_finished_run_goes_on_when_it_is_asked_for_more_rounds(
    config: RunConfig, redis_url: str, answered: None, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    for iterations in (2, 2, 3):
        run_daemon(config.model_copy(update={"iterations": iterations}), run, redis_url, "run")
    rounds = rows(run / "metrics.jsonl", without=TIMES)
    assert [(each["round"], each["policy_version"]) for each in rounds] == [(1, 0), (2, 1), (4, 3)]
    assert rounds[-1]["accounts"] == {"trained": 3 * 48, "late": 0}
    assert json.loads((run / "summary.json").read_text())["finished"]


def test_what_a_kill_left_half_written_does_not_stay_on_the_disk(
    config: RunConfig, redis_url: str, answered: None, tmp_path: Path
) -> None:
    versions = tmp_path / "run" / "versions"
    half = versions / ".v0000-abcdefgh" / "policy"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"half")
    run_daemon(config, tmp_path / "run", redis_url, "run")
    assert sorted(path.name for path in versions.iterdir()) == ["v0000", "v0001", "v0002"]


def test_a_round_that_brings_too_little_contrast_is_added_to_the_next(
    config: RunConfig, redis_url: str, answered: None, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    draws = DrawsConfig(contrast_groups=1000, at_most=2)
    measure = config.measure.model_copy(update={"kl_attempts": 8})
    update = {"draws": draws, "iterations": 3, "measure": measure}
    asked = with_daemon(config, keep=9).model_copy(update=update)
    run_daemon(asked, run, redis_url, "run")
    rounds = rows(run / "metrics.jsonl", without=TIMES)
    assert [each.get("held", False) for each in rounds] == [True, False, False]
    assert [each["iteration"] for each in rounds] == [1, 2, 3]
    assert rounds[-1]["accounts"] == {"trained": 3 * 48, "late": 0}
    policies = [run / "versions" / f"v000{i}" / "policy" / "model.safetensors" for i in range(4)]
    first, held, learned, _ = [each.read_bytes() for each in policies]
    assert first == held != learned
    divergence = [each["kl_from_start"] for each in rounds]
    assert divergence[:2] == pytest.approx([0, 0], abs=1e-4) and abs(divergence[2]) > 1e-4
    assert set(rounds[0]["family_verdicts"]) == set(rounds[0]["family_pass_rate"])


def test_a_group_grows_where_its_outcome_is_open_and_all_attempts_are_counted(
    config: RunConfig, redis_url: str, answered: None, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    update = {"draws": DrawsConfig(grow_to=12), "iterations": 4}
    run_daemon(config.model_copy(update=update), run, redis_url, "run")
    rounds = rows(run / "metrics.jsonl", without=TIMES)
    assert rounds[0]["held"] and not rounds[-1].get("held")
    attempts = rows(run / "attempts.jsonl", without=set())
    groups = Counter(row["id"].rsplit("/", 1)[0] for row in attempts if row["iteration"] == 2)
    assert list(groups.values()).count(12 - 8) == rounds[0]["informative_groups"] > 0
    assert sum(rounds[-1]["accounts"].values()) == rounds[-1]["issued"] == len(attempts)
    assert abs(len(attempts) - 4 * 48) < 48


def test_what_is_sampled_ahead_is_learned_from_one_version_later(
    config: RunConfig, redis_url: str, answered: None, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    ahead = with_daemon(config, max_staleness=1, keep=1).model_copy(update={"iterations": 4})
    run_daemon(ahead, run, redis_url, "run")
    attempts = rows(run / "attempts.jsonl", without=set())
    assert {(each["iteration"] - 1 - each["policy_version"]) for each in attempts} == {0, 1}
    accounts = rows(run / "metrics.jsonl", without=TIMES)[-1]["accounts"]
    assert accounts == {"trained": 4 * 48, "late": 0} and len(attempts) == 4 * 48
    assert len(list((run / "versions").iterdir())) <= 3, "the newest, the best, and what is sampled from"


@pytest.mark.e2e
@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.e2e
def test_several_processes_with_divided_weights_train_together_and_go_on_from_their_checkpoint(
    config: RunConfig, redis_url: str, answered: None, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    for iterations in (1, 2):
        together = {"iterations": iterations, "compute": config.compute.model_copy(update={"shard": True})}
        settings = write_settings(config.model_copy(update=together), tmp_path)
        launcher = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
        train = ("trainer.cli", "train", str(settings), "--out", str(run))
        command = [sys.executable, "-m", *launcher, "-m", *train]
        environment = {**os.environ, REDIS_VARIABLE: redis_url}
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=600, env=environment
        )
        assert done.returncode == 0, done.stderr[-3000:]
    rounds = rows(run / "metrics.jsonl", without=TIMES)
    assert [(each["iteration"], each["accounts"]["trained"]) for each in rounds] == [(1, 48), (2, 96)]
    policies = [run / "versions" / version / "policy" for version in ("v0001", "v0003")]
    first, last = (load_model(policy)[0] for policy in policies)
    assert first.num_parameters() == last.num_parameters()
    assert not all(map(torch.equal, first.parameters(), last.parameters())), "nothing was learned"


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_is_not(
    tmp_path: Path, lean_runtime: LeanRuntime
) -> None:
    settings = prepare(tmp_path, rounds=4, max_staleness=0, algorithm="grpo")
    # So that a kill falls between a round that is held and the update that waits for another.
    with settings.open("a", encoding="utf-8") as file:
        file.write("\n[draws]\ncontrast_groups = 1000\nat_most = 2\n")
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    chaos(settings, undisturbed, kills=0, seed=0)
    assert chaos(settings, killed, kills=8, seed=0).total() == 8
    weights = [run / "versions" / "v0004" / "policy" / "model.safetensors" for run in (undisturbed, killed)]
    assert len({hashlib.sha256(each.read_bytes()).hexdigest() for each in weights}) == 1
    start = tmp_path / "start" / "model.safetensors"
    assert weights[0].read_bytes() != start.read_bytes(), "nothing was learned, so nothing was tested"
    for name, without in (("metrics.jsonl", TIMES | OF_THE_CACHE), ("attempts.jsonl", {"lean_ms"})):
        expected, found = (rows(run / name, without=without) for run in (undisturbed, killed))
        assert found == expected


def test_a_run_that_nobody_answers_ends_and_counts_no_attempt_as_refuted(
    config: RunConfig, redis_url: str, tmp_path: Path
) -> None:
    run = stalled_run(config, redis_url, tmp_path)
    rounds = rows(run / "metrics.jsonl", without=TIMES)
    assert [each["accounts"] for each in rounds] == [{"unknown": 48 * n, "late": 0} for n in (1, 2)]
    assert "pass_rate" not in rounds[0]


@pytest.mark.e2e
@pytest.mark.slow
def test_a_false_statement_among_two_hundred_is_disproved_reported_and_tried_no_more(
    config: RunConfig,
    lean_runtime: LeanRuntime,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    store = tmp_path / "theorems.db"
    with TheoremStore(store, create=True) as opened:
        for number in range(200):
            name = "planted" if number == 100 else f"true{number}"
            factor = 2 if number == 100 else 1
            statement = f"theorem {name} (a b : Nat) : a + b * {factor} + {number} = b + a + {number}"
            opened.add(Theorem(name=name, statement=statement, source="mine", split="train"))
    settings = config.model_dump() | {
        "iterations": 5,
        "theorems_per_iteration": 200,
        "curriculum": {"policy": "informative", "disprove_after": 1},
        "data": {"store": store},
    }
    settings["sampling"]["samples"] = 2
    planted = run_config(settings)
    run = tmp_path / "run"
    run.mkdir()
    assert run_up(write_settings(planted, run), planted, run).code == 0
    rounds = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    disproved = [each["disproved"] for each in rounds]
    known_in = disproved.index(1) + 1
    assert disproved == [0] * (known_in - 1) + [1] * (len(rounds) + 1 - known_in)
    assert 1 < known_in < len(rounds)
    assert "`planted` is false: its negation is proved" in capfd.readouterr().out
    attempts = [json.loads(line) for line in (run / "attempts.jsonl").read_text().splitlines()]
    disproofs = [row for row in attempts if row["phase"] == "disproof"]
    assert {row["theorem"] for row in disproofs if row["status"] == "proved"} == {"planted.negated"}
    assert len({row["theorem"] for row in disproofs}) > 1, "true ones were doubted as well, and stood"
    tried = [row["iteration"] for row in attempts if row["theorem"].startswith("planted")]
    assert max(tried) == known_in
    with TheoremStore(store) as opened:
        recorded = [each for index in range(200) for each in opened.attempts(index)]
        assert {each.id for each in recorded} == {f"run/{row['id']}" for row in attempts}
        assert opened.state(100).retired == "disproved in run run"
        proofs = {each.proof for each in opened.attempts(100) if each.disproof and each.status == "proved"}
        assert proofs and proofs <= {row["proof"] for row in disproofs}
        # A run that begins now knows it from the start.
        chosen = curriculum_of(planted, TrainingSet(opened)).choose(199)
        assert sorted(each.index for each in chosen) == [*range(100), *range(101, 200)]


def test_two_daemons_never_share_a_directory(config: RunConfig, redis_url: str, tmp_path: Path) -> None:
    with alone_in(tmp_path / "run"), pytest.raises(InvalidInput, match="another daemon"):
        run_daemon(config, tmp_path / "run", redis_url, "run")


def test_a_version_that_was_cut_short_is_refused_with_what_to_do(
    config: RunConfig, redis_url: str, tmp_path: Path
) -> None:
    run = stalled_run(config, redis_url, tmp_path)
    state = run / "versions" / "v0002" / "learner.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(ProofmillError, match=r"learner\.pt is not as it was written.*the version before"):
        run_daemon(config, run, redis_url, "run")


def test_a_run_goes_on_with_the_theorems_it_began_with(
    config: RunConfig, redis_url: str, tmp_path: Path
) -> None:
    run = stalled_run(config, redis_url, tmp_path)
    assert config.data.theorems is not None
    theorems = config.data.theorems.read_text().splitlines(keepends=True)
    config.data.theorems.write_text("".join(theorems[1:]))
    with pytest.raises(InvalidInput, match="go on with the same data"):
        run_daemon(config, run, redis_url, "run")


def test_a_policy_that_is_not_there_is_said_before_anything_is_issued(
    config: RunConfig, redis_url: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="holds no model"):
        run_daemon(with_daemon(config, start=tmp_path / "none"), tmp_path / "run", redis_url, "run")
