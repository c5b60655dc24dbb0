"""`proofmill up`: the processes of a training run on this machine, kept going by one command."""

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path

from trainer.config import RunConfig
from trainer.launch.supervisor import PACE, Child, Ended, Log, Pace, redis_child, supervise
from verifier.streams.connection import REDIS_VARIABLE, connect
from verifier.streams.valkey import server_socket

__all__ = ["run_children", "run_up"]


def run_up(
    settings: Path,
    config: RunConfig,
    directory: Path,
    *,
    run: str | None = None,
    generators: int = 1,
    verifiers: int = 1,
    metrics: int | None = None,
    log: Log | None = None,
    pace: Pace = PACE,
) -> Ended:
    """Run everything until the run is over (exit codes: `trainer/launch/supervisor.py`).

    Raises:
        RedisUnavailable: the one that the settings name does not answer.

    Args:
        settings: the file that `config` was read from.
        run: name in the streams, in place of the directory's.
        metrics: port of the trainer's metrics.
        log: takes the lines of all processes, in place of the terminal.
    """
    run = run or config.name_in(directory)
    with ExitStack() as stack:
        url = config.redis_url
        services = []
        if url is None:
            socket = stack.enter_context(server_socket())
            url = f"unix://{socket}"
            services = [redis_child(directory / "redis", socket)]
        else:
            # A wrong URL is said at once; what is away later may come back.
            connect(url).close()
        children = run_children(
            settings,
            config,
            directory,
            url,
            run=run,
            generators=generators,
            verifiers=verifiers,
            metrics=metrics,
        )
        return asyncio.run(supervise([*services, *children], log=log, pace=pace))


def run_children(
    settings: Path,
    config: RunConfig,
    directory: Path,
    redis_url: str,
    *,
    run: str,
    generators: int,
    verifiers: int,
    metrics: int | None,
) -> list[Child]:
    """The processes of a run beside its Redis; each of them reads the file `settings`."""
    # Not an argument: everyone may read those, and it may hold a password.
    environment = {REDIS_VARIABLE: redis_url}

    def child(name: str, arguments: list[str], *, is_main: bool = False) -> Child:
        command = [sys.executable, "-m", "trainer.cli", *arguments]
        return Child(name, command, environment, is_main=is_main)

    growers = [child("grower", ["worker", "grower", "--config", str(settings)])]
    port = [] if metrics is None else ["--metrics-port", str(metrics)]
    train = ["train", str(settings), "--out", str(directory), "--run", run, *port]
    return [
        *(growers if config.data.grow else ()),
        *(
            child(name, ["worker", worker, "--config", str(settings), "--run", run])
            for worker, count in (("verifier", verifiers), ("generator", generators))
            for name in _names(worker, count)
        ),
        child("trainer", train, is_main=True),
    ]


def _names(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]
