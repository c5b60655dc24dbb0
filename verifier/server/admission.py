"""Who goes next: two priorities, fair shares between API keys, and a bound on how many wait.

Fairness is by time, not by count (start-time fair queueing, Goyal et al. 1996): each key has a clock that
runs while its work runs, and of the keys that wait the one whose clock is furthest behind goes first.  A key
that comes back after a pause starts at the clock of the key served last, so that it cannot save up time.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import IntEnum
from typing import Generic, TypeVar

from verifier.errors import PoolClosed, ProofmillError

__all__ = ["DEFAULT_QUEUE", "Admission", "FairQueue", "Priority", "QueueFull"]

DEFAULT_QUEUE = 10_000
"""Submissions that may wait; a text has at most a megabyte."""

T = TypeVar("T")


class QueueFull(ProofmillError):
    """More submissions wait than the service holds; `retry_after_s` is when a place should be free."""

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Priority(IntEnum):
    """`high` goes before `normal`, always: keep it for people who wait."""

    NORMAL = 0
    HIGH = 1


class FairQueue(Generic[T]):
    """Items that wait, by priority and key; it does no IO and reads no clock."""

    def __init__(self) -> None:
        self._waiting: dict[Priority, OrderedDict[str, deque[T]]]
        self._waiting = {level: OrderedDict() for level in Priority}
        self._clocks: dict[str, float] = {}
        self._now = 0.0

    def __len__(self) -> int:
        return sum(len(items) for keys in self._waiting.values() for items in keys.values())

    def push(self, key: str, priority: Priority, item: T) -> None:
        """Put `item` behind all others of its key and priority."""
        self._clocks[key] = max(self._clocks.get(key, 0.0), self._now)
        self._waiting[priority].setdefault(key, deque()).append(item)

    def pop(self) -> tuple[str, T]:
        """The next item and its key.  Raises IndexError when nothing waits."""
        for priority in sorted(Priority, reverse=True):
            keys = self._waiting[priority]
            if keys:
                # Keys that are level take turns: `min` finds the one that has waited longest.
                key = min(keys, key=lambda name: self._clocks[name])
                item = keys[key].popleft()
                self._now = max(self._now, self._clocks[key])
                if keys[key]:
                    keys.move_to_end(key)
                else:
                    del keys[key]
                return key, item
        raise IndexError("nothing waits")

    def remove(self, key: str, priority: Priority, item: T) -> None:
        """Take out an item that waits.  Raises ValueError when it does not."""
        items = self._waiting[priority].get(key, deque())
        items.remove(item)
        if not items:
            del self._waiting[priority][key]

    def charge(self, key: str, seconds: float) -> None:
        """Let the clock of `key` run on by the `seconds` that its work took."""
        self._clocks[key] = self._clocks.get(key, self._now) + seconds
        # A clock that is behind says nothing that `push` would not; so keys do not pile up.
        waiting = {name for keys in self._waiting.values() for name in keys}
        self._clocks = {
            name: clock for name, clock in self._clocks.items() if clock > self._now or name in waiting
        }


class Admission:
    """At most `places` pieces of work at a time, and at most `limit` that wait for one.

    `limit` bounds what a burst can cost in memory; whoever comes beyond it is told when to come back.
    """

    def __init__(self, places: int, limit: int) -> None:
        self.places = places
        self.limit = limit
        self._free = places
        self._queue: FairQueue[asyncio.Future[None]] = FairQueue()
        self.refused = 0
        """How many were turned away because too many waited."""
        self._usual_s = 1.0
        self._is_closed = False

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """How many hold a place."""
        return self.places - self._free

    def close(self) -> None:
        """Let nobody in any more: whoever waits gets `PoolClosed`, and what runs goes on."""
        self._is_closed = True
        while self._queue:
            _, turn = self._queue.pop()
            if not turn.done():
                turn.set_exception(_stopping())

    @asynccontextmanager
    async def place(self, key: str = "", priority: Priority = Priority.NORMAL) -> AsyncIterator[float]:
        """Hold a place for the body, which is given the seconds for which it waited.

        A task that is cancelled while it waits leaves the queue.

        Raises:
            QueueFull: too many wait already.
            PoolClosed: nobody is let in any more.
        """
        waited_s = await self._enter(key, priority)
        began = time.monotonic()
        try:
            yield waited_s
        finally:
            took_s = time.monotonic() - began
            self._usual_s += 0.05 * (took_s - self._usual_s)
            self._queue.charge(key, took_s)
            self._leave()

    async def _enter(self, key: str, priority: Priority) -> float:
        if self._is_closed:
            raise _stopping()
        if self._free > 0 and not self._queue:
            self._free -= 1
            return 0.0
        if len(self._queue) >= self.limit:
            self.refused += 1
            raise QueueFull(
                f"{self.limit} submissions wait already",
                retry_after_s=self._usual_s * self.limit / self.places,
            )
        began = time.monotonic()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.push(key, priority, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):  # unless it was passed over already
                    self._queue.remove(key, priority, turn)
            else:
                # The turn came at the same moment: pass it on.
                self._leave()
            raise
        return time.monotonic() - began

    def _leave(self) -> None:
        while self._queue:
            _, turn = self._queue.pop()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


def _stopping() -> PoolClosed:
    return PoolClosed("the service is stopping: send it again, to another or when this one is back")
