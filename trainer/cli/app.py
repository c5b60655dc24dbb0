"""The `proofmill` command: the commands of all three packages under one roof."""

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from prover.cli import store_app
from prover.generators.vllm.server import EngineUnavailable
from trainer.cli.bench import training_bench_app
from trainer.cli.curriculum import curriculum_app
from trainer.cli.eval import eval_app
from trainer.cli.worker import RedisAddress, worker_app
from trainer.learners.registry import LearnerName
from verifier.cli.app import app, bench_app, prepare_torch, print_figures
from verifier.cli.settings import AsJson, takes_settings
from verifier.console import say
from verifier.errors import (
    ProofmillError,
    RedisUnavailable,
    StalledError,
    WorkerDied,
    WorkerStartError,
)
from verifier.settings import read_settings, settings_from

__all__ = ["app", "main"]

bench_app.add_typer(training_bench_app)
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
COMPARED = "expert_iteration,grpo,grpo_first_error,grpo_potential,grpo_verified_prefix,grpo_lecture,ppo,dpo"
"""The arms of docs/experiments.md, out of all that `trainer/experiments/variants.py` has."""

OF_RANKERS = 'Default: docs/algorithms.md, "A ranker".'
"""Not the number itself: it stands in `RankerConfig`, which imports torch."""


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
@takes_settings()
def train(
    config: Annotated[Path, typer.Argument(help="Settings in TOML.")],
    out: Annotated[Path, typer.Option(help="Run directory; what it holds of a run is gone on with.")],
    redis: RedisAddress,
    run: Annotated[str | None, typer.Option(help="Name in the streams; default: OUT's.")] = None,
    metrics_port: Annotated[int | None, typer.Option(min=0, help="Serve /metrics for Prometheus.")] = None,
) -> None:
    """Train on what generators and verifiers of the run send; can be killed, and goes on."""
    prepare_torch()
    from trainer.config import load_config
    from trainer.run.daemon import run_daemon
    from trainer.run.student import run_together

    settings = load_config(config)
    url, name = redis.url(settings.redis_url), run or settings.name_in(out)
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
    ended = run_up(config, settings, out, generators=generators, verifiers=verifiers, metrics=metrics_port)
    sys.exit(ended.code)


@app.command()
def compare(
    out: Annotated[Path, typer.Option(help="Directory; one that holds a part of it is gone on with.")],
    arms: Annotated[str, typer.Option(help="Ways to learn, with commas.")] = COMPARED,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each, each with a seed of its own.")] = 3,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of these seeds.")] = 0,
    config: Annotated[Path | None, typer.Option(help="Settings in TOML, and [arms.NAME].")] = None,
    *,
    own_controls: Annotated[bool, typer.Option(help="A control for each arm.")] = False,
    table_only: Annotated[
        bool, typer.Option("--table-only", help="Write the table of what OUT holds, and train nothing.")
    ] = False,
) -> None:
    """Train by several algorithms on the demo's task, from one start, and put them into one table."""
    prepare_torch()
    from trainer.config import for_demo, read_run_settings
    from trainer.experiments.compare import compare as run_comparison
    from trainer.experiments.compare import show

    if table_only:
        show(out)
        return
    chosen = range(first_seed, first_seed + seeds)
    run_comparison(
        for_demo(read_run_settings(config)), out, chosen, arms.split(","), own_controls=own_controls
    )


@app.command()
def rank(
    run: Annotated[Path, typer.Argument(help="Directory of a run that has finished.")],
    epochs: Annotated[int | None, typer.Option(help=f"Times each pair is read. {OF_RANKERS}")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help=f"Learning rate, the same at every step. {OF_RANKERS}")
    ] = None,
    preferences: Annotated[
        Path | None,
        typer.Option(help="JSONL of `prompt`, `chosen` and `rejected` to learn from as well."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a ranker on the attempts of a run, and say which Lean calls it would have saved."""
    prepare_torch()
    from trainer.experiments.best_of_n import rank_run
    from trainer.learners.preferences import load_preferences
    from trainer.learners.ranker import RankerConfig

    more, bad = load_preferences(preferences) if preferences is not None else ([], [])
    for row in bad:
        say(f"{preferences}:{row.line}: {row.reason}", "red")
    options = {"epochs": epochs, "learning_rate": learning_rate}
    given = {name: value for name, value in options.items() if value is not None}
    config = settings_from(RankerConfig, given, "the options")
    print_figures(rank_run(run, config, more), as_json)


@app.command()
def compare_search(
    out: Annotated[Path, typer.Option(help="Directory; one that holds a part of it is gone on with.")],
    seeds: Annotated[int, typer.Option(min=1, help="Runs, each with a seed of its own.")] = 3,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of these seeds.")] = 0,
    config: Annotated[Path | None, typer.Option(help="Settings of a run in TOML, and [study].")] = None,
) -> None:
    """Prove whole and by searches at equal budgets, learn from each, and put them into one table."""
    prepare_torch()
    from trainer.config import for_demo, read_run_settings
    from trainer.experiments.searches import StudyConfig, study_searches

    settings = read_run_settings(config)
    study = settings_from(StudyConfig, settings.pop("study", {}), f"[study] of {config}")
    study_searches(for_demo(settings), study, out, range(first_seed, first_seed + seeds))


@app.command()
def learn(
    evaluations: Annotated[list[Path], typer.Argument(help="Directories of evaluations that searched.")],
    start: Annotated[Path, typer.Option(help="Directory of the policy that goes on to learn.")],
    out: Annotated[Path, typer.Option(help="Directory for what comes of it; `policy/` in it is a model.")],
    config: Annotated[Path | None, typer.Option(help="Settings in TOML.")] = None,
    policy_steps: Annotated[
        int | None, typer.Option(min=0, help="Optimizer steps of the policy; 0 trains a value head alone.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a policy on the proofs that searches found, and its value on all of their goals."""
    prepare_torch()
    from prover.evaluation.files import read_record
    from trainer.search.learning import LearnConfig, learn_from_searches

    given = {"policy_steps": policy_steps} if policy_steps is not None else {}
    settings = settings_from(LearnConfig, read_settings(config) | given, str(config or "the options"))
    print_figures(
        learn_from_searches([read_record(each) for each in evaluations], start, out, settings), as_json
    )


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
