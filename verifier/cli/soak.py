"""`proofmill bench soak`: the service under many clients at once, while some of what they send is bad for it.

Of a hundred submissions two run until they are ended, two take their worker down, one is a text of a
megabyte, and the rest is ordinary: right, wrong and incomplete, each of another statement, so that no cache
helps.  The server is a process of its own, which is asked over HTTP by the project's client.  It keeps no
verdicts, so its memory should not grow.
"""

import asyncio
import multiprocessing
import re
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
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
from verifier.verdict import Kind, Status, Submission

__all__ = ["SoakResult", "soak"]

SHORT_TIMEOUT_S = 2.0
"""Timeout of what runs until it is ended; everything else has the usual time."""
START_S = 120.0
LOOK_EVERY_S = 0.5
LARGE_BYTES = 999_000
"""Size of a large text, a little less than is read."""


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
    """Milliseconds until the verdict on an ordinary submission, with its time in the queue."""
    latency_ms_p95: float
    latency_ms_p99: float
    server_mb: list[float]
    """Resident memory of the server after each tenth of the submissions."""
    server_growth: float
    """How much larger the last of these is than the first, as a share of the first."""
    workers_mb: list[float]
    """Resident memory of the server's workers together, without auditors, at the same times."""


@dataclass(frozen=True)
class _Kind:
    """Submissions of one kind: a proof of each statement, or a file with `before` before the theorem."""

    name: str
    proof: str
    must: Status
    timeout_s: float = Options.timeout_s
    before: str = ""


ENDLESS = _Kind("endless", "by sleep 600000", Status.TIMEOUT, timeout_s=SHORT_TIMEOUT_S)
CRASH = _Kind("crash", "by omega", Status.CRASHED, before="#eval (IO.Process.exit 7 : IO Unit)\n")
LARGE = _Kind("large", f"by omega\n-- {'x' * LARGE_BYTES}", Status.PROVED)
ORDINARY = (
    _Kind("ordinary", "by omega", Status.PROVED),
    _Kind("ordinary", "by simp [Nat.add_comm]", Status.PROVED),
    _Kind("ordinary", "by\n  rw [Nat.add_comm]", Status.REJECTED),
    _Kind("ordinary", "by sorry", Status.INCOMPLETE),
)
UNUSUAL = {7: ENDLESS, 29: CRASH, 43: LARGE, 57: ENDLESS, 79: CRASH}
"""Kinds by their place in a hundred submissions; at all other places the ordinary ones take turns."""


@dataclass(frozen=True)
class _Trial:
    kind: _Kind
    submission: Submission


@dataclass
class _Tally:
    """What has come back so far, and the memory at times in between."""

    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    latencies_ms: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lost: int = 0
    server_mb: list[float] = field(default_factory=list)
    workers_mb: list[float] = field(default_factory=list)

    @property
    def answered(self) -> int:
        """How many submissions came back, or are known to be lost."""
        return sum(map(Counter.total, self.statuses.values())) + self.lost

    @property
    def neighbours_failed(self) -> int:
        """How many ordinary and large submissions got an unknown verdict."""
        return sum(
            count
            for kind in ("ordinary", "large")
            for status, count in self.statuses.get(kind, {}).items()
            if Status(status).kind is Kind.UNKNOWN
        )

    def add(self, trial: _Trial, status: Status, reason: str, latency_ms: float) -> None:
        """Enter a verdict."""
        self.statuses.setdefault(trial.kind.name, Counter())[status] += 1
        if trial.kind.name == "ordinary":
            self.latencies_ms.append(latency_ms)
        if status is not trial.kind.must:
            self.wrong.append(f"{trial.submission.id}: {status}, must be {trial.kind.must}: {reason}")


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
    tally, trials = _Tally(), _trials(submissions)
    async with _server(runtime, workers) as url:
        watching = asyncio.create_task(_watch_memory(url, tally, every=max(1, submissions // 10)))
        began = time.monotonic()
        await asyncio.gather(*(_send(url, trials, tally, on_verdict) for _ in range(clients)))
        seconds = time.monotonic() - began
        await asyncio.sleep(2 * LOOK_EVERY_S)  # for the last look at the memory
        watching.cancel()
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
        server_mb=tally.server_mb,
        server_growth=round(tally.server_mb[-1] / tally.server_mb[0] - 1, 3),
        workers_mb=tally.workers_mb,
    )


def _trials(count: int) -> Iterator[_Trial]:
    """Submissions of every kind, mixed, no two alike."""
    for number in range(count):
        place = number % 100
        kind = UNUSUAL.get(place, ORDINARY[place % len(ORDINARY)])
        name = f"{kind.name}-{number}"
        statement = f"theorem t{number} (a b : Nat) : a + b + {number} = b + a + {number}"
        if kind.before:
            file = f"{kind.before}{statement} := {kind.proof}"
            yield _Trial(kind, Submission(id=name, statement=statement, code=file))
        else:
            yield _Trial(kind, Submission(id=name, statement=statement, proof=kind.proof))


async def _send(url: str, trials: Iterator[_Trial], tally: _Tally, on_verdict: Callable[[], None]) -> None:
    """A client: it takes trials from those that are left, and waits for each verdict."""
    async with AsyncClient(url) as client:
        for trial in trials:
            await _try(client, trial, tally)
            on_verdict()


async def _try(client: AsyncClient, trial: _Trial, tally: _Tally) -> None:
    asked = time.monotonic()
    try:
        verdict = await client.verify(trial.submission, timeout=trial.kind.timeout_s)
    except (ServiceError, httpx.TransportError) as error:
        tally.lost += 1
        tally.wrong.append(f"{trial.submission.id}: no verdict: {error}")
        return
    tally.add(trial, verdict.status, verdict.reason, (time.monotonic() - asked) * 1e3)


async def _watch_memory(url: str, tally: _Tally, every: int) -> None:
    """Enter the memory of the server and of its workers whenever `every` more submissions are answered."""
    while True:
        if tally.answered >= every * (len(tally.server_mb) + 1):
            found = await _metrics(url)
            tally.server_mb.append(round(found["process_resident_memory_bytes"] / 1e6, 1))
            tally.workers_mb.append(round(found['proofmill_worker_resident_bytes{role="screen"}'] / 1e6, 1))
        await asyncio.sleep(LOOK_EVERY_S)


@asynccontextmanager
async def _server(runtime: LeanRuntime, workers: int) -> AsyncIterator[str]:
    """The URL of a server in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Spawned, not forked: this process has threads, and its memory is not the server's.
    server = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(runtime, workers, port), daemon=True
    )
    server.start()
    url = f"http://127.0.0.1:{port}"
    try:
        await _until_ready(url)
        yield url
    finally:
        server.terminate()
        server.join()


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
