"""The trainer's end of the streams: orders out, attempts with their verdicts back.

What it promises: every order comes back exactly once, with a verdict; repeats
are dropped by id, and what does not come in time comes back as unknown.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import redis
from pydantic import BaseModel

from prover.generators.messages import AttemptMessage, Order, Task
from prover.generators.worker import GENERATOR_GROUP
from trainer.rollout import Judged
from verifier.errors import StalledError
from verifier.streams.judge_worker import VERIFIER_GROUP, consumer_name
from verifier.streams.stream import Stream, StreamNames
from verifier.verdict import Status, Submission, Verdict

__all__ = ["TRAINER_GROUP", "Exchange", "trim"]

M = TypeVar("M", bound=BaseModel)

TRAINER_GROUP = "trainer"
READ_COUNT = 512
BLOCK_MS = 100


class Exchange:
    """Orders for generators and verifiers, over the streams of one run."""

    def __init__(
        self,
        client: redis.Redis,
        run: str,
        *,
        stall_s: float = 300.0,
        check_alive: Callable[[], None] = lambda: None,
    ) -> None:
        """`check_alive` is called while waiting and raises when a process of the run has died."""
        names = StreamNames(run)
        self._orders = Stream(client, names.tasks, Order)
        self._attempts = Stream(client, names.attempts, AttemptMessage)
        self._verdicts = Stream(client, names.verdicts, Verdict)
        self._consumer = consumer_name()
        self._stall_s = stall_s
        self._check_alive = check_alive

    def attempt(
        self, tasks: Sequence[Task], on_judged: Callable[[Judged], None] = lambda judged: None
    ) -> list[Judged]:
        """Have every task sampled and judged; attempts in the order of tasks and samples.

        `on_judged` is called for each attempt as soon as its verdict is here.

        Raises:
            StalledError: nothing came for `stall_s` seconds.
            RedisUnavailable
        """
        expected = [each for task in tasks for each in task.attempt_ids]
        attempts: dict[str, AttemptMessage] = {}
        judged: dict[str, Judged] = {}

        def join(each: str, verdict: Verdict) -> None:
            attempt = attempts[each].attempt
            if attempt is None:
                raise ValueError(f"{each} came back without the attempt it was sampled as")
            judged[each] = Judged(attempt, verdict, attempts[each].sampling_ms)
            on_judged(judged[each])

        self._orders.publish_many(Order.of(tasks))
        self._collect(expected, join, attempts)
        trim(self._orders, self._attempts, self._verdicts)
        return [judged[each] for each in expected]

    def judge(
        self, submissions: Sequence[Submission], on_verdict: Callable[[Verdict], None] = lambda verdict: None
    ) -> list[Verdict]:
        """Have submissions nobody sampled judged; verdicts in their order.

        Raises:
            RedisUnavailable
        """
        expected = [submission.id for submission in submissions]
        verdicts: dict[str, Verdict] = {}

        def keep(each: str, verdict: Verdict) -> None:
            verdicts[each] = verdict
            on_verdict(verdict)

        self._attempts.publish_many(AttemptMessage(submission=each) for each in submissions)
        self._collect(expected, keep, attempts=None)
        return [verdicts[each] for each in expected]

    def _collect(
        self,
        expected: Sequence[str],
        done: Callable[[str, Verdict], None],
        attempts: dict[str, AttemptMessage] | None,
    ) -> None:
        """Call `done` once for each expected id, with its verdict.

        With `attempts`, also gather the messages of the attempts there; `done` is called when both are here.
        """
        if len(set(expected)) != len(expected):
            raise ValueError("two orders have the same id, so their verdicts could not be told apart")
        waiting = set(expected)
        verdicts: dict[str, Verdict] = {}
        last_news = time.monotonic()
        while waiting:
            arrived = set()
            if attempts is not None and len(attempts) < len(expected):
                for message in self._read(self._attempts, block_ms=0):
                    if message.submission.id in waiting:
                        attempts.setdefault(message.submission.id, message)
                        arrived.add(message.submission.id)
            for verdict in self._read(self._verdicts, block_ms=BLOCK_MS):
                if verdict.id in waiting:
                    verdicts.setdefault(verdict.id, verdict)
                    arrived.add(verdict.id)
            for each in arrived:
                if each in verdicts and (attempts is None or each in attempts):
                    waiting.discard(each)
                    done(each, verdicts[each])
            if arrived:
                last_news = time.monotonic()
                continue
            self._check_alive()
            if time.monotonic() - last_news > self._stall_s:
                self._give_up(waiting, done, attempts)
                return

    def _give_up(
        self,
        waiting: set[str],
        done: Callable[[str, Verdict], None],
        attempts: dict[str, AttemptMessage] | None,
    ) -> None:
        """Report what has no verdict as unknown; without its attempt there is nothing to report."""
        unsampled = 0 if attempts is None else len(waiting - attempts.keys())
        if unsampled:
            raise StalledError(
                f"{unsampled} attempts did not come for {self._stall_s:.0f} s: look at the generator's log"
            )
        for each in sorted(waiting):
            done(each, _overdue(each, self._stall_s))

    def _read(self, stream: Stream[M], block_ms: int) -> list[M]:
        # The trainer rebuilds what it waits for from its orders, so it need not keep messages for later.
        deliveries = stream.read(TRAINER_GROUP, self._consumer, READ_COUNT, block_ms)
        stream.ack(deliveries)
        return [delivery.message for delivery in deliveries]


def trim(orders: Stream[Order], attempts: Stream[AttemptMessage], verdicts: Stream[Verdict]) -> None:
    """Remove from the streams of a run what everyone has done with."""
    orders.trim([GENERATOR_GROUP])
    attempts.trim([VERIFIER_GROUP, TRAINER_GROUP])
    verdicts.trim([TRAINER_GROUP])


def _overdue(submission_id: str, waited_s: float) -> Verdict:
    reason = f"no verdict came for {waited_s:.0f} s: look at the verifier's log"
    return Verdict(id=submission_id, status=Status.INFRA_ERROR, reason=reason)
