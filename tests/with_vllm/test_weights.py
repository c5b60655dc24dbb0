"""Full weights on a real vLLM server: a policy without an adapter needs a server of its own."""

import os
import signal

import pytest

from prover.generators.vllm.engine import VLLMEngine
from tests.with_vllm.policies import Published, assert_from, sample
from verifier.errors import InvalidInput
from verifier.sandbox.child import process_tree


def test_other_weights_are_refused_by_a_server_that_is_not_ours_and_served_by_one_that_is(
    engine: VLLMEngine, base: Published, other_base: Published
) -> None:
    weights = [base, other_base]
    assert_from(base, sample(engine, base), weights)
    server = engine._server
    assert server is not None
    with VLLMEngine(server.url) as foreign:
        assert_from(base, sample(foreign, base), weights)
        with pytest.raises(InvalidInput, match=r"\[lora\]"):
            sample(foreign, other_base)

    # A server that died since leaves an engine and a worker behind, which have to go too.
    pids = server.pids
    os.kill(pids[1], signal.SIGKILL)
    assert_from(other_base, sample(engine, other_base), weights)
    assert not any(process_tree(pid) for pid in pids)
