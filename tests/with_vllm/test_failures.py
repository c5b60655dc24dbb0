"""A real vLLM engine that is killed while it works."""

import os
import signal
import threading
import time
from pathlib import Path

import httpx

from prover.generators.base import SamplingParams
from prover.generators.vllm.engine import VLLMEngine
from tests.support.toys import flat
from tests.with_vllm.policies import CONTEXT, PROMPTS, Published, assert_from, sample
from verifier.sandbox.child import process_tree


def requests_running(url: str) -> float:
    lines = httpx.get(f"{url}/metrics", timeout=60).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("vllm:num_requests_running"))


def engine_core(pids: tuple[int, ...]) -> int:
    (pid,) = [pid for pid in pids if b"EngineCore" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return pid


def test_an_engine_killed_at_work_is_started_anew_with_its_adapter(
    engine: VLLMEngine, base: Published, adapters: list[Published]
) -> None:
    policies = [base, *adapters]
    assert_from(adapters[0], before := sample(engine, adapters[0]), policies)
    generator = engine.generator(adapters[0].directory, adapters[0].version)
    got = []
    params = SamplingParams(samples=64, max_new_tokens=CONTEXT)
    asking = threading.Thread(target=lambda: got.append(generator.sample(PROMPTS, params)))
    asking.start()
    server = engine._server
    assert server is not None
    pids = server.pids
    while requests_running(server.url) == 0:
        time.sleep(0.01)
    os.kill(engine_core(pids), signal.SIGKILL)
    asking.join()

    (groups,) = got
    assert [len(group) for group in groups] == [params.samples] * len(PROMPTS)
    assert_from(adapters[0], flat(groups)[::8], policies)
    assert engine._server is not server
    assert not any(process_tree(pid) for pid in pids), "what the killed engine left was ended"
    assert [each.text for each in sample(engine, adapters[0])] == [each.text for each in before]
