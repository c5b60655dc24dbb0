"""Which worker gets a question: spares, headers that are kept and given up, and workers that wear out."""

import asyncio
from dataclasses import replace

import pytest

from verifier.judging import lean_process as worker_module
from verifier.judging.pool import LeanPool
from verifier.judging.worker_set import WorkerSet
from verifier.lean.runtime import LeanRuntime
from verifier.options import Options
from verifier.verdict import Status, Submission, Verdict


async def judged(pool: LeanPool, header: str, value: int) -> Verdict:
    submission = Submission(id="a", statement=f"theorem t : k = {value}", header=header, proof="rfl")
    return await pool.verify(submission)


async def two_idle(screeners: WorkerSet) -> None:
    async with asyncio.timeout(60):
        while screeners.state["idle"] < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_a_spare_takes_the_place_of_a_killed_worker_and_has_read_its_header(
    lean_runtime: LeanRuntime,
) -> None:
    header = "def k := 1"
    async with LeanPool(lean_runtime, spares=1) as pool:
        screeners = pool.sets["screen"]
        assert (await judged(pool, header, 1)).status is Status.PROVED
        await two_idle(screeners)
        # The spare may have started late enough to know the header; of two, the one used last is lent.
        first = next(each for each in reversed(screeners._idle) if each.is_warm(header))
        (spare,) = (each for each in screeners._idle if each is not first)
        endless = Submission(
            id="a", statement="theorem t : k = 1", header=header, code="#eval (IO.sleep 900000 : IO Unit)"
        )
        assert (await pool.verify(endless, Options(timeout_s=0.5))).status is Status.TIMEOUT
        assert not first.is_alive
        assert (await judged(pool, header, 1)).status is Status.PROVED
        assert screeners._idle[-1] is spare
        # The one that is started now warms to the header before it is lent.
        await two_idle(screeners)
        assert all(each.is_warm(header) for each in screeners._idle)


async def test_a_header_that_was_given_up_is_read_again(
    pool: LeanPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "HEADERS_KEPT", 2)
    (worker,) = pool.sets["screen"]._idle
    for kept in list(worker._headers)[2:]:
        del worker._headers[kept]
    for value in (11, 12, 13, 11, 13, 12):
        assert (await judged(pool, f"def k := {value}", value)).status is Status.PROVED
        assert (await judged(pool, f"def k := {value}", value + 1)).status is Status.REJECTED
        assert len(worker._headers) <= 2
    assert not worker.is_warm("def k := 11")


async def test_a_worker_that_would_hold_too_many_libraries_is_replaced(lean_runtime: LeanRuntime) -> None:
    async with LeanPool(replace(lean_runtime, imports_kept=1)) as pool:
        (first,) = pool.worker_pids
        same = (
            "def k := 1",
            "import Lean\ndef k := 1",
            "import Lean\ndef k := 1 + 0",
            "import Lean\nimport Init\ndef k := 1",
        )
        for header in same:
            assert (await judged(pool, header, 1)).status is Status.PROVED
        assert pool.worker_pids == (first,)
        assert (await judged(pool, "import Std\ndef k := 1", 1)).status is Status.PROVED
        assert first not in pool.worker_pids
        (second,) = pool.worker_pids
        assert (await judged(pool, "import Std\ndef k := 1", 1)).status is Status.PROVED
        assert pool.worker_pids == (second,)


@pytest.mark.slow
async def test_those_who_need_other_libraries_at_once_are_all_answered(lean_runtime: LeanRuntime) -> None:
    """Each has a worker replaced; none waits for ever for one that has room."""
    async with LeanPool(replace(lean_runtime, imports_kept=1)) as pool:
        headers = ["import Lean", "import Std"] * 3
        async with asyncio.timeout(300):
            verdicts = await asyncio.gather(*(judged(pool, f"{each}\ndef k := 1", 1) for each in headers))
        assert {verdict.status for verdict in verdicts} == {Status.PROVED}


async def test_whoever_leaves_before_a_core_is_free_costs_no_worker(
    pool: LeanPool, screeners: WorkerSet
) -> None:
    (pid,) = pool.worker_pids
    async with screeners._cores:
        waiting = asyncio.create_task(judged(pool, "", 1))
        while screeners.state["busy"] == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait((waiting,))
    assert pool.worker_pids == (pid,)
    assert screeners.state == {"idle": 1, "busy": 0, "starting": 0}
