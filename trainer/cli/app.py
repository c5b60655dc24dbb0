"""The `proofmill` command: the commands of all three packages under one roof."""

import asyncio
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from prover.cli import store_app
from prover.generators.vllm.server import Dtype, EngineUnavailable
from trainer.cli.curriculum import curriculum_app
from trainer.cli.eval import eval_app
from trainer.curriculum.policies.registry import PolicyName
from trainer.learners.registry import LearnerName
from verifier.cli.app import (
    AllowUnconfined,
    CacheRedis,
    Heartbeats,
    Project,
    Timeout,
    Workers,
    app,
    bench_app,
    confined_runtime,
    prepare_torch,
    print_figures,
)
from verifier.console import progress_bars, say
from verifier.errors import (
    InvalidInput,
    ProofmillError,
    RedisUnavailable,
    StalledError,
    WorkerDied,
    WorkerStartError,
)
from verifier.judging.pool import LeanPool
from verifier.options import Options
from verifier.streams.connection import REDIS_FILE_VARIABLE, REDIS_VARIABLE

__all__ = ["app", "main"]

worker_app = typer.Typer(no_args_is_help=True, help="One process of a run.")
app.add_typer(worker_app, name="worker")
app.add_typer(store_app, name="store")
app.add_typer(eval_app, name="eval")
app.add_typer(curriculum_app, name="curriculum")

PASSING = (
    EngineUnavailable,
    RedisUnavailable,
    StalledError,
    WorkerDied,
    WorkerStartError,
)
"""What may be over when a process is started again."""
RedisOrNone = Annotated[
    str | None,
    typer.Option(envvar=REDIS_VARIABLE, help="URL of the Redis or Valkey that carries the streams."),
]
RedisFile = Annotated[
    Path | None,
    typer.Option(envvar=REDIS_FILE_VARIABLE, help="A file that holds that URL: a secret."),
]
COMPARED = "expert_iteration,grpo,grpo_first_error,grpo_potential,grpo_verified_prefix,grpo_lecture,ppo,dpo"
Engine = Literal["transformers", "vllm"]
Run = Annotated[str, typer.Option(help="Name of the run, a part of every key.")]


@app.command()
def demo(
    out: Annotated[
        Path | None,
        typer.Option(help="Directory; one that holds a part of it is gone on with. Default: runs/demo-DATE."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of data, weights and sampling.")] = None,
    algorithm: Annotated[LearnerName | None, typer.Option(help="What learns.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings in TOML.")] = None,
) -> None:
    """Train a small model on Lean's verdicts and measure what it learned, with a report to look at."""
    prepare_torch()
    from trainer.config import for_demo, load_config
    from trainer.experiments.demo import run_demo

    settings = load_config(config, prepare=for_demo, seed=seed, algorithm=algorithm)
    directory = out or Path("runs") / f"demo-{datetime.now():%Y%m%d-%H%M%S}"
    run_demo(settings, directory)


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="Settings in TOML.")],
    out: Annotated[Path, typer.Option(help="Run directory; what it holds of a run is gone on with.")],
    run: Annotated[str | None, typer.Option(help="Name in the streams; default: OUT's.")] = None,
    redis: RedisOrNone = None,
    redis_file: RedisFile = None,
    metrics_port: Annotated[int | None, typer.Option(min=0, help="Serve /metrics for Prometheus.")] = None,
) -> None:
    """Train on what generators and verifiers of the run send; can be killed, and goes on."""
    prepare_torch()
    from trainer.config import load_config
    from trainer.run.daemon import run_daemon
    from trainer.run.student import run_together

    settings = load_config(config)
    url = redis_url(redis or settings.redis_url, redis_file)
    name = run or out.absolute().name
    run_together(settings.compute, lambda: run_daemon(settings, out, url, name, metrics_port))


