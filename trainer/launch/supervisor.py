"""The processes of a run, kept running: started, watched, started again whenever they end, ended in order.

`supervise` runs several, each of which a `RunningChild` keeps running; their lines go to one log, in which
each begins with the name of the process it came from.  None outlives this process, not even when this process
is killed: then the kernel kills it at once, so that a run started again in the same directory does not meet
what is left of the last.
"""

import asyncio
import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from verifier.sandbox.child import tied_to_this_process
from verifier.streams.connection import answers
from verifier.streams.valkey import server_command

__all__ = [
    "PACE",
    "SUPERVISOR",
    "WRONG_SETTINGS",
    "Child",
    "Log",
    "Pace",
    "Restarts",
    "console_log",
    "redis_child",
    "supervise",
]

Log = Callable[[str, str], None]
"""Takes the name of a process and a line."""

SUPERVISOR = "up"
"""The name that this process has in the log."""
WRONG_SETTINGS = 2
"""Exit code of a child whose settings or input are wrong (see `trainer.cli.app.main`)."""
WRONG_AT_MOST = 3

LONGEST_LINE_BYTES = 1 << 16
LAST_LINES_S = 1.0  # what the child has left behind may hold its pipe for as long as it likes
READY_POLL_S = 0.05


@dataclass(frozen=True)
class Child:
    """A process to keep running, with `environment` added to this process's."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_main: bool = False
    """Its exit with code 0 is the end of the run, and it is the first to be stopped."""
    ready: Callable[[], bool] | None = None
    """Asked, in a thread, whether the others may start; what has it starts first and is stopped last."""


@dataclass(frozen=True)
class Pace:
    """How long things may take, in seconds."""

    first_wait_s: float = 0.5
    """Before a child that has ended starts again; doubled for each time in a row."""
    longest_wait_s: float = 30.0
    steady_s: float = 60.0
    """A child that ran for so long has worked: what was in a row before no longer counts."""
    ready_s: float = 60.0
    main_grace_s: float = 120.0
    """From SIGTERM to SIGKILL, for the main child, which writes a checkpoint."""
    grace_s: float = 10.0
    """From SIGTERM to SIGKILL, for the others."""


PACE = Pace()


class Ended(NamedTuple):
    """How a run of processes came to its end."""

    code: int
    """The exit code for this process, 0 if all went well."""
    was_stopped: bool
    """A signal asked for the end; the main child may have finished all the same."""


@dataclass
class Restarts:
    """What to do about the endings of one child; knows no process and no clock."""

    pace: Pace
    next_wait_s: float = 0.0
    wrong_in_a_row: int = 0

    def wait_after(self, code: int, ran_s: float) -> float | None:
        """Seconds until the next start, when the last was `ran_s` seconds before an end with `code`.

        None when that was WRONG_SETTINGS three times in a row: another start cannot mend those.
        """
        if ran_s >= self.pace.steady_s:
            self.next_wait_s = 0.0
            self.wrong_in_a_row = 0
        elif code == WRONG_SETTINGS:
            self.wrong_in_a_row += 1
        else:
            self.wrong_in_a_row = 0
        if self.wrong_in_a_row == WRONG_AT_MOST:
            return None
        wait_s = max(self.next_wait_s, self.pace.first_wait_s)
        self.next_wait_s = min(2 * wait_s, self.pace.longest_wait_s)
        return wait_s


class RunningChild:
    """Runs one child again and again, until it is told to end or ends the run."""

    def __init__(self, child: Child, pace: Pace, log: Log) -> None:
        self.child = child
        self.task: asyncio.Task[int] | None = None
        """Once started: gives the code to end the run with, or, of a child told to end, its own."""
        self._log = log
        self._restarts = Restarts(pace)
        self._told = asyncio.Event()
        self._signal = signal.SIGTERM
        self._pid: int | None = None

    def start(self) -> asyncio.Task[int]:
        """Begin; called once."""
        self.task = asyncio.create_task(self._keep())
        return self.task

    def tell(self, number: signal.Signals) -> None:
        """Send the child this signal, and start it no more.  SIGKILL goes to all it has started, too."""
        self._signal = number
        self._told.set()
        if self._pid is not None:
            with suppress(ProcessLookupError):
                (os.killpg if number == signal.SIGKILL else os.kill)(self._pid, number)

    async def _keep(self) -> int:
        while not self._told.is_set():
            began = time.monotonic()
            code = await self._run()
            how = f"{self.child.name} {_how_it_ended(code)}"
            if self._told.is_set() or (self.child.is_main and code == 0):
                self._log(SUPERVISOR, how)
                return code
            wait_s = self._restarts.wait_after(code, time.monotonic() - began)
            if wait_s is None:
                self._log(SUPERVISOR, f"{how}, {WRONG_AT_MOST} times in a row: its lines say what to mend")
                return WRONG_SETTINGS
            self._log(SUPERVISOR, f"{how}; it starts again in {wait_s:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), wait_s)
        return 0

    async def _run(self) -> int:
        """Run the child once; returns its exit code, or minus the number of the signal that ended it."""
        # Not a pipe of asyncio's: it limits a line, and `wait` would wait for all that hold its end.
        reading, writing = os.pipe()
        pipe, lines = await asyncio.get_running_loop().connect_read_pipe(
            lambda: _Lines(partial(self._log, self.child.name)), os.fdopen(reading, "rb", buffering=0)
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *tied_to_this_process(self.child.command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.child.environment},
                start_new_session=True,  # Ctrl-C reaches this process only, which ends the others in order
            )
        except OSError as error:
            self._log(SUPERVISOR, f"{self.child.name} cannot be started: {error}")
            return os.EX_OSERR
        finally:
            os.close(writing)
        self._pid = process.pid
        if self._told.is_set():
            self.tell(self._signal)
        try:
            return await process.wait()
        finally:
            # What it left behind may hold what the next one needs: a port, a lock, a GPU's memory.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            self._pid = None
            with suppress(TimeoutError):
                await asyncio.wait_for(lines.closed.wait(), LAST_LINES_S)
            pipe.close()


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    return "was ended by " + next((each.name for each in signal.Signals if each == -code), f"signal {-code}")


class _Lines(asyncio.Protocol):
    """Hands on the lines that come through a pipe, of whatever bytes; very long ones in pieces."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.closed = asyncio.Event()
        self._write = write
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._hand_on(line)
        while len(self._rest) > LONGEST_LINE_BYTES:
            self._hand_on(self._rest[:LONGEST_LINE_BYTES])
            self._rest = self._rest[LONGEST_LINE_BYTES:]

    def connection_lost(self, error: Exception | None) -> None:
        if self._rest:
            self._hand_on(self._rest)
        self.closed.set()

    def _hand_on(self, line: bytes) -> None:
        # A progress bar draws over itself from the line's beginning: its last state is enough.
        self._write(line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="backslashreplace"))


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


