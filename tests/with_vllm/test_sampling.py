"""What a real vLLM server samples from one policy: right probabilities, right ends, right order."""

import math

import pytest
from transformers import PreTrainedTokenizerFast

from prover.formats.prompts import encode_prompt
from prover.generators.base import SamplingParams
from prover.generators.vllm.engine import VLLMEngine
from tests.support.toys import flat
from tests.with_vllm.policies import CONTEXT, PROMPTS, Published
from verifier.errors import InvalidInput

PARAMS = SamplingParams(samples=8, max_new_tokens=40)


@pytest.mark.parametrize(
    "params",
    [
        PARAMS,
        PARAMS.model_copy(update={"temperature": 0.7}),
        SamplingParams(samples=1, max_new_tokens=40, greedy=True),
    ],
)
def test_logprobs_are_what_the_trainer_computes(
    engine: VLLMEngine, base: Published, params: SamplingParams
) -> None:
    samples = flat(engine.generator(base.directory, 0).sample(PROMPTS, params))
    for sample in samples:
        assert list(sample.logprobs) == pytest.approx(base.logprobs(sample, params.temperature), abs=1e-3)


def test_samples_come_in_the_order_of_the_prompts_and_end_as_they_say(
    engine: VLLMEngine, base: Published, tokenizer: PreTrainedTokenizerFast
) -> None:
    groups = engine.generator(base.directory, 0).sample(PROMPTS, PARAMS)
    assert [len(group) for group in groups] == [PARAMS.samples] * len(PROMPTS)
    eos = tokenizer.eos_token_id
    for prompt, group in zip(PROMPTS, groups, strict=True):
        for sample in group:
            assert list(sample.prompt_ids) == encode_prompt(tokenizer, prompt)
            assert len(sample.logprobs) == len(sample.token_ids) <= PARAMS.max_new_tokens
            assert sample.finished == (sample.token_ids[-1] == eos)
            assert sample.finished or len(sample.token_ids) == PARAMS.max_new_tokens
            assert eos not in sample.token_ids[:-1]
            assert sample.text == tokenizer.decode(list(sample.token_ids), skip_special_tokens=True)
    finished = [sample.finished for sample in flat(groups)]
    assert any(finished) and not all(finished), "samples that end and that do not are the point of the test"


def test_the_likeliest_tokens_are_taken_when_greedy(engine: VLLMEngine, base: Published) -> None:
    params = SamplingParams(samples=1, max_new_tokens=24, greedy=True)
    from prover.generators.transformers import TransformersGenerator

    here = TransformersGenerator.load(base.directory).sample(PROMPTS, params)
    there = engine.generator(base.directory, 0).sample(PROMPTS, params)
    assert [each.token_ids for each in flat(there)] == [each.token_ids for each in flat(here)]


def test_the_same_seed_gives_the_same_samples_and_every_sample_its_own(
    engine: VLLMEngine, base: Published
) -> None:
    generator = engine.generator(base.directory, 0)

    def texts(seed: int, prompts: list[str]) -> list[list[str]]:
        groups = generator.sample(prompts, PARAMS.model_copy(update={"seed": seed}))
        return [[sample.text for sample in group] for group in groups]

    first = texts(1, PROMPTS)
    assert first == texts(1, PROMPTS)
    assert first == texts(1, PROMPTS[::-1])[::-1], "what else is asked for changes nothing"
    assert first != texts(2, PROMPTS)
    assert all(len(set(group)) == PARAMS.samples for group in first)
    assert len({text for group in first for text in group}) == PARAMS.samples * len(PROMPTS)
    assert texts(1, [PROMPTS[0]] * 2) == [first[0]] * 2


def test_sampling_follows_the_distribution(engine: VLLMEngine, base: Published) -> None:
    params = SamplingParams(samples=1000, max_new_tokens=1, temperature=0.7)
    (group,) = engine.generator(base.directory, 0).sample(PROMPTS[:1], params)
    probabilities = {sample.token_ids[0]: math.exp(sample.logprobs[0]) for sample in group}
    token, probability = max(probabilities.items(), key=lambda item: item[1])
    assert 0.05 < probability < 0.95
    share = sum(sample.token_ids[0] == token for sample in group) / len(group)
    # Four standard deviations.
    assert share == pytest.approx(probability, abs=4 * math.sqrt(probability / len(group)))


def test_a_completion_ends_where_the_context_does(engine: VLLMEngine, base: Published) -> None:
    generator = engine.generator(base.directory, 0)
    long = "theorem t : " + "1 + " * 45
    (group,) = generator.sample([long], SamplingParams(samples=4, max_new_tokens=CONTEXT))
    assert max(len(sample.prompt_ids) + len(sample.token_ids) for sample in group) <= CONTEXT


def test_a_prompt_longer_than_the_context_is_refused_in_vllms_words(
    engine: VLLMEngine, base: Published
) -> None:
    generator = engine.generator(base.directory, 0)
    with pytest.raises(InvalidInput, match=f"maximum context length is {CONTEXT} tokens.*prompt 'theorem t"):
        generator.sample([PROMPTS[0], "theorem t : " + "1 + " * 200], PARAMS)
    assert len(generator.sample(PROMPTS, PARAMS)) == len(PROMPTS)


@pytest.mark.parametrize(
    ("params", "advice"),
    [
        (PARAMS.model_copy(update={"top_p": 0.9}), "set top_p to 1"),
        (SamplingParams(samples=1, greedy=True, temperature=0.5), "leave it at 1"),
    ],
)
def test_logprobs_that_vllm_cannot_give_are_not_asked_for(
    engine: VLLMEngine, base: Published, params: SamplingParams, advice: str
) -> None:
    with pytest.raises(InvalidInput, match=advice):
        engine.generator(base.directory, 0).sample(PROMPTS, params)
