"""`proofmill bench verifier`: what the verifier does, measured on this machine.

The proofs are small and of different kinds, two of them wrong.  They are judged again and again, in a circle,
without a cache unless a figure is about the cache.

Throughputs are measured in rounds, each of which measures all of them, so that a machine which is slower for
a while is slower for all; each figure is the median of its rounds.  `raw` is the limit: a worker and an
auditor that are asked directly, one proof at a time.  A pool of one worker runs one of the two at a time as
well, a pool of two runs two.  What the audit costs is measured on the right proofs alone: by a pool of two
workers, and by two workers that check with their own kernel and have nothing audited.  CPU time is that of
all Lean processes together.  Resident memory is that of one worker, after the first verdict and after each
tenth of the checks.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from itertools import cycle, islice
from statistics import median, quantiles

import httpx
import psutil
import uvicorn
from pydantic import BaseModel

from verifier.cli.bench_tactics import tactic_rates
from verifier.errors import WorkerDied
from verifier.judging.lean_process import LeanProcess, Role
from verifier.judging.pool import LeanPool
from verifier.judging.protocol import audit_request, check_request
from verifier.judging.rules import source_of
from verifier.judging.worker_set import WorkerSet
from verifier.lean.runtime import LeanRuntime
from verifier.options import Options
from verifier.sandbox.child import process_tree, resident_bytes
from verifier.server.app import create_app
from verifier.server.service import VerifyService
from verifier.verdict import Status, Submission

__all__ = ["VerifierBench", "bench_verifier"]

PROOFS = (
    ("theorem t (a b : Nat) : a + b = b + a", "by omega"),
    ("theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q", "⟨hp, hq⟩"),
    (
        "theorem t (n : Nat) : 0 + n = n",
        "by\n  induction n with\n  | zero => rfl\n  | succ n ih => rw [← Nat.add_assoc, ih]",
    ),
    ("theorem t (p : Prop) : p ∨ ¬p", "Classical.em p"),
    ("theorem t : 2 ^ 10 % 7 = 2", "by decide"),
    ("theorem t (xs ys : List Nat) : (xs ++ ys).length = ys.length + xs.length", "by simp [Nat.add_comm]"),
    ("theorem t (x : Nat) (h : x % 4 = 3) : x % 2 = 1", "by omega"),
    ("theorem t (a b c : Nat) (h : a < b) : a + c < b + c", "by simp [h]"),
    ("theorem t (a b : Nat) : a * b = b * a + 1", "by simp"),
    ("theorem t (p q : Prop) (h : p → q) (hp : p) : q", "by exact h"),
)
SUBMISSIONS = tuple(Submission(id=str(i), statement=s, proof=p) for i, (s, p) in enumerate(PROOFS))
RIGHT, WRONG = SUBMISSIONS[:-2], SUBMISSIONS[-2:]
ON_THEIR_WAY = 4
"""Submissions that are on their way at a time, for each worker."""
FRESH_PROCESSES = 5
ROUNDS = 5


class VerifierBench(BaseModel):
    """Times in seconds or milliseconds as named; memory in MB (10^6 bytes)."""

    lean: str
    runtime: str
    checks: int
    cold_start_s: float
    """Seconds from the start of the processes to the first verdict, import of the header included."""
    raw_per_s: float
    pool_per_s: dict[int, float]
    """Throughput by the number of workers, with four submissions on their way for each."""
    pool_over_raw: float
    """Throughput of a pool of one worker, over `raw_per_s`."""
    two_over_one: float
    """Throughput of a pool of two workers, over that of a pool of one."""
    two_raw_over_one: float
    """The same for `raw`, of two loops that share nothing: what the machine can do."""
    latency_ms_p50: float
    latency_ms_p95: float
    latency_ms_p99: float
    rss_mb: list[float]
    audited_per_s: float
    """Right proofs per second that were elaborated, exported and audited, on two cores."""
    unaudited_per_s: float
    """The same proofs, elaborated and checked in processes that are believed."""
    audit_cost: float
    """The share of throughput that the audit takes."""
    audited_cpu_ms: float
    """CPU milliseconds that workers and auditors use for one proof."""
    unaudited_cpu_ms: float
    rejected_ms: float
    """Median latency of the wrong proofs, which no auditor sees."""
    rejected_unaudited_ms: float
    """The same in processes that are believed."""
    cached_ms_p50: float
    """Latency of a verdict from the memory of the service."""
    http_overhead_ms_p50: float
    """What HTTP adds to that, over a connection that is kept."""
    tactics_per_s: float
    """Tactics tried on states of proofs with four or more tactics behind them, by a pool of one worker."""
    tactics_as_files_per_s: float
    """The same tactics, each judged as a file with the proof so far before it."""
    tactics_speedup: float
    fresh_process_per_s: float
    """Throughput with a new Lean for each proof."""
    fresh_process_speedup: float
    """`raw_per_s` over that."""


Ask = Callable[[Submission], Awaitable[bool]]
"""Has a proof judged, and says whether it is right."""


async def bench_verifier(
    runtime: LeanRuntime, checks: int, on_check: Callable[[], None] = lambda: None
) -> VerifierBench:
    """Measure everything; `checks` small checks are for latency and memory, and as many for each throughput.

    Needs memory for twelve workers.

    Raises:
        WorkerDied, WorkerStartError
    """
    began = time.monotonic()
    async with LeanPool(runtime, workers=1) as pool:
        ask = _ask_pool(pool)
        await ask(SUBMISSIONS[0])
        cold_start_s = time.monotonic() - began
        latencies, memory = await _latencies(ask, pool, checks, on_check)
        percentiles = quantiles(latencies, n=100)
        cached_ms, http_ms = await _served(pool)
        rates = await _throughputs(runtime, pool, checks)
        on_states, as_files = await tactic_rates(pool)
    fresh = await _fresh_process_per_s(runtime)
    return VerifierBench(
        lean=runtime.version,
        runtime=runtime.name,
        checks=checks,
        cold_start_s=round(cold_start_s, 2),
        raw_per_s=round(rates.raw, 1),
        pool_per_s={1: round(rates.one, 1), 2: round(rates.two, 1)},
        pool_over_raw=round(rates.one / rates.raw, 3),
        two_over_one=round(rates.two / rates.one, 2),
        two_raw_over_one=round(rates.two_raw / rates.raw, 2),
        latency_ms_p50=round(percentiles[49], 1),
        latency_ms_p95=round(percentiles[94], 1),
        latency_ms_p99=round(percentiles[98], 1),
        rss_mb=memory,
        audited_per_s=round(rates.audited, 1),
        unaudited_per_s=round(rates.unaudited, 1),
        audit_cost=round(1 - rates.audited / rates.unaudited, 3),
        audited_cpu_ms=round(rates.audited_cpu_ms, 1),
        unaudited_cpu_ms=round(rates.unaudited_cpu_ms, 1),
        rejected_ms=round(rates.rejected_ms, 1),
        rejected_unaudited_ms=round(rates.rejected_unaudited_ms, 1),
        cached_ms_p50=round(cached_ms, 3),
        http_overhead_ms_p50=round(http_ms - cached_ms, 3),
        tactics_per_s=round(on_states, 1),
        tactics_as_files_per_s=round(as_files, 1),
        tactics_speedup=round(on_states / as_files, 1),
        fresh_process_per_s=round(fresh, 3),
        fresh_process_speedup=round(rates.raw / fresh, 1),
    )


@dataclass
class _Rates:
    """The throughputs of one round, in checks per second, or their medians over several rounds."""

    raw: float
    two_raw: float
    one: float
    two: float
    audited: float
    audited_cpu_ms: float
    unaudited: float
    unaudited_cpu_ms: float
    rejected_ms: float
    rejected_unaudited_ms: float


async def _throughputs(runtime: LeanRuntime, pool: LeanPool, checks: int) -> _Rates:
    """The medians of all throughputs over `ROUNDS` rounds; `pool` has one worker."""
    count = checks // ROUNDS
    async with (
        LeanPool(runtime, workers=2) as two,
        _screeners(runtime, 2) as believed,
        _direct(runtime) as ask,
        _direct(runtime) as another,
    ):
        ask_one, ask_two, ask_believed = _ask_pool(pool), _ask_pool(two), _ask_unaudited(believed)
        while any(workers.state["starting"] for workers in (*two.sets.values(), believed)):  # noqa: ASYNC110
            await asyncio.sleep(0.1)

        async def measure() -> _Rates:
            raw = await _one_by_one(ask, count)
            two_raw = sum(await asyncio.gather(_one_by_one(ask, count), _one_by_one(another, count)))
            one, _ = await _throughput(ask_one, SUBMISSIONS, count)
            of_two, _ = await _throughput(ask_two, SUBMISSIONS, count, at_once=2 * ON_THEIR_WAY)
            pids = (*two.worker_pids, *two.auditor_pids)
            audited = await _throughput(ask_two, RIGHT, count, pids, at_once=2 * ON_THEIR_WAY)
            unaudited = await _throughput(ask_believed, RIGHT, count, believed.pids, 2 * ON_THEIR_WAY)
            rejected = [await _median_ms(some, WRONG) for some in (ask_one, ask_believed)]
            return _Rates(raw, two_raw, one, of_two, *audited, *unaudited, *rejected)

        await measure()  # V8 makes code faster while it runs
        rounds = [astuple(await measure()) for _ in range(ROUNDS)]
    return _Rates(*map(median, zip(*rounds, strict=True)))


def _ask_pool(pool: LeanPool) -> Ask:
    async def ask(submission: Submission) -> bool:
        verdict = await pool.verify(submission)
        if verdict.status not in (Status.PROVED, Status.REJECTED):
            raise WorkerDied(f"the figures would not be of a healthy worker: {verdict.reason}")
        return verdict.status is Status.PROVED

    return ask


@asynccontextmanager
async def _direct(runtime: LeanRuntime) -> AsyncIterator[Ask]:
    """Judge as a pool does, without a pool: with a worker and an auditor of its own."""
    async with _worker(runtime, "screen") as screen, _worker(runtime, "audit") as auditor:

        async def ask(submission: Submission) -> bool:
            statement, source = submission.statement, source_of(submission).full
            request = check_request("", statement, source, heartbeats=None, kernel=False)
            reply = await screen.ask(request)
            if reply.export is None:
                return False
            audit = await auditor.ask(audit_request("", statement, reply.export))
            return audit.declaration is not None and audit.declaration.same_type is True

        yield ask


def _ask_unaudited(screeners: WorkerSet) -> Ask:
    """Judge as a server does that believes the process which ran the candidate."""

    async def ask(submission: Submission) -> bool:
        statement, source = submission.statement, source_of(submission).full
        request = check_request("", statement, source, heartbeats=None, export=False)
        reply, _ = await screeners.ask("", request, Options.timeout_s)
        return reply.declaration is not None and not reply.messages

    return ask


@asynccontextmanager
async def _worker(runtime: LeanRuntime, role: Role) -> AsyncIterator[LeanProcess]:
    worker = await LeanProcess.start(runtime, role)
    try:
        await worker.load_header("")
        yield worker
    finally:
        await worker.kill()


@asynccontextmanager
async def _screeners(runtime: LeanRuntime, size: int) -> AsyncIterator[WorkerSet]:
    screeners = WorkerSet(runtime, "screen", size)
    try:
        await screeners.open()
        yield screeners
    finally:
        await screeners.close()


async def _latencies(
    ask: Ask, pool: LeanPool, checks: int, on_check: Callable[[], None]
) -> tuple[list[float], list[float]]:
    """Milliseconds of each check, one at a time, and the memory of the worker meanwhile."""
    for submission in SUBMISSIONS:
        await ask(submission)
    memory = [_rss_mb(pool.worker_pids)]
    latencies = []
    for number, submission in enumerate(islice(cycle(SUBMISSIONS), checks), start=1):
        latencies.append(await _milliseconds(ask, submission))
        if number % max(1, checks // 10) == 0:
            memory.append(_rss_mb(pool.worker_pids))
        on_check()
    return latencies, memory


async def _one_by_one(ask: Ask, count: int) -> float:
    """Checks per second, one at a time."""
    milliseconds = [await _milliseconds(ask, proof) for proof in islice(cycle(SUBMISSIONS), count)]
    return count / sum(milliseconds) * 1e3


async def _throughput(
    ask: Ask, proofs: Sequence[Submission], count: int, pids: Sequence[int] = (), at_once: int = ON_THEIR_WAY
) -> tuple[float, float]:
    """Checks per second with `at_once` on their way, and CPU milliseconds of `pids` for each."""
    on_their_way = asyncio.Semaphore(at_once)

    async def one(submission: Submission) -> None:
        async with on_their_way:
            if await ask(submission) is not (submission in RIGHT):
                raise WorkerDied(f"the verdict is wrong: {submission.proof}")

    cpu, began = _cpu_s(pids), time.monotonic()
    await asyncio.gather(*(one(proof) for proof in islice(cycle(proofs), count)))
    elapsed = time.monotonic() - began
    return count / elapsed, (_cpu_s(pids) - cpu) / count * 1e3


async def _served(pool: LeanPool) -> tuple[float, float]:
    """Median milliseconds of a verdict from memory: of the service, and of the server around it."""
    service = VerifyService(pool)

    async def from_memory(submission: Submission) -> bool:
        return (await service.verify(submission)).status is Status.PROVED

    # Named as TCP: asyncio sends small answers at once only where it sees that.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    server = uvicorn.Server(uvicorn.Config(create_app(service), log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    port = listening.getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

        async def over_http(submission: Submission) -> bool:
            reply = await http.post("/v1/verify", json=submission.model_dump(exclude_none=True))
            return bool(reply.json()["status"] == "proved")

        medians = [await _median_ms(ask, RIGHT, times=50) for ask in (from_memory, over_http)]
    server.should_exit = True
    await serving
    return medians[0], medians[1]


async def _fresh_process_per_s(runtime: LeanRuntime) -> float:
    """Throughput of a server that starts a Lean for each proof and audits nothing."""
    began = time.monotonic()
    for submission in RIGHT[:FRESH_PROCESSES]:
        async with _screeners(runtime, 1) as screeners:
            if not await _ask_unaudited(screeners)(submission):
                raise WorkerDied(f"the verdict is wrong: {submission.proof}")
    return FRESH_PROCESSES / (time.monotonic() - began)


async def _milliseconds(ask: Ask, submission: Submission) -> float:
    asked = time.perf_counter()
    await ask(submission)
    return (time.perf_counter() - asked) * 1e3


async def _median_ms(ask: Ask, proofs: Sequence[Submission], times: int = 20) -> float:
    return round(median([await _milliseconds(ask, proof) for proof in proofs for _ in range(times)]), 3)


def _rss_mb(pids: Sequence[int]) -> float:
    """Resident memory of processes and their descendants, in MB."""
    return round(sum(map(resident_bytes, pids)) / 1e6, 1)


def _cpu_s(pids: Sequence[int]) -> float:
    """CPU seconds that processes and their descendants have used."""
    times = (psutil.Process(member).cpu_times() for pid in pids for member in process_tree(pid))
    return float(sum(spent.user + spent.system for spent in times))
