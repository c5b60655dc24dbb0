"""What all tests share: a real Lean, the shared data when it is there, and the versions that matter."""

import importlib.metadata
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

# Read when torch is imported: idle OpenMP threads that spin would take the cores from Lean.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import hypothesis
import pytest
import pytest_asyncio

from verifier.lean.runtime import LeanRuntime, resolve_runtime
from verifier.options import Options
from verifier.pool import LeanPool
from verifier.workers import WorkerSet

hypothesis.settings.register_profile("proofmill", deadline=None)
hypothesis.settings.load_profile("proofmill")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_report_header() -> str:
    packages = ("torch", "transformers", "fastapi", "pydantic", "redis")
    return "with " + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


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
def screens(pool: LeanPool) -> WorkerSet:
    """The pool's workers that elaborate candidates, for tests of what they hand on."""
    return pool._screens


@pytest.fixture(scope="session")
def auditors(pool: LeanPool) -> WorkerSet:
    """The pool's auditors, for tests of what no candidate could hand them."""
    return pool._auditors


@pytest.fixture
def shared_data() -> Iterator[Path]:
    """The directory of miniF2F, ProofNet, exploits and controls; the project carries no copy."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared data sets are not beside this checkout")
    yield SHARED_DATA
