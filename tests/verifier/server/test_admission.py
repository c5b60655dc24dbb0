"""Who goes next: shares are fair by time, high priority goes first, and nobody who left keeps a place."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.server.admission import Admission, FairQueue, Priority, QueueFull

HIGH, NORMAL = Priority.HIGH, Priority.NORMAL


def test_of_one_key_the_first_goes_first() -> None:
    queue = FairQueue[int]()
    for item in range(5):
        queue.push("a", NORMAL, item)
    assert [queue.pop()[1] for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(IndexError):
        queue.pop()


def test_high_priority_goes_before_any_normal_one() -> None:
    queue = FairQueue[str]()
    queue.push("a", NORMAL, "first")
    queue.push("a", HIGH, "urgent")
    queue.push("b", HIGH, "urgent too")
    assert [queue.pop()[1] for _ in range(3)] == ["urgent", "urgent too", "first"]


def test_a_key_with_a_thousand_submissions_does_not_keep_another_waiting() -> None:
    queue = FairQueue[int]()
    for item in range(1000):
        queue.push("greedy", NORMAL, item)
    for _ in range(10):
        key, _ = queue.pop()
        queue.charge(key, 1.0)
    queue.push("modest", NORMAL, 0)
    assert queue.pop()[0] == "modest" or queue.pop()[0] == "modest"


def test_a_key_that_paused_has_not_saved_up_time() -> None:
    queue = FairQueue[int]()
    for item in range(100):
        queue.push("steady", NORMAL, item)
    for _ in range(50):
        queue.charge(queue.pop()[0], 1.0)
    for item in range(50):
        queue.push("back", NORMAL, item)
    served: Counter[str] = Counter()
    for _ in range(20):
        key, _ = queue.pop()
        queue.charge(key, 1.0)
        served[key] += 1
    assert abs(served["steady"] - served["back"]) <= 2


@given(
    costs=st.lists(st.floats(0.1, 10.0), min_size=2, max_size=5),
    rounds=st.integers(200, 400),
)
def test_shares_are_equal_in_time_whatever_the_work_of_each_key_costs(
    costs: list[float], rounds: int
) -> None:
    queue = FairQueue[int]()
    for key in range(len(costs)):
        for item in range(rounds * 100):
            queue.push(str(key), NORMAL, item)
            if item > 400:
                break
    time = dict.fromkeys(map(str, range(len(costs))), 0.0)
    for _ in range(rounds):
        caller, _ = queue.pop()
        queue.charge(caller, costs[int(caller)])
        time[caller] += costs[int(caller)]
    assert max(time.values()) - min(time.values()) <= 2 * max(costs)


def test_clocks_of_keys_that_have_gone_are_forgotten() -> None:
    queue = FairQueue[int]()
    for number in range(100):
        queue.push(str(number), NORMAL, number)
        queue.charge(queue.pop()[0], 1.0)
    queue.push("last", NORMAL, 0)
    queue.charge("last", 1000.0)
    queue.pop()
    queue.charge("last", 1.0)
    assert len(queue._clocks) == 1


async def hold(
    admission: Admission, log: list[str], name: str, release: asyncio.Event, **how: object
) -> None:
    async with admission.place(name, **how):  # type: ignore[arg-type]
        log.append(name)
        await release.wait()


async def test_at_most_so_many_run_and_the_rest_wait_their_turn() -> None:
    admission, release = Admission(2, limit=10), asyncio.Event()
    log: list[str] = []
    tasks = [asyncio.create_task(hold(admission, log, str(i), release)) for i in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (log, admission.running, admission.waiting) == (["0", "1"], 2, 3)
    release.set()
    await asyncio.gather(*tasks)
    assert (sorted(log), admission.running, admission.waiting) == (["0", "1", "2", "3", "4"], 0, 0)


async def test_who_comes_to_a_full_queue_is_told_when_to_come_back() -> None:
    admission, release = Admission(1, limit=1), asyncio.Event()
    log: list[str] = []
    tasks = [asyncio.create_task(hold(admission, log, str(i), release)) for i in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(QueueFull) as full:
        await hold(admission, log, "late", release)
    assert full.value.retry_after_s > 0
    release.set()
    await asyncio.gather(*tasks)
    assert log == ["0", "1"]


@pytest.mark.parametrize("moment", ["while it waits", "as its turn comes"])
async def test_who_leaves_frees_the_place(moment: str) -> None:
    admission, release = Admission(1, limit=10), asyncio.Event()
    log: list[str] = []
    release.set()
    async with admission.place("first"):
        leaver, last = (
            asyncio.create_task(hold(admission, log, name, release)) for name in ("leaver", "last")
        )
        await asyncio.sleep(0)
        if moment == "while it waits":
            leaver.cancel()
    leaver.cancel()
    await asyncio.wait_for(last, 1)
    assert log == ["last"] and leaver.cancelled()
    assert (admission.running, admission.waiting) == (0, 0)
