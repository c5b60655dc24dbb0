"""The memory of verdicts, on a real Lean and a real Valkey: identical submissions are judged once."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from verifier.errors import InvalidInput
from verifier.judging.cache import VerdictCache, VerdictStore, digest_of
from verifier.judging.pool import LeanPool
from verifier.judging.verdict_file import FileVerdicts
from verifier.judging.worker_set import WorkerSet
from verifier.options import Options
from verifier.streams.connection import connect
from verifier.streams.valkey import EmbeddedRedis
from verifier.streams.verdict_store import RedisVerdicts
from verifier.verdict import Kind, Status, Submission, Verdict


def named(name: str, header: str = "") -> Submission:
    return Submission(id=name, statement="theorem t : 1 = 1", proof="rfl", header=header)


class Judge:
    """A pool with a memory of its verdicts, used as verifiers of a run use it."""

    def __init__(self, pool: LeanPool, store: VerdictStore | None = None) -> None:
        self._pool = pool
        self.cache = VerdictCache(pool.runtime.fingerprint, store=store)

    async def verify(self, submission: Submission) -> Verdict:
        async with self.cache.turn(submission, self._pool.options) as turn:
            return turn.known or await turn.keep(await self._pool.verify(submission))


async def test_concurrent_duplicates_cost_one_elaboration_and_keep_their_ids(pool: LeanPool) -> None:
    judge = Judge(pool)
    verdicts = await asyncio.gather(*(judge.verify(named(name)) for name in "abc"))
    verdicts.append(await judge.verify(named("d")))
    assert [each.id for each in verdicts] == ["a", "b", "c", "d"]
    assert {each.status for each in verdicts} == {Status.PROVED}
    assert [each.lean_ms > 0 for each in verdicts] == [True, False, False, False]


async def test_the_first_of_several_can_be_cancelled_without_the_others(
    pool: LeanPool, screeners: WorkerSet
) -> None:
    judge = Judge(pool)
    worker = await screeners._borrow("")
    first, second = (asyncio.create_task(judge.verify(named(name))) for name in "ab")
    await asyncio.sleep(0.1)
    first.cancel()
    await asyncio.sleep(0.1)
    await screeners._give_back(worker)
    async with asyncio.timeout(20):
        verdict = await second
    assert (verdict.id, verdict.status) == ("b", Status.PROVED)
    assert first.cancelled()


async def test_when_nobody_waits_any_more_the_work_stops_and_can_be_asked_for_again(
    pool: LeanPool, screeners: WorkerSet
) -> None:
    judge = Judge(pool)
    worker = await screeners._borrow("")
    only = asyncio.create_task(judge.verify(named("a")))
    await asyncio.sleep(0.1)
    only.cancel()
    await asyncio.wait((only,))
    assert only.cancelled() and not judge.cache._queues
    await screeners._give_back(worker)
    assert (await judge.verify(named("a"))).status is Status.PROVED


async def test_a_verdict_that_says_nothing_about_the_proof_is_not_kept(pool: LeanPool) -> None:
    judge = Judge(pool)
    unknown = [await judge.verify(named("a", header="import Nowhere")) for _ in range(2)]
    assert {each.kind for each in unknown} == {Kind.UNKNOWN}
    assert all(each.lean_ms > 0 for each in unknown)


async def test_duplicates_that_wait_share_even_a_verdict_that_is_not_kept() -> None:
    cache, judged = VerdictCache("lean"), []

    async def ask(name: str) -> Verdict:
        async with cache.turn(named(name), Options()) as turn:
            if turn.known is not None:
                return turn.known
            judged.append(name)
            await asyncio.sleep(0.05)
            return await turn.keep(Verdict(id=name, status=Status.TIMEOUT, reason="late"))

    verdicts = await asyncio.gather(*map(ask, "abc"))
    assert [each.id for each in verdicts] == ["a", "b", "c"] and judged == ["a"]
    await ask("d")
    assert judged == ["a", "d"]


async def test_when_judging_fails_the_next_in_line_judges() -> None:
    cache, judged = VerdictCache("lean"), []

    async def ask(name: str) -> Verdict:
        async with cache.turn(named(name), Options()) as turn:
            judged.append(name)
            await asyncio.sleep(0.05)
            if name == "a":
                raise RuntimeError("the first fails")
            return await turn.keep(Verdict(id=name, status=Status.PROVED, reason=""))

    failed, verdict = await asyncio.gather(ask("a"), ask("b"), return_exceptions=True)
    assert isinstance(failed, RuntimeError) and isinstance(verdict, Verdict)
    assert judged == ["a", "b"]


def test_a_digest_tells_apart_what_a_verdict_depends_on_and_nothing_else() -> None:
    base, options = named("a"), Options()
    digests = {
        digest_of(base, options, "lean"),
        digest_of(base, options, "another lean"),
        *(
            digest_of(base.model_copy(update={field: "other"}), options, "lean")
            for field in ("header", "statement", "proof")
        ),
        digest_of(base.model_copy(update={"proof": None, "code": "rfl"}), options, "lean"),
        digest_of(base, replace(options, tactics=True), "lean"),
        digest_of(base, replace(options, tactics=True, goals=False), "lean"),
        digest_of(base, replace(options, heartbeats=1), "lean"),
        digest_of(base, replace(options, allowed_axioms=frozenset()), "lean"),
    }
    assert len(digests) == 10
    same = digest_of(named("b"), replace(options, timeout_s=1.0), "lean")
    assert same == digest_of(base, options, "lean")


async def test_the_memory_forgets_what_was_used_longest_ago_and_never_holds_more_than_its_limit() -> None:
    cache = VerdictCache("lean", limit_bytes=1200)

    async def ask(name: str, reason: str = "x" * 200) -> bool:
        async with cache.turn(Submission(id=name, statement=name, proof="rfl"), Options()) as turn:
            if turn.known is None:
                await turn.keep(Verdict(id=name, status=Status.REJECTED, reason=reason))
        return turn.known is not None

    assert [await ask(name) for name in "abcab"] == [False, False, False, True, True]
    assert not await ask("d")
    assert [await ask(name) for name in "abd"] == [True, True, True]
    assert not await ask("c")
    assert [await ask("large", "x" * 2000) for _ in range(2)] == [False, False]


async def test_verifiers_share_what_they_judged_through_redis(
    pool: LeanPool, redis_server: EmbeddedRedis
) -> None:
    lean_ms = []
    for name in "ab":
        store = RedisVerdicts(redis_server.url)
        verdict = await Judge(pool, store=store).verify(named(name))
        assert (verdict.id, verdict.status) == (name, Status.PROVED)
        assert verdict.certificate is not None
        lean_ms.append(verdict.lean_ms)
        await store.close()
    assert lean_ms[0] > 0 and lean_ms[1] == 0


async def test_another_toolchain_and_what_nobody_can_read_are_judged_anew(
    pool: LeanPool, redis_server: EmbeddedRedis
) -> None:
    store = RedisVerdicts(redis_server.url)
    (ours,) = (digest_of(named("a"), pool.options, pool.runtime.fingerprint),)
    await store.put(digest_of(named("a"), pool.options, "another toolchain"), b"{}")
    await store.put(ours, b"no verdict")
    verdict = await Judge(pool, store=store).verify(named("a"))
    assert verdict.status is Status.PROVED and verdict.lean_ms > 0
    unknown = named("u", header="import Nowhere")
    await Judge(pool, store=store).verify(unknown)
    with connect(redis_server.url) as client:
        assert client.dbsize() == 2
    await store.close()


async def test_a_redis_that_goes_away_costs_its_verdicts_and_nothing_else(
    pool: LeanPool, redis_server: EmbeddedRedis
) -> None:
    store = RedisVerdicts(redis_server.url)
    judge = Judge(pool, store=store)
    assert (await judge.verify(named("a"))).status is Status.PROVED
    redis_server.stop()
    again = await Judge(pool, store=store).verify(named("a"))
    assert again.status is Status.PROVED and again.lean_ms > 0
    assert (await judge.verify(named("a"))).lean_ms == 0
    await store.close()


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="redis://"):
        RedisVerdicts("localhost:6379")


async def test_runs_share_what_they_judged_through_a_file(
    pool: LeanPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "kept" / "verdicts.sqlite"
    first, second = FileVerdicts(file), FileVerdicts(file)
    judged = await Judge(pool, first).verify(named("a"))
    monkeypatch.setattr(WorkerSet, "ask", None)
    again = await Judge(pool, second).verify(named("b"))
    assert again == judged.model_copy(update={"id": "b", "lean_ms": 0.0})
    first.close()
    second.close()


async def test_a_file_of_verdicts_that_is_locked_or_cannot_be_read_costs_its_verdicts_and_nothing_else(
    pool: LeanPool, tmp_path: Path
) -> None:
    file = tmp_path / "verdicts.sqlite"
    store = FileVerdicts(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert (await Judge(pool, store).verify(named("a"))).status is Status.PROVED
        other.execute("ROLLBACK")
        other.execute("DROP TABLE verdicts")
    assert (await Judge(pool, store).verify(named("b"))).status is Status.PROVED
    store.close()


def test_what_is_no_file_of_verdicts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("\\documentclass{article}" * 100)
    for path in (tmp_path / "thesis.tex", tmp_path, tmp_path / "thesis.tex" / "v"):
        with pytest.raises(InvalidInput, match="verdicts cannot be kept"):
            FileVerdicts(path)
