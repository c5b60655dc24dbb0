"""Never judge twice: identical submissions share one verdict.

Groups sampled from one policy are full of duplicates.  A verdict of kind `unknown` is never kept, because it
says nothing about the proof.  A verdict is known by a digest of all that it depends on, so that verifiers on
the same toolchain can share a store (`verifier/streams/verdict_store.py`).
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from cachetools import LRUCache
from pydantic import ValidationError

from verifier.options import Options
from verifier.verdict import Kind, Submission, Verdict

__all__ = ["CACHE_BYTES", "Turn", "VerdictCache", "VerdictStore", "digest_of"]

CACHE_BYTES = 256_000_000
"""Bytes of verdicts as JSON that are kept in memory: some 200,000 verdicts without tactics."""


class VerdictStore(Protocol):
    """Where verdicts are kept beyond this process.  It never raises: what it cannot do costs time only."""

    async def get(self, digest: str) -> bytes | None:
        """The verdict as JSON, if it is there."""

    async def put(self, digest: str, verdict: bytes) -> None:
        """Keep a verdict."""


def digest_of(submission: Submission, options: Options, toolchain: str) -> str:
    """The SHA-256 of all that a verdict depends on, but for its `id`.

    `timeout_s` is no part of it: only verdicts that are never kept depend on the wall clock.
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


@dataclass(frozen=True)
class Turn:
    """The right to judge one submission, while all others with the same digest wait."""

    known: Verdict | None
    """The verdict that is known already, with the `id` of the submission; its `lean_ms` is 0."""
    keep: Callable[[Verdict], Awaitable[Verdict]]
    """Tells a verdict to all who wait, remembers it unless its kind is unknown, and gives it back."""


@dataclass
class _Queue:
    """Those who want the verdict on one digest: one of them judges at a time."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    members: int = 0
    verdict: Verdict | None = None


class VerdictCache:
    """A memory of the verdicts used last; identical submissions take turns, so that only the first is judged.

    Args:
        toolchain: what judges here (`LeanRuntime.fingerprint`).
        limit_bytes: what the memory may take.
        store: asked for what is not in the memory, and told what was judged.
    """

    def __init__(
        self, toolchain: str, *, limit_bytes: int = CACHE_BYTES, store: VerdictStore | None = None
    ) -> None:
        self._toolchain = toolchain
        self._verdicts: LRUCache[str, bytes] = LRUCache(limit_bytes, getsizeof=len)
        self._store = store
        self._queues: dict[str, _Queue] = {}

    @asynccontextmanager
    async def turn(self, submission: Submission, options: Options) -> AsyncIterator[Turn]:
        """Wait until nobody else judges the same, and then use what is known, or judge.

            async with cache.turn(submission, options) as turn:
                verdict = turn.known or await turn.keep(await pool.verify(submission, options))

        Whoever waits gets even an unknown verdict from the one that was judged, so that duplicates of a
        submission that runs out of time do not run out of it one after the other.  If the body is cancelled
        or fails, the next in line judges.
        """
        digest = digest_of(submission, options, self._toolchain)
        queue = self._queues.setdefault(digest, _Queue())
        queue.members += 1
        try:
            async with queue.lock:
                known = queue.verdict or await self._find(digest)
                if known is not None:
                    known = known.model_copy(update={"id": submission.id, "lean_ms": 0.0})
                yield Turn(known, partial(self._keep, digest, queue))
        finally:
            queue.members -= 1
            if queue.members == 0:
                del self._queues[digest]

    async def _find(self, digest: str) -> Verdict | None:
        known = self._verdicts.get(digest)
        if known is not None:
            return Verdict.model_validate_json(known)
        stored = await self._store.get(digest) if self._store is not None else None
        if stored is not None:
            # What cannot be read is judged again.
            with suppress(ValidationError):
                verdict = Verdict.model_validate_json(stored)
                self._remember(digest, stored)
                return verdict
        return None

    async def _keep(self, digest: str, queue: _Queue, verdict: Verdict) -> Verdict:
        queue.verdict = verdict
        if verdict.kind is not Kind.UNKNOWN:
            written = verdict.model_dump_json(exclude={"kind"}).encode()
            self._remember(digest, written)
            if self._store is not None:
                await self._store.put(digest, written)
        return verdict

    def _remember(self, digest: str, verdict: bytes) -> None:
        if len(verdict) <= self._verdicts.maxsize:
            self._verdicts[digest] = verdict
