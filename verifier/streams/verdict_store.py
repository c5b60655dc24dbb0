"""Verdicts kept in Redis, so that verifiers share them and a restart forgets none.

Whoever can write there can say `proved`: keep it as safe as the verifier itself.  A Redis that is slow, full
or gone costs nothing but the verdicts that it held: nobody asks it for a while, and Lean judges.
"""

import logging
import time

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from verifier.streams.connection import invalid_url

__all__ = ["RedisVerdicts"]

PREFIX = "proofmill:verdict:"
LONGEST_WAIT_S = 0.5
PAUSE_S = 10.0
KEPT_S = 30 * 24 * 3600
LARGEST_BYTES = 1_000_000
"""A larger verdict, which has very many tactics, is not kept."""

log = logging.getLogger(__name__)


class RedisVerdicts:
    """A `VerdictStore` in the Redis or Valkey at `url`; each verdict is kept for a month after its last use.

    Raises:
        InvalidInput: `url` is not a Redis URL.
    """

    def __init__(self, url: str) -> None:
        try:
            self._redis = Redis.from_url(
                url,
                socket_timeout=LONGEST_WAIT_S,
                socket_connect_timeout=LONGEST_WAIT_S,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            raise invalid_url(error) from error
        self._paused_until = 0.0

    async def get(self, digest: str) -> bytes | None:
        """As `VerdictStore.get`."""
        if self._is_paused:
            return None
        try:
            found = await self._redis.getex(PREFIX + digest, ex=KEPT_S)
        except RedisError as error:
            self._pause(error)
            return None
        return found.encode() if isinstance(found, str) else found

    async def put(self, digest: str, verdict: bytes) -> None:
        """As `VerdictStore.put`."""
        if self._is_paused or len(verdict) > LARGEST_BYTES:
            return
        try:
            await self._redis.set(PREFIX + digest, verdict, ex=KEPT_S)
        except RedisError as error:
            self._pause(error)

    async def close(self) -> None:
        await self._redis.aclose()

    @property
    def _is_paused(self) -> bool:
        return time.monotonic() < self._paused_until

    def _pause(self, error: RedisError) -> None:
        self._paused_until = time.monotonic() + PAUSE_S
        log.warning("the cache of verdicts in Redis does not answer, going on without it: %s", error)
