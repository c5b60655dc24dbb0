"""A real generator on a run's streams and, in place of Lean, a judge that goes by length.

For tests of what surrounds the verdicts.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prover.generators.messages import Order
from prover.generators.worker import GENERATOR_GROUP, Load, sample_order
from prover.theorem import Attempt
from verifier.streams.connection import connect
from verifier.streams.judge_request import JudgeRequest
from verifier.streams.judge_worker import VERIFIER_GROUP
from verifier.streams.stream import Stream, StreamNames
from verifier.verdict import Status, Verdict


@contextmanager
def answering(redis_url: str, run: str, load: Load) -> Iterator[list[Attempt]]:
    """Answers until left; what was sampled is in the list."""
    over, sampled = threading.Event(), []

    def work() -> None:
        with connect(redis_url) as client:
            names = StreamNames(run)
            orders = Stream(client, names.tasks, Order)
            attempts = Stream(client, names.attempts, Attempt)
            submissions = Stream(client, names.submissions, JudgeRequest)
            verdicts = Stream(client, names.verdicts, Verdict)
            while not over.is_set():
                for order in orders.read(GENERATOR_GROUP, "g", 1, 100):
                    of_order = sample_order(load, order.message)
                    attempts.publish_many(of_order.attempts)
                    submissions.publish_many(of_order.submissions)
                    sampled.extend(of_order.attempts)
                    orders.ack([order])
                for delivery in submissions.read(VERIFIER_GROUP, "v", 999, 0):
                    submission = delivery.message
                    status = Status.PROVED if len(submission.text) % 2 == 0 else Status.REJECTED
                    verdicts.publish(Verdict(id=submission.id, status=status, reason="by its length"))
                    submissions.ack([delivery])

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        yield sampled
    finally:
        over.set()
        worker.join()
