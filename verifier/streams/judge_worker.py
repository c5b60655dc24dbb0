"""`proofmill worker verifier`: attempts from a Redis stream in, verdicts on another out.

An attempt is acknowledged as its verdict is published, so a verifier that is killed leaves it to be judged
again by another; whoever reads verdicts drops repeats by id.  While an attempt is judged its claim is
renewed, however long that takes.
"""

import asyncio
import logging
import os
import signal
import socket
import time

from verifier.judging.cache import VerdictCache, VerdictStore
from verifier.judging.pool import LeanPool
from verifier.streams.connection import PATIENT, connect
from verifier.streams.judge_request import JudgeRequest
from verifier.streams.stream import Delivery, Stream, StreamNames
from verifier.verdict import Verdict

__all__ = ["VERIFIER_GROUP", "consumer_name", "run_verifier", "stop_on_signals"]

VERIFIER_GROUP = "verifiers"
IN_FLIGHT_PER_WORKER = 16
"""Attempts that are read ahead: enough that no worker waits for Redis, and few enough that several verifiers
share a burst."""
BLOCK_MS = 200
CLAIM_IDLE_MS = 60_000  # after this long without a sign of life another verifier takes over
RENEW_S = 15.0

log = logging.getLogger(__name__)


async def run_verifier(redis_url: str, run: str, pool: LeanPool, store: VerdictStore | None = None) -> None:
    """Judge what arrives until SIGTERM or SIGINT; what is in flight then is left to other verifiers.

    Verdicts bring tactics where the request or the options of `pool` ask for them.

    Raises:
        RedisUnavailable, WorkerStartError
    """
    client = connect(redis_url, retries=PATIENT)
    names = StreamNames(run)
    requests = Stream(client, names.submissions, JudgeRequest, CLAIM_IDLE_MS)
    verdicts = Stream(client, names.verdicts, Verdict)
    try:
        async with pool, asyncio.TaskGroup() as group:
            cache = VerdictCache(pool.runtime.fingerprint, store=store)
            await _judge_until_stopped(group, pool, cache, requests, verdicts)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


async def _judge_until_stopped(
    group: asyncio.TaskGroup,
    pool: LeanPool,
    cache: VerdictCache,
    requests: Stream[JudgeRequest],
    verdicts: Stream[Verdict],
) -> None:
    stopped = stop_on_signals()
    consumer = consumer_name()
    running: dict[asyncio.Task[None], Delivery[JudgeRequest]] = {}
    renewed = time.monotonic()

    async def judge(delivery: Delivery[JudgeRequest]) -> None:
        request = delivery.message
        options = pool.options.but(tactics=request.tactics or None)
        async with cache.turn(request, options) as turn:
            verdict = turn.known or await turn.keep(await pool.verify(request, options))
        await asyncio.to_thread(requests.answer, delivery, verdicts, verdict)

    while not stopped.is_set():
        if time.monotonic() > renewed + RENEW_S:
            await asyncio.to_thread(requests.renew, list(running.values()), consumer)
            renewed = time.monotonic()
        room = pool.workers * IN_FLIGHT_PER_WORKER - len(running)
        if room == 0:
            await asyncio.wait(running, timeout=BLOCK_MS / 1e3, return_when=asyncio.FIRST_COMPLETED)
            continue
        for delivery in await asyncio.to_thread(requests.read, VERIFIER_GROUP, consumer, room, BLOCK_MS):
            if any(delivery.id == other.id for other in running.values()):
                continue  # this process slept so long that it took over what it had already
            task = group.create_task(judge(delivery))
            running[task] = delivery
            task.add_done_callback(running.pop)
    left = dict(running)
    for task in left:
        task.cancel()
    await asyncio.to_thread(requests.release, list(left.values()), consumer)


def consumer_name() -> str:
    """A name no other live process of the run has."""
    return f"{socket.gethostname()}-{os.getpid()}"


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped
