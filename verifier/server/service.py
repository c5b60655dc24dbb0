"""The pool as a service: submissions wait their turn, are judged once, and are counted."""

from verifier.errors import ProofmillError
from verifier.judging.cache import CACHE_BYTES, VerdictCache, VerdictStore
from verifier.judging.pool import LeanPool
from verifier.options import Options
from verifier.server.admission import DEFAULT_QUEUE, Admission, Priority, QueueFull
from verifier.server.metrics import Metrics
from verifier.verdict import Status, Submission, Verdict

__all__ = ["LeanUnavailable", "VerifyService"]


class LeanUnavailable(ProofmillError):
    """No Lean worker runs and none starts: nothing can be judged until somebody has mended that."""


class VerifyService:
    """What every route of the API judges with.

    As many submissions run at a time as there are workers and auditors, so that a worker elaborates
    the next while an auditor has the last.
    """

    def __init__(
        self,
        pool: LeanPool,
        *,
        queue_limit: int = DEFAULT_QUEUE,
        cache_bytes: int = CACHE_BYTES,
        store: VerdictStore | None = None,
    ) -> None:
        self.pool = pool
        self.admission = Admission(pool.workers + pool.auditors, queue_limit)
        self.metrics = Metrics(pool, self.admission)
        self._cache = VerdictCache(pool.runtime.fingerprint, limit_bytes=cache_bytes, store=store)

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
        limits = options or self.pool.options

        async def judge() -> Verdict:
            async with self.admission.place(key, priority) as queue_s:
                verdict = await self.pool.verify(submission, limits)
            self.metrics.observe(verdict, queue_s)
            if verdict.status is Status.INFRA_ERROR and any(each.is_dead for each in self.pool.sets.values()):
                raise LeanUnavailable(verdict.reason)
            return verdict

        try:
            verdict, is_cached = await self._cache.get(submission, limits, judge)
        except QueueFull:
            self.metrics.refused.inc()
            raise
        self.metrics.count(verdict, is_cached=is_cached)
        return verdict
