"""The transformers generator: right probabilities, right distribution, deterministic by seed."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from prover.generators.base import SamplingParams
from prover.generators.transformers import TransformersGenerator, choose_tokens
from tests.support.toys import flat
from trainer.model.batching import Example, micro_batches
from trainer.model.policy import PolicyConfig, build_policy, save_policy, token_logprobs
from trainer.model.tokenizer import train_tokenizer
from verifier.errors import InvalidInput

pytestmark = pytest.mark.usefixtures("one_thread")

PROMPTS = [
    "theorem t (a b : Nat) : a + b = b + a := ",
    "theorem t : True := ",
    "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q ∧ p := ",
    "theorem t : 1 = 1 := ",
]
CONTEXT = 96


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(PROMPTS, 280)


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Random weights, enlarged so that the distribution is not flat and rows end at many lengths."""
    config = PolicyConfig(layers=2, width=64, heads=2, ffn=96, vocab_size=280, max_length=CONTEXT)
    model = build_policy(config, tokenizer, seed=3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(6)
        model.get_input_embeddings().get_parameter("weight")[tokenizer.eos_token_id] += 0.25
    return model


@pytest.fixture(scope="module")
def generator(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> TransformersGenerator:
    return TransformersGenerator(model, tokenizer)


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(samples=16, max_new_tokens=40),
        SamplingParams(samples=16, max_new_tokens=40, temperature=0.7, top_p=0.9),
        SamplingParams(samples=1, max_new_tokens=40, greedy=True),
    ],
)
def test_logprobs_are_what_the_trainer_computes(
    generator: TransformersGenerator, model: LlamaForCausalLM, params: SamplingParams
) -> None:
    samples = flat(generator.sample(PROMPTS, params))
    if not params.greedy:
        assert len({len(s.token_ids) for s in samples}) > 3, "rows of many lengths are the point of the test"
    for sample in samples:
        (batch,) = micro_batches([Example(sample.prompt_ids, sample.token_ids)], max_tokens=1)
        inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        logprobs_BT = token_logprobs(model, *inputs, temperature=params.temperature)
        recomputed = logprobs_BT[batch.response_mask_BT == 1].tolist()
        assert list(sample.logprobs) == pytest.approx(recomputed, abs=1e-4)


def test_sampling_is_deterministic_by_seed(generator: TransformersGenerator) -> None:
    def texts(seed: int) -> list[str]:
        return [s.text for s in flat(generator.sample(PROMPTS, SamplingParams(samples=4, seed=seed)))]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)


def test_batching_does_not_change_what_is_sampled(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, generator: TransformersGenerator
) -> None:
    params = SamplingParams(samples=5, max_new_tokens=CONTEXT)
    in_small_batches = TransformersGenerator(model, tokenizer, tokens_per_batch=300).sample(PROMPTS, params)
    at_once = generator.sample(PROMPTS, params)
    for small, large in zip(flat(in_small_batches), flat(at_once), strict=True):
        assert small.token_ids == large.token_ids
        assert small.logprobs == pytest.approx(large.logprobs, abs=1e-4)


def test_samples_come_in_the_order_of_the_prompts(
    generator: TransformersGenerator, tokenizer: PreTrainedTokenizerFast
) -> None:
    groups = generator.sample(PROMPTS, SamplingParams(samples=3))
    assert [len(group) for group in groups] == [3] * len(PROMPTS)
    for prompt, group in zip(PROMPTS, groups, strict=True):
        assert {tokenizer.decode(list(s.prompt_ids), skip_special_tokens=True) for s in group} == {prompt}
    assert generator.sample([], SamplingParams()) == []


def test_a_finished_sample_ends_with_the_only_eos_and_its_text_does_not_show_it(
    generator: TransformersGenerator, tokenizer: PreTrainedTokenizerFast
) -> None:
    samples = flat(generator.sample(PROMPTS, SamplingParams(samples=32, max_new_tokens=12)))
    eos = tokenizer.eos_token_id
    assert {s.finished for s in samples} == {True, False}
    for sample in samples:
        assert len(sample.token_ids) == len(sample.logprobs) <= 12
        assert sample.finished == (sample.token_ids[-1] == eos)
        assert eos not in sample.token_ids[:-1]
        assert sample.finished or len(sample.token_ids) == 12
        assert sample.text == tokenizer.decode(list(sample.token_ids), skip_special_tokens=True)


def test_greedy_takes_the_likeliest_token_as_transformers_does(
    generator: TransformersGenerator, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    params = SamplingParams(samples=1, greedy=True, max_new_tokens=20)
    # The types of `generate` leave this class out.
    reference: Any = model
    for sample in flat(generator.sample(PROMPTS, params)):
        prompt = torch.tensor([sample.prompt_ids])
        expected = reference.generate(
            prompt, do_sample=False, max_new_tokens=20, attention_mask=torch.ones_like(prompt)
        )
        assert list(sample.token_ids) == expected[0, prompt.shape[1] :].tolist()


def test_no_sample_outgrows_the_context(generator: TransformersGenerator) -> None:
    samples = flat(generator.sample(PROMPTS, SamplingParams(samples=16, max_new_tokens=500)))
    lengths = [len(s.prompt_ids) + len(s.token_ids) for s in samples]
    assert max(lengths) == CONTEXT
    assert all(s.finished or n == CONTEXT for s, n in zip(samples, lengths, strict=True))


def test_a_prompt_without_room_for_a_proof_is_refused(generator: TransformersGenerator) -> None:
    with pytest.raises(InvalidInput, match="no room"):
        generator.sample(["theorem t : " + "1 + " * 100], SamplingParams())


def test_greedy_with_many_samples_is_refused() -> None:
    with pytest.raises(ValidationError, match="greedy"):
        SamplingParams(samples=2, greedy=True)


def test_a_saved_policy_samples_as_the_one_in_memory(
    tmp_path: Path,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    generator: TransformersGenerator,
) -> None:
    save_policy(model, tokenizer, tmp_path / "v1")
    params = SamplingParams(samples=4)
    assert TransformersGenerator.load(tmp_path / "v1").sample(PROMPTS, params) == generator.sample(
        PROMPTS, params
    )


@pytest.mark.parametrize(
    ("top_p", "kept"), [(1.0, [0, 1, 2, 3]), (0.9, [1, 2, 3]), (0.6, [1, 3]), (0.1, [3])]
)
def test_tokens_come_with_their_probability_within_the_nucleus(top_p: float, kept: list[int]) -> None:
    probs = [0.05, 0.25, 0.2, 0.5]
    draws = 20_000
    log_AV = torch.tensor([[math.log(p) for p in probs]]).expand(draws, -1)
    uniform_A = torch.rand(draws, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    counts = Counter(choose_tokens(log_AV, uniform_A, SamplingParams(top_p=top_p)).tolist())
    mass = sum(probs[i] for i in kept)
    assert sorted(counts) == kept
    assert [counts[i] / draws for i in kept] == pytest.approx([probs[i] / mass for i in kept], abs=0.02)
