"""`proofmill up`: the processes of a training run on this machine, kept going by one command."""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from trainer.config import RunConfig
from trainer.launch.processes import generator_arguments, grower_arguments, verifier_arguments
from trainer.launch.supervisor import PACE, Child, Log, Pace, redis_child, supervise
from verifier.streams.connection import REDIS_VARIABLE, connect
from verifier.streams.valkey import server_socket

__all__ = ["run_up", "toml_of"]


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
) -> int:
    """Run everything until the run is over; the exit code for this process (`trainer/launch/supervisor.py`).

    Raises:
        RedisUnavailable: the one that the settings name does not answer.

    Args:
        settings: the file that `config` was read from.
        run: name in the streams, in place of the directory's.
        metrics: port of the trainer's metrics.
        log: takes the lines of all processes, in place of the terminal.
    """
    run = run or directory.absolute().name
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
        # Not an argument: everyone may read those, and it may hold a password.
        environment = {REDIS_VARIABLE: url}

        def child(name: str, arguments: list[str], *, is_main: bool = False) -> Child:
            command = [sys.executable, "-m", "trainer.cli", *arguments]
            return Child(name, command, environment, is_main=is_main)

        port = [] if metrics is None else ["--metrics-port", str(metrics)]
        train = ["train", str(settings), "--out", str(directory), "--run", run, *port]
        store = config.data.store if config.data.grow else None
        growers = [] if store is None else [child("grower", grower_arguments(config, store))]
        children = [
            *services,
            *growers,
            *(child(name, verifier_arguments(config, run)) for name in _names("verifier", verifiers)),
            *(child(name, generator_arguments(config, run)) for name in _names("generator", generators)),
            child("trainer", train, is_main=True),
        ]
        return asyncio.run(supervise(children, log=log, pace=pace))


def _names(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]


def toml_of(settings: Mapping[str, Any]) -> str:
    """Settings as they stand in a file; what is None is left out, as it is there."""
    return "".join(f"{line}\n" for line in _toml_lines(settings))


def _toml_lines(settings: Mapping[str, Any], *path: str) -> Iterator[str]:
    given = {name: value for name, value in settings.items() if value is not None}
    if path:
        yield f"[{'.'.join(path)}]"
    # Text, numbers, truth values and lists of them are written in TOML as in JSON.
    yield from (f"{n} = {json.dumps(v)}" for n, v in given.items() if not isinstance(v, Mapping))
    for name, section in given.items():
        if isinstance(section, Mapping):
            yield from _toml_lines(section, *path, name)
