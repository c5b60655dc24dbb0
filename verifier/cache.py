"""Never judge twice: identical submissions share one verdict.

Groups sampled from one policy are full of duplicates.  A verdict of kind
`unknown` is never kept, because it says nothing about the proof.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from verifier.pool import LeanPool
from verifier.verdict import Kind, Submission, Verdict

__all__ = ["CachedPool"]

CACHE_SIZE = 200_000

Key = tuple[str, str, str | None, str | None, bool]


@dataclass
class _Running:
    """A verdict on its way, and how many wait for it."""

    task: asyncio.Task[Verdict]
    waiting: int = 0


class CachedPool:
    """A pool with a memory of its verdicts; concurrent duplicates are judged once.

    A verdict that cost no Lean time has `lean_ms` 0.
    """

    def __init__(self, pool: LeanPool, size: int = CACHE_SIZE) -> None:
        self._pool = pool
        self._size = size
        self._verdicts: OrderedDict[Key, Verdict] = OrderedDict()
        self._running: dict[Key, _Running] = {}

    async def verify(self, submission: Submission, *, tactics: bool = False) -> Verdict:
        """The verdict on `submission`, from memory when an identical one was judged before.

        Cancelling it stops the work only when nobody else waits for the same verdict.
        """
        key = (submission.header, submission.statement, submission.proof, submission.code, tactics)
        known = self._verdicts.get(key)
        if known is not None:
            self._verdicts.move_to_end(key)
            return _for(submission, known)
        running = self._running.get(key)
        is_first = running is None
        if running is None:
            task = asyncio.create_task(self._judge(key, submission, tactics))
            running = self._running[key] = _Running(task)
        running.waiting += 1
        try:
            verdict = await asyncio.shield(running.task)
        finally:
            running.waiting -= 1
            if running.waiting == 0:
                running.task.cancel()
                del self._running[key]
        return verdict if is_first else _for(submission, verdict)

    async def _judge(self, key: Key, submission: Submission, tactics: bool) -> Verdict:
        verdict = await self._pool.verify(submission, tactics=tactics)
        if verdict.kind is not Kind.UNKNOWN:
            self._verdicts[key] = verdict
            if len(self._verdicts) > self._size:
                self._verdicts.popitem(last=False)
        return verdict


def _for(submission: Submission, verdict: Verdict) -> Verdict:
    return verdict.model_copy(update={"id": submission.id, "lean_ms": 0.0})
