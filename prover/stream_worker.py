"""`proofmill worker generator`: tasks from a Redis stream in, attempts on another out.

A task is acknowledged after its attempts are published.  Attempts have ids made
from the task's, so a task that is done twice makes no new attempts for anyone
who drops repeats.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NoReturn

import torch

from prover.generators import Sample
from prover.generators.transformers import TransformersGenerator
from prover.messages import AttemptMessage, Task
from prover.prompts import prompt_of
from prover.theorem import Attempt
from verifier.redis_server import connect
from verifier.stream_worker import consumer_name
from verifier.streams import Stream, StreamNames

__all__ = ["GENERATOR_GROUP", "run_generator"]

GENERATOR_GROUP = "generators"
TASKS_PER_BATCH = 16
"""Few enough that Lean starts on the first attempts while the next are sampled."""
BLOCK_MS = 200

log = logging.getLogger(__name__)


def run_generator(redis_url: str, run: str, device: str) -> NoReturn:
    """Sample for what arrives until SIGTERM or SIGINT.

    Raises:
        RedisUnavailable, InvalidInput
    """
    client = connect(redis_url)
    names = StreamNames(run)
    tasks = Stream(client, names.tasks, Task)
    attempts = Stream(client, names.attempts, AttemptMessage)
    consumer = consumer_name()
    for number in (signal.SIGTERM, signal.SIGINT):
        # At once: what was not acknowledged comes again.
        signal.signal(number, lambda *_: sys.exit(0))
    if device == "cpu":
        # The other half of the cores is Lean's, which judges while this samples.
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    policy: tuple[str, TransformersGenerator] | None = None
    while True:
        deliveries = tasks.read(GENERATOR_GROUP, consumer, TASKS_PER_BATCH, BLOCK_MS)
        for path, same_policy in groupby(deliveries, key=lambda each: each.message.policy):
            if policy is None or policy[0] != path:
                policy = path, TransformersGenerator.load(Path(path), device)
            batch = list(same_policy)
            attempts.publish_many(sample_tasks(policy[1], [delivery.message for delivery in batch]))
            tasks.ack(batch)


def sample_tasks(generator: TransformersGenerator, tasks: Sequence[Task]) -> list[AttemptMessage]:
    """The attempts at all tasks; tasks with equal sampling parameters share a batch."""
    messages = []
    for sampling, alike in groupby(tasks, key=lambda task: task.sampling):
        batch = list(alike)
        started = time.monotonic()
        groups = generator.sample([prompt_of(task.theorem) for task in batch], sampling)
        share_ms = (time.monotonic() - started) * 1e3 / sum(map(len, groups))
        for task, samples in zip(batch, groups, strict=True):
            messages += [
                AttemptMessage.of(_attempt(task, index, sample), share_ms)
                for index, sample in enumerate(samples)
            ]
    return messages


def _attempt(task: Task, index: int, sample: Sample) -> Attempt:
    return Attempt(
        id=f"{task.id}/{index}",
        group=task.id,
        theorem=task.theorem,
        policy_version=task.policy_version,
        proof=sample.text,
        prompt_ids=sample.prompt_ids,
        token_ids=sample.token_ids,
        logprobs=sample.logprobs,
        finished=sample.finished,
    )
