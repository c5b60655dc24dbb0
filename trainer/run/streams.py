"""The trainer's end of a run's streams: orders out, what comes back into the books.

Nothing is acknowledged before a checkpoint holds it.  After a restart the daemon reads again what it had not
acknowledged, and publishes again what its books say is open; the stream refuses the orders it has had.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

import redis

from prover.generators.messages import Order, Task
from prover.generators.worker import GENERATOR_GROUP
from prover.theorem import Attempt
from trainer.run.books import Books
from verifier.streams.judge_request import JudgeRequest
from verifier.streams.judge_worker import VERIFIER_GROUP
from verifier.streams.stream import Delivery, Stream, StreamNames
from verifier.verdict import Status, Submission, Verdict

__all__ = ["TRAINER_GROUP", "RunStreams"]

TRAINER_GROUP = "trainer"
CONSUMER = "daemon"
"""One name for ever: a run has one daemon, and after a restart it is the same."""
NEVER_MS = 2**40
"""It has nobody to take messages over from, itself included."""
READ_COUNT = 512
BLOCK_MS = 100
CLOCK_JUMP_S = 5.0
STALL_S = 300.0


class RunStreams:
    """Streams of the run `run`, and what was read of them since the last checkpoint."""

    def __init__(self, client: redis.Redis, run: str) -> None:
        names = StreamNames(run)
        self._client = client
        self._clock_lead_s: float | None = None
        self._orders = Stream(client, names.tasks, Order, NEVER_MS)
        self._submissions = Stream(client, names.submissions, JudgeRequest, NEVER_MS)
        self._attempts = Stream(client, names.attempts, Attempt, NEVER_MS)
        self._verdicts = Stream(client, names.verdicts, Verdict, NEVER_MS)
        self._read_attempts: list[Delivery[Attempt]] = []
        self._read_verdicts: list[Delivery[Verdict]] = []

    def recover(self, books: Books) -> None:
        """Enter what was read and not acknowledged, by a daemon that ended or over a line that broke."""
        self._read_attempts, self._read_verdicts = [], []
        self._take(
            books,
            self._attempts.unacknowledged(TRAINER_GROUP, CONSUMER),
            self._verdicts.unacknowledged(TRAINER_GROUP, CONSUMER),
        )

    def publish(self, books: Books) -> int:
        """Publish the orders of all open groups that are not out yet; returns how many orders that were."""
        tasks: defaultdict[int, list[Task]] = defaultdict(list)
        for group in books.open:
            tasks[group.number].append(group.task)
        return self._orders.publish_numbered(
            {n: Order(tasks=tuple(of_order)) for n, of_order in tasks.items()}
        )

    def poll(self, books: Books) -> bool:
        """Enter what has come, waiting a moment for it; whether anything had."""
        attempts = self._attempts.read(TRAINER_GROUP, CONSUMER, READ_COUNT, block_ms=0)
        verdicts = self._verdicts.read(TRAINER_GROUP, CONSUMER, READ_COUNT, 0 if attempts else BLOCK_MS)
        self._take(books, attempts, verdicts)
        buried = sum(books.bury(ids, reason) for ids, reason in self._newly_dead())
        return bool(attempts or verdicts or buried)

    def acknowledge(self) -> None:
        """A checkpoint holds all that was read: none of it is needed again."""
        self._attempts.ack(self._read_attempts)
        self._verdicts.ack(self._read_verdicts)
        self._read_attempts, self._read_verdicts = [], []
        self._trim()

    def judge(self, submissions: Sequence[Submission], stall_s: float = STALL_S) -> Iterator[Verdict]:
        """Have proofs judged that nobody sampled; their verdicts, once each, as they come.

        What is still missing when nothing has come for `stall_s` seconds is unknown.

        Raises:
            ValueError: two of them have the same id.
        """
        waiting = {submission.id for submission in submissions}
        if len(waiting) < len(submissions):
            raise ValueError("two submissions have the same id, so their verdicts could not be told apart")
        self._submissions.publish_many(map(JudgeRequest.of, submissions))
        last_news = time.monotonic()
        while waiting and time.monotonic() - last_news <= stall_s:
            verdicts = self._verdicts.read(TRAINER_GROUP, CONSUMER, READ_COUNT, BLOCK_MS)
            self._verdicts.ack(verdicts)
            for verdict in (delivery.message for delivery in verdicts):
                if verdict.id in waiting:
                    waiting.remove(verdict.id)
                    last_news = time.monotonic()
                    yield verdict
        reason = f"no verdict came for {stall_s:.0f} s: look at the verifier's log"
        for name in sorted(waiting):
            yield Verdict(id=name, status=Status.INFRA_ERROR, reason=reason)
        self._trim()

    def backlogs(self) -> dict[str, int]:
        """What waits for whoever reads it: orders, submissions, verdicts that are not learned from."""
        return {
            "tasks": self._orders.backlog(GENERATOR_GROUP),
            "submissions": self._submissions.backlog(VERIFIER_GROUP),
            "verdicts": self._verdicts.backlog(TRAINER_GROUP),
        }

    def clock_jump(self) -> float:
        """Seconds by which the server's clock was set forward or back since this was last asked; or 0.

        How long a message has been in hand is told by that clock, so each is dated anew then: none is taken
        from who works on it, and none waits until the clock has caught up.
        """
        seconds, microseconds = self._client.time()
        lead_s = seconds + microseconds / 1e6 - time.monotonic()
        jump = lead_s - (self._clock_lead_s if self._clock_lead_s is not None else lead_s)
        self._clock_lead_s = lead_s
        if abs(jump) < CLOCK_JUMP_S:
            return 0.0
        self._orders.redate(GENERATOR_GROUP)
        self._submissions.redate(VERIFIER_GROUP)
        return jump

    def _trim(self) -> None:
        """Remove from the streams what everyone has done with."""
        self._orders.trim([GENERATOR_GROUP])
        self._submissions.trim([VERIFIER_GROUP])
        self._attempts.trim([TRAINER_GROUP])
        self._verdicts.trim([TRAINER_GROUP])

    def _take(
        self, books: Books, attempts: list[Delivery[Attempt]], verdicts: list[Delivery[Verdict]]
    ) -> None:
        self._read_attempts += attempts
        self._read_verdicts += verdicts
        for attempt in attempts:
            books.attempt(attempt.message)
        for verdict in verdicts:
            books.verdict(verdict.message)

    def _newly_dead(self) -> Iterator[tuple[list[str], str]]:
        """Attempt ids that were moved away, with the reason."""
        for entry, order in self._orders.newly_dead():
            if order is not None:
                yield [name for task in order.tasks for name in task.attempt_ids], entry.reason
        for entry, submission in self._submissions.newly_dead():
            if submission is not None:
                yield [submission.id], entry.reason
