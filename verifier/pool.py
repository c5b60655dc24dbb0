"""The pool: submissions in, verdicts out as they finish, on N Lean workers.

What it promises: every submission gets exactly one verdict; a submission that
runs out of time or takes its worker down costs that worker and nothing else; a
machine that fails is `unknown`, never a wrong proof.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Self

from verifier.errors import PoolClosed, WorkerDied, WorkerKilled, WorkerStartError
from verifier.judge import judge, screen, source_of
from verifier.lean.runtime import LeanRuntime
from verifier.verdict import Status, Submission, Verdict
from verifier.worker import LeanWorker

__all__ = ["DEFAULT_HEARTBEATS", "DEFAULT_TIMEOUT_S", "LeanPool"]

DEFAULT_HEARTBEATS = 200_000
"""Lean's own default for `maxHeartbeats`, in thousands of small allocations."""

DEFAULT_TIMEOUT_S = 60.0
HEADER_TIMEOUT_S = 300.0
LAST_WORDS = 300
"""Characters of a dead worker's stderr that a reason repeats."""

log = logging.getLogger(__name__)


class LeanPool:
    """N workers of one runtime.

        async with LeanPool(runtime, workers=2) as pool:
            verdict = await pool.verify(submission)

    `timeout_s` is wall-clock seconds for one elaboration, without waiting for a
    worker, its start or its header.  `heartbeats` is the budget of each
    declaration and the limit that decides; the wall clock only guards.
    """

    def __init__(
        self,
        runtime: LeanRuntime,
        *,
        workers: int = 1,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        heartbeats: int = DEFAULT_HEARTBEATS,
    ) -> None:
        if workers < 1:
            raise ValueError(f"a pool needs at least one worker, not {workers}")
        self.runtime = runtime
        self.workers = workers
        self.timeout_s = timeout_s
        self.heartbeats = heartbeats
        self._idle: list[LeanWorker] = []
        self._busy: set[LeanWorker] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._start_error: WorkerStartError | None = None
        self._changed = asyncio.Condition()
        self._closed = False

    async def __aenter__(self) -> Self:
        """Starts all workers and waits for the first; raises WorkerStartError when none starts."""
        try:
            await self._give_back(await self._borrow(header=""))
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends every worker; submissions still running get `PoolClosed`."""
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
    def worker_pids(self) -> tuple[int, ...]:
        """Process ids of the workers that have started."""
        return tuple(worker.pid for worker in (*self._idle, *self._busy))

    async def verify_many(
        self, submissions: Iterable[Submission], *, tactics: bool = False
    ) -> AsyncIterator[Verdict]:
        """Verdicts on all submissions, in the order in which they finish."""
        tasks = [asyncio.create_task(self.verify(each, tactics=tactics)) for each in submissions]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()

    async def verify(
        self,
        submission: Submission,
        *,
        tactics: bool = False,
        timeout_s: float | None = None,
        heartbeats: int | None = None,
    ) -> Verdict:
        """The verdict on one submission; waits for a free worker."""
        refused = screen(submission)
        if refused is not None:
            return refused
        limits = (tactics, timeout_s or self.timeout_s, heartbeats or self.heartbeats)
        try:
            try:
                return await self._verify_on_a_worker(submission, *limits)
            except WorkerKilled:
                # Not the submission's doing, as far as one can tell: it gets a second worker.
                return await self._verify_on_a_worker(submission, *limits)
        except WorkerStartError as error:
            return _unknown(submission, Status.INFRA_ERROR, f"no Lean worker starts: {error}")
        except WorkerKilled as error:
            return _unknown(submission, Status.CRASHED, str(error))

    async def _verify_on_a_worker(
        self, submission: Submission, tactics: bool, timeout_s: float, heartbeats: int
    ) -> Verdict:
        """The verdict, with the wall time for which the worker was held.

        Raises:
            WorkerKilled, WorkerStartError, PoolClosed
        """
        worker = await self._borrow(submission.header)
        started = time.monotonic()
        healthy = False
        try:
            verdict, healthy = await self._ask(worker, submission, tactics, timeout_s, heartbeats)
        except WorkerDied as error:
            if self._closed:
                raise PoolClosed("the pool was closed while it judged a submission") from error
            if isinstance(error, WorkerKilled):
                raise
            last_words = " ".join(worker.stderr_tail.split())[-LAST_WORDS:]
            reason = f"{error}; its stderr ends with: {last_words or 'nothing'}"
            verdict = _unknown(submission, Status.CRASHED, reason)
        finally:
            # A worker that was interrupted still elaborates: only killing it frees its core.
            await (self._give_back(worker) if healthy else self._discard(worker))
        return verdict.model_copy(update={"lean_ms": (time.monotonic() - started) * 1e3})

    async def _ask(
        self, worker: LeanWorker, submission: Submission, tactics: bool, timeout_s: float, heartbeats: int
    ) -> tuple[Verdict, bool]:
        """The verdict, and whether the worker can be asked again."""
        source = source_of(submission)
        try:
            async with asyncio.timeout(HEADER_TIMEOUT_S):
                header_error = await worker.load_header(submission.header)
        except TimeoutError:
            reason = f"the header was not read within {HEADER_TIMEOUT_S:g} s"
            return _unknown(submission, Status.INFRA_ERROR, reason), False
        if header_error is not None:
            reason = f"the header does not elaborate here: {header_error}"
            return _unknown(submission, Status.INFRA_ERROR, reason), True
        try:
            async with asyncio.timeout(timeout_s):
                reply = await worker.check(
                    submission.header,
                    submission.statement,
                    source.full,
                    heartbeats=heartbeats,
                    tactics=tactics,
                )
        except TimeoutError:
            reason = f"no answer within {timeout_s:g} s of wall time"
            return _unknown(submission, Status.TIMEOUT, reason), False
        return judge(submission, source, reply), True

    async def _borrow(self, header: str) -> LeanWorker:
        """An idle worker, one that has read `header` if there is one.

        Raises:
            WorkerStartError: no worker is left and none starts.
            PoolClosed: the pool was closed.
        """
        async with self._changed:
            self._start_missing()
            while not self._idle:
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
            worker = (warm or self._idle)[-1]
            self._idle.remove(worker)
            self._busy.add(worker)
            return worker

    async def _give_back(self, worker: LeanWorker) -> None:
        async with self._changed:
            self._busy.discard(worker)
            self._idle.append(worker)
            self._changed.notify()

    async def _discard(self, worker: LeanWorker) -> None:
        log.info("killing worker %d; its stderr ends with: %s", worker.pid, worker.stderr_tail)
        await worker.kill()
        self._busy.discard(worker)
        self._start_missing()

    def _start_missing(self) -> None:
        # The kernel may have ended a worker that nobody was asking.
        self._idle = [worker for worker in self._idle if worker.is_alive]
        missing = self.workers - len(self._idle) - len(self._busy) - len(self._starting)
        for _ in range(0 if self._closed else missing):
            task = asyncio.create_task(self._start_one())
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start_one(self) -> None:
        """Put a new worker among the idle ones, or say why there is none."""
        worker = None
        try:
            worker = await LeanWorker.start(self.runtime)
        except WorkerStartError as error:
            log.warning("a Lean worker did not start: %s", error)
            self._start_error = error
        finally:
            async with self._changed:
                self._starting.discard(asyncio.current_task())
                if worker is not None:
                    self._idle.append(worker)
                self._changed.notify_all()


def _unknown(submission: Submission, status: Status, reason: str) -> Verdict:
    return Verdict(id=submission.id, status=status, reason=reason)
