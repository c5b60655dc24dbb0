"""The trainer's end of the streams, on a real Valkey: nothing is lost and nothing counts twice."""

import pytest
import redis

from prover.generators.messages import Order
from prover.generators.worker import GENERATOR_GROUP
from prover.theorem import Attempt
from tests.support.orders import attempt, submission, task, verdict
from trainer.run.books import Account, Books
from trainer.run.streams import TRAINER_GROUP, RunStreams
from verifier.streams.judge_request import JudgeRequest
from verifier.streams.judge_worker import VERIFIER_GROUP
from verifier.streams.stream import Stream, StreamNames
from verifier.verdict import Kind, Status, Submission, Verdict

NAMES = StreamNames("run")
TASK = task("a", samples=2)


@pytest.fixture
def books() -> Books:
    books = Books()
    books.issue(1, [TASK])
    return books


def attempts_of(client: redis.Redis) -> Stream[Attempt]:
    return Stream(client, NAMES.attempts, Attempt)


def submissions_of(client: redis.Redis) -> Stream[JudgeRequest]:
    return Stream(client, NAMES.submissions, JudgeRequest)


def judge(client: redis.Redis, *indices: int) -> None:
    """As generator and verifier do."""
    attempts_of(client).publish_many(attempt(TASK, index) for index in indices)
    stream = submissions_of(client)
    stream.publish_many(submission(TASK, index) for index in indices)
    Stream(client, NAMES.verdicts, Verdict).publish_many(verdict(TASK, index) for index in indices)
    stream.ack(stream.read(VERIFIER_GROUP, "v", 9, 0))


def poll(streams: RunStreams, books: Books) -> None:
    while streams.poll(books):
        pass


def test_what_was_read_comes_again_until_a_checkpoint_holds_it(client: redis.Redis, books: Books) -> None:
    before = books.state()
    judge(client, 0, 1)
    poll(RunStreams(client, "run"), books)
    assert books.open[0].owed == []

    again, streams = Books.restored(before), RunStreams(client, "run")
    poll(streams, again)
    assert again.open[0].owed == [0, 1], "it is not new any more"
    streams.recover(again)
    assert again.open[0].owed == []

    streams.acknowledge()
    last = Books.restored(before)
    RunStreams(client, "run").recover(last)
    assert last.open[0].owed == [0, 1]
    lengths = [stream.length() for stream in (attempts_of(client), submissions_of(client))]
    assert [*lengths, Stream(client, NAMES.verdicts, Verdict).length()] == [0, 0, 0]


def test_orders_go_out_once_however_often_they_are_sent(client: redis.Redis, books: Books) -> None:
    assert RunStreams(client, "run").publish(books) == 1
    assert RunStreams(client, "run").publish(books) == 0
    books.issue(2, [task("b")])
    assert RunStreams(client, "run").publish(books) == 1
    orders = Stream(client, NAMES.tasks, Order).read(GENERATOR_GROUP, "g", 9, 0)
    assert [each.id for order in orders for each in order.message.tasks] == ["a", "b"]


def test_orders_go_out_again_to_a_server_that_lost_them(client: redis.Redis, books: Books) -> None:
    streams = RunStreams(client, "run")
    streams.publish(books)
    client.flushall()
    assert streams.publish(books) == 1


def test_what_was_moved_away_is_not_waited_for(client: redis.Redis, books: Books) -> None:
    judge(client, 0)
    submissions_of(client).refuse(submission(TASK, 1), VERIFIER_GROUP, "it ended five verifiers")
    poll(RunStreams(client, "run"), books)
    (group,) = books.open
    assert group.owed == []
    assert group.account_of(1, stale=False) is Account.DEAD_LETTERED
    assert [each.verdict.reason for each, _ in group.entries(stale=False)] == ["because"]


def test_a_task_that_was_refused_takes_its_attempts_along(client: redis.Redis, books: Books) -> None:
    Stream(client, NAMES.tasks, Order).refuse(Order(tasks=(TASK,)), GENERATOR_GROUP, "prompt too long")
    poll(RunStreams(client, "run"), books)
    assert set(books.open[0].dead.values()) == {"prompt too long"}
    assert books.open[0].owed == []


