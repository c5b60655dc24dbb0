"""The training daemon with a real vLLM: every version's attempts come from that version's adapter."""

import json
from pathlib import Path
from typing import cast

from transformers import LlamaForCausalLM

from prover.generators.base import Sample
from prover.generators.transformers import load_model
from prover.generators.vllm.engine import VLLMEngine
from prover.generators.worker import load_with
from prover.theorem import Attempt
from tests.support.answering import answering
from tests.support.toys import PAIRS
from tests.with_vllm.policies import Published, distance
from trainer.config import run_config
from trainer.run.daemon import run_daemon
from verifier.streams.valkey import EmbeddedRedis

VERSIONS = 3


def samples_of(attempts: list[Attempt], version: int) -> list[Sample]:
    return [
        Sample(each.proof, each.prompt_ids, each.token_ids, each.logprobs, each.finished)
        for each in attempts
        if each.policy_version == version
    ]


def test_each_version_samples_from_its_own_adapter_while_the_server_runs_on(
    engine: VLLMEngine, base: Published, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    theorems = tmp_path / "theorems.jsonl"
    rows = [
        {"name": f"t{i}", "split": "train", "formal_statement": f"{prompt}by", "header": ""}
        for i, (prompt, _) in enumerate(PAIRS)
    ]
    theorems.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = run_config(
        {
            "algorithm": "grpo",
            "iterations": VERSIONS,
            "theorems_per_iteration": 4,
            "data": {"theorems": str(theorems)},
            "sampling": {"samples": 8, "max_new_tokens": 16},
            "lora": {"rank": 4, "separate": True},
            # Steps so large that no version can be taken for another.
            "policy_gradient": {"learning_rate": 0.1, "check_engine": True},
            "compute": {"device": "cpu"},
            "daemon": {"start": str(base.directory), "keep": 10},
        }
    )
    run = tmp_path / "run"
    with answering(redis_server.url, "run", load_with(engine)) as attempts:
        run_daemon(config, run, redis_server.url, "run")
    policies = [
        Published(directory, number, cast(LlamaForCausalLM, load_model(directory)[0].eval()))
        for number in range(VERSIONS)
        for directory in [run / "versions" / f"v{number:04d}" / "policy"]
    ]
    for policy in policies:
        samples = samples_of(attempts, policy.version)
        assert len(samples) == 4 * 8
        assert distance(samples, policy) < 1e-3
        assert min(distance(samples, each) for each in policies if each is not policy) > 0.1
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        assert row["effective_sample_share"] > 0.99 and row["engine_gap"] < 1e-3