async def supervise(children: Sequence[Child], *, log: Log | None = None, pace: Pace = PACE) -> Ended:
    """Run `children`, each anew whenever it ends, until the run is over; then none of them runs.

    SIGTERM or SIGINT to this process stops the run: the main child gets SIGTERM, when
    it has ended the others do, and then those that had to be ready before the others.
    A second signal kills everything at once.  Call it from the main thread.

    Its exit code is:

    - 0: the main child finished, or it was stopped and ended in order;
    - 1: it was stopped, and failed or was killed, perhaps before it had written its checkpoint;
    - 2: a child ended with that code three times in a row: its settings or input are wrong;
    - 75 (`EX_TEMPFAIL`): what the others need was not ready in time.
    """
    log = console_log(Console()) if log is None else log
    running = [RunningChild(child, pace, log) for child in children]
    services = [child for child in running if child.child.ready is not None]
    main = [child for child in running if child.child.is_main]
    workers = [child for child in running if child not in services and child not in main]
    stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def stop(number: signal.Signals) -> None:
        if stopped.done():
            log(SUPERVISOR, f"{number.name} again: everything is killed")
            for child in running:
                child.tell(signal.SIGKILL)
        else:
            log(SUPERVISOR, f"{number.name}: everything is stopped in order; a second signal kills it")
            stopped.set_result(0)

    with _stop_signals_call(stop):
        try:
            code = await _run_until_over(services, [*workers, *main], stopped, pace, log)
        finally:
            await _stop(main, pace.main_grace_s, log)
            await _stop(workers, pace.grace_s, log)
            await _stop(services, pace.grace_s, log)
    main_in_order = all(
        child.task is None or child.task.result() in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
        for child in main
    )
    return Ended(code if code or main_in_order else 1, stopped.done())


async def _run_until_over(
    services: Sequence[RunningChild],
    others: Sequence[RunningChild],
    stopped: asyncio.Future[int],
    pace: Pace,
    log: Log,
) -> int:
    """Start the services and, when they are ready, the others; returns what the first to end gives."""
    enders: set[asyncio.Future[int]] = {stopped, *(child.start() for child in services)}
    ready: asyncio.Future[Any] = asyncio.create_task(_all_ready([child.child for child in services]))
    await asyncio.wait({ready, *enders}, timeout=pace.ready_s, return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        ready.result()
        enders |= {child.start() for child in others}
    else:
        ready.cancel()
        if not any(ender.done() for ender in enders):
            names = ", ".join(child.child.name for child in services)
            log(SUPERVISOR, f"not ready within {pace.ready_s:g} s: {names}; the lines above say why")
            return os.EX_TEMPFAIL
    done, _ = await asyncio.wait(enders, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()


async def _all_ready(services: Sequence[Child]) -> None:
    for ready in (service.ready for service in services if service.ready is not None):
        while True:
            if await asyncio.to_thread(ready):
                break
            await asyncio.sleep(READY_POLL_S)


async def _stop(children: Sequence[RunningChild], grace_s: float, log: Log) -> None:
    """End those that run: SIGTERM, and SIGKILL after `grace_s` seconds."""
    tasks = {child.task: child for child in children if child.task is not None}
    if not tasks:
        return
    for child in tasks.values():
        child.tell(signal.SIGTERM)
    _, late = await asyncio.wait(tasks, timeout=grace_s)
    for child in (tasks[task] for task in late):
        log(SUPERVISOR, f"{child.child.name} has not ended within {grace_s:g} s and is killed")
        child.tell(signal.SIGKILL)
    await asyncio.wait(tasks)


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
