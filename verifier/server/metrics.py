"""What the service measures of itself, for Prometheus, in a registry of its own so that two do not clash."""

import asyncio
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from verifier.judging.pool import LeanPool
from verifier.sandbox.child import resident_bytes
from verifier.server.admission import Admission
from verifier.tactic_state import TriedTactic
from verifier.verdict import Verdict

__all__ = ["Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """Counts verdicts as they are given, and asks the pool and the queue when Prometheus asks."""

    def __init__(self, pool: LeanPool, admission: Admission) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._verdicts = Counter(
            "proofmill_verdicts", "Verdicts given.", ["status", "kind"], registry=self.registry
        )
        self._cached = Counter(
            "proofmill_cache_hits", "Verdicts given from memory, or shared.", registry=self.registry
        )
        self._tactics = Counter(
            "proofmill_tactics", "Tactics tried on states of proofs.", ["outcome"], registry=self.registry
        )
        self._queue = Histogram(
            "proofmill_queue_seconds",
            "Time in the queue, of submissions that were judged.",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._lean = Histogram(
            "proofmill_lean_seconds",
            "Time for which Lean workers were held for a submission.",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._memory = Gauge(
            "proofmill_worker_resident_bytes", "Memory of Lean processes.", ["role"], registry=self.registry
        )
        self._pool = pool
        self.registry.register(_State(pool, admission))

    async def exposition(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        for role, processes in self._pool.sets.items():
            # Reading the process table may take longer than an answer should wait.
            self._memory.labels(role).set(await asyncio.to_thread(_resident_bytes, processes.pids))
        return generate_latest(self.registry)

    def count(self, verdict: Verdict, *, is_cached: bool) -> None:
        """Count a verdict that is given."""
        self._verdicts.labels(verdict.status, verdict.kind).inc()
        if is_cached:
            self._cached.inc()

    def count_tactics(self, tried: Iterable[TriedTactic]) -> None:
        """Count tactics by whether Lean took them."""
        for tactic in tried:
            self._tactics.labels("error" if tactic.goals is None else "goals").inc()

    def observe(self, verdict: Verdict, queue_s: float) -> None:
        """Enter the times of a verdict for which Lean worked."""
        self._queue.observe(queue_s)
        self._lean.observe(verdict.lean_ms / 1e3)


class _State(Collector):
    """What the pool and the queue know at the moment when they are asked."""

    def __init__(self, pool: LeanPool, admission: Admission) -> None:
        self._pool = pool
        self._admission = admission

    def collect(self) -> Iterable[Metric]:
        workers = GaugeMetricFamily("proofmill_workers", "Lean processes.", labels=["role", "state"])
        for role, processes in self._pool.sets.items():
            for state, number in processes.state.items():
                workers.add_metric([role, state], number)
        queue = GaugeMetricFamily("proofmill_submissions", "Submissions in the service.", labels=["state"])
        queue.add_metric(["waiting"], self._admission.waiting)
        queue.add_metric(["running"], self._admission.running)
        undecided = CounterMetricFamily(
            "proofmill_undecided_statements",
            "Audits in which the kernel's budget was too small to say whether it was the statement.",
            value=self._pool.undecided,
        )
        refused = CounterMetricFamily(
            "proofmill_refused", "Requests turned away: the queue was full.", value=self._admission.refused
        )
        return (workers, queue, undecided, refused)


def _resident_bytes(pids: Sequence[int]) -> int:
    return sum(map(resident_bytes, pids))
