"""A model as a policy of tactics: what it is asked, what of its answers is tried, many asked at a time."""

import asyncio
from collections.abc import Sequence

import pytest
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from prover.generators.base import Sample, SamplingParams
from prover.generators.transformers import TransformersGenerator
from prover.search.model import ModelTactics, tactic_prompt
from verifier.errors import ProofmillError
from verifier.tactic_state import Goal

SAMPLING = SamplingParams(max_new_tokens=8, seed=3)
GOAL = Goal(text="case succ\nn : Nat\n⊢ 0 + n = n")


class Listening:
    """A generator that counts how often it is called, and with how many prompts."""

    def __init__(self, generator: TransformersGenerator) -> None:
        self.generator = generator
        self.calls: list[int] = []
        self.is_away = False

    def sample(self, prompts: Sequence[str], params: SamplingParams) -> list[list[Sample]]:
        self.calls.append(len(prompts))
        if self.is_away:
            raise ProofmillError("the engine is away")
        return self.generator.sample(prompts, params)


@pytest.fixture
def generator(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> Listening:
    return Listening(TransformersGenerator(model, tokenizer))


def test_the_prompt_is_the_goal_without_the_tag_of_its_case() -> None:
    assert tactic_prompt(GOAL) == "n : Nat\n⊢ 0 + n = n:::"


async def test_it_says_the_same_of_the_same_goal_and_something_else_later(generator: Listening) -> None:
    policy = ModelTactics(generator, SAMPLING, {})
    first = await policy.propose(GOAL, 6)
    assert await policy.propose(GOAL.model_copy(update={"text": "n : Nat\n⊢ 0 + n = n"}), 6) == first
    assert await policy.propose(GOAL, 6, after=6) != first


async def test_what_is_cut_or_empty_is_not_tried_and_is_paid_for(generator: Listening) -> None:
    samples = generator.sample(
        [tactic_prompt(GOAL)], SAMPLING.model_copy(update={"samples": 64, "max_new_tokens": 2})
    )[0]
    proposed = await ModelTactics(generator, SAMPLING.model_copy(update={"max_new_tokens": 2}), {}).propose(
        GOAL, 64
    )
    whole = {sample.text.strip() for sample in samples if sample.finished} - {""}
    assert {each.tactic for each in proposed.tactics} == whole and len(proposed.tactics) == len(whole)
    assert proposed.tokens == sum(len(sample.token_ids) for sample in samples)


async def test_what_many_searches_ask_at_a_time_is_one_call(generator: Listening) -> None:
    policy = ModelTactics(generator, SAMPLING, {})
    goals = [Goal(text=f"n : Nat\n⊢ n = {number}") for number in range(9)]
    together = await asyncio.gather(*(policy.propose(goal, 4) for goal in goals))
    assert generator.calls == [1, 8]
    alone = [await ModelTactics(generator, SAMPLING, {}).propose(goal, 4) for goal in goals]
    # But for the rounding of floats, which differs with what stands beside a prompt.
    assert [[each.tactic for each in said.tactics] for said in alone] == [
        [each.tactic for each in said.tactics] for said in together
    ]


async def test_a_goal_that_is_too_long_costs_itself_alone(generator: Listening) -> None:
    policy = ModelTactics(generator, SAMPLING, {})
    long = Goal(text=f"⊢ {' + '.join(['n'] * 500)} = 0")
    refused, answered = await asyncio.gather(policy.propose(long, 4), policy.propose(GOAL, 4))
    assert refused.tactics == () and answered.tokens


async def test_an_engine_that_is_away_is_an_error_of_each_who_asked_and_is_asked_again(
    generator: Listening,
) -> None:
    policy = ModelTactics(generator, SAMPLING, {})
    generator.is_away = True
    failed = await asyncio.gather(*(policy.propose(GOAL, 2) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(error, ProofmillError) for error in failed)
    generator.is_away = False
    assert (await policy.propose(GOAL, 2)).tokens


async def test_a_search_that_is_broken_off_leaves_the_others_their_answers(generator: Listening) -> None:
    policy = ModelTactics(generator, SAMPLING, {})
    tasks = [asyncio.create_task(policy.propose(GOAL, 2)) for _ in range(4)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(not isinstance(answer, BaseException) for answer in answers[1:])
