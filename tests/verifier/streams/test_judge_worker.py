"""`proofmill worker verifier`, on a real Lean and a real Redis."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from verifier.errors import RedisUnavailable
from verifier.judging.pool import LeanPool
from verifier.lean.runtime import LeanRuntime
from verifier.streams.connection import connect
from verifier.streams.judge_request import JudgeRequest
from verifier.streams.judge_worker import CLAIM_IDLE_MS, VERIFIER_GROUP, run_verifier
from verifier.streams.stream import Stream, StreamNames
from verifier.streams.valkey import EmbeddedRedis
from verifier.verdict import Status, Verdict

NAMES = StreamNames("test")


@pytest_asyncio.fixture
async def server(redis_server: EmbeddedRedis) -> AsyncIterator[EmbeddedRedis]:
    yield redis_server
    # `run_verifier` leaves its handlers, which would take Ctrl-C from pytest.
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


def submission(name: str, proof: str, *, tactics: bool = False) -> JudgeRequest:
    return JudgeRequest(id=name, statement="theorem t : 1 = 1", proof=proof, tactics=tactics)


async def test_attempts_are_judged_once_and_what_a_stop_leaves_goes_to_another_verifier(
    server: EmbeddedRedis, lean_runtime: LeanRuntime
) -> None:
    with connect(server.url) as client:
        submissions = Stream(client, NAMES.submissions, JudgeRequest, CLAIM_IDLE_MS)
        verdicts = Stream(client, NAMES.verdicts, Verdict)
        endless = submission("endless", "rfl\n#eval (IO.sleep 900000 : IO Unit)")
        submissions.publish_many([submission("good", "rfl"), submission("bad", "1"), endless])
        verifier = asyncio.create_task(run_verifier(server.url, NAMES.run, LeanPool(lean_runtime)))
        judged: dict[str, Status] = {}
        async with asyncio.timeout(120):
            while len(judged) < 2 and not verifier.done():
                for each in await asyncio.to_thread(verdicts.read, "test", "me", 10, 200):
                    judged[each.message.id] = each.message.status
            os.kill(os.getpid(), signal.SIGTERM)
            await verifier
        assert judged == {"good": Status.PROVED, "bad": Status.REJECTED}
        left = submissions.read(VERIFIER_GROUP, "another", 10, 0)
        assert [each.message.id for each in left] == ["endless"]


async def test_a_request_says_whether_its_verdict_has_to_bring_tactics(
    server: EmbeddedRedis, lean_runtime: LeanRuntime
) -> None:
    with connect(server.url) as client:
        verdicts = Stream(client, NAMES.verdicts, Verdict)
        Stream(client, NAMES.submissions, JudgeRequest).publish_many(
            [submission("plain", "by rfl"), submission("asks", "by rfl", tactics=True)]
        )
        verifier = asyncio.create_task(run_verifier(server.url, NAMES.run, LeanPool(lean_runtime)))
        found: dict[str, Verdict] = {}
        async with asyncio.timeout(120):
            while len(found) < 2 and not verifier.done():
                for each in await asyncio.to_thread(verdicts.read, "test", "me", 10, 200):
                    found[each.message.id] = each.message
            os.kill(os.getpid(), signal.SIGTERM)
            await verifier
    assert not found["plain"].tactics
    assert [(tactic.start, tactic.stop) for tactic in found["asks"].tactics or ()] == [(3, 6)]


async def test_a_redis_that_goes_away_ends_it_with_that_error(
    server: EmbeddedRedis, lean_runtime: LeanRuntime
) -> None:
    verifier = asyncio.create_task(run_verifier(server.url, NAMES.run, LeanPool(lean_runtime)))
    with connect(server.url) as client:
        Stream(client, NAMES.submissions, JudgeRequest).publish(submission("good", "rfl"))
        verdicts = Stream(client, NAMES.verdicts, Verdict)
        async with asyncio.timeout(120):
            while not await asyncio.to_thread(verdicts.read, "test", "me", 1, 1000):
                assert not verifier.done()
    await asyncio.to_thread(server.stop)
    async with asyncio.timeout(60):
        with pytest.raises(RedisUnavailable):
            await verifier
