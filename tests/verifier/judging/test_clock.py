"""A Redis whose clock is set while a run goes on: a real Valkey, under libfaketime."""

import time
from collections.abc import Iterator
from pathlib import Path

import libfaketime
import pytest

from prover.theorem import Attempt
from tests.support.orders import attempt, submission, task, verdict
from trainer.run.books import Account, Books
from trainer.run.streams import RunStreams
from verifier.streams.connection import connect
from verifier.streams.judge_request import JudgeRequest
from verifier.streams.judge_worker import CLAIM_IDLE_MS, VERIFIER_GROUP
from verifier.streams.stream import Stream, StreamNames
from verifier.streams.valkey import EmbeddedRedis
from verifier.verdict import Verdict

pytestmark = pytest.mark.redis

NAMES = StreamNames("run")
TASK = task("a", samples=2)


class Run:
    """The streams of a run on a server whose clock can be set."""

    def __init__(self, url: str, clock: Path) -> None:
        self.clock = clock
        self.client = client = connect(url)
        self.attempts = Stream(client, NAMES.attempts, Attempt)
        self.submissions = Stream(client, NAMES.submissions, JudgeRequest, CLAIM_IDLE_MS)
        self.verdicts = Stream(client, NAMES.verdicts, Verdict)
        self.books, self.streams = Books(), RunStreams(client, "run")
        self.books.issue(1, [TASK])
        self.attempts.publish_many(attempt(TASK, index) for index in range(TASK.sampling.samples))
        self.submissions.publish_many(submission(TASK, index) for index in range(TASK.sampling.samples))
        assert self.streams.clock_jump() == 0

    def set_clock(self, seconds: int) -> None:
        self.clock.write_text(f"{seconds:+d}\n")
        # The server looks at its clock now and then.
        while abs(self.client.time()[0] - time.time() - seconds) > 2:
            time.sleep(0.01)

    def judge(self, consumer: str) -> list[str]:
        """Take one attempt and judge it; its id, if there was one."""
        taken = self.submissions.read(VERIFIER_GROUP, consumer, 1, 0)
        for each in taken:
            index = TASK.attempt_ids.index(each.message.id)
            self.submissions.answer(each, self.verdicts, verdict(TASK, index))
        return [each.message.id for each in taken]

    def accounts(self) -> dict[Account, int]:
        while self.streams.poll(self.books):
            pass
        for group in self.books.complete():
            self.books.close(group, stale=False)
        assert self.books.balance == 0
        return dict(self.books.accounts)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    _, preloaded = libfaketime.get_reload_information()
    for name, value in {**preloaded, "FAKETIME_TIMESTAMP_FILE": str(clock)}.items():
        monkeypatch.setenv(name, value)
    with EmbeddedRedis(tmp_path / "redis") as server:
        for name in preloaded:
            monkeypatch.delenv(name)
        yield Run(server.url, clock)


def test_a_clock_set_forward_lets_work_be_done_twice_and_counts_it_once(run: Run) -> None:
    slow = run.submissions.read(VERIFIER_GROUP, "slow", 1, 0)
    run.set_clock(3600)
    assert run.judge("hasty") == [slow[0].message.id], "it seems to have been left for an hour"
    run.submissions.answer(slow[0], run.verdicts, verdict(TASK, 0))
    run.judge("hasty")
    assert run.accounts() == {Account.TRAINED: 2}


def test_a_clock_set_forward_takes_nothing_from_who_works_once_the_daemon_has_seen_it(run: Run) -> None:
    run.submissions.read(VERIFIER_GROUP, "slow", 1, 0)
    run.set_clock(3600)
    assert run.streams.clock_jump() == pytest.approx(3600, abs=2)
    assert run.streams.clock_jump() == 0
    assert run.judge("other") == [TASK.attempt_ids[1]]
    assert run.judge("other") == []


def test_what_a_dead_verifier_left_does_not_wait_for_a_clock_that_was_set_back(run: Run) -> None:
    run.submissions.read(VERIFIER_GROUP, "dead", 2, 0)
    run.set_clock(-3600)
    assert run.streams.clock_jump() == pytest.approx(-3600, abs=2)
    # As long as any message is left to its consumer, and no longer.
    run.set_clock(-3600 + CLAIM_IDLE_MS // 1000 + 1)
    assert run.judge("other") + run.judge("other") == TASK.attempt_ids
    assert run.accounts() == {Account.TRAINED: 2}


def test_orders_go_out_whatever_the_clock_says(run: Run) -> None:
    assert run.streams.publish(run.books) == 1
    run.set_clock(-86_400)
    run.books.issue(2, [task("b")])
    assert run.streams.publish(run.books) == 1
    run.attempts.publish(attempt(TASK, 0))
    assert run.attempts.length() == 3
