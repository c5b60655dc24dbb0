"""The pool as a service: submissions wait their turn, are judged once, and are counted."""

from collections.abc import Callable

from verifier.errors import ProofmillError
from verifier.judging.cache import CACHE_BYTES, VerdictCache, VerdictStore
from verifier.judging.pool import LeanPool
from verifier.judging.protocol import StatementReply, TextReply
from verifier.judging.text_audit import Finding, claims_something
from verifier.options import Options
from verifier.server.admission import DEFAULT_QUEUE, Admission, Priority
from verifier.server.metrics import Metrics
from verifier.server.schemas import TacticsRequest
from verifier.tactic_state import TacticState
from verifier.verdict import Status, Submission, Verdict

__all__ = ["LeanUnavailable", "VerifyService"]


class LeanUnavailable(ProofmillError):
    """No Lean worker runs and none starts: nothing can be judged until somebody has mended that."""


class VerifyService:
    """What every route of the API judges with.

    As many submissions run at a time as there are workers and auditors, so that a worker elaborates the next
    while an auditor has the last.  `lean` is what judges, and `defaults` holds where a request sets nothing.
    """

    def __init__(
        self,
        pool: LeanPool,
        *,
        queue_limit: int = DEFAULT_QUEUE,
        cache_bytes: int = CACHE_BYTES,
        store: VerdictStore | None = None,
    ) -> None:
        self.lean = pool.runtime
        self.defaults = pool.options
        self.admission = Admission(pool.workers + pool.auditors, queue_limit)
        self.metrics = Metrics(pool, self.admission)
        self._pool = pool
        self._cache = VerdictCache(pool.runtime.fingerprint, limit_bytes=cache_bytes, store=store)

    @property
    def processes(self) -> dict[str, int]:
        """How many Lean processes have started, by role."""
        return {role: len(workers.pids) for role, workers in self._pool.sets.items()}

    async def verify(
        self,
        submission: Submission,
        options: Options | None = None,
        *,
        key: str = "",
        priority: Priority = Priority.NORMAL,
    ) -> Verdict:
        """The verdict on `submission`, which counts towards the share of `key`.

        Raises:
            QueueFull, PoolClosed
            LeanUnavailable: no worker runs, and none could be started for this submission.
        """
        limits = options or self.defaults
        async with self._cache.turn(submission, limits) as turn:
            verdict = turn.known
            if verdict is None:
                async with self.admission.place(key, priority) as queue_s:
                    verdict = await self._pool.verify(submission, limits)
                self.metrics.observe(verdict, queue_s)
                await turn.keep(verdict)
        if verdict.status is Status.INFRA_ERROR and self._pool.is_dead:
            raise LeanUnavailable(verdict.reason)
        self.metrics.count(verdict, is_cached=turn.known is not None)
        return verdict

    async def statement(self, statement: str, header: str, *, key: str = "") -> StatementReply:
        """What Lean makes of a statement.

        Raises:
            NoAnswer, QueueFull, PoolClosed
        """
        async with self.admission.place(key):
            return await self._pool.statement(statement, header)

    async def tactics(self, asked: TacticsRequest, options: Options, *, key: str = "") -> TacticState:
        """What tactics make of a state of a proof.

        Raises:
            NoAnswer, QueueFull, PoolClosed
        """
        async with self.admission.place(key):
            state = await self._pool.tactics(
                asked.statement,
                asked.tactics,
                path=asked.path,
                goal=asked.goal,
                header=asked.header,
                options=options,
            )
        self.metrics.count_tactics(state.tried)
        return state

    async def text(
        self, source: str, options: Options, *, key: str = "", header_of: Callable[[str], str] = str
    ) -> tuple[TextReply, Finding | None]:
        """What Lean says of a file, and if that is nothing bad, a theorem that the audit refuses, if any.

        `header_of` makes of the file's imports the header that it is read under.

        Raises:
            NoAnswer, QueueFull, PoolClosed
        """
        async with self.admission.place(key):
            header = header_of(await self._pool.imports(source, options))
            reply = await self._pool.text(source, header, options)
            finding = (
                await self._pool.audit_text(source, header, options) if claims_something(reply) else None
            )
            return reply, finding

    async def close(self) -> None:
        """End every worker."""
        await self._pool.close()
