"""`proofmill bench pipeline`: what the streams cost, how verifiers add up, and who waits for whom in a run.

*Overhead*: orders, attempts and verdicts go round on a real Valkey while nobody samples and nobody judges, so
that nothing but the streams takes time.  *Scaling*: verifiers that only sleep, for as long as a real Lean
took, drink from one stream.  *Run*: the training daemon with a real generator and a real Lean.
"""

import json
import random
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from statistics import fmean
from threading import Event
from typing import Any

from pydantic import BaseModel

from prover.generators.base import SamplingParams
from prover.generators.messages import TASKS_PER_ORDER, Order, Task
from prover.generators.worker import GENERATOR_GROUP
from prover.theorem import Attempt, Theorem
from trainer.bench.settings import PipelineBenchSettings
from trainer.config import run_config, write_settings
from trainer.launch.up import run_up
from trainer.run.books import Books
from trainer.run.metrics import busy_shares
from trainer.run.streams import RunStreams
from verifier.console import say
from verifier.errors import ProofmillError
from verifier.streams.connection import connect
from verifier.streams.judge_request import JudgeRequest
from verifier.streams.judge_worker import IN_FLIGHT_PER_WORKER, VERIFIER_GROUP
from verifier.streams.stream import Stream, StreamNames
from verifier.streams.valkey import EmbeddedRedis
from verifier.verdict import Status, Verdict

__all__ = ["PipelineBench", "RunBench", "bench_pipeline"]

SAMPLES = 8
TOKENS = 32
PROOF = "by\n  induction a with\n  | zero => simp\n  | succ n ih => omega"
LEAN_MS = (14, 17, 20, 22, 25, 27, 30, 34, 38, 43, 48, 55, 63, 75, 99, 137, 176, 238, 333)
"""Times of 2,601 Lean calls of a demo run, audits included: their 5%, 10%, ... 95% quantiles."""
WARM_UP_S = 1.0
VERIFIERS = (1, 2, 4, 16, 64)
"""How many are simulated at a time."""


class RunBench(BaseModel):
    """Some rounds of the training daemon, without the first."""

    attempts_per_s: float
    round_s: float
    busy: dict[str, float]
    """Processes of each stage at work, on average; of Lean as many as there are workers."""
    idle_share: dict[str, float]
    slower_busy: float
    """Of sampling and Lean, the share of the time that the busier one works."""
    bottlenecks: dict[str, int]
    """Rounds by the stage that the others waited for."""


class PipelineBench(BaseModel):
    """What the pipeline costs beside sampling, judging and learning."""

    overhead_ms: float
    """Of the streams, for an attempt: published, read, judged in no time, its verdict published and read, all
    of it acknowledged; by one process, so nothing of it overlaps."""
    simulated_verifiers_per_s: dict[int, float]
    """Verdicts a second of so many stubs, which sleep for recorded times of Lean."""
    scaling: dict[int, float]
    """The same, over as many times one of them."""
    run: RunBench | None


