"""Policies that vLLM serves and that this process computes too, and whose a sample is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from prover.generators.base import Sample, SamplingParams
from prover.generators.transformers import load_model
from prover.generators.vllm.engine import VLLMEngine
from tests.support.toys import PAIRS, flat
from trainer.model.batching import Example, micro_batches
from trainer.model.lora import LoRAConfig, add_adapter, merge_adapter
from trainer.model.policy import PolicyConfig, build_policy, save_policy, token_logprobs

CONTEXT = 160
CONFIG = PolicyConfig(layers=2, width=64, heads=2, ffn=96, vocab_size=320, max_length=CONTEXT)
# Longer than a block of the prefix cache, and alike in the first.
HYPOTHESES = "theorem t (m k : Nat) (h : m = k + 1) (g : k = m + 1) "
PROMPTS = [prompt.replace("theorem t ", HYPOTHESES) for prompt, _ in PAIRS[:4]]


@dataclass(frozen=True)
class Published:
    """A policy as it lies on the disk and as this process computes it."""

    directory: Path
    version: int
    model: LlamaForCausalLM

    def logprobs(self, sample: Sample, temperature: float = 1.0) -> list[float]:
        """log π of the sample's tokens, computed by the trainer."""
        (batch,) = micro_batches([Example(sample.prompt_ids, sample.token_ids)], max_tokens=1)
        inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        with torch.no_grad():
            logprobs_BT = token_logprobs(self.model, *inputs, temperature=temperature)
        return logprobs_BT[batch.response_mask_BT == 1].tolist()


def publish_weights(tokenizer: PreTrainedTokenizerFast, directory: Path, *, seed: int) -> Published:
    """Random weights, enlarged so that the distribution is not flat and samples end at many lengths."""
    model = build_policy(CONFIG, tokenizer, seed=seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(6)
        model.get_input_embeddings().get_parameter("weight")[tokenizer.eos_token_id] += 0.25
    save_policy(model, tokenizer, directory)
    return Published(directory, 0, model.eval())


def publish_adapter(base: Published, version: int, *, rank: int = 4) -> Published:
    model, _ = load_model(base.directory)
    adapted = add_adapter(model, LoRAConfig(rank=rank), seed=version)
    rng = torch.Generator().manual_seed(version)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:  # 0 until trained
                parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.3)
    directory = base.directory.with_name(f"adapter-{version}")
    adapted.save_pretrained(str(directory))
    whole = merge_adapter(adapted)
    assert isinstance(whole, LlamaForCausalLM)
    return Published(directory, version, whole.eval())


def sample(engine: VLLMEngine, policy: Published, *, seed: int = 0, temperature: float = 1.0) -> list[Sample]:
    """Four samples for each prompt."""
    params = SamplingParams(samples=4, max_new_tokens=24, seed=seed, temperature=temperature)
    return flat(engine.generator(policy.directory, policy.version).sample(PROMPTS, params))


def distance(samples: Sequence[Sample], policy: Published, temperature: float = 1.0) -> float:
    """Mean absolute difference of log-probabilities, in nats, from what `policy` gives the samples."""
    differences = [
        abs(reported - computed)
        for each in samples
        for reported, computed in zip(each.logprobs, policy.logprobs(each, temperature), strict=True)
    ]
    return sum(differences) / len(differences)


def assert_from(
    policy: Published, samples: Sequence[Sample], others: Sequence[Published], *, temperature: float = 1.0
) -> None:
    """The samples are `policy`'s, and could be none of the others'."""
    assert distance(samples, policy, temperature) < 1e-3
    assert min(distance(samples, each, temperature) for each in others if each is not policy) > 0.3
