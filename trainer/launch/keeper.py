"""One process of a run that is kept running: started again whenever it ends, its output handed on by lines.

It never outlives this process, not even when this process is killed: then the
kernel kills it at once, so that a run started again in the same directory does
not meet what is left of the last.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from verifier.sandbox.child import tied_to_this_process

__all__ = ["PACE", "SUPERVISOR", "WRONG_SETTINGS", "Child", "Keeper", "Log", "Pace", "Restarts"]

Log = Callable[[str, str], None]
"""Takes the name of a process and a line."""

SUPERVISOR = "up"
"""The name that this process has in the log."""
WRONG_SETTINGS = 2
"""Exit code of a child whose settings or input are wrong (see `trainer.cli.app.main`)."""
WRONG_AT_MOST = 3

LONGEST_LINE_BYTES = 1 << 16
LAST_LINES_S = 1.0  # what the child has left behind may hold its pipe for as long as it likes


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


class Keeper:
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