@app.command()
def up(
    config: Annotated[Path, typer.Argument(help="Settings in TOML.")],
    out: Annotated[Path, typer.Option(help="Run directory; what it holds of a run is gone on with.")],
    generators: Annotated[int, typer.Option(min=1, help="Processes that sample.")] = 1,
    verifiers: Annotated[int, typer.Option(min=1, help="Processes that judge, of lean.workers each.")] = 1,
    metrics_port: Annotated[int | None, typer.Option(min=0, help="Serve /metrics for Prometheus.")] = None,
) -> None:
    """Run every process of a training run on this machine, and start again what ends before the run does."""
    prepare_torch()
    from trainer.config import load_config
    from trainer.launch.up import run_up

    settings = load_config(config)
    sys.exit(run_up(config, settings, out, generators=generators, verifiers=verifiers, metrics=metrics_port))


@app.command()
def compare(
    out: Annotated[Path, typer.Option(help="Directory; one that holds a part of it is gone on with.")],
    arms: Annotated[str, typer.Option(help="Ways to learn, with commas.")] = COMPARED,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each, with the seeds 0, 1, 2 ...")] = 3,
    config: Annotated[Path | None, typer.Option(help="Settings in TOML.")] = None,
) -> None:
    """Train by several algorithms on the demo's task, from one start, and put them into one table."""
    prepare_torch()
    from trainer.config import for_demo, read_settings
    from trainer.experiments.compare import compare as run_comparison

    run_comparison(for_demo(read_settings(config)), out, range(seeds), arms.split(","))


