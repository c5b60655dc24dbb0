"""`proofmill bench verifier`: what one Lean worker does, measured on this machine.

The proofs are small and of different kinds; the same list goes round and round
through a pool of one worker and one auditor without a cache, one proof at a time.
Resident memory is that of the worker, after the first verdict and after each
tenth of the checks.

What the audit costs is measured on the right proofs alone, four on their way at a
time: through the pool, and by a worker that checks with its own kernel and has
nothing audited.  CPU time is that of all Lean processes together.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median, quantiles

from pydantic import BaseModel

from verifier.child import process_tree, resident_bytes
from verifier.errors import WorkerDied
from verifier.judge import source_of
from verifier.lean.runtime import LeanRuntime
from verifier.pool import DEFAULT_HEARTBEATS, LeanPool
from verifier.verdict import Status, Submission
from verifier.workers import WorkerSet

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


class VerifierBench(BaseModel):
    """Times in seconds or milliseconds as named; memory in MB (10^6 bytes)."""

    lean: str
    runtime: str
    checks: int
    cold_start_s: float
    """From starting the process to its first verdict, import of the header included."""
    pool_per_s: float
    """Checks per second through a pool of one worker."""
    latency_ms_p50: float
    latency_ms_p95: float
    latency_ms_p99: float
    rss_mb: list[float]
    """Resident memory after the first verdict and after every tenth of the checks."""
    audited_per_s: float
    """Right proofs per second that were elaborated, exported and audited."""
    unaudited_per_s: float
    """The same proofs, elaborated and checked in one process that is believed."""
    audited_cpu_ms: float
    """CPU milliseconds of the worker and the auditor for one proof."""
    unaudited_cpu_ms: float
    rejected_ms: float
    """Median latency of the wrong proofs, which no audit sees."""
    rejected_unaudited_ms: float
    """The same in the process that is believed."""


Ask = Callable[[Submission], Awaitable[bool]]
"""Whether a proof is right; one at a time or several."""


async def bench_verifier(
    runtime: LeanRuntime, checks: int, on_check: Callable[[], None] = lambda: None
) -> VerifierBench:
    """Run `checks` small checks one after the other on one worker, then right proofs with and without audit.

    Raises:
        WorkerDied, WorkerStartError
    """
    submissions = [Submission(id=str(i), statement=s, proof=p) for i, (s, p) in enumerate(PROOFS)]
    began = time.monotonic()
    async with LeanPool(runtime, workers=1) as pool:

        async def audited(submission: Submission) -> bool:
            verdict = await pool.verify(submission)
            if verdict.status not in (Status.PROVED, Status.REJECTED):
                raise WorkerDied(f"the figures would not be of a healthy worker: {verdict.reason}")
            return verdict.status is Status.PROVED

        await audited(submissions[0])
        cold_start_s = time.monotonic() - began
        right = [each for each in submissions if await audited(each)]
        wrong = [each for each in submissions if each not in right]
        memory = [_rss_mb(pool.worker_pids)]
        latencies: list[float] = []
        for number in range(1, checks + 1):
            latencies.append(await _milliseconds(audited, submissions[number % len(submissions)]))
            if number % max(1, checks // 10) == 0:
                memory.append(_rss_mb(pool.worker_pids))
            on_check()
        pids = (*pool.worker_pids, *pool.auditor_pids)
        audited_per_s, audited_cpu_ms = await _throughput(audited, right, checks // 4, pids)
        rejected_ms = await _median_ms(audited, wrong)
    screens = WorkerSet(runtime, "screen", 1)
    try:

        async def believed(submission: Submission) -> bool:
            reply, _ = await screens.ask(
                "",
                lambda worker: worker.check(
                    "",
                    submission.statement,
                    source_of(submission).full,
                    heartbeats=DEFAULT_HEARTBEATS,
                    export=False,
                ),
                60,
            )
            return reply.declaration is not None and not reply.messages

        for each in submissions:
            await believed(each)
        unaudited_per_s, unaudited_cpu_ms = await _throughput(believed, right, checks // 4, screens.pids)
        rejected_unaudited_ms = await _median_ms(believed, wrong)
    finally:
        await screens.close()
    percentiles = quantiles(latencies, n=100)
    return VerifierBench(
        lean=runtime.version,
        runtime=runtime.name,
        checks=checks,
        cold_start_s=round(cold_start_s, 2),
        pool_per_s=round(checks / sum(latencies) * 1e3, 1),
        latency_ms_p50=round(percentiles[49], 1),
        latency_ms_p95=round(percentiles[94], 1),
        latency_ms_p99=round(percentiles[98], 1),
        rss_mb=memory,
        audited_per_s=audited_per_s,
        unaudited_per_s=unaudited_per_s,
        audited_cpu_ms=audited_cpu_ms,
        unaudited_cpu_ms=unaudited_cpu_ms,
        rejected_ms=rejected_ms,
        rejected_unaudited_ms=rejected_unaudited_ms,
    )


async def _throughput(
    ask: Ask, proofs: Sequence[Submission], count: int, pids: Sequence[int]
) -> tuple[float, float]:
    """Proofs per second with four on their way, and CPU milliseconds of `pids` for each."""
    on_their_way = asyncio.Semaphore(4)

    async def one(submission: Submission) -> None:
        async with on_their_way:
            if not await ask(submission):
                raise WorkerDied(f"a right proof was not accepted: {submission.proof}")

    cpu, began = _cpu_s(pids), time.monotonic()
    await asyncio.gather(*(one(proofs[number % len(proofs)]) for number in range(count)))
    elapsed = time.monotonic() - began
    return round(count / elapsed, 1), round((_cpu_s(pids) - cpu) / count * 1e3, 1)


async def _milliseconds(ask: Ask, submission: Submission) -> float:
    asked = time.monotonic()
    await ask(submission)
    return (time.monotonic() - asked) * 1e3


async def _median_ms(ask: Ask, proofs: Sequence[Submission]) -> float:
    return round(median([await _milliseconds(ask, each) for each in proofs for _ in range(20)]), 1)


def _rss_mb(pids: Sequence[int]) -> float:
    """Resident memory of processes and what they started, in MB."""
    return round(sum(map(resident_bytes, pids)) / 1e6, 1)


def _cpu_s(pids: Sequence[int]) -> float:
    """CPU seconds that processes and what they started have used."""
    ticks = 0
    for pid in pids:
        for each in process_tree(pid):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
