"""Never judge twice: identical submissions share one verdict.

Groups sampled from one policy are full of duplicates.  A verdict of kind `unknown` is never kept, because it
says nothing about the proof.  A verdict is known by a digest of all that it depends on, so that verifiers on
the same toolchain can share a store (`verifier/streams/verdict_store.py`).
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from cachetools import LRUCache
from pydantic import ValidationError

from verifier.judging.pool import LeanPool
from verifier.options import Options
from verifier.verdict import Kind, Submission, Verdict

__all__ = ["CACHE_BYTES", "CachedPool", "VerdictCache", "VerdictStore", "digest_of"]

CACHE_BYTES = 256_000_000
"""Of verdicts as JSON: some 200,000 without tactics."""


class VerdictStore(Protocol):
    """Where verdicts are kept beyond this process.  It never raises: what it cannot do costs time only."""

    async def get(self, digest: str) -> bytes | None:
        """The verdict as JSON, if it is there."""

    async def put(self, digest: str, verdict: bytes) -> None:
        """Keep a verdict."""


def digest_of(submission: Submission, options: Options, toolchain: str) -> str:
    """The SHA-256 of all that a verdict depends on, but for its `id`.

    Not of `timeout_s`: only verdicts that are never kept depend on the wall clock.
    """
    parts = (
        toolchain,
        submission.header,
        submission.statement,
        submission.proof,
        submission.code,
        options.tactics and ("goals" if options.goals else "spans"),
        options.heartbeats,
        sorted(options.allowed_axioms),
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass
class _Running:
    """A verdict on its way with whether it was in the store, and how many wait for it."""

    task: asyncio.Task[tuple[Verdict, bool]]
    waiting: int = 0


class VerdictCache:
    """A memory of the verdicts used last; what is asked for while it is on its way is not asked twice.

    `toolchain` is what judges here (`LeanRuntime.fingerprint`), `limit_bytes` what the memory may take.
    """

    def __init__(
        self, toolchain: str, *, limit_bytes: int = CACHE_BYTES, store: VerdictStore | None = None
    ) -> None:
        self._toolchain = toolchain
        self._verdicts: LRUCache[str, bytes] = LRUCache(limit_bytes, getsizeof=len)
        self._store = store
        self._running: dict[str, _Running] = {}

    async def get(
        self, submission: Submission, options: Options, judge: Callable[[], Awaitable[Verdict]]
    ) -> tuple[Verdict, bool]:
        """The verdict on `submission` under `options`, and whether it cost nothing: `judge` was not called.

        A verdict that cost nothing has `lean_ms` 0.  Cancelling stops the work only when nobody else waits
        for the same verdict.
        """
        digest = digest_of(submission, options, self._toolchain)
        known = self._verdicts.get(digest)
        if known is not None:
            return _for(submission, Verdict.model_validate_json(known)), True
        running = self._running.get(digest)
        is_first = running is None
        if running is None:
            task = asyncio.create_task(self._find_or_judge(digest, judge))
            running = self._running[digest] = _Running(task)
        running.waiting += 1
        try:
            verdict, was_stored = await asyncio.shield(running.task)
        finally:
            running.waiting -= 1
            if running.waiting == 0:
                running.task.cancel()
                del self._running[digest]
        return (verdict, False) if is_first and not was_stored else (_for(submission, verdict), True)

    async def _find_or_judge(
        self, digest: str, judge: Callable[[], Awaitable[Verdict]]
    ) -> tuple[Verdict, bool]:
        stored = await self._store.get(digest) if self._store is not None else None
        if stored is not None:
            # What cannot be read is judged again.
            with suppress(ValidationError):
                verdict = Verdict.model_validate_json(stored)
                self._keep(digest, stored)
                return verdict, True
        verdict = await judge()
        if verdict.kind is not Kind.UNKNOWN:
            written = verdict.model_dump_json(exclude={"kind"}).encode()
            self._keep(digest, written)
            if self._store is not None:
                await self._store.put(digest, written)
        return verdict, False

    def _keep(self, digest: str, verdict: bytes) -> None:
        if len(verdict) <= self._verdicts.maxsize:
            self._verdicts[digest] = verdict


class CachedPool:
    """A pool with a memory of its verdicts; concurrent duplicates are judged once."""

    def __init__(self, pool: LeanPool, *, store: VerdictStore | None = None) -> None:
        self._pool = pool
        self._cache = VerdictCache(pool.runtime.fingerprint, store=store)

    async def verify(self, submission: Submission) -> Verdict:
        """The verdict on `submission`, from memory when an identical one was judged before."""
        verdict, _ = await self._cache.get(
            submission, self._pool.options, lambda: self._pool.verify(submission)
        )
        return verdict


def _for(submission: Submission, verdict: Verdict) -> Verdict:
    return verdict.model_copy(update={"id": submission.id, "lean_ms": 0.0})
