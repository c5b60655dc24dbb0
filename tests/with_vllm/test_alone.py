"""vLLM where no server is shared: inside a process of its own, and under a parent that is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from prover.generators.base import Sample, SamplingParams
from prover.generators.vllm.server import PYTHON_VARIABLE
from tests.support.places import ROOT
from tests.with_vllm.policies import PROMPTS, Published, assert_from
from verifier.sandbox.child import process_tree


def test_vllm_in_process_samples_as_a_server_does(
    base: Published, other_base: Published, adapters: list[Published], tmp_path: Path
) -> None:
    params = SamplingParams(samples=4, max_new_tokens=24, temperature=0.7)
    policies = [base, *adapters]
    asked = {
        "base": str(base.directory),
        "policies": [str(each.directory) for each in policies],
        "prompts": PROMPTS,
        "params": params.model_dump(),
        "refused": [
            (str(base.directory), ["theorem t : " + "1 + " * 200]),
            (str(other_base.directory), PROMPTS),
        ],
    }
    files = tmp_path / "asked.json", tmp_path / "answer.json"
    files[0].write_text(json.dumps(asked))
    ran = subprocess.run(
        [os.environ[PYTHON_VARIABLE], "-m", "tests.with_vllm.in_process", *map(str, files)],
        cwd=ROOT,
        env=os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    answer = json.loads(files[1].read_text())
    for policy, rows in zip(policies, answer["samples"], strict=True):
        fields: list[dict[str, Any]] = [
            {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows
        ]
        samples = [Sample(**each) for each in fields]
        assert len(samples) == len(PROMPTS) * params.samples
        assert_from(policy, samples, policies, temperature=0.7)
    too_long, other_weights = answer["refusals"]
    assert "maximum context length" in too_long
    assert "start another process" in other_weights


PARENT = """
import sys, time
from pathlib import Path
from prover.generators.vllm.server import VLLMServer
server = VLLMServer(Path(sys.argv[1]))
server.launch()
while len(server.pids) < 4:
    time.sleep(0.1)
print(*server.pids, flush=True)
time.sleep(600)
"""


def test_no_process_of_a_server_outlives_a_parent_that_is_killed(base: Published, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(base.directory)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},  # for the log, which nobody is left to delete
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while alive := [pid for pid in pids if process_tree(pid)]:
        assert time.monotonic() < deadline, f"{alive} of {pids} still run"
        time.sleep(0.2)
