"""One real vLLM server for all tests here, and the policies it is asked for.

The directory is not called `vllm`: others, such as trl, would take that for the package.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from prover.generators.vllm.engine import VLLMEngine
from prover.generators.vllm.server import PYTHON_VARIABLE, ServerSettings
from tests.with_vllm.policies import Published, publish_adapter, publish_weights

SETTINGS = ServerSettings(
    max_adapters=2,
    max_rank=8,
    # What a server computes in 16 bits could only be compared roughly.
    dtype="float32",
    # Compiling takes longer than all that is sampled here; the prefix cache keeps whole blocks only, of 128
    # tokens on a CPU.
    arguments=("--enforce-eager", "--block-size=32"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    missing = pytest.mark.skip(reason=f"no vLLM environment: run `make test-vllm`, or set {PYTHON_VARIABLE}")
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.vllm)
            if PYTHON_VARIABLE not in os.environ:
                item.add_marker(missing)


@pytest.fixture(scope="session")
def base(tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish_weights(tokenizer, tmp_path_factory.mktemp("policies") / "base", seed=3)


@pytest.fixture(scope="session")
def other_base(tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish_weights(tokenizer, tmp_path_factory.mktemp("policies") / "other", seed=4)


@pytest.fixture(scope="session")
def adapters(base: Published) -> list[Published]:
    """Versions 1, 2 and 3: random adapters that change what the policy samples."""
    return [publish_adapter(base, version) for version in (1, 2, 3)]


@pytest.fixture(scope="session")
def engine() -> Iterator[VLLMEngine]:
    """Starts its server when a test first samples."""
    with VLLMEngine(settings=SETTINGS) as engine:
        yield engine
