"""Streams: how tasks, attempts and verdicts travel between processes.

A stream delivers every message to every group that reads it, and within a group to one consumer at least
once: a message comes again when its consumer did not acknowledge it in time.  So acknowledge after the
effect, and key the effect by the message's own id.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import redis
from pydantic import BaseModel

from verifier.errors import InvalidInput
from verifier.streams.connection import SOCKET_TIMEOUT_S, explain_errors
from verifier.streams.entries import DeadEntry, Fields, UnknownMessage, decode, encode

__all__ = ["MAX_BLOCK_MS", "MAX_DELIVERIES", "Delivery", "Stream", "StreamNames"]

MAX_BLOCK_MS = int(SOCKET_TIMEOUT_S * 1000) // 2
CLAIM_IDLE_MS = 60_000
PAGE = 512
MAX_DELIVERIES = 5
"""How often a message is handed out; if nobody acknowledges it then, it is taken to end its consumers."""

Entry = tuple[bytes, Fields]
StreamId = int | bytes | str | memoryview
M = TypeVar("M", bound=BaseModel)
A = TypeVar("A", bound=BaseModel)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamNames:
    """The keys of the streams of one run.  Their braces put them in one slot of a Redis cluster.

    Raises:
        InvalidInput: `run` is empty or has a brace in it.
    """

    run: str

    def __post_init__(self) -> None:
        if not self.run or set("{}") & set(self.run):
            raise InvalidInput(f"{self.run!r} cannot name a run's streams: give a name without braces")

    @property
    def tasks(self) -> str:
        return f"proofmill:{{{self.run}}}:tasks"

    @property
    def submissions(self) -> str:
        return f"proofmill:{{{self.run}}}:submissions"

    @property
    def attempts(self) -> str:
        return f"proofmill:{{{self.run}}}:attempts"

    @property
    def verdicts(self) -> str:
        return f"proofmill:{{{self.run}}}:verdicts"


@dataclass(frozen=True)
class Delivery(Generic[M]):
    """A message that was handed to one consumer of `group`, who has to acknowledge it."""

    id: str
    group: str
    message: M


class Stream(Generic[M]):
    """The stream at `key`, with messages of type `model`.

    An entry that cannot be read, or was handed out `MAX_DELIVERIES` times and never acknowledged, is moved to
    the stream `{key}:dead` with the reason, and logged; the entries around it are delivered.

    `claim_idle_ms` is how long a message may stay unacknowledged before another read of its group takes it
    over.  Set it to more than the longest time for which a live consumer works on one read without renewing
    it, or that work is done twice.

    Every method raises `RedisUnavailable` when the server does not answer.
    """

    def __init__(
        self, client: redis.Redis, key: str, model: type[M], claim_idle_ms: int = CLAIM_IDLE_MS
    ) -> None:
        self.key = key
        self.dead_key = f"{key}:dead"
        self._client = client
        self._model = model
        self._claim_idle_ms = claim_idle_ms
        self._claim_cursor: dict[str, bytes] = {}
        self._dead_cursor = b"0-0"

    def publish(self, message: M) -> str:
        """Appends `message`; returns the id of its entry."""
        with explain_errors(self._client):
            return cast(bytes, self._client.xadd(self.key, encode(message))).decode()

    def publish_many(self, messages: Iterable[M]) -> list[str]:
        """Appends all of `messages` or none, in order and in one round trip; returns the ids."""
        with explain_errors(self._client), self._client.pipeline(transaction=True) as pipeline:
            for message in messages:
                pipeline.xadd(self.key, encode(message))
            return [cast(bytes, entry_id).decode() for entry_id in pipeline.execute()]

    def publish_numbered(self, messages: Mapping[int, M]) -> int:
        """Appends each message under its number, unless the stream has had that number; returns how many.

        So a process that was killed, and cannot know whether a message went out before, publishes it again.
        Numbers begin at 1 and only rise; nothing else may be published to the same stream.
        """
        with explain_errors(self._client), self._client.pipeline(transaction=False) as pipeline:
            for number in sorted(messages):
                pipeline.xadd(self.key, encode(messages[number]), id=f"{number}-0")
            replies = pipeline.execute(raise_on_error=False)
            errors = [reply for reply in replies if isinstance(reply, Exception)]
            for error in errors:
                if "equal or smaller than" not in str(error):
                    raise error
        return len(replies) - len(errors)

    def read(self, group: str, consumer: str, count: int, block_ms: int) -> list[Delivery[M]]:
        """Up to `count` messages, oldest first, waiting up to `block_ms` for the first.

        What a consumer of the group left unacknowledged for too long comes before what is new.  A group
        that is not there, or no longer, is created at the start of the stream.  `block_ms` 0 does not wait.
        """
        if not 0 <= block_ms <= MAX_BLOCK_MS:
            raise ValueError(f"block_ms must be between 0 and {MAX_BLOCK_MS}, not {block_ms}")
        with explain_errors(self._client):
            try:
                entries = self._next_entries(group, consumer, count, block_ms)
            except redis.ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                self._create(group)
                entries = self._next_entries(group, consumer, count, block_ms)
            return self._readable(group, entries)

    def unacknowledged(self, group: str, consumer: str) -> list[Delivery[M]]:
        """All that `consumer` has read and not acknowledged, oldest first; from there a restart goes on."""
        found: list[Delivery[M]] = []
        after = "0-0"
        with explain_errors(self._client):
            while entries := self._entries_after(group, consumer, after):
                after = entries[-1][0].decode()
                found += self._readable(group, [entry for entry in entries if entry[1]])
        return found

    def ack(self, deliveries: Sequence[Delivery[M]]) -> None:
        """Marks `deliveries` as done: none of them comes again."""
        with explain_errors(self._client):
            for group, ids in _ids_by_group(deliveries).items():
                self._client.xack(self.key, group, *ids)

    def answer(self, delivery: Delivery[M], to: "Stream[A]", message: A) -> None:
        """Publishes `message` on another stream and acknowledges `delivery`, both or neither, at once."""
        with explain_errors(self._client), self._client.pipeline(transaction=True) as pipeline:
            pipeline.xadd(to.key, encode(message))
            pipeline.xack(self.key, delivery.group, delivery.id)
            pipeline.execute()

    def renew(self, deliveries: Sequence[Delivery[M]], consumer: str) -> None:
        """Says that `consumer` still works on `deliveries`: their time until a take-over starts anew."""
        self._set_idle(deliveries, consumer, idle_ms=0)

    def release(self, deliveries: Sequence[Delivery[M]], consumer: str) -> None:
        """Gives `deliveries` up without a mark against them: the next read of their group takes them over."""
        self._set_idle(deliveries, consumer, idle_ms=self._claim_idle_ms, retrycount=0)

    def redate(self, group: str) -> None:
        """Dates all deliveries of `group` that are not acknowledged to this moment.

        After the server's clock was set back they would seem to come from the future, and nobody could take
        them over until the clock has caught up.
        """
        with explain_errors(self._client):
            if group not in self._groups():
                return
            after: str | bytes = "-"
            while page := self._client.xpending_range(self.key, group, min=after, max="+", count=PAGE):
                for entry in page:
                    owner, ids = cast(bytes, entry["consumer"]), [cast(StreamId, entry["message_id"])]
                    self._client.xclaim(self.key, group, owner, 0, ids, idle=0, justid=True)
                after = _after(cast(bytes, page[-1]["message_id"]))

    def refuse(self, message: M, group: str, reason: str) -> None:
        """Puts `message` among the dead as one that `group` cannot use; acknowledge its entry afterwards."""
        with explain_errors(self._client):
            self._client.xadd(self.dead_key, DeadEntry("", group, reason, {}).to_fields() | encode(message))

    def length(self) -> int:
        """How many entries the stream holds, acknowledged ones included."""
        with explain_errors(self._client):
            return self._client.xlen(self.key)

    def backlog(self, group: str) -> int:
        """How many messages `group` has not acknowledged, including those that it has not read."""
        with explain_errors(self._client):
            found = self._groups().get(group)
            if found is None:
                return self._client.xlen(self.key)
            # The server does not know the lag where entries were deleted from the middle.
            unread = found["lag"]
            if unread is None:
                unread = len(
                    cast(list[Entry], self._client.xrange(self.key, min=_after(found["last-delivered-id"])))
                )
            return int(found["pending"]) + int(unread)

    def trim(self, groups: Iterable[str]) -> int:
        """Removes what all of `groups` have acknowledged; returns how many entries that were.

        A group that is not there yet has acknowledged nothing.
        """
        with explain_errors(self._client):
            known = self._groups()
            kept_from: list[tuple[int, int]] = []
            for group in groups:
                if group not in known:
                    return 0
                oldest = self._client.xpending(self.key, group)["min"]
                kept_from.append(_order(oldest or _after(known[group]["last-delivered-id"])))
            if not kept_from:
                return 0
            first, part = min(kept_from)
            return self._client.xtrim(self.key, minid=f"{first}-{part}", approximate=False)

    def dead(self, count: int = 100) -> list[DeadEntry]:
        """The oldest `count` entries that were moved away."""
        with explain_errors(self._client):
            entries = cast(list[Entry], self._client.xrange(self.dead_key, count=count))
        return [DeadEntry.from_fields(fields) for _, fields in entries]

    def newly_dead(self) -> list[tuple[DeadEntry, M | None]]:
        """The entries moved away since the last call, each with its message if that can be read."""
        with explain_errors(self._client):
            entries = cast(list[Entry], self._client.xrange(self.dead_key, min=_after(self._dead_cursor)))
        found: list[tuple[DeadEntry, M | None]] = []
        for entry_id, fields in entries:
            self._dead_cursor = entry_id
            entry = DeadEntry.from_fields(fields)
            try:
                found.append((entry, decode(entry.fields, self._model)))
            except UnknownMessage:
                found.append((entry, None))
        return found

    def _next_entries(self, group: str, consumer: str, count: int, block_ms: int) -> list[Entry]:
        return self._claim(group, consumer) or self._new(group, consumer, count, block_ms)

    def _claim(self, group: str, consumer: str) -> list[Entry]:
        """One step of the walk through what is pending in `group`; each read takes the next step."""
        start = self._claim_cursor.get(group, b"0-0")
        # One at a time: if it ends this consumer as well, it takes no others with it.
        reply = self._client.xautoclaim(self.key, group, consumer, self._claim_idle_ms, start, count=1)
        self._claim_cursor[group] = cast(bytes, reply[0])
        return [entry for entry in cast(list[Entry], reply[1]) if not self._is_deadly(group, entry)]

    def _is_deadly(self, group: str, entry: Entry) -> bool:
        """Whether an entry was handed out too often already; then it is moved away."""
        entry_id, fields = entry
        pending = self._client.xpending_range(self.key, group, min=entry_id, max=entry_id, count=1)
        # Another process may have acknowledged it meanwhile: then it is not pending any more.
        before = int(pending[0]["times_delivered"]) - 1 if pending else 0
        if before < MAX_DELIVERIES:
            return False
        reason = f"handed out {before} times and never acknowledged: it may end whoever works on it"
        self._bury(DeadEntry(entry_id.decode(), group, reason, fields))
        return True

    def _entries_after(self, group: str, consumer: str, after: str) -> list[Entry]:
        """A page of what `consumer` has not acknowledged; entries that are gone have no fields."""
        try:
            reply = self._client.xreadgroup(group, consumer, {self.key: after}, count=PAGE)
        except redis.ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            return []
        return [entry for _, entries in cast(list[tuple[bytes, list[Entry]]], reply) for entry in entries]

    def _new(self, group: str, consumer: str, count: int, block_ms: int) -> list[Entry]:
        # For the server BLOCK 0 means to wait for ever.
        block = block_ms or None
        reply = self._client.xreadgroup(group, consumer, {self.key: ">"}, count=count, block=block)
        return [entry for _, entries in cast(list[tuple[bytes, list[Entry]]], reply) for entry in entries]

    def _groups(self) -> dict[str, Mapping[str, Any]]:
        """What the server knows of each group of the stream; empty where there is no stream."""
        try:
            return {group["name"].decode(): group for group in self._client.xinfo_groups(self.key)}
        except redis.ResponseError as error:
            if "no such key" not in str(error):
                raise
            return {}

    def _set_idle(
        self, deliveries: Sequence[Delivery[M]], consumer: str, *, idle_ms: int, retrycount: int | None = None
    ) -> None:
        with explain_errors(self._client):
            for group, ids in _ids_by_group(deliveries).items():
                self._client.xclaim(
                    self.key, group, consumer, 0, ids, idle=idle_ms, retrycount=retrycount, justid=True
                )

    def _create(self, group: str) -> None:
        try:
            self._client.xgroup_create(self.key, group, id="0", mkstream=True)
        except redis.ResponseError as error:
            # Another consumer was faster.
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _readable(self, group: str, entries: Iterable[Entry]) -> list[Delivery[M]]:
        deliveries = []
        for entry_id, fields in entries:
            try:
                message = decode(fields, self._model)
            except UnknownMessage as error:
                self._bury(DeadEntry(entry_id.decode(), group, str(error), fields))
            else:
                deliveries.append(Delivery(entry_id.decode(), group, message))
        return deliveries

    def _bury(self, entry: DeadEntry) -> None:
        log.error("moved entry %s of %s to %s: %s", entry.id, self.key, self.dead_key, entry.reason)
        with self._client.pipeline(transaction=True) as pipeline:
            pipeline.xadd(self.dead_key, entry.to_fields())
            pipeline.xack(self.key, entry.group, entry.id)
            pipeline.execute()


def _ids_by_group(deliveries: Iterable[Delivery[M]]) -> dict[str, list[StreamId]]:
    ids: defaultdict[str, list[StreamId]] = defaultdict(list)
    for delivery in deliveries:
        ids[delivery.group].append(delivery.id)
    return ids


def _order(entry_id: bytes) -> tuple[int, int]:
    """The two numbers of an id, by which entries are ordered."""
    first, part = entry_id.split(b"-")
    return int(first), int(part)


def _after(entry_id: bytes) -> bytes:
    """The lowest id that can follow `entry_id`."""
    first, part = _order(entry_id)
    return f"{first}-{part + 1}".encode()
