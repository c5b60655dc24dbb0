"""The memory of verdicts, on a real Lean: identical submissions are judged once."""

import asyncio

import pytest

from verifier.cache import CachedPool
from verifier.pool import LeanPool
from verifier.verdict import Kind, Status, Submission
from verifier.workers import WorkerSet

pytestmark = pytest.mark.asyncio(loop_scope="session")


def named(name: str, header: str = "") -> Submission:
    return Submission(id=name, statement="theorem t : 1 = 1", proof="rfl", header=header)


async def test_concurrent_duplicates_cost_one_elaboration_and_keep_their_ids(pool: LeanPool) -> None:
    cached = CachedPool(pool)
    verdicts = await asyncio.gather(*(cached.verify(named(name)) for name in "abc"))
    verdicts.append(await cached.verify(named("d")))
    assert [each.id for each in verdicts] == ["a", "b", "c", "d"]
    assert {each.status for each in verdicts} == {Status.PROVED}
    assert [each.lean_ms > 0 for each in verdicts] == [True, False, False, False]


async def test_the_first_of_several_can_be_cancelled_without_the_others(
    pool: LeanPool, screens: WorkerSet
) -> None:
    cached = CachedPool(pool)
    worker = await screens._borrow("")
    first, second = (asyncio.create_task(cached.verify(named(name))) for name in "ab")
    await asyncio.sleep(0.1)
    first.cancel()
    await asyncio.sleep(0.1)
    await screens._give_back(worker)
    async with asyncio.timeout(20):
        verdict = await second
    assert (verdict.id, verdict.status) == ("b", Status.PROVED)
    assert first.cancelled()


async def test_when_nobody_waits_any_more_the_work_stops_and_can_be_asked_for_again(
    pool: LeanPool, screens: WorkerSet
) -> None:
    cached = CachedPool(pool)
    worker = await screens._borrow("")
    only = asyncio.create_task(cached.verify(named("a")))
    await asyncio.sleep(0.1)
    (running,) = cached._cache._running.values()
    only.cancel()
    await asyncio.wait((only, running.task))
    assert running.task.cancelled()
    await screens._give_back(worker)
    assert (await cached.verify(named("a"))).status is Status.PROVED


async def test_a_verdict_that_says_nothing_about_the_proof_is_not_kept(pool: LeanPool) -> None:
    cached = CachedPool(pool)
    unknown = [await cached.verify(named("a", header="import Nowhere")) for _ in range(2)]
    assert {each.kind for each in unknown} == {Kind.UNKNOWN}
    assert all(each.lean_ms > 0 for each in unknown)