def test_a_verdict_of_a_newer_version_is_moved_away_and_stops_no_other(
    client: redis.Redis, books: Books
) -> None:
    client.xadd(NAMES.verdicts, {"v": "99", "data": "{}"})
    judge(client, 0, 1)
    poll(RunStreams(client, "run"), books)
    assert books.open[0].owed == []
    ((dead, message),) = Stream(client, NAMES.verdicts, Verdict).newly_dead()
    assert (message, dead.group) == (None, TRAINER_GROUP)
    assert "run the same version" in dead.reason


def test_backlogs_say_what_waits(client: redis.Redis, books: Books) -> None:
    streams = RunStreams(client, "run")
    streams.publish(books)
    submissions_of(client).publish_many(submission(TASK, index) for index in range(2))
    assert streams.backlogs() == {"tasks": 1, "submissions": 2, "verdicts": 0}


def test_attempts_and_verdicts_are_joined_by_id_in_the_order_of_the_samples(
    client: redis.Redis, books: Books
) -> None:
    attempts_of(client).publish_many(attempt(TASK, index) for index in (1, 0))
    verdicts = Stream(client, NAMES.verdicts, Verdict)
    verdicts.publish_many([verdict(TASK, 0), verdict(TASK, 1, Status.REJECTED)])
    poll(RunStreams(client, "run"), books)
    entries = books.open[0].entries(stale=False)
    assert [(each.attempt.id, each.verdict.status) for each, _ in entries] == [
        ("a/0", Status.PROVED),
        ("a/1", Status.REJECTED),
    ]


def test_what_everyone_has_done_with_leaves_the_streams(client: redis.Redis) -> None:
    orders, verdicts = Stream(client, NAMES.tasks, Order), Stream(client, NAMES.verdicts, Verdict)
    streams, books = RunStreams(client, "run"), Books()
    for number, name in enumerate(("a", "b"), start=1):
        of_order = task(name, samples=1)
        books.issue(number, [of_order])
        streams.publish(books)
        attempts_of(client).publish(attempt(of_order, 0))
        submissions_of(client).publish(submission(of_order, 0))
        verdicts.publish(verdict(of_order, 0))
        poll(streams, books)
        streams.acknowledge()
        # The generator and the verifier say so a little later than the trainer has what it waits for.
        orders.ack(orders.read(GENERATOR_GROUP, "w", 9, 0))
        submissions = submissions_of(client)
        submissions.ack(submissions.read(VERIFIER_GROUP, "w", 9, 0))
    assert (orders.length(), submissions.length()) == (1, 1)
    assert (attempts_of(client).length(), verdicts.length()) == (0, 0)


def reference(name: str) -> Submission:
    return Submission(id=name, statement="theorem t : True", proof="trivial")


def said(name: str, status: Status = Status.PROVED) -> Verdict:
    return Verdict(id=name, status=status, reason="because")


def test_proofs_that_nobody_sampled_are_judged_and_repeated_or_foreign_verdicts_change_nothing(
    client: redis.Redis,
) -> None:
    verdicts = Stream(client, NAMES.verdicts, Verdict)
    verdicts.publish_many([said("other"), said("x"), said("x", Status.REJECTED), said("y")])
    judged = list(RunStreams(client, "run").judge([reference("x"), reference("y")]))
    assert [(each.id, each.status) for each in judged] == [("x", Status.PROVED), ("y", Status.PROVED)]
    waiting = submissions_of(client).read(VERIFIER_GROUP, "v", 9, 0)
    assert [each.message.id for each in waiting] == ["x", "y"]


def test_a_verdict_that_does_not_come_is_unknown_not_a_refutation(client: redis.Redis) -> None:
    Stream(client, NAMES.verdicts, Verdict).publish(said("x"))
    submissions = [reference("x"), reference("late")]
    late = list(RunStreams(client, "run").judge(submissions, stall_s=0.3))
    assert [each.kind for each in late] == [Kind.PROVED, Kind.UNKNOWN]
    assert "verifier's log" in late[1].reason


def test_two_proofs_with_one_id_are_refused(client: redis.Redis) -> None:
    with pytest.raises(ValueError, match="same id"):
        list(RunStreams(client, "run").judge([reference("x"), reference("x")]))
