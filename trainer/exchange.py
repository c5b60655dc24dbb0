"""The trainer's end of the streams: orders out, attempts with their verdicts back.

What it promises: every order comes back exactly once, with a verdict; repeats
are dropped by id, and what does not come in time comes back as unknown.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import redis
from pydantic import BaseModel

from prover.messages import AttemptMessage, Task
from prover.theorem import Attempt
from verifier.errors import ProofmillError
from verifier.stream_worker import consumer_name
from verifier.streams import Stream, StreamNames
from verifier.verdict import Status, Submission, Verdict

__all__ = ["Exchange", "Judged", "StalledError"]

M = TypeVar("M", bound=BaseModel)

TRAINER_GROUP = "trainer"
READ_COUNT = 512
BLOCK_MS = 100


class StalledError(ProofmillError):
    """No attempt and no verdict came for a long time."""


@dataclass(frozen=True)
class Judged:
    """An attempt with its verdict, and what sampling it took."""

    attempt: Attempt
    verdict: Verdict
    sampling_ms: float


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
        self._tasks = Stream(client, names.tasks, Task)
        self._attempts = Stream(client, names.attempts, AttemptMessage)
        self._verdicts = Stream(client, names.verdicts, Verdict)
        self._consumer = consumer_name()
        self._stall_s = stall_s
        self._check_alive = check_alive

    def attempt(self, tasks: Sequence[Task], on_verdict: Callable[[], None] = lambda: None) -> list[Judged]:
        """Have every task sampled and judged; attempts in the order of tasks and samples.

        Raises:
            StalledError: nothing came for `stall_s` seconds.
            RedisUnavailable
        """
        expected = [f"{task.id}/{index}" for task in tasks for index in range(task.sampling.samples)]
        self._tasks.publish_many(tasks)
        attempts, verdicts = self._collect(expected, with_attempts=True, on_verdict=on_verdict)
        return [
            Judged(message.attempt, verdicts[message.attempt.id], message.sampling_ms)
            for message in (attempts[each] for each in expected)
            if message.attempt is not None
        ]

    def judge(
        self, submissions: Sequence[Submission], on_verdict: Callable[[], None] = lambda: None
    ) -> list[Verdict]:
        """Have submissions nobody sampled judged; verdicts in their order.

        Raises:
            StalledError, RedisUnavailable
        """
        expected = [submission.id for submission in submissions]
        self._attempts.publish_many(AttemptMessage(submission=each) for each in submissions)
        _, verdicts = self._collect(expected, with_attempts=False, on_verdict=on_verdict)
        return [verdicts[each] for each in expected]

    def _collect(
        self, expected: Iterable[str], *, with_attempts: bool, on_verdict: Callable[[], None]
    ) -> tuple[dict[str, AttemptMessage], dict[str, Verdict]]:
        missing_verdicts = set(expected)
        missing_attempts = set(missing_verdicts) if with_attempts else set()
        attempts: dict[str, AttemptMessage] = {}
        verdicts: dict[str, Verdict] = {}
        last_news = time.monotonic()
        while missing_attempts or missing_verdicts:
            news = False
            for message in self._read(self._attempts, block_ms=0) if missing_attempts else ():
                if message.submission.id in missing_attempts:
                    missing_attempts.discard(message.submission.id)
                    attempts[message.submission.id] = message
                    news = True
            for verdict in self._read(self._verdicts, block_ms=BLOCK_MS):
                if verdict.id in missing_verdicts:
                    missing_verdicts.discard(verdict.id)
                    verdicts[verdict.id] = verdict
                    on_verdict()
                    news = True
            if news:
                last_news = time.monotonic()
                continue
            self._check_alive()
            if time.monotonic() - last_news > self._stall_s:
                if missing_attempts:
                    raise StalledError(
                        f"{len(missing_attempts)} attempts did not come for {self._stall_s:.0f} s: "
                        "look at the generator's log"
                    )
                verdicts |= {each: _overdue(each, self._stall_s) for each in missing_verdicts}
                missing_verdicts.clear()
        return attempts, verdicts

    def _read(self, stream: Stream[M], block_ms: int) -> list[M]:
        # The trainer rebuilds what it waits for from its orders, so it need not keep messages for later.
        deliveries = stream.read(TRAINER_GROUP, self._consumer, READ_COUNT, block_ms)
        stream.ack(deliveries)
        return [delivery.message for delivery in deliveries]


def _overdue(submission_id: str, waited_s: float) -> Verdict:
    reason = f"no verdict came for {waited_s:.0f} s: look at the verifier's log"
    return Verdict(id=submission_id, status=Status.INFRA_ERROR, reason=reason)