@app.command()
def rank(
    run: Annotated[Path, typer.Argument(help="Directory of a run that has finished.")],
    epochs: Annotated[int, typer.Option(min=1, help="Times each pair is read.")] = 1,
    learning_rate: Annotated[float, typer.Option(min=1e-9, help="Constant.")] = 5e-4,
    preferences: Annotated[
        Path | None,
        typer.Option(help="JSONL of `prompt`, `chosen` and `rejected` to learn from as well."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train a ranker on the attempts of a run, and say which Lean calls it would have saved."""
    prepare_torch()
    from trainer.experiments.best_of_n import rank_run
    from trainer.learners.preferences import load_preferences
    from trainer.learners.ranker import RankerConfig

    more, bad = load_preferences(preferences) if preferences is not None else ([], [])
    for row in bad:
        say(f"{preferences}:{row.line}: {row.reason}", "red")
    config = RankerConfig(epochs=epochs, learning_rate=learning_rate)
    print_figures(rank_run(run, config, more), as_json)


@worker_app.command("verifier")
def worker_verifier(
    run: Run,
    redis: RedisOrNone = None,
    redis_file: RedisFile = None,
    workers: Workers = 1,
    timeout: Timeout = Options.timeout_s,
    heartbeats: Heartbeats = Options.heartbeats,
    project: Project = None,
    tactics: Annotated[bool, typer.Option(help="Add each tactic's span to verdicts.")] = False,
    cache_redis: CacheRedis = None,
    allow_unconfined: AllowUnconfined = False,
) -> None:
    """Judge the attempts of a run."""
    from verifier.streams.judge_worker import run_verifier
    from verifier.streams.verdict_store import RedisVerdicts

    options = Options(tactics, timeout, heartbeats, goals=False)
    pool = LeanPool(confined_runtime(project, allow_unconfined), workers=workers, options=options)
    store = RedisVerdicts(cache_redis) if cache_redis is not None else None
    asyncio.run(run_verifier(redis_url(redis, redis_file), run, pool, store))


@worker_app.command("generator")
def worker_generator(
    run: Run,
    redis: RedisOrNone = None,
    redis_file: RedisFile = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")] = "cpu",
    max_backlog: Annotated[int, typer.Option(min=1, help="Attempts to wait for verdicts at a time.")] = 4096,
    engine: Annotated[Engine, typer.Option(help="What samples.")] = "transformers",
    vllm_url: Annotated[str | None, typer.Option(help="A vLLM that runs; none starts one.")] = None,
    dtype: Annotated[Dtype, typer.Option(help="Of a vLLM that is started here.")] = "auto",
) -> None:
    """Sample the attempts of a run."""
    prepare_torch()
    from prover.generators.vllm.engine import ServerSettings, VLLMEngine
    from prover.generators.worker import load_transformers, load_vllm, run_generator

    url = redis_url(redis, redis_file)
    if engine == "transformers":
        run_generator(url, run, load_transformers(device), max_backlog)
    with VLLMEngine(vllm_url, ServerSettings(dtype=dtype)) as vllm:
        run_generator(url, run, load_vllm(vllm), max_backlog)


@bench_app.command("trainer")
def bench_trainer_command(
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")] = "cpu",
    sequences: Annotated[int, typer.Option(min=8, help="Attempts in a step; a multiple of 8.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Steps to time.")] = 5,
    width: Annotated[int, typer.Option(min=64, help="Width of the model; a multiple of 64.")] = 256,
    layers: Annotated[int, typer.Option(min=1, help="Layers of the model.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Time a GRPO step and the same step by trl, if that is installed."""
    prepare_torch()
    from trainer.bench.step import bench_trainer

    if sequences % 8 or width % 64:
        raise InvalidInput("--sequences must be a multiple of 8 and --width of 64")
    with progress_bars() as progress:
        bar = progress.add_task("trainers", total=2)
        result = bench_trainer(
            device=device,
            sequences=sequences,
            steps=steps,
            width=width,
            layers=layers,
            on_done=lambda: progress.advance(bar),
        )
    print_figures(result, as_json)


@bench_app.command("curriculum")
def bench_curriculum_command(
    theorems: Annotated[int, typer.Option(min=1024, help="To choose from.")] = 1_000_000,
    count: Annotated[int, typer.Option(min=1, help="To choose in a round.")] = 256,
    rounds: Annotated[int, typer.Option(min=1, help="Of choosing and observing.")] = 100,
    policy: Annotated[PolicyName, typer.Option(help="What chooses.")] = "informative",
    store: Annotated[Path | None, typer.Option(help="A theorem store to choose from, kept if new.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Time choosing among a store's very many theorems, and measure the memory that it takes."""
    from trainer.bench.curriculum import bench_curriculum

    with progress_bars() as progress:
        bar = progress.add_task("thousands of theorems", total=-(-theorems // 1000))
        result = bench_curriculum(
            theorems=theorems,
            count=count,
            rounds=rounds,
            policy=policy,
            store=store,
            on_added=lambda: progress.advance(bar),
        )
    print_figures(result, as_json)


def redis_url(url: str | None, file: Path | None) -> str:
    """The URL that is given, or that stands in the file that is given.

    Raises:
        InvalidInput: neither is given, or the file cannot be read.
    """
    if url is not None:
        return url
    if file is None:
        raise InvalidInput(
            f"which Redis carries the streams? Set {REDIS_VARIABLE} or {REDIS_FILE_VARIABLE}, or let "
            "`proofmill up` start everything"
        )
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InvalidInput(f"cannot read the URL of the Redis in {file}: {error.strerror}") from error


@bench_app.command("pipeline")
def bench_pipeline_command(
    attempts: Annotated[int, typer.Option(min=128, help="Attempts to send round the streams.")] = 4096,
    seconds: Annotated[float, typer.Option(min=1, help="For each number of simulated verifiers.")] = 10.0,
    rounds: Annotated[int, typer.Option(min=0, help="Rounds of a real run; 0 leaves it out.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure what the streams cost, how verifiers add up, and who waits for whom in a run."""
    prepare_torch()
    from trainer.bench.pipeline import bench_pipeline

    with progress_bars() as progress:
        bar = progress.add_task("pipeline", total=7)
        result = bench_pipeline(
            attempts=attempts, seconds=seconds, rounds=rounds, on_done=lambda: progress.advance(bar)
        )
    print_figures(result, as_json)


def main() -> None:
    """Run the command line; an error raised on purpose is printed as one, never as a traceback.

    The exit code is then 75 (`EX_TEMPFAIL`) for trouble that may pass, such as a Redis that is away:
    `proofmill up` starts a process that ended with it again however often.  For everything else it is
    2, as for a wrong option: what does no better the third time ends the run.
    """
    try:
        app()
    except PASSING as error:
        say(f"error: {error}", "red")
        sys.exit(os.EX_TEMPFAIL)
    except ProofmillError as error:
        say(f"error: {error}", "red")
        sys.exit(2)
