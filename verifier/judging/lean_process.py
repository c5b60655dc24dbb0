"""One Lean process: started, asked, killed.

The process is either idle and in step with us, or dead: a request that is not answered in time ends with
SIGKILL, because the process reads one request at a time and nothing else can stop an elaboration.
"""

import asyncio
import fcntl
import logging
import signal
import time
from collections import OrderedDict, deque
from contextlib import suppress
from typing import Literal, TypeVar

from pydantic import ValidationError

from verifier.errors import WorkerDied, WorkerFull, WorkerKilled, WorkerStartError
from verifier.judging.protocol import Ready, Request, Wire, header_request, parse_json_line
from verifier.lean.runtime import LeanRuntime
from verifier.sandbox.child import kill_all, tied_to_this_process

__all__ = ["BUILT_AGAIN", "LeanProcess", "Role"]

START_TIMEOUT_S = 180.0  # two cold starts on two busy cores take a minute
MAX_LINE_BYTES = 64 * 1024 * 1024
PIPE_BYTES = 2**20
"""The most that a user may give a pipe, unless the system says otherwise."""
HEADERS_KEPT = 32
NEAR_KEPT = 16
LINES_KEPT = 20
LAST_WORDS_S = 1.0

LINE_SHOWN = 300

BUILT_AGAIN = (
    "the library of {} was built again since this process read it, and its verdicts and certificates would "
    "name one that is gone: start this process again"
)

R = TypeVar("R", bound=Wire)
Role = Literal["screen", "audit"]
"""To `screen` is to elaborate candidates; to `audit`, to check what they left without elaborating any."""

log = logging.getLogger(__name__)


