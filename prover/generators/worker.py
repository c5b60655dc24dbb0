"""`proofmill worker generator`: orders from a Redis stream in, attempts on another out.

An order is acknowledged after its attempts are published.  Attempts have ids made
from the task's, so a task that is done twice makes no new attempts for anyone
who drops repeats.
"""

import logging
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import NoReturn

from prover.formats.prompts import prompt_of
from prover.generators.base import Engine, Generator, Sample, sample_each
from prover.generators.messages import Order, Task
from prover.generators.sealed import check_sealed
from prover.theorem import Attempt
from verifier.errors import InvalidInput
from verifier.streams.connection import PATIENT, connect
from verifier.streams.judge_request import JudgeRequest
from verifier.streams.judge_worker import VERIFIER_GROUP, consumer_name
from verifier.streams.stream import Delivery, Stream, StreamNames

__all__ = ["GENERATOR_GROUP", "Load", "load_with", "run_generator", "sample_order"]

GENERATOR_GROUP = "generators"
BLOCK_MS = 200
PAUSE_S = 0.05

Load = Callable[[Task], Generator]
"""What gives the generator of a task's policy."""

log = logging.getLogger(__name__)


def run_generator(redis_url: str, run: str, load: Load, max_backlog: int) -> NoReturn:
    """Sample for what arrives until SIGTERM or SIGINT; what is in hand then is left to another generator.

    While more than `max_backlog` attempts wait for a verdict, it waits too.

    Raises:
        RedisUnavailable, BrokenDirectory
    """
    client = connect(redis_url, retries=PATIENT)
    names = StreamNames(run)
    orders = Stream(client, names.tasks, Order)
    attempts = Stream(client, names.attempts, Attempt)
    submissions = Stream(client, names.submissions, JudgeRequest)
    consumer = consumer_name()
    in_hand: list[Delivery[Order]] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        while True:
            if submissions.backlog(VERIFIER_GROUP) > max_backlog:
                time.sleep(PAUSE_S)
                continue
            in_hand = orders.read(GENERATOR_GROUP, consumer, count=1, block_ms=BLOCK_MS)
            for delivery in in_hand:
                sampled = sample_order(load, delivery.message)
                attempts.publish_many(sampled.attempts)
                submissions.publish_many(sampled.submissions)
                for task, reason in sampled.refused:
                    log.error("refused %s: %s", task.id, reason)
                    orders.refuse(Order(tasks=(task,)), GENERATOR_GROUP, reason)
                orders.ack(in_hand)
                in_hand = []
    finally:
        orders.release(in_hand, consumer)


def load_with(engine: Engine) -> Load:
    """Give generators of `engine`, for policies that are as they were sealed."""
    check = lru_cache(check_sealed)

    def load(task: Task) -> Generator:
        directory = Path(task.policy)
        if task.policy_digest is not None:
            check(directory, task.policy_digest)
        return engine.generator(directory, task.policy_version)

    return load


@dataclass(frozen=True)
class Sampled:
    """What an order led to."""

    attempts: list[Attempt] = field(default_factory=list)
    """By task and sample."""
    submissions: list[JudgeRequest] = field(default_factory=list)
    """What is to be judged: the attempts, and the proofs that tasks brought along."""
    refused: list[tuple[Task, str]] = field(default_factory=list)
    """Tasks that cannot be tried, with the reason."""


def sample_order(load: Load, order: Order) -> Sampled:
    """Sample the attempts at an order's tasks."""
    sampled = Sampled()
    for (_, _, given), alike in groupby(
        order.tasks, key=lambda task: (task.policy, task.sampling, bool(task.proofs))
    ):
        batch = list(alike)
        if given:
            sampled.submissions.extend(
                task.submission(index, proof) for task in batch for index, proof in enumerate(task.proofs)
            )
            continue
        generator = load(batch[0])
        started = time.monotonic()
        prompts = [prompt_of(task.theorem) for task in batch]
        groups = sample_each(generator, prompts, batch[0].sampling)
        took_ms = (time.monotonic() - started) * 1e3
        count = sum(len(group) for group in groups if isinstance(group, list))
        for task, group in zip(batch, groups, strict=True):
            if isinstance(group, InvalidInput):
                sampled.refused.append((task, str(group)))
                continue
            for index, sample in enumerate(group):
                sampled.attempts.append(_attempt(task, index, sample, took_ms / count))
                sampled.submissions.append(task.submission(index, sample.text))
    return sampled


def _attempt(task: Task, index: int, sample: Sample, sampling_ms: float) -> Attempt:
    return Attempt(
        group=task.id,
        index=index,
        theorem=task.theorem.name,
        policy_version=task.policy_version,
        proof=sample.text,
        prompt_ids=sample.prompt_ids,
        token_ids=sample.token_ids,
        logprobs=sample.logprobs,
        finished=sample.finished,
        sampling_ms=sampling_ms,
    )
