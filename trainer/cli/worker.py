"""`proofmill worker`: the processes of a run beside its trainer, and what they read of its settings."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from prover.cli import GrowSettings, run_grower
from prover.generators.base import SamplingParams
from prover.generators.registry import open_engine
from trainer.sections import ComputeConfig, DataConfig, GeneratorConfig, LeanConfig
from verifier.cli.app import confined_runtime, prepare_torch
from verifier.cli.settings import takes_settings
from verifier.errors import InvalidInput
from verifier.judging.cache import VerdictStore
from verifier.judging.pool import LeanPool
from verifier.options import ConfinedLean, Options
from verifier.settings import Cli, Section
from verifier.streams.connection import REDIS_FILE_VARIABLE, REDIS_VARIABLE

__all__ = ["RedisAddress", "worker_app"]

GROW_EVERY_S = 30.0
GROW_AFTER = 3
"""Groups without a proof after which theorems are made from one."""
RUN_FILE = "Settings of the run, in TOML; options go before them."

worker_app = typer.Typer(no_args_is_help=True, help="One process of a run.")


class RedisAddress(Section):
    """Where the streams are."""

    redis_url: Annotated[str | None, Cli("--redis", variable=REDIS_VARIABLE)] = None
    """URL of the Redis or Valkey that carries the streams."""
    redis_file: Annotated[Path | None, Cli(variable=REDIS_FILE_VARIABLE, replaces="redis_url")] = None
    """A file that holds that URL: a secret."""

    def url(self, otherwise: str | None = None) -> str:
        """The URL that is given, or what stands in the file that is given, or `otherwise`.

        Raises:
            InvalidInput: there is none of them, or the file cannot be read.
        """
        if self.redis_url is not None:
            return self.redis_url
        if self.redis_file is not None:
            try:
                return self.redis_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise InvalidInput(
                    f"cannot read the URL of the Redis in {self.redis_file}: {error.strerror}"
                ) from error
        if otherwise is None:
            raise InvalidInput(
                f"which Redis carries the streams? Set {REDIS_VARIABLE} or {REDIS_FILE_VARIABLE}, or let "
                "`proofmill up` start everything"
            )
        return otherwise


class WorkerSettings(RedisAddress, extra="ignore"):
    """What every process reads of a run's settings; the trainer refuses what is unknown among the others."""

    run: str
    """Name of the run, a part of every key."""


class VerifierSettings(WorkerSettings):
    """What a verifier reads of a run's settings."""

    lean: LeanConfig = LeanConfig()
    tactics: bool = False
    """Add each tactic's span to all verdicts; those whose trainer asks for it have it anyway."""
    cache_redis: str | None = None
    """URL of a Redis to keep verdicts in, as safe from others as this process."""
    data: Annotated[DataConfig, Cli(only=())] = DataConfig()

    @property
    def judging(self) -> Options:
        """How attempts are judged."""
        goals = self.data.tactic_pairs
        return self.lean.options(tactics=self.tactics or goals, goals=goals)


class GeneratorSettings(WorkerSettings):
    """What a generator reads of a run's settings."""

    generator: GeneratorConfig = GeneratorConfig()
    compute: Annotated[ComputeConfig, Cli(only=("device",))] = ComputeConfig()


class GrowerSettings(Section, extra="ignore"):
    """What a process that has theorems grow reads of a run's settings."""

    data: Annotated[DataConfig, Cli(only=())] = DataConfig()
    sampling: Annotated[SamplingParams, Cli(only=())] = SamplingParams()
    lean: Annotated[LeanConfig, Cli(only=())] = LeanConfig()


@worker_app.command("verifier")
@takes_settings(file=RUN_FILE)
def worker_verifier(settings: VerifierSettings) -> None:
    """Judge the attempts of a run."""
    from verifier.streams.judge_worker import run_verifier

    lean, store = settings.lean, _store_of(settings)
    pool = LeanPool(confined_runtime(lean), workers=lean.workers, options=settings.judging)
    asyncio.run(run_verifier(settings.url(), settings.run, pool, store))


def _store_of(settings: VerifierSettings) -> VerdictStore | None:
    """Where verdicts are kept beyond this process, if the settings say so."""
    from verifier.judging.verdict_file import FileVerdicts
    from verifier.streams.verdict_store import RedisVerdicts

    redis, file = settings.cache_redis, settings.lean.verdicts
    if redis is not None and file is not None:
        raise InvalidInput(
            "--cache-redis and lean.verdicts: verdicts are kept in one place; name one of them"
        )
    if redis is not None:
        return RedisVerdicts(redis)
    return FileVerdicts(file) if file is not None else None


@worker_app.command("generator")
@takes_settings(file=RUN_FILE)
def worker_generator(settings: GeneratorSettings) -> None:
    """Sample the attempts of a run."""
    prepare_torch()
    from prover.generators.worker import load_with, run_generator
    from trainer.model.compute import device_named

    own = settings.generator
    with open_engine(own.engine, own.on(str(device_named(settings.compute.device)))) as engine:
        run_generator(settings.url(), settings.run, load_with(engine), own.max_backlog)


@worker_app.command("grower")
@takes_settings(file=RUN_FILE)
def worker_grower(settings: GrowerSettings) -> None:
    """Make theorems from those of the run's store that stay unsolved, all along."""
    if settings.data.store is None:
        raise InvalidInput("data.store: theorems grow in a store; name one in the file that --config names")
    how = GrowSettings(every=GROW_EVERY_S, attempts=GROW_AFTER * settings.sampling.samples)
    # One worker, with Lean's own budget: what grows is no attempt of the policy.
    kept = ConfinedLean.model_fields.keys() - {"workers", "heartbeats"}
    lean = ConfinedLean(**settings.lean.model_dump(include=set(kept)))
    run_grower(settings.data.store, how, lean)
