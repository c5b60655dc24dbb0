"""Versions of the policy on a real vLLM server: every sample is of the version that was asked for."""

import threading
from pathlib import Path

import httpx
import pytest

from prover.generators.base import Sample
from prover.generators.vllm.engine import VLLMEngine
from tests.with_vllm.policies import Published, assert_from, distance, publish_adapter, sample
from verifier.errors import InvalidInput


def served(engine: VLLMEngine) -> set[str]:
    assert engine._served is not None
    return {each.id for each in engine._served.client.models() if each.parent is not None}


def prefix_cache_hits(engine: VLLMEngine) -> float:
    assert engine._served is not None
    lines = httpx.get(f"{engine._served.client.url}/metrics", timeout=60).text.splitlines()
    name = "vllm:prefix_cache_hits_total{"
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def test_samples_come_from_the_version_asked_for_and_the_oldest_is_unloaded(
    engine: VLLMEngine, base: Published, adapters: list[Published]
) -> None:
    policies = [base, *adapters]
    for adapter in adapters:
        assert_from(adapter, sample(engine, adapter), policies)
        assert len(served(engine)) <= 2
    names = [engine.generator(each.directory, each.version).policy.adapter for each in adapters]
    assert served(engine) == set(names[1:])
    # The base, and a version that has to be loaded again, after others have filled the prefix cache.
    assert_from(base, sample(engine, base), policies)
    assert_from(adapters[0], sample(engine, adapters[0]), policies)
    assert served(engine) == {names[0], names[2]}
    assert prefix_cache_hits(engine) > 0, "a cache that is not used could not be stale"


def test_an_adapter_is_sampled_from_at_the_temperature_asked_for(
    engine: VLLMEngine, adapters: list[Published]
) -> None:
    samples = sample(engine, adapters[0], temperature=0.7)
    assert distance(samples, adapters[0], temperature=0.7) < 1e-3
    assert distance(samples, adapters[0], temperature=1.0) > 0.1


def test_versions_asked_for_at_the_same_time_do_not_mix(
    engine: VLLMEngine, base: Published, adapters: list[Published]
) -> None:
    policies = [base, *adapters]
    got: dict[tuple[int, int], list[Sample]] = {}

    def ask(policy: Published) -> None:
        for seed in range(3):
            got[policy.version, seed] = sample(engine, policy, seed=seed)

    # More adapters than there are slots for, and the base, which vLLM on a CPU would mix up with them.
    threads = [threading.Thread(target=ask, args=(policy,)) for policy in policies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 3 * len(policies)
    for (version, _), samples in got.items():
        assert_from(policies[version], samples, policies)


def test_new_weights_under_an_old_version_are_a_new_adapter(
    engine: VLLMEngine, base: Published, adapters: list[Published]
) -> None:
    first, second = adapters[:2]
    assert_from(first, sample(engine, first), adapters)
    again = Published(second.directory, first.version, second.model)
    assert_from(again, sample(engine, again), [base, first])


def test_an_adapter_that_cannot_be_loaded_is_refused_and_others_are_served_on(
    engine: VLLMEngine, base: Published, adapters: list[Published], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        content = (adapters[0].directory / file).read_bytes()
        (broken / file).write_bytes(content if file.endswith("json") else content[: len(content) // 2])
    with pytest.raises(InvalidInput, match="publish this version of the policy again"):
        sample(engine, Published(broken, 7, adapters[0].model))
    too_large = publish_adapter(base, 4, rank=16)
    with pytest.raises(InvalidInput, match=r"LoRA rank 16 is greater.*--max-lora-rank"):
        sample(engine, too_large)
    assert_from(adapters[1], sample(engine, adapters[1]), [base, *adapters])
