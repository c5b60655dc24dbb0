"""Never judge twice: identical submissions share one verdict.

Groups sampled from one policy are full of duplicates.  A verdict of kind
`unknown` is never kept, because it says nothing about the proof.
"""

import asyncio
from collections import OrderedDict

from verifier.pool import LeanPool
from verifier.verdict import Kind, Submission, Verdict

__all__ = ["CachedPool"]

CACHE_SIZE = 200_000

Key = tuple[str, str, str | None, str | None, bool]


class CachedPool:
    """A pool with a memory of its verdicts; concurrent duplicates wait for the first one.

    A verdict that cost no Lean time has `lean_ms` 0.
    """

    def __init__(self, pool: LeanPool, size: int = CACHE_SIZE) -> None:
        self._pool = pool
        self._size = size
        self._verdicts: OrderedDict[Key, Verdict] = OrderedDict()
        self._running: dict[Key, asyncio.Task[Verdict]] = {}

    async def verify(self, submission: Submission, *, tactics: bool = False) -> Verdict:
        """The verdict on `submission`, from memory when an identical one was judged before."""
        key = (submission.header, submission.statement, submission.proof, submission.code, tactics)
        known = self._verdicts.get(key)
        if known is not None:
            self._verdicts.move_to_end(key)
            return _for(submission, known)
        running = self._running.get(key)
        if running is not None:
            return _for(submission, await asyncio.shield(running))
        task = asyncio.create_task(self._pool.verify(submission, tactics=tactics))
        self._running[key] = task
        try:
            verdict = await task
        finally:
            del self._running[key]
        if verdict.kind is not Kind.UNKNOWN:
            self._verdicts[key] = verdict
            if len(self._verdicts) > self._size:
                self._verdicts.popitem(last=False)
        return verdict


def _for(submission: Submission, verdict: Verdict) -> Verdict:
    return verdict.model_copy(update={"id": submission.id, "lean_ms": 0.0})