class LeanProcess:
    """A running Lean process, a worker of its set, and the headers that it has read."""

    def __init__(self, process: asyncio.subprocess.Process, imports_kept: int) -> None:
        self._process = process
        self._imports_kept = imports_kept
        self._headers: OrderedDict[str, str | None] = OrderedDict()
        """The headers that it has read, and why each does not elaborate, if so; the last was used last."""
        self._near: OrderedDict[str, None] = OrderedDict()
        """What it was asked about lately."""
        self.asked = 0
        """How many questions it was given to answer; whoever lends it counts them."""
        self.is_in_step = True
        """Whether it waits for a request, so that it can be asked again."""
        self._stderr: deque[str] = deque(maxlen=LINES_KEPT)
        self._before_ready: deque[str] = deque(maxlen=LINES_KEPT)
        """The end of what it wrote to stdout before it was ready."""
        self._first_errors: list[str] = []
        """Lines of that with errors: there Lean says why it does not compile a script."""
        self._drain = asyncio.create_task(self._keep_stderr())

    @classmethod
    async def start(cls, runtime: LeanRuntime, role: Role = "screen") -> "LeanProcess":
        """Start a process and wait until it says that it is ready.

        Raises:
            WorkerStartError: it cannot be run, ended or stayed silent; the message has the end of what it
                said.  Or a project's library was built again meanwhile.
        """
        if runtime.was_built_again:
            raise WorkerStartError(BUILT_AGAIN.format(runtime.cwd))
        started = time.monotonic()
        try:
            process = await asyncio.create_subprocess_exec(
                *tied_to_this_process((*runtime.command, role)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=runtime.cwd,
                env=dict(runtime.env),
                limit=MAX_LINE_BYTES,
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerStartError(
                f"the {runtime.name} Lean worker cannot be run: {error}; see what `proofmill doctor` says"
            ) from error
        _let_it_write(process)
        worker = cls(process, runtime.imports_kept)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                ready = await worker._read_ready()
        except (TimeoutError, WorkerDied) as error:
            await worker.kill()
            how = f"the {runtime.name} Lean worker did not start: {error or 'no answer'}"
            raise WorkerStartError(f"{how}\n{worker._first_words()}\n{_what_to_do(runtime)}") from error
        except BaseException:
            await worker.kill()
            raise
        log.debug("worker %d (Lean %s) ready in %.1f s", process.pid, ready.lean, time.monotonic() - started)
        return worker

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it is not known to have ended."""
        return self._process.returncode is None

    @property
    def stderr_tail(self) -> str:
        """The last lines of its stderr."""
        return "\n".join(self._stderr)

    def is_warm(self, header: str) -> bool:
        """Whether it has read `header` already."""
        return header in self._headers

    def remember(self, near: str) -> None:
        """Note what it is asked about now."""
        self._near[near] = None
        self._near.move_to_end(near)
        if len(self._near) > NEAR_KEPT:
            self._near.popitem(last=False)

    def has_been_near(self, near: str) -> bool:
        """Whether it was asked about the same lately, so that it may have it in memory."""
        return near in self._near

    @property
    def has_imports(self) -> bool:
        """Whether a header that it has read may have imported something."""
        return any("import" in header for header in self._headers)

    async def load_header(self, header: str) -> str | None:
        """Have it read `header`, unless it holds that; returns why the header does not elaborate, or None.

        Raises:
            WorkerFull: a new process has to read it: what was imported is never freed.
            WorkerDied: the process ended.
        """
        if header in self._headers:
            self._headers.move_to_end(header)
            return self._headers[header]
        # The worker forgets the one used longest ago.
        forgotten = self._headers.popitem(last=False)[0] if len(self._headers) == HEADERS_KEPT else None
        reply = await self.ask(header_request(header, forget=forgotten, imports_kept=self._imports_kept))
        if reply.full:
            self.is_in_step = False
            raise WorkerFull("the worker holds as many libraries as it may")
        self._headers[header] = reply.error
        return reply.error

    async def ask(self, request: Request[R]) -> R:
        """The reply to a request, whose header must have been loaded.

        Raises:
            WorkerDied: the process ended before it replied, or broke the protocol.
        """
        return self.read_reply(await self.exchange(request), request)

    async def exchange(self, request: Request[R]) -> bytes:
        """Send a request and wait for the line with its reply, which `read_reply` reads.

        Raises:
            WorkerDied: the process ended before it replied.
        """
        self.is_in_step = False
        await self._write(request.line)
        while not request.is_answered_by(line := await self._read_line()):
            pass
        self.is_in_step = True
        return line

    def read_reply(self, line: bytes, request: Request[R]) -> R:
        """The reply on a line that `exchange` gave.  Raises WorkerDied when it cannot be read."""
        try:
            return request.read(line)
        except ValueError as error:
            self.is_in_step = False
            raise WorkerDied(f"the worker's reply cannot be read: {error}") from error

    async def kill(self) -> None:
        """End the process and all that it started, and wait for it."""
        try:
            if self.is_alive:
                await asyncio.to_thread(kill_all, self.pid)
            await self._process.wait()
        finally:
            self._drain.cancel()
            # Else its pipes are closed when this is collected, which may be after the end of the event loop.
            # They are not waited for: what was not written or read nobody wants any more.
            _transport_of(self._process).close()

    async def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise await self._death() from error

    async def _read_line(self) -> bytes:
        assert self._process.stdout is not None
        try:
            line = await self._process.stdout.readline()
        except ValueError as error:
            raise WorkerDied(f"the worker wrote a line of more than {MAX_LINE_BYTES:,} bytes") from error
        if not line:
            raise await self._death()
        return line

    async def _read_ready(self) -> Ready:
        """The first line of the protocol; before it may stand what the runtime prints."""
        while True:
            line = await self._read_line()
            value = parse_json_line(line)
            if value is None:
                said = line.decode(errors="replace").rstrip()
                self._before_ready.append(said)
                if "error" in said and len(self._first_errors) < LINES_KEPT:
                    self._first_errors.append(said)
            else:
                try:
                    return Ready.model_validate(value)
                except ValidationError as error:
                    raise WorkerDied(f"the worker's first line cannot be read: {error}") from error

    async def _death(self) -> WorkerDied:
        code = await self._process.wait()
        await asyncio.wait((self._drain,), timeout=LAST_WORDS_S)
        if code == -signal.SIGKILL:
            return WorkerKilled("the worker was killed from outside; is there memory for it?")
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return WorkerDied(f"the worker ended with {how}")

    def _first_words(self) -> str:
        """The errors that it wrote before it was ready, or else the end of all that it wrote."""
        last = [line for line in (*self._before_ready, *self._stderr) if line.strip()][-LINES_KEPT:]
        said = [line[:LINE_SHOWN] for line in self._first_errors or last]
        return "It said:\n" + "\n".join(said) if said else "It said nothing."

    async def _keep_stderr(self) -> None:
        assert self._process.stderr is not None
        while line := await self._process.stderr.read(65536):
            self._stderr.extend(line.decode(errors="replace").splitlines())


def _transport_of(process: asyncio.subprocess.Process) -> asyncio.SubprocessTransport:
    """What holds the pipes of a process: asyncio has no public way to it."""
    transport: asyncio.SubprocessTransport = process._transport  # type: ignore[attr-defined]
    return transport


def _let_it_write(process: asyncio.subprocess.Process) -> None:
    """Make room for a long reply in the pipe of its stdout.

    Node writes to pipes without waiting, so of a line that does not fit while nobody reads the rest is lost.
    """
    pipe = _transport_of(process).get_pipe_transport(1)
    if pipe is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
        # It stays as it is where a user's pipes have all the memory that they may have (OSError).  A process
        # that has ended already has a closed one (ValueError), and says so when it is read.
        with suppress(OSError, ValueError):
            fcntl.fcntl(pipe.get_extra_info("pipe"), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _what_to_do(runtime: LeanRuntime) -> str:
    """Where to look when a worker does not start."""
    if runtime.name == "embedded":
        return "Run `proofmill doctor` to see what is here."
    why = f"It runs as a script, because {runtime.not_compiled}\n" if runtime.not_compiled else ""
    return f"{why}Run `proofmill doctor --project {runtime.cwd}`: it tries each part and says what to do."
