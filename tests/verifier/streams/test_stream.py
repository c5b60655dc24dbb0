"""Streams on a real Valkey."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from pydantic import BaseModel

from verifier.errors import InvalidInput, RedisUnavailable
from verifier.streams.connection import connect
from verifier.streams.entries import SCHEMA_VERSION, UnknownMessage, WireFields, decode
from verifier.streams.stream import (
    MAX_BLOCK_MS,
    MAX_DELIVERIES,
    Delivery,
    Stream,
    StreamNames,
)
from verifier.streams.valkey import EmbeddedRedis
from verifier.verdict import Status, Verdict

VERSION, NEWER = str(SCHEMA_VERSION), str(SCHEMA_VERSION + 1)


class Note(BaseModel):
    n: int
    text: str = ""


@pytest.fixture
def stream(client: redis.Redis) -> Stream[Note]:
    return Stream(client, StreamNames("test").attempts, Note)


def numbers(deliveries: list[Delivery[Note]]) -> list[int]:
    return [delivery.message.n for delivery in deliveries]


def pending(client: redis.Redis, stream: Stream[Note], group: str) -> int:
    count = client.xpending(stream.key, group)["pending"]
    assert isinstance(count, int)
    return count


def test_messages_come_back_whole_and_in_order(stream: Stream[Note], client: redis.Redis) -> None:
    first = Note(n=0, text="∀ x, x = x\n\0 ⊢ ' \"")
    assert stream.publish(first)
    assert len(stream.publish_many(Note(n=n) for n in range(1, 5))) == 4
    assert stream.length() == 5

    deliveries = stream.read("judges", "a", count=3, block_ms=0)
    assert deliveries[0].message == first
    assert numbers(deliveries) == [0, 1, 2]
    assert numbers(stream.read("judges", "a", count=10, block_ms=0)) == [3, 4]
    assert pending(client, stream, "judges") == 5

    stream.ack(deliveries)
    assert pending(client, stream, "judges") == 2


def test_a_verdict_survives_the_journey(client: redis.Redis) -> None:
    verdicts = Stream(client, StreamNames("test").verdicts, Verdict)
    sent = Verdict(id="a/1", status=Status.TIMEOUT, reason="30 s", heartbeats=7, lean_ms=0.1)
    verdicts.publish(sent)
    assert [each.message for each in verdicts.read("trainer", "t", count=1, block_ms=0)] == [sent]


def test_publishing_and_acknowledging_nothing_is_fine(stream: Stream[Note]) -> None:
    assert stream.publish_many([]) == []
    stream.ack([])
    assert stream.length() == 0
    assert stream.read("judges", "a", count=1, block_ms=0) == []


def test_a_read_waits_for_a_message(stream: Stream[Note]) -> None:
    with ThreadPoolExecutor(1) as executor:
        reader = executor.submit(stream.read, "judges", "a", 1, 10_000)
        time.sleep(0.2)
        stream.publish(Note(n=1))
        assert numbers(reader.result(timeout=5)) == [1]


def test_a_read_without_messages_ends_after_its_wait(stream: Stream[Note]) -> None:
    started = time.monotonic()
    assert stream.read("judges", "a", count=1, block_ms=200) == []
    assert 0.15 < time.monotonic() - started < 5


def test_a_wait_longer_than_the_socket_allows_is_refused(stream: Stream[Note]) -> None:
    with pytest.raises(ValueError, match="block_ms"):
        stream.read("judges", "a", count=1, block_ms=MAX_BLOCK_MS + 1)


def test_every_group_gets_every_message(stream: Stream[Note]) -> None:
    stream.publish_many(Note(n=n) for n in range(3))
    for group in ("trainer", "report"):
        assert numbers(stream.read(group, "a", count=10, block_ms=0)) == [0, 1, 2]


def test_no_two_consumers_of_a_group_get_the_same_message(
    shared_redis: EmbeddedRedis, stream: Stream[Note]
) -> None:
    stream.publish_many(Note(n=n) for n in range(300))

    def consume(name: str) -> list[int]:
        taken = []
        with connect(shared_redis.url) as client:
            own = Stream(client, stream.key, Note)
            while deliveries := own.read("judges", name, count=7, block_ms=0):
                own.ack(deliveries)
                taken += numbers(deliveries)
        return taken

    with ThreadPoolExecutor(2) as executor:
        taken = list(executor.map(consume, ("a", "b")))
    assert sorted(taken[0] + taken[1]) == list(range(300))


def test_what_a_dead_consumer_left_is_taken_over_before_new_messages(client: redis.Redis) -> None:
    stream = Stream(client, StreamNames("test").attempts, Note, claim_idle_ms=300)
    stream.publish_many(Note(n=n) for n in range(4))
    done, *_ = stream.read("judges", "dead", count=3, block_ms=0)
    stream.ack([done])

    assert numbers(stream.read("judges", "alive", count=10, block_ms=0)) == [3], "not idle for long enough"
    time.sleep(0.4)
    # One at a time: one of them may have been the death of it.
    claimed = [stream.read("judges", "other", count=10, block_ms=0) for _ in range(2)]
    assert [numbers(each) for each in claimed] == [[1], [2]]
    time.sleep(0.4)
    claimed += [stream.read("judges", "third", count=10, block_ms=0) for _ in range(3)]
    assert sorted(number for each in claimed[2:] for number in numbers(each)) == [1, 2, 3]
    for each in claimed:
        stream.ack(each)
    assert pending(client, stream, "judges") == 0


def test_a_message_behind_many_busy_ones_is_taken_over_too(client: redis.Redis) -> None:
    stream = Stream(client, StreamNames("test").attempts, Note, claim_idle_ms=500)
    stream.publish_many(Note(n=n) for n in range(100))
    deliveries = stream.read("judges", "busy", count=100, block_ms=0)
    time.sleep(0.6)
    # The first 99 are handed out afresh: only the last has been idle.
    client.xclaim(stream.key, "judges", "busy", 0, [each.id for each in deliveries[:99]])
    taken = [numbers(stream.read("judges", "alive", count=1, block_ms=0)) for _ in range(12)]
    assert [99] in taken


@pytest.mark.parametrize("loss", ["the group", "the stream", "everything"])
def test_a_lost_group_is_made_again(stream: Stream[Note], client: redis.Redis, loss: str) -> None:
    stream.publish(Note(n=1))
    stream.ack(stream.read("judges", "a", count=1, block_ms=0))
    if loss == "the group":
        client.xgroup_destroy(stream.key, "judges")
    elif loss == "the stream":
        client.delete(stream.key)
    else:
        client.flushall()
    stream.publish(Note(n=2))
    kept = [1] if loss == "the group" else []
    assert numbers(stream.read("judges", "a", count=10, block_ms=0)) == [*kept, 2]


def test_a_group_lost_during_a_wait_is_made_again(stream: Stream[Note], client: redis.Redis) -> None:
    stream.read("judges", "a", count=1, block_ms=0)
    with ThreadPoolExecutor(1) as executor:
        reader = executor.submit(stream.read, "judges", "a", 1, 10_000)
        time.sleep(0.2)
        client.flushall()
        stream.publish(Note(n=2))
        assert numbers(reader.result(timeout=5)) == [2]


UNREADABLE: dict[str, tuple[WireFields, str]] = {
    "a newer schema": (
        {"v": str(SCHEMA_VERSION + 1), "data": '{"n": 1}'},
        f"schema version '{SCHEMA_VERSION + 1}'",
    ),
    "no schema": ({"data": '{"n": 1}'}, "schema version ''"),
    "a schema that is no number": ({b"v": b"\xff", "data": '{"n": 1}'}, "schema version"),
    "no data": ({"v": VERSION}, "not a Note"),
    "cut short": ({"v": VERSION, "data": '{"n": '}, "not a Note"),
    "bytes that are no text": ({b"v": VERSION.encode(), b"data": b'{"n": 1, "text": "\xff"}'}, "not a Note"),
    "another model": ({"v": VERSION, "data": '{"m": 1}'}, "n: Field required"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_entry_is_set_aside_with_its_reason_and_stops_no_other(
    stream: Stream[Note], client: redis.Redis, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    fields, reason = UNREADABLE[name]
    stream.publish(Note(n=1))
    bad_id = client.xadd(stream.key, fields)
    stream.publish(Note(n=3))

    deliveries = stream.read("judges", "a", count=10, block_ms=0)
    assert numbers(deliveries) == [1, 3]
    stream.ack(deliveries)
    assert pending(client, stream, "judges") == 0

    (dead,) = stream.dead()
    assert isinstance(bad_id, bytes)
    assert (dead.id, dead.group) == (bad_id.decode(), "judges")
    assert reason in dead.reason
    assert dict(client.xrange(stream.key, min=bad_id, max=bad_id))[bad_id] == dead.fields  # type: ignore[arg-type]
    assert reason in caplog.text


def test_what_cannot_be_decoded_is_a_typed_error() -> None:
    with pytest.raises(UnknownMessage, match="run the same version"):
        decode({b"v": b"99", b"data": b"{}"}, Note)


@pytest.mark.parametrize("run", ["", "a{b", "a}b"])
def test_a_run_that_would_break_the_cluster_slot_is_refused(run: str) -> None:
    with pytest.raises(InvalidInput, match="without braces"):
        StreamNames(run)


def test_all_streams_of_a_run_share_a_cluster_slot(client: redis.Redis) -> None:
    names = StreamNames("demo-1")
    assert names.tasks == "proofmill:{demo-1}:tasks"
    keys = (names.tasks, names.attempts, names.verdicts, Stream(client, names.tasks, Note).dead_key)
    assert len(set(keys)) == 4
    slots = {key.partition("{")[2].partition("}")[0] for key in keys}
    assert slots == {"demo-1"}


def test_every_call_to_a_dead_server_gives_advice(redis_server: EmbeddedRedis) -> None:
    with connect(redis_server.url) as client:
        stream = Stream(client, StreamNames("test").tasks, Note)
        stream.publish(Note(n=1))
        deliveries = stream.read("judges", "a", count=1, block_ms=0)
        os.kill(redis_server.pid, signal.SIGKILL)
        calls = (
            lambda: stream.publish(Note(n=2)),
            lambda: stream.publish_many([Note(n=2)]),
            lambda: stream.read("judges", "a", count=1, block_ms=0),
            lambda: stream.ack(deliveries),
            stream.length,
            stream.dead,
        )
        for call in calls:
            with pytest.raises(RedisUnavailable, match="check that the server runs"):
                call()


def test_what_ends_every_consumer_is_moved_away_and_its_neighbours_are_delivered(client: redis.Redis) -> None:
    stream = Stream(client, StreamNames("test").attempts, Note, claim_idle_ms=0)
    stream.publish_many(Note(n=n) for n in range(3))
    for life in range(MAX_DELIVERIES):
        deliveries = stream.read("judges", f"life-{life}", count=10, block_ms=0)
        assert numbers(deliveries)[-1] == 2
        # It comes to the last one and is killed; what it had finished is acknowledged.
        stream.ack(deliveries[:-1])
    assert stream.read("judges", "survivor", count=10, block_ms=0) == []
    (dead,) = stream.dead()
    assert f"{MAX_DELIVERIES} times" in dead.reason and dead.fields[b"v"] == VERSION.encode()
    assert pending(client, stream, "judges") == 0
    stream.publish(Note(n=3))
    assert numbers(stream.read("judges", "survivor", count=10, block_ms=0)) == [3]


def test_what_was_given_up_in_good_order_is_never_moved_away(client: redis.Redis) -> None:
    stream = Stream(client, StreamNames("test").attempts, Note, claim_idle_ms=10)
    stream.publish(Note(n=1))
    for life in range(2 * MAX_DELIVERIES):
        deliveries = stream.read("judges", f"life-{life}", count=10, block_ms=0)
        assert numbers(deliveries) == [1]
        stream.renew(deliveries, f"life-{life}")
        stream.release(deliveries, f"life-{life}")
    assert stream.dead() == []


def test_only_what_every_group_has_acknowledged_is_trimmed(stream: Stream[Note]) -> None:
    groups = ("judges", "trainer")
    assert stream.trim(groups) == 0
    stream.publish_many(Note(n=n) for n in range(10))
    judged = stream.read("judges", "a", count=8, block_ms=0)
    stream.ack(judged)
    assert stream.trim(groups) == 0, "the trainer has not begun to read"
    read = stream.read("trainer", "t", count=6, block_ms=0)
    stream.ack([*read[:2], *read[3:]])
    assert stream.trim(groups) == 2 and stream.length() == 8
    stream.ack([read[2]])
    assert stream.trim(groups) == 4 and stream.length() == 4
    assert numbers(stream.read("trainer", "t", count=10, block_ms=0)) == [6, 7, 8, 9]
    assert numbers(stream.read("judges", "a", count=10, block_ms=0)) == [8, 9]
    assert stream.trim(()) == 0


def test_the_backlog_is_what_a_group_has_still_to_do(client: redis.Redis, stream: Stream[Note]) -> None:
    assert stream.backlog("judges") == 0
    ids = stream.publish_many(Note(n=n) for n in range(10))
    assert stream.backlog("judges") == 10
    deliveries = stream.read("judges", "a", count=4, block_ms=0)
    assert stream.backlog("judges") == 10
    stream.ack(deliveries[:3])
    assert stream.backlog("judges") == 7
    client.xdel(stream.key, ids[7])  # from then on the server cannot say how many are unread
    assert stream.backlog("judges") == 6


def test_a_numbered_message_is_taken_once_however_often_it_is_published(stream: Stream[Note]) -> None:
    assert stream.publish_numbered({1: Note(n=1), 2: Note(n=2)}) == 2
    deliveries = stream.read("judges", "a", count=10, block_ms=0)
    stream.ack(deliveries)
    stream.trim(["judges"])
    assert stream.publish_numbered({3: Note(n=3), 1: Note(n=1), 2: Note(n=2)}) == 1
    assert numbers(stream.read("judges", "a", count=10, block_ms=0)) == [3]


def test_numbered_messages_go_to_a_server_that_has_lost_everything(
    stream: Stream[Note], client: redis.Redis
) -> None:
    stream.publish_numbered({1: Note(n=1), 2: Note(n=2)})
    client.flushall()
    assert stream.publish_numbered({2: Note(n=2)}) == 1


def test_what_was_read_and_not_acknowledged_can_be_read_again_by_who_read_it(client: redis.Redis) -> None:
    stream = Stream(client, StreamNames("test").attempts, Note, claim_idle_ms=10**9)
    assert stream.unacknowledged("trainer", "t") == []
    stream.publish_many(Note(n=n) for n in range(1500))
    read = stream.read("trainer", "t", count=1400, block_ms=0)
    stream.ack(read[:100])
    assert numbers(stream.unacknowledged("trainer", "t")) == list(range(100, 1400))
    assert stream.unacknowledged("trainer", "another") == []
    assert numbers(stream.read("trainer", "t", count=10**4, block_ms=0)) == list(range(1400, 1500))


def test_what_is_refused_or_moved_away_is_told_once_with_its_message(
    stream: Stream[Note], client: redis.Redis
) -> None:
    stream.refuse(Note(n=7), "judges", "too long")
    client.xadd(stream.key, {"v": "99", "data": "{}"})
    stream.read("judges", "a", count=10, block_ms=0)
    told = [(each.group, message.n if message else None) for each, message in stream.newly_dead()]
    assert told == [("judges", 7), ("judges", None)]
    assert "99" in stream.dead()[1].reason
    assert stream.newly_dead() == []
    stream.refuse(Note(n=8), "judges", "too long")
    assert [message.n for _, message in stream.newly_dead() if message] == [8]


def test_a_server_without_memory_left_is_said_with_what_to_do_and_takes_writes_later(
    stream: Stream[Note], client: redis.Redis
) -> None:
    stream.publish(Note(n=1))
    client.config_set("maxmemory", 1)
    try:
        for publish in (
            lambda: stream.publish(Note(n=2)),
            lambda: stream.publish_many([Note(n=2)]),
            lambda: stream.publish_numbered({2: Note(n=2)}),
        ):
            with pytest.raises(RedisUnavailable, match="raise its `maxmemory`"):
                publish()
    finally:
        client.config_set("maxmemory", 0)
    stream.publish(Note(n=2))
    assert numbers(stream.read("judges", "a", count=9, block_ms=0)) == [1, 2]
