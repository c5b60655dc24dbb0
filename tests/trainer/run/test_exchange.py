"""The trainer's end of the streams, on a real Valkey: every order comes back once, whatever happens to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from prover.generators.base import SamplingParams
from prover.generators.messages import AttemptMessage, Order, Task
from prover.generators.worker import GENERATOR_GROUP
from prover.theorem import Attempt, Theorem
from trainer.run.exchange import Exchange
from verifier.errors import ProofmillError, StalledError
from verifier.streams.connection import connect
from verifier.streams.judge_worker import VERIFIER_GROUP
from verifier.streams.stream import Stream, StreamNames
from verifier.streams.valkey import EmbeddedRedis
from verifier.verdict import Kind, Status, Submission, Verdict

NAMES = StreamNames("run")
THEOREM = Theorem(name="t", statement="theorem t : 1 = 1", source="test", split="train")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[redis.Redis]:
    with EmbeddedRedis(tmp_path) as server, connect(server.url) as client:
        yield client


def submission(name: str) -> Submission:
    return Submission(id=name, statement=THEOREM.statement, proof="rfl")


def verdict(name: str, status: Status = Status.PROVED) -> Verdict:
    return Verdict(id=name, status=status, reason="because")


def task(name: str, samples: int) -> Task:
    sampling = SamplingParams(samples=samples)
    return Task(id=name, theorem=THEOREM, policy="/policy", policy_version=3, sampling=sampling)


def attempt(name: str) -> AttemptMessage:
    sampled = Attempt(
        id=name,
        group=name.split("/")[0],
        theorem=THEOREM,
        policy_version=3,
        proof="rfl",
        prompt_ids=(1,),
        token_ids=(2,),
        logprobs=(-0.5,),
        finished=True,
    )
    return AttemptMessage.of(sampled, sampling_ms=2.0)


def publish_verdicts(client: redis.Redis, *verdicts: Verdict) -> None:
    Stream(client, NAMES.verdicts, Verdict).publish_many(verdicts)


def test_attempts_and_verdicts_are_joined_by_id_in_the_order_of_the_tasks(client: redis.Redis) -> None:
    Stream(client, NAMES.attempts, AttemptMessage).publish_many(map(attempt, ("b/0", "a/1", "a/0")))
    publish_verdicts(client, verdict("a/1", Status.REJECTED), verdict("b/0"), verdict("a/0"))
    seen: list[str] = []
    judged = Exchange(client, "run").attempt(
        [task("a", 2), task("b", 1)], on_judged=lambda each: seen.append(each.attempt.id)
    )
    assert [(each.attempt.id, each.verdict.status) for each in judged] == [
        ("a/0", Status.PROVED),
        ("a/1", Status.REJECTED),
        ("b/0", Status.PROVED),
    ]
    assert sorted(seen) == ["a/0", "a/1", "b/0"]
    (order,) = Stream(client, NAMES.tasks, Order).read("g", "c", 9, 0)
    assert [each.id for each in order.message.tasks] == ["a", "b"]


def test_what_everyone_has_done_with_leaves_the_streams(client: redis.Redis) -> None:
    tasks, attempts = Stream(client, NAMES.tasks, Order), Stream(client, NAMES.attempts, AttemptMessage)
    verdicts = Stream(client, NAMES.verdicts, Verdict)
    exchange = Exchange(client, "run")
    for name in ("a", "b"):
        attempts.publish_many([attempt(f"{name}/0")])
        publish_verdicts(client, verdict(f"{name}/0"))
        exchange.attempt([task(name, 1)])
        # The generator and the verifier say so a little later than the trainer has what it waits for.
        tasks.ack(tasks.read(GENERATOR_GROUP, "w", 9, 0))
        attempts.ack(attempts.read(VERIFIER_GROUP, "w", 9, 0))
    assert (tasks.length(), attempts.length(), verdicts.length()) == (1, 1, 0)


def test_repeated_and_foreign_messages_change_nothing(client: redis.Redis) -> None:
    publish_verdicts(client, verdict("other"), verdict("x"), verdict("x", Status.REJECTED), verdict("y"))
    seen: list[str] = []
    verdicts = Exchange(client, "run").judge(
        [submission("x"), submission("y")], on_verdict=lambda each: seen.append(each.id)
    )
    assert [each.status for each in verdicts] == [Status.PROVED, Status.PROVED]
    assert sorted(seen) == ["x", "y"]


def test_a_verdict_that_does_not_come_is_unknown_not_a_refutation(client: redis.Redis) -> None:
    publish_verdicts(client, verdict("x"))
    late = Exchange(client, "run", stall_s=0.3).judge([submission("x"), submission("late")])
    assert [each.kind for each in late] == [Kind.PROVED, Kind.UNKNOWN]
    assert "verifier's log" in late[1].reason


def test_an_attempt_that_does_not_come_is_an_error_because_nothing_was_tried(client: redis.Redis) -> None:
    with pytest.raises(StalledError, match="generator's log"):
        Exchange(client, "run", stall_s=0.3).attempt([task("a", 1)])


def test_two_orders_with_one_id_are_refused(client: redis.Redis) -> None:
    with pytest.raises(ValueError, match="same id"):
        Exchange(client, "run").judge([submission("x"), submission("x")])


def test_a_dead_process_is_noticed_while_waiting(client: redis.Redis) -> None:
    class Gone(ProofmillError):
        pass

    def check_alive() -> None:
        raise Gone("the verifier process ended")

    with pytest.raises(Gone):
        Exchange(client, "run", check_alive=check_alive).judge([submission("x")])
