"""What all tests share: a real Lean, the shared data when it is there, and the versions that matter."""

import asyncio
import importlib.metadata
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

# Read when torch is imported: idle OpenMP threads that spin would take the cores from Lean.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import hypothesis
import pytest
import pytest_asyncio
import redis

from tests.support.places import SHARED_DATA
from verifier.judging.pool import LeanPool
from verifier.judging.worker_set import WorkerSet
from verifier.lean.runtime import LeanRuntime, resolve_runtime
from verifier.options import Options
from verifier.streams.connection import connect
from verifier.streams.valkey import EmbeddedRedis

if TYPE_CHECKING:
    # Not before a test needs them: they take seconds to import.
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    from verifier.server.service import VerifyService

hypothesis.settings.register_profile("proofmill", deadline=None)
hypothesis.settings.load_profile("proofmill")


MARKED_BY_FIXTURE = {
    "archive": "lean",
    "lean_runtime": "lean",
    "redis_server": "redis",
    "shared_redis": "redis",
}
"""A test that asks for one of these fixtures, at any remove, gets the marker; others say it themselves."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in MARKED_BY_FIXTURE.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKED_BY_FIXTURE[fixture])
    # So that no process is left with a long one when the other has nothing more to do.
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_report_header() -> str:
    packages = ("torch", "transformers", "fastapi", "pydantic", "redis")
    return "with " + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Keeps Lean and Redis out of reach of a test that is not marked for them: `make check` has neither.

    Around the whole test, so that it holds for fixtures of every scope.
    """
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("lean") is None:
            # No directory can be made there; processes that a test starts see the variable too.
            patch.setenv("PROOFMILL_CACHE", "/dev/null/mark-this-test-as-lean")
        if item.get_closest_marker("redis") is None:
            patch.setattr("verifier.streams.valkey.server_binary", refuse_redis)
        return (yield)


def refuse_redis() -> NoReturn:
    pytest.fail("this test starts a Redis: mark it as `redis`, or take the fixture `redis_server`")


@pytest.fixture(scope="session")
def verdict_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of verdicts for the whole runs of all tests: what one has judged the next need not."""
    base = tmp_path_factory.getbasetemp()
    # Each process of xdist has a directory of its own in one for all.
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "verdicts.sqlite"


@pytest.fixture(scope="session")
def lean_runtime() -> LeanRuntime:
    """The embedded Lean, installed first where it is missing."""
    return resolve_runtime(None)


@pytest_asyncio.fixture(scope="session")
async def pool(lean_runtime: LeanRuntime) -> AsyncIterator[LeanPool]:
    """One warm worker for all tests that only ask; tests that break workers open their own pool."""
    async with LeanPool(lean_runtime, options=Options(timeout_s=30)) as pool:
        yield pool


@pytest.fixture(scope="session")
def screeners(pool: LeanPool) -> WorkerSet:
    """The pool's workers that elaborate candidates, for tests of what they hand on."""
    return pool._screeners


@pytest.fixture(scope="session")
def auditors(pool: LeanPool) -> WorkerSet:
    """The pool's auditors, for tests of what no candidate could hand them."""
    return pool._auditors


@pytest.fixture(scope="module")
def service(pool: LeanPool) -> "VerifyService":
    from verifier.server.service import VerifyService

    return VerifyService(pool)


@pytest_asyncio.fixture(scope="module")
async def url(service: "VerifyService") -> AsyncIterator[str]:
    """Of a real server on a real port that judges with the pool."""
    import uvicorn

    from verifier.server.app import create_app

    # Without the lifespan, whose end would close the pool of all tests.
    app = create_app(service)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A server of the test's own, which it may stop."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """One server for all tests that only talk to it."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def client(shared_redis: EmbeddedRedis) -> Iterator[redis.Redis]:
    """A client of the shared Redis, which is empty."""
    with connect(shared_redis.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def shared_data() -> Path:
    """The directory of miniF2F, ProofNet, exploits and controls; the project carries no copy."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared data sets are not beside this checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def tokenizer() -> "PreTrainedTokenizerFast":
    """Trained on the toy's pairs."""
    from tests.support.toys import CONFIG, PAIRS
    from trainer.model.tokenizer import train_tokenizer

    return train_tokenizer([prompt + proof for prompt, proof in PAIRS], CONFIG.vocab_size)


@pytest.fixture
def model(tokenizer: "PreTrainedTokenizerFast") -> "LlamaForCausalLM":
    """The toy's policy with fresh weights."""
    from tests.support.toys import CONFIG
    from trainer.model.policy import build_policy

    return build_policy(CONFIG, tokenizer, seed=0)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """A second thread only waits for the first in models this small."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
