"""`proofmill up`: every process of a run on this machine, started, kept running and ended in order.

The processes share one log, in which each line begins with the name of the one it came from.
"""

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from trainer.launch.keeper import PACE, SUPERVISOR, Child, Keeper, Log, Pace
from verifier.streams.connection import answers
from verifier.streams.valkey import server_command

__all__ = ["console_log", "redis_child", "supervise"]

READY_POLL_S = 0.05


def redis_child(directory: Path, socket: Path) -> Child:
    """The embedded Redis with its data in `directory`: at `unix://SOCKET`, however often it dies."""
    return Child("redis", server_command(directory, socket), ready=partial(answers, f"unix://{socket}"))


def console_log(console: Console) -> Log:
    """A log of lines `name | line` on `console`, coloured by name where that is a terminal."""
    colours = cycle(("cyan", "magenta", "green", "yellow", "blue", "red"))
    colour_of: defaultdict[str, str] = defaultdict(lambda: next(colours))

    def log(name: str, line: str) -> None:
        shown = line.encode(console.encoding, "backslashreplace").decode(console.encoding)
        console.print(Text.assemble((f"{name} | ", colour_of[name]), shown), soft_wrap=True)

    return log


async def supervise(children: Sequence[Child], *, log: Log | None = None, pace: Pace = PACE) -> int:
    """Run `children`, each anew whenever it ends, until the run is over; then none of them runs.

    SIGTERM or SIGINT to this process stops the run: the main child gets SIGTERM, when
    it has ended the others do, and then those that had to be ready before the others.
    A second signal kills everything at once.  Call it from the main thread.

    Returns the exit code for this process:

    - 0: the main child finished, or it was stopped and ended in order;
    - 1: it was stopped, and failed or was killed, perhaps before it had written its checkpoint;
    - 2: a child ended with that code three times in a row: its settings or input are wrong;
    - 75 (`EX_TEMPFAIL`): what the others need was not ready in time.
    """
    log = console_log(Console()) if log is None else log
    keepers = [Keeper(child, pace, log) for child in children]
    services = [each for each in keepers if each.child.ready is not None]
    main = [each for each in keepers if each.child.is_main]
    workers = [each for each in keepers if each not in services and each not in main]
    stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def stop(number: signal.Signals) -> None:
        if stopped.done():
            log(SUPERVISOR, f"{number.name} again: everything is killed")
            for each in keepers:
                each.tell(signal.SIGKILL)
        else:
            log(SUPERVISOR, f"{number.name}: everything is stopped in order; a second signal kills it")
            stopped.set_result(0)

    with _stop_signals_call(stop):
        try:
            code = await _run_until_over(services, [*workers, *main], stopped, pace, log)
        finally:
            for stage, grace_s in (
                (main, pace.main_grace_s),
                (workers, pace.grace_s),
                (services, pace.grace_s),
            ):
                await _stop(stage, grace_s, log)
    main_in_order = all(
        each.task is None or each.task.result() in (0, -signal.SIGTERM, 128 + signal.SIGTERM) for each in main
    )
    return code if code or main_in_order else 1


async def _run_until_over(
    services: Sequence[Keeper], others: Sequence[Keeper], stopped: asyncio.Future[int], pace: Pace, log: Log
) -> int:
    """Start the services and, when they are ready, the others; returns what the first to end gives."""
    enders: set[asyncio.Future[int]] = {stopped, *(each.start() for each in services)}
    ready: asyncio.Future[Any] = asyncio.create_task(_all_ready([each.child for each in services]))
    await asyncio.wait({ready, *enders}, timeout=pace.ready_s, return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        ready.result()
        enders |= {each.start() for each in others}
    else:
        ready.cancel()
        if not any(each.done() for each in enders):
            names = ", ".join(each.child.name for each in services)
            log(SUPERVISOR, f"not ready within {pace.ready_s:g} s: {names}; the lines above say why")
            return os.EX_TEMPFAIL
    done, _ = await asyncio.wait(enders, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()


async def _all_ready(services: Sequence[Child]) -> None:
    for ready in (each.ready for each in services if each.ready is not None):
        while True:
            if await asyncio.to_thread(ready):
                break
            await asyncio.sleep(READY_POLL_S)


async def _stop(keepers: Sequence[Keeper], grace_s: float, log: Log) -> None:
    """End those that run: SIGTERM, and SIGKILL after `grace_s` seconds."""
    kept = {each.task: each for each in keepers if each.task is not None}
    if not kept:
        return
    for each in kept.values():
        each.tell(signal.SIGTERM)
    _, late = await asyncio.wait(kept, timeout=grace_s)
    for each in (kept[task] for task in late):
        log(SUPERVISOR, f"{each.child.name} has not ended within {grace_s:g} s and is killed")
        each.tell(signal.SIGKILL)
    await asyncio.wait(kept)


@contextmanager
def _stop_signals_call(handler: Callable[[signal.Signals], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, handler, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
