"""`proofmill bench verifier`: what one Lean worker does, measured on this machine.

The proofs are small and of different kinds; the same list goes round and round
through a pool of one worker without a cache.  Resident memory is that of the
worker process, from /proc, after the first verdict and after each tenth of
the checks.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles

from pydantic import BaseModel

from verifier.errors import WorkerDied
from verifier.lean.runtime import LeanRuntime
from verifier.pool import LeanPool
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


async def bench_verifier(
    runtime: LeanRuntime, checks: int, on_check: Callable[[], None] = lambda: None
) -> VerifierBench:
    """Run `checks` small checks one after the other on one worker.

    Raises:
        WorkerDied, WorkerStartError
    """
    submissions = [Submission(id=str(i), statement=s, proof=p) for i, (s, p) in enumerate(PROOFS)]
    latencies: list[float] = []
    began = time.monotonic()
    async with LeanPool(runtime, workers=1) as pool:
        await pool.verify(submissions[0])
        cold_start_s = time.monotonic() - began
        memory = [_rss_mb(pool)]
        for number in range(1, checks + 1):
            submission = submissions[number % len(submissions)]
            asked = time.monotonic()
            verdict = await pool.verify(submission)
            latencies.append((time.monotonic() - asked) * 1e3)
            if verdict.status not in (Status.PROVED, Status.REJECTED):
                raise WorkerDied(f"the figures would not be of a healthy worker: {verdict.reason}")
            if number % max(1, checks // 10) == 0:
                memory.append(_rss_mb(pool))
            on_check()
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
    )


def _rss_mb(pool: LeanPool) -> float:
    """Resident memory of the pool's workers."""
    total = 0.0
    for pid in pool.worker_pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024 / 1e6
    return round(total, 1)
