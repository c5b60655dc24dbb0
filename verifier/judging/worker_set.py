"""Keeps N Lean processes of one role running, its workers, and has each answer one question at a time.

Spare workers, if any, stand ready with the header that was read last, so that nobody waits for a start when
one is killed.  They are lent for nothing else: two workers that take turns on a core do less than one,
because each finds the processor's caches full of the other's data.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from verifier.errors import NoAnswer, PoolClosed, WorkerDied, WorkerFull, WorkerKilled, WorkerStartError
from verifier.judging.lean_process import BUILT_AGAIN, LeanProcess, Role
from verifier.judging.protocol import Request, Wire
from verifier.lean.runtime import LeanRuntime
from verifier.verdict import Status

__all__ = ["WorkerSet"]

HEADER_TIMEOUT_S = 300.0
FIRST_HEADER_TIMEOUT_S = 1800.0
"""Until one header was read: of a library on a network disk that is not in memory yet, 20 minutes were seen
(leanprover/lean4#8092)."""
LAST_WORDS = 300
"""Characters of a dead worker's stderr that a reason repeats."""

R = TypeVar("R", bound=Wire)
log = logging.getLogger(__name__)


@dataclass
class _Loan:
    """A worker that is lent; another may come in its place."""

    worker: LeanProcess


class WorkerSet:
    """`size` workers that may be lent at a time, and spares; one that is lost is replaced.

    Each takes one of `cores` while it works: sets that share a semaphore keep no more cores busy than it has.
    """

    def __init__(
        self,
        runtime: LeanRuntime,
        role: Role,
        size: int,
        cores: asyncio.Semaphore | None = None,
        *,
        spares: int = 0,
    ) -> None:
        self._runtime = runtime
        self._role: Role = role
        self._size = size
        self._spares = spares
        self._cores = cores or asyncio.Semaphore(size)
        self._last_header = ""
        self._has_read = False
        """Whether a header with imports was read, so that their files are in the machine's memory."""
        self._idle: list[LeanProcess] = []
        self._busy: set[LeanProcess] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._start_error: WorkerStartError | None = None
        self._changed = asyncio.Condition()
        self._closed = False

    async def open(self) -> None:
        """Starts all workers and waits for the first.  Raises WorkerStartError when none starts."""
        await self._give_back(await self._borrow(header=""))

    async def close(self) -> None:
        """Ends every worker; whoever waits for one, or for its answer, gets `PoolClosed`."""
        self._closed = True
        starting = tuple(self._starting)
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        await asyncio.gather(*(worker.kill() for worker in (*self._idle, *self._busy)))
        self._idle.clear()
        async with self._changed:
            self._changed.notify_all()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers that have started."""
        return tuple(worker.pid for worker in (*self._idle, *self._busy))

    @property
    def state(self) -> dict[str, int]:
        """How many workers are idle, busy and starting."""
        return {"idle": len(self._idle), "busy": len(self._busy), "starting": len(self._starting)}

    @property
    def is_dead(self) -> bool:
        """Whether no worker is left, and none on its way."""
        return not (self._idle or self._busy or self._starting)

    async def ask(
        self, header: str, request: Request[R], timeout_s: float, *, near: str = ""
    ) -> tuple[R, float]:
        """The reply of a worker that has read `header`, and the milliseconds for which it worked.

        Args:
            near: what the request is about; a worker that was last asked about the same is preferred.

        Raises:
            NoAnswer: no worker answered; its status is of kind unknown.
            PoolClosed: the set was closed.
        """
        try:
            return await self._ask_once(header, request, timeout_s, near=near, is_last=False)
        except WorkerDied:
            # Perhaps not the doing of what was asked: the worker was killed from outside, or spoiled by
            # what it ran before.  So it gets a second worker.
            return await self._ask_once(header, request, timeout_s, near=near, is_last=True)

    async def _ask_once(
        self, header: str, request: Request[R], timeout_s: float, *, near: str, is_last: bool
    ) -> tuple[R, float]:
        """As `ask`; but unless `is_last`, raises WorkerDied where the question may not be to blame."""
        began = time.monotonic()

        def held_ms() -> float:
            return (time.monotonic() - began) * 1e3

        def no_answer(status: Status, reason: str) -> NoAnswer:
            return NoAnswer(status, reason, held_ms())

        try:
            async with self._lend(header, near) as loan:
                async with self._cores:
                    began = time.monotonic()
                    try:
                        header_error = await self._read_header(loan.worker, header)
                    except WorkerFull:
                        await self._replace(loan)
                        header_error = await self._read_header(loan.worker, header)
                    if header_error is None:
                        # A worker is always ready for the empty header, so a spare reads the last other one.
                        self._last_header = header or self._last_header
                        loan.worker.asked += 1
                        async with asyncio.timeout(timeout_s):
                            line = await loan.worker.exchange(request)
                if header_error is None:
                    # The core is free already: reading takes a while where the reply is long.
                    return loan.worker.read_reply(line, request), held_ms()
        except TimeoutError as error:
            raise no_answer(Status.TIMEOUT, f"no answer within {timeout_s:g} s of wall time") from error
        except WorkerStartError as error:
            raise NoAnswer(Status.INFRA_ERROR, f"no Lean worker starts: {error}") from error
        except WorkerDied as error:
            worker = loan.worker
            if self._closed:
                raise PoolClosed("the pool was closed while it judged a submission") from error
            if not is_last and (isinstance(error, WorkerKilled) or worker.asked > 1):
                raise
            last_words = " ".join(worker.stderr_tail.split())[-LAST_WORDS:]
            reason = f"{error}; its stderr ends with: {last_words or 'nothing'}"
            raise no_answer(Status.CRASHED, reason) from error
        reason = f"the header does not elaborate here: {_explain(header_error)}"
        raise no_answer(Status.INFRA_ERROR, reason)

    @asynccontextmanager
    async def _lend(self, header: str, near: str) -> AsyncIterator[_Loan]:
        """A worker, one that has read `header` if such a one is free, and that was `near` before.

        It is killed afterwards if it still works on a question.

        Raises:
            WorkerStartError: no worker is left and none starts.
            PoolClosed: the set was closed.
        """
        loan = _Loan(await self._borrow(header, near))
        if near:
            loan.worker.remember(near)
        try:
            yield loan
        finally:
            # One that was interrupted still elaborates: only killing it frees its core.
            if loan.worker.is_in_step:
                await self._give_back(loan.worker)
            else:
                await self._discard(loan.worker)

    async def _replace(self, loan: _Loan) -> None:
        """Put a new worker in the place of one that is lent and holds as many libraries as it may.

        Whoever asked has it from the start: one from the queue might be just as full.

        Raises:
            WorkerStartError: it does not start.
        """
        full = loan.worker
        await full.kill()
        loan.worker = await LeanProcess.start(self._runtime, self._role)
        self._busy.discard(full)
        self._busy.add(loan.worker)

    async def _borrow(self, header: str, near: str = "") -> LeanProcess:
        async with self._changed:
            self._start_missing()
            while not self._idle or len(self._busy) >= self._size:
                if self._closed:
                    raise PoolClosed("the pool is closed: open a new one to verify more")
                if not self._busy and not self._starting:
                    raise self._start_error or WorkerStartError("the pool has no worker")
                try:
                    await self._changed.wait()
                except asyncio.CancelledError:
                    # The wake-up may have been for this waiter; another one takes it.
                    self._changed.notify()
                    raise
            warm = [worker for worker in self._idle if worker.is_warm(header)]
            # A new header goes to the worker used longest ago: what it gives up for it is missed least.
            fresh = [worker for worker in self._idle if not worker.has_imports]
            at_home = [worker for worker in warm if worker.has_been_near(near)]
            worker = (at_home or warm)[-1] if warm else (fresh or self._idle)[0]
            self._idle.remove(worker)
            self._busy.add(worker)
            return worker

    async def _give_back(self, worker: LeanProcess) -> None:
        async with self._changed:
            self._busy.discard(worker)
            self._idle.append(worker)
            self._changed.notify()

    async def _discard(self, worker: LeanProcess) -> None:
        log.info("killing worker %d; its stderr ends with: %s", worker.pid, worker.stderr_tail)
        await worker.kill()
        async with self._changed:
            self._busy.discard(worker)
            self._start_missing()
            # For a spare there may be room now.
            self._changed.notify()

    def _start_missing(self) -> None:
        # The kernel may have ended a worker that nobody was asking.
        self._idle = [worker for worker in self._idle if worker.is_alive]
        # Spares come later: whoever opens the set waits for the first worker, not for a core.
        wanted = self._size + (self._spares if self._idle or self._busy else 0)
        missing = wanted - len(self._idle) - len(self._busy) - len(self._starting)
        for _ in range(0 if self._closed else missing):
            task = asyncio.create_task(self._start_one())
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start_one(self) -> None:
        """Put a new worker among the idle ones, or keep the reason why there is none."""
        worker = None
        try:
            worker = await self._warm(await LeanProcess.start(self._runtime, self._role))
        except WorkerStartError as error:
            log.warning("a Lean worker did not start: %s", error)
            self._start_error = error
        finally:
            async with self._changed:
                self._starting.discard(asyncio.current_task())
                if worker is not None:
                    self._idle.append(worker)
                self._changed.notify_all()

    async def _warm(self, worker: LeanProcess) -> LeanProcess:
        """Have a new worker read the header that was read last.  Raises WorkerStartError."""
        try:
            await self._read_header(worker, self._last_header)
        except (NoAnswer, WorkerDied) as error:
            await worker.kill()
            raise WorkerStartError(f"a new worker did not read the header: {error}") from error
        except BaseException:
            await worker.kill()
            raise
        return worker

    async def _read_header(self, worker: LeanProcess, header: str) -> str | None:
        """Have a worker read `header`, and say why that does not elaborate, if so.

        Raises:
            NoAnswer: it took too long.
            WorkerFull, WorkerDied
        """
        if "import" in header and not worker.is_warm(header) and self._runtime.was_built_again:
            raise NoAnswer(Status.INFRA_ERROR, BUILT_AGAIN.format(self._runtime.cwd))
        # Without an import there is nothing to wait for so long: its request may have been stolen.
        is_first = "import" in header and not self._has_read
        limit_s = FIRST_HEADER_TIMEOUT_S if is_first else HEADER_TIMEOUT_S
        try:
            async with asyncio.timeout(limit_s):
                error = await worker.load_header(header)
        except TimeoutError as late:
            raise NoAnswer(Status.INFRA_ERROR, f"the header was not read within {limit_s:g} s") from late
        self._has_read = self._has_read or (error is None and "import" in header)
        return error


def _explain(header_error: str) -> str:
    """What Lean says of a header; of a library that it lacks, what to do rather than where it looked."""
    if "unknown module prefix" not in header_error:
        return header_error
    first = header_error.splitlines()[0]
    return f"{first}: this Lean does not have that library; name a Lake project that has it"
