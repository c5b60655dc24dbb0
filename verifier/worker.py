"""One Lean process: started, asked, killed.

The process is either idle and in step with us, or dead: a request that is not
answered in time ends with SIGKILL, because the worker reads one request at a
time and nothing else can stop an elaboration.
"""

import asyncio
import logging
import os
import signal
import time
from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import ValidationError

from verifier.child import tied_to_this_process
from verifier.errors import WorkerDied, WorkerKilled, WorkerStartError
from verifier.lean.runtime import LeanRuntime
from verifier.protocol import (
    AuditReply,
    CheckReply,
    Export,
    HeaderReply,
    Ready,
    StatementReply,
    TextReply,
    Wire,
    audit_request,
    check_request,
    header_request,
    new_request_id,
    parse_json_line,
    statement_request,
    text_request,
)

__all__ = ["LeanWorker", "Role"]

START_TIMEOUT_S = 180.0  # two cold starts on two busy cores take a minute
MAX_LINE_BYTES = 64 * 1024 * 1024
HEADERS_KEPT = 32
IMPORTS_KEPT = 4
STDERR_LINES = 20
LAST_WORDS_S = 1.0

R = TypeVar("R", bound=Wire)
Role = Literal["screen", "audit"]
"""A screen elaborates candidates; an auditor checks what they left behind, and never elaborates one."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Header:
    """A header that was read: what it is called in requests, and why it does not elaborate."""

    name: str
    error: str | None


class LeanWorker:
    """A running Lean worker and the headers it has read."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._headers: OrderedDict[str, _Header] = OrderedDict()
        self._named = 0
        self.asked = 0
        """Questions it was given to answer, for whoever lends it."""
        self._imports = 0
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._drain = asyncio.create_task(self._keep_stderr())

    @classmethod
    async def start(cls, runtime: LeanRuntime, role: Role = "screen") -> "LeanWorker":
        """A worker that has said it is ready.

        Raises:
            WorkerStartError: it cannot be run, ended or stayed silent; the message has the end of its stderr.
        """
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
        worker = cls(process)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                ready = await worker._read(Ready, request_id=None)
        except (TimeoutError, WorkerDied) as error:
            await worker.kill()
            raise WorkerStartError(
                f"the {runtime.name} Lean worker did not start: {error or 'no answer'}; "
                f"its stderr ends with:\n{worker.stderr_tail}\nrun `proofmill doctor` to see what is here"
            ) from error
        except BaseException:
            await worker.kill()
            raise
        log.debug("worker %d (Lean %s) ready in %.1f s", process.pid, ready.lean, time.monotonic() - started)
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    @property
    def stderr_tail(self) -> str:
        return "\n".join(self._stderr)

    def is_warm(self, header: str) -> bool:
        return header in self._headers

    @property
    def is_worn(self) -> bool:
        """Whether it holds so much that a new process should take its place: imports are never freed."""
        return self._imports > IMPORTS_KEPT

    async def load_header(self, header: str) -> str | None:
        """Make the worker read `header`, unless it is among the last it used.

        Returns why it does not elaborate, or None.

        Raises:
            WorkerDied: the process ended.
        """
        if header in self._headers:
            self._headers.move_to_end(header)
            return self._headers[header].error
        name, forgotten = f"h{self._named}", None
        self._named += 1
        if len(self._headers) == HEADERS_KEPT:
            forgotten = self._headers.popitem(last=False)[1].name
        request_id = new_request_id()
        await self._write(header_request(request_id, name, header, forget=forgotten))
        reply = await self._read(HeaderReply, request_id)
        self._imports = reply.imports
        self._headers[header] = _Header(name, reply.error)
        return reply.error

    async def check(
        self,
        header: str,
        statement: str,
        source: str,
        *,
        heartbeats: int,
        tactics: bool = False,
        kernel: bool = True,
        export: bool = True,
    ) -> CheckReply:
        """What Lean says of `source` after `header`, which must have been loaded.

        Args:
            kernel: whether the kernel checks declarations here; an audit does in any case.
            export: whether to write out what an audit needs.

        Raises:
            WorkerDied: the process ended before it replied.
        """
        request_id = new_request_id()
        await self._write(
            check_request(
                request_id,
                self._headers[header].name,
                statement,
                source,
                heartbeats=heartbeats,
                tactics=tactics,
                kernel=kernel,
                export=export,
            )
        )
        return await self._read(CheckReply, request_id)

    async def statement(self, header: str, statement: str) -> StatementReply:
        """What Lean makes of `statement` after `header`, which must have been loaded.

        Raises:
            WorkerDied: the process ended before it replied.
        """
        request_id = new_request_id()
        await self._write(statement_request(request_id, self._headers[header].name, statement))
        return await self._read(StatementReply, request_id)

    async def text(self, header: str, source: str, *, heartbeats: int, tactics: bool = False) -> TextReply:
        """What Lean says of `source` after `header`, which must have been loaded.

        Raises:
            WorkerDied: the process ended before it replied.
        """
        request_id = new_request_id()
        await self._write(
            text_request(
                request_id, self._headers[header].name, source, heartbeats=heartbeats, tactics=tactics
            )
        )
        return await self._read(TextReply, request_id)

    async def audit(self, header: str, statement: str, export: Export) -> AuditReply:
        """What the kernel says of `export` after `header`, which must have been loaded.

        Raises:
            WorkerDied: the process ended before it replied.
        """
        request_id = new_request_id()
        await self._write(audit_request(request_id, self._headers[header].name, statement, export))
        return await self._read(AuditReply, request_id)

    async def kill(self) -> None:
        """End the process, with what it started, and wait for it."""
        if self.is_alive:
            # It leads a session of its own.  `lake env` runs Lean as a child, which must end too.
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()
        self._drain.cancel()

    async def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise await self._death() from error

    async def _read(self, model: type[R], request_id: str | None) -> R:
        """The next line that is a `model` and answers the request; everything else is chatter."""
        assert self._process.stdout is not None
        while True:
            try:
                line = await self._process.stdout.readline()
            except ValueError as error:
                raise WorkerDied(f"the worker wrote a line of more than {MAX_LINE_BYTES:,} bytes") from error
            if not line:
                raise await self._death()
            value = parse_json_line(line)
            if value is None or value.get("id") != request_id:
                continue
            try:
                return model.model_validate(value)
            except ValidationError as error:
                raise WorkerDied(f"the worker's reply cannot be read: {error}") from error

    async def _death(self) -> WorkerDied:
        code = await self._process.wait()
        await asyncio.wait((self._drain,), timeout=LAST_WORDS_S)
        if code == -signal.SIGKILL:
            return WorkerKilled("the worker was killed from outside; is there memory for it?")
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return WorkerDied(f"the worker ended with {how}")

    async def _keep_stderr(self) -> None:
        assert self._process.stderr is not None
        while line := await self._process.stderr.read(65536):
            self._stderr.extend(line.decode(errors="replace").splitlines())