def bench_pipeline(
    settings: PipelineBenchSettings, on_done: Callable[[], None] = lambda: None
) -> PipelineBench:
    """Measure all three; `on_done` is called after each figure."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder) / "redis") as server:
        overhead_ms = _overhead_ms(server.url, settings.attempts)
        on_done()
        rates = {}
        for count in VERIFIERS:
            rates[count] = _verdicts_per_s(server.url, f"scaling-{count}", count, settings.seconds)
            on_done()
        run = _run(Path(folder) / "run", server.url, settings.rounds) if settings.rounds else None
        on_done()
    return PipelineBench(
        overhead_ms=overhead_ms,
        simulated_verifiers_per_s=rates,
        scaling={count: rate / (count * rates[VERIFIERS[0]]) for count, rate in rates.items()},
        run=run,
    )


def _overhead_ms(url: str, attempts: int) -> float:
    """Milliseconds of streams for an attempt, each stage reading and writing as the real one does."""
    with connect(url) as client:
        names, books, streams = StreamNames("overhead"), Books(), RunStreams(client, "overhead")
        orders = Stream(client, names.tasks, Order)
        sampled = Stream(client, names.attempts, Attempt)
        submissions = Stream(client, names.submissions, JudgeRequest)
        verdicts = Stream(client, names.verdicts, Verdict)
        began = time.monotonic()
        for number in range(1, -(-attempts // (TASKS_PER_ORDER * SAMPLES)) + 1):
            books.issue(number, [_task(f"{number}.{place}") for place in range(TASKS_PER_ORDER)])
            streams.publish(books)
            deliveries = orders.read(GENERATOR_GROUP, "g", 1, 0)
            tasks = deliveries[0].message.tasks
            samples = [(task, index) for task in tasks for index in range(SAMPLES)]
            sampled.publish_many(_attempt(task, index) for task, index in samples)
            submissions.publish_many(task.submission(index, PROOF) for task, index in samples)
            orders.ack(deliveries)
            while taken := submissions.read(VERIFIER_GROUP, "v", IN_FLIGHT_PER_WORKER, 0):
                for delivery in taken:
                    submissions.answer(delivery, verdicts, _verdict(delivery.message.id))
            # No read that finds nothing: it would wait, which is no cost of the streams.
            while len(books.complete()) < len(books.open):
                streams.poll(books)
            for group in books.complete():
                books.close(group, stale=False)
            streams.acknowledge()
        return (time.monotonic() - began) * 1e3 / books.issued


def _verdicts_per_s(url: str, run: str, verifiers: int, seconds: float) -> float:
    """Verdicts a second of stubs that sleep for as long as Lean took."""
    names = StreamNames(run)
    enough = round(verifiers * (seconds + 2 * WARM_UP_S) * 1e3 / fmean(LEAN_MS)) + 64 * IN_FLIGHT_PER_WORKER
    over = Event()
    with connect(url) as client, ThreadPoolExecutor(verifiers) as pool:
        submissions = Stream(client, names.submissions, JudgeRequest)
        verdicts = Stream(client, names.verdicts, Verdict)
        task = _task("stub")
        for first in range(0, enough, 512):
            submissions.publish_many(task.submission(index, PROOF) for index in range(first, first + 512))
        stubs = [pool.submit(_stub, url, names, number, over) for number in range(verifiers)]
        try:
            time.sleep(WARM_UP_S)
            began, before = time.monotonic(), verdicts.length()
            time.sleep(seconds)
            return (verdicts.length() - before) / (time.monotonic() - began)
        finally:
            over.set()
            for stub in stubs:
                stub.result()


def _stub(url: str, names: StreamNames, number: int, over: Event) -> None:
    """A verifier with one worker that only takes time: every stub the same times, in an order of its own."""
    times = cycle(random.Random(number).sample(LEAN_MS, len(LEAN_MS)))
    with connect(url) as client:
        submissions = Stream(client, names.submissions, JudgeRequest)
        verdicts = Stream(client, names.verdicts, Verdict)
        while not over.is_set():
            for delivery in submissions.read(VERIFIER_GROUP, str(number), IN_FLIGHT_PER_WORKER, 100):
                if over.is_set():
                    break
                time.sleep(next(times) / 1e3)
                submissions.answer(delivery, verdicts, _verdict(delivery.message.id))


def _run(directory: Path, url: str, rounds: int) -> RunBench:
    """The demo's task, one version ahead, with one generator and one verifier."""
    config = run_config(
        {"iterations": rounds, "redis_url": url, "daemon": {"max_staleness": 1}, "lean": {"workers": 1}}
    )
    directory.mkdir()
    ended = run_up(write_settings(config, directory), config, directory, log=lambda _, line: say(line))
    if ended.code:
        raise ProofmillError("the run did not finish: the lines above say why")
    lines = (directory / "metrics.jsonl").read_text().splitlines()
    return run_bench_of([json.loads(line) for line in lines][1:])


def run_bench_of(rows: list[dict[str, Any]]) -> RunBench:
    """What rows of `metrics.jsonl` come to, of a run with one generator and one Lean worker."""
    names = ("wall_s", "sampling_s", "lean_s", "learning_s")
    seconds = {name: sum(row[name] for row in rows) for name in names}
    busy, wall_s = busy_shares(seconds), seconds["wall_s"]
    bottlenecks = [row["bottleneck"] for row in rows]
    return RunBench(
        attempts_per_s=sum(row["attempts"] for row in rows) / wall_s,
        round_s=wall_s / len(rows),
        busy=busy,
        idle_share={stage: max(0.0, 1 - share) for stage, share in busy.items()},
        slower_busy=max(busy["sampling"], busy["lean"]),
        bottlenecks={stage: bottlenecks.count(stage) for stage in sorted(set(bottlenecks))},
    )


def _task(name: str) -> Task:
    theorem = Theorem(
        name=name, statement="theorem t (a b : Nat) : a + b = b + a", source="bench", split="train"
    )
    sampling = SamplingParams(samples=SAMPLES)
    return Task(id=name, theorem=theorem, policy="/policy", policy_version=0, sampling=sampling)


def _attempt(task: Task, index: int) -> Attempt:
    return Attempt(
        group=task.id,
        index=index,
        theorem=task.theorem.name,
        policy_version=0,
        proof=PROOF,
        prompt_ids=tuple(range(TOKENS)),
        token_ids=tuple(range(TOKENS)),
        logprobs=(-0.123456789,) * TOKENS,
        finished=True,
    )


def _verdict(name: str) -> Verdict:
    return Verdict(id=name, status=Status.PROVED, reason="`t` is proved", lean_ms=50.0)
