"""The daemon's end of the streams, on a real Valkey: nothing is lost and nothing counts twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from prover.generators.messages import AttemptMessage, Order
from prover.generators.worker import GENERATOR_GROUP
from tests.trainer.run.test_books import attempt, task, verdict
from trainer.run.books import Account, Books
from trainer.run.exchange import TRAINER_GROUP
from trainer.run.intake import Intake
from verifier.streams.connection import connect
from verifier.streams.judge_worker import VERIFIER_GROUP
from verifier.streams.stream import Stream, StreamNames
from verifier.streams.valkey import EmbeddedRedis
from verifier.verdict import Verdict

NAMES = StreamNames("run")
TASK = task("a", samples=2)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[redis.Redis]:
    with EmbeddedRedis(tmp_path) as server, connect(server.url) as client:
        yield client


@pytest.fixture
def books() -> Books:
    books = Books()
    books.issue(1, [TASK])
    return books


def attempts_of(client: redis.Redis) -> Stream[AttemptMessage]:
    return Stream(client, NAMES.attempts, AttemptMessage)


def judge(client: redis.Redis, *indices: int) -> None:
    """As generator and verifier do."""
    attempts_of(client).publish_many(attempt(TASK, index) for index in indices)
    Stream(client, NAMES.verdicts, Verdict).publish_many(verdict(TASK, index) for index in indices)
    stream = attempts_of(client)
    stream.ack(stream.read(VERIFIER_GROUP, "v", 9, 0))


def poll(intake: Intake, books: Books) -> None:
    while intake.poll(books):
        pass


def test_what_was_read_comes_again_until_a_checkpoint_holds_it(client: redis.Redis, books: Books) -> None:
    before = books.state()
    judge(client, 0, 1)
    poll(Intake(client, "run"), books)
    assert books.open[0].owed == []

    again, intake = Books.restored(before), Intake(client, "run")
    poll(intake, again)
    assert again.open[0].owed == [0, 1], "it is not new any more"
    intake.recover(again)
    assert again.open[0].owed == []

    intake.acknowledge()
    last = Books.restored(before)
    Intake(client, "run").recover(last)
    assert last.open[0].owed == [0, 1]
    assert (attempts_of(client).length(), Stream(client, NAMES.verdicts, Verdict).length()) == (0, 0)


def test_orders_go_out_once_however_often_they_are_sent(client: redis.Redis, books: Books) -> None:
    assert Intake(client, "run").publish(books) == 1
    assert Intake(client, "run").publish(books) == 0
    books.issue(2, [task("b")])
    assert Intake(client, "run").publish(books) == 1
    orders = Stream(client, NAMES.tasks, Order).read(GENERATOR_GROUP, "g", 9, 0)
    assert [each.id for order in orders for each in order.message.tasks] == ["a", "b"]


def test_orders_go_out_again_to_a_server_that_lost_them(client: redis.Redis, books: Books) -> None:
    intake = Intake(client, "run")
    intake.publish(books)
    client.flushall()
    assert intake.publish(books) == 1


def test_what_was_moved_away_is_not_waited_for(client: redis.Redis, books: Books) -> None:
    judge(client, 0)
    attempts_of(client).refuse(attempt(TASK, 1), VERIFIER_GROUP, "it ended five verifiers")
    poll(Intake(client, "run"), books)
    (group,) = books.open
    assert group.owed == []
    assert group.account_of(1, stale=False) is Account.DEAD_LETTERED
    assert [each.verdict.reason for each, _ in group.entries(stale=False)] == ["because"]


def test_a_task_that_was_refused_takes_its_attempts_along(client: redis.Redis, books: Books) -> None:
    Stream(client, NAMES.tasks, Order).refuse(Order(tasks=(TASK,)), GENERATOR_GROUP, "prompt too long")
    poll(Intake(client, "run"), books)
    assert set(books.open[0].dead.values()) == {"prompt too long"}
    assert books.open[0].owed == []


def test_a_verdict_of_a_newer_version_is_moved_away_and_stops_no_other(
    client: redis.Redis, books: Books
) -> None:
    client.xadd(NAMES.verdicts, {"v": "2", "data": "{}"})
    judge(client, 0, 1)
    poll(Intake(client, "run"), books)
    assert books.open[0].owed == []
    ((dead, message),) = Stream(client, NAMES.verdicts, Verdict).newly_dead()
    assert (message, dead.group) == (None, TRAINER_GROUP)
    assert "run the same version" in dead.reason


def test_backlogs_say_what_waits(client: redis.Redis, books: Books) -> None:
    intake = Intake(client, "run")
    intake.publish(books)
    attempts_of(client).publish_many(attempt(TASK, index) for index in range(2))
    assert intake.backlogs() == {"tasks": 1, "attempts": 2, "verdicts": 0}
