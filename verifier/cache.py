"""Never judge twice: identical submissions share one verdict.

Groups sampled from one policy are full of duplicates.  A verdict of kind
`unknown` is never kept, because it says nothing about the proof.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from verifier.pool import LeanPool
from verifier.verdict import Kind, Submission, Verdict

__all__ = ["CachedPool", "VerdictCache"]

CACHE_SIZE = 200_000


@dataclass
class _Running:
    """A verdict on its way, and how many wait for it."""

    task: asyncio.Task[Verdict]
    waiting: int = 0


class VerdictCache:
    """A memory of the last `size` verdicts; what is asked for while it is on its way is not asked twice."""

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self._size = size
        self._verdicts: OrderedDict[Hashable, Verdict] = OrderedDict()
        self._running: dict[Hashable, _Running] = {}

    async def get(
        self, submission: Submission, options: Hashable, judge: Callable[[], Awaitable[Verdict]]
    ) -> tuple[Verdict, bool]:
        """The verdict on `submission` under `options`, and whether it cost nothing: `judge` was not called.

        A verdict that cost nothing has `lean_ms` 0.  Cancelling stops the work only when nobody else waits
        for the same verdict.
        """
        key = (submission.header, submission.statement, submission.proof, submission.code, options)
        known = self._verdicts.get(key)
        if known is not None:
            self._verdicts.move_to_end(key)
            return _for(submission, known), True
        running = self._running.get(key)
        is_first = running is None
        if running is None:
            task = asyncio.create_task(self._judge(key, judge))
            running = self._running[key] = _Running(task)
        running.waiting += 1
        try:
            verdict = await asyncio.shield(running.task)
        finally:
            running.waiting -= 1
            if running.waiting == 0:
                running.task.cancel()
                del self._running[key]
        return (verdict, False) if is_first else (_for(submission, verdict), True)

    async def _judge(self, key: Hashable, judge: Callable[[], Awaitable[Verdict]]) -> Verdict:
        verdict = await judge()
        if verdict.kind is not Kind.UNKNOWN:
            self._verdicts[key] = verdict
            if len(self._verdicts) > self._size:
                self._verdicts.popitem(last=False)
        return verdict


class CachedPool:
    """A pool with a memory of its verdicts; concurrent duplicates are judged once."""

    def __init__(self, pool: LeanPool, size: int = CACHE_SIZE) -> None:
        self._pool = pool
        self._cache = VerdictCache(size)

    async def verify(self, submission: Submission, *, tactics: bool = False) -> Verdict:
        """The verdict on `submission`, from memory when an identical one was judged before."""
        verdict, _ = await self._cache.get(
            submission, tactics, lambda: self._pool.verify(submission, tactics=tactics)
        )
        return verdict


def _for(submission: Submission, verdict: Verdict) -> Verdict:
    return verdict.model_copy(update={"id": submission.id, "lean_ms": 0.0})
