"""`proofmill bench soak`: the service under many clients at once, while some of what they send is bad for it.

Of a hundred submissions two run until they are ended, two take their worker down, one is a text of a
megabyte, and the rest is ordinary: right, wrong and incomplete, each of another statement, so that no cache
helps.  The server is a process of its own, asked over HTTP by the project's client, and keeps no verdicts,
so that its memory should not grow.
"""

import asyncio
import multiprocessing
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import quantiles

import httpx
from pydantic import BaseModel

from verifier.client import AsyncClient
from verifier.errors import ServiceError
from verifier.judging.pool import LeanPool
from verifier.lean.runtime import LeanRuntime
from verifier.options import Options
from verifier.server.app import create_app
from verifier.server.serve import serve
from verifier.server.service import VerifyService
from verifier.verdict import Status, Submission

__all__ = ["SoakResult", "soak"]

SHORT_TIMEOUT_S = 2.0
"""For what runs until it is ended; everything else has the usual time."""

START_S = 120.0
LARGE = 999_000
"""Bytes of a large text, a little less than are read."""


class SoakResult(BaseModel):
    """Times in seconds or milliseconds as named; memory in MB (10^6 bytes)."""

    submissions: int
    clients: int
    workers: int
    seconds: float
    per_s: float
    statuses: dict[str, dict[str, int]]
    """How often each kind of submission got each status."""
    lost: int
    """Submissions without a verdict."""
    wrong: list[str]
    """Verdicts that are not what they must be, the first hundred of them."""
    neighbours_failed: int
    """Ordinary and large submissions of which the verdict was unknown."""
    latency_ms_p50: float
    """Of ordinary submissions, with their time in the queue."""
    latency_ms_p95: float
    latency_ms_p99: float
    server_mb: list[float]
    """Resident memory of the server after each tenth of the submissions."""
    server_growth: float
    """Of the last of these over the first."""
    workers_mb: list[float]
    """The same of its workers together, without auditors."""


@dataclass(frozen=True)
class _Trial:
    kind: str
    submission: Submission
    must: Status
    timeout_s: float = Options.timeout_s


@dataclass
class _Tally:
    """What has come back so far."""

    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    latencies_ms: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lost: int = 0

    def add(self, trial: _Trial, status: Status, reason: str, latency_ms: float) -> None:
        self.statuses.setdefault(trial.kind, Counter())[status] += 1
        if trial.kind == "ordinary":
            self.latencies_ms.append(latency_ms)
        if status is not trial.must:
            self.wrong.append(f"{trial.submission.id}: {status}, must be {trial.must}: {reason}")

    @property
    def neighbours_failed(self) -> int:
        return sum(
            count
            for kind in ("ordinary", "large")
            for status, count in self.statuses.get(kind, {}).items()
            if Status(status).kind == "unknown"
        )


async def soak(
    runtime: LeanRuntime,
    *,
    submissions: int,
    clients: int,
    workers: int,
    on_verdict: Callable[[], None] = lambda: None,
) -> SoakResult:
    """Send `submissions` from `clients` at once and report what came back.

    Raises:
        ServiceError: the server does not start.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    # Spawned, not forked: this process has threads, and its memory is not the server's.
    server = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(runtime, workers, port), daemon=True
    )
    server.start()
    try:
        await _until_ready(url)
        tally = _Tally()
        server_mb: list[float] = []
        workers_mb: list[float] = []
        trials = _trials(submissions)
        tenth = max(1, submissions // 10)
        began = time.monotonic()

        async def client() -> None:
            async with AsyncClient(url) as asking:
                for trial in trials:
                    await _try(asking, trial, tally)
                    on_verdict()

        async def watcher() -> None:
            while True:
                judged = sum(map(Counter.total, tally.statuses.values())) + tally.lost
                if judged >= tenth * (len(server_mb) + 1):
                    found = await _metrics(url)
                    server_mb.append(round(found["process_resident_memory_bytes"] / 1e6, 1))
                    workers_mb.append(round(found['proofmill_worker_resident_bytes{role="screen"}'] / 1e6, 1))
                await asyncio.sleep(0.5)

        watching = asyncio.create_task(watcher())
        await asyncio.gather(*(client() for _ in range(clients)))
        seconds = time.monotonic() - began
        await asyncio.sleep(1)
        watching.cancel()
    finally:
        server.terminate()
        server.join()
    percentiles = quantiles(tally.latencies_ms, n=100)
    return SoakResult(
        submissions=submissions,
        clients=clients,
        workers=workers,
        seconds=round(seconds, 1),
        per_s=round(submissions / seconds, 1),
        statuses={kind: dict(found) for kind, found in sorted(tally.statuses.items())},
        lost=tally.lost,
        wrong=tally.wrong[:100],
        neighbours_failed=tally.neighbours_failed,
        latency_ms_p50=round(percentiles[49]),
        latency_ms_p95=round(percentiles[94]),
        latency_ms_p99=round(percentiles[98]),
        server_mb=server_mb,
        server_growth=round(server_mb[-1] / server_mb[0] - 1, 3),
        workers_mb=workers_mb,
    )


def _trials(count: int) -> Iterator[_Trial]:
    """Submissions of every kind, mixed, no two alike."""
    for i in range(count):
        statement = f"theorem t{i} (a b : Nat) : a + b + {i} = b + a + {i}"
        match i % 100:
            case 7 | 57:
                kind, proof, must, timeout_s = "endless", "by sleep 600000", Status.TIMEOUT, SHORT_TIMEOUT_S
            case 29 | 79:
                exits = f"#eval (IO.Process.exit 7 : IO Unit)\n{statement} := by omega"
                submission = Submission(id=f"crash-{i}", statement=statement, code=exits)
                yield _Trial("crash", submission, Status.CRASHED)
                continue
            case 43:
                kind, must, timeout_s = "large", Status.PROVED, Options.timeout_s
                proof = f"by omega\n-- {'x' * LARGE}"
            case place:
                proof, must = (
                    ("by omega", Status.PROVED),
                    ("by simp [Nat.add_comm]", Status.PROVED),
                    ("by\n  rw [Nat.add_comm]", Status.REJECTED),
                    ("by sorry", Status.INCOMPLETE),
                )[place % 4]
                kind, timeout_s = "ordinary", Options.timeout_s
        yield _Trial(kind, Submission(id=f"{kind}-{i}", statement=statement, proof=proof), must, timeout_s)


async def _try(client: AsyncClient, trial: _Trial, tally: _Tally) -> None:
    asked = time.monotonic()
    try:
        verdict = await client.verify(trial.submission, timeout=trial.timeout_s)
    except (ServiceError, httpx.TransportError) as error:
        tally.lost += 1
        tally.wrong.append(f"{trial.submission.id}: no verdict: {error}")
        return
    tally.add(trial, verdict.status, verdict.reason, (time.monotonic() - asked) * 1e3)


def _serve(runtime: LeanRuntime, workers: int, port: int) -> None:
    """The server's process."""

    async def serve_pool() -> None:
        async with LeanPool(runtime, workers=workers, spares=1) as pool:
            service = VerifyService(pool, cache_bytes=0)
            await serve(create_app(service), service, "127.0.0.1", port)

    asyncio.run(serve_pool())


async def _until_ready(url: str) -> None:
    deadline = time.monotonic() + START_S
    async with httpx.AsyncClient(base_url=url) as http:
        while time.monotonic() < deadline:
            try:
                if (await http.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)
    raise ServiceError(f"the server was not ready within {START_S:g} s", status=503)


async def _metrics(url: str) -> Mapping[str, float]:
    async with httpx.AsyncClient(base_url=url) as http:
        text = (await http.get("/metrics")).text
    return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.MULTILINE)}
