"""How far the engine that sampled is from the trainer: what its figures say, and who reports them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tests.support.toys import rollout, sample_of, sampled_group
from trainer.learners.policy_gradient import PolicyGradientConfig, PolicyGradientLearner
from trainer.learners.ppo import PPOLearner
from trainer.model.agreement import effective_sample_share, kl_from, recompute_logprobs
from trainer.model.batching import Example
from trainer.model.compute import Compute
from trainer.model.lora import LoRAConfig, add_adapter
from trainer.model.weights import freeze_copy
from trainer.run.alarm import EngineMismatch, MismatchAlarm
from verifier.verdict import Status

LOG_WEIGHTS = st.lists(st.floats(-50, 50), min_size=1, max_size=20)


def share(*log_weights: float) -> float:
    return effective_sample_share(torch.tensor(log_weights, dtype=torch.float64))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_equal_weights_are_all_effective_and_one_that_rules_is_one_of_all(count: int) -> None:
    assert share(*[0.0] * count) == pytest.approx(1)
    assert share(*[0.0] * (count - 1), 1000.0) == pytest.approx(1 / count)


@given(LOG_WEIGHTS)
def test_the_share_is_that_of_its_definition(log_weights: list[float]) -> None:
    weights = torch.tensor(log_weights, dtype=torch.float64).exp()
    expected = weights.sum() ** 2 / (len(weights) * (weights**2).sum())
    assert share(*log_weights) == pytest.approx(float(expected))


@given(LOG_WEIGHTS, st.floats(-1e4, 1e4))
def test_what_all_weights_have_in_common_does_not_count(log_weights: list[float], common: float) -> None:
    assert share(*(each + common for each in log_weights)) == pytest.approx(share(*log_weights))


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("algorithm", ["grpo", "ppo"])
def test_an_engine_is_compared_where_that_is_asked_for(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, algorithm: str
) -> None:
    def details(*, check_engine: bool, apart: bool) -> dict[str, float]:
        samples = sampled_group(model, tokenizer, seed=0)[:8]
        if apart:
            # Which says −1 of every token.
            samples = [sample_of(tokenizer, text) for text in ("by omega", "h")]
        rollouts = [rollout(s, Status.PROVED if i % 2 else Status.REJECTED) for i, s in enumerate(samples)]
        config = PolicyGradientConfig(algorithm=algorithm, check_engine=check_engine, learning_rate=1e-6)
        learner = PPOLearner if algorithm == "ppo" else PolicyGradientLearner
        return dict(learner(model, config).update(rollouts).details)

    agreed = details(check_engine=True, apart=False)
    assert agreed["effective_sample_share"] == pytest.approx(1, abs=1e-4)
    assert agreed["engine_gap"] == pytest.approx(0, abs=1e-5)
    assert "engine_kl" not in agreed, "it is compared, and the loss goes on with what it said"
    differed = details(check_engine=True, apart=True)
    assert differed["effective_sample_share"] < 0.6 and 3 < differed["engine_gap"] < 6
    assert {"effective_sample_share", "engine_gap"}.isdisjoint(details(check_engine=False, apart=True))


@pytest.mark.usefixtures("one_thread")
def test_dropout_has_no_part_in_what_the_engine_is_compared_with(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    add_adapter(model, LoRAConfig(rank=2, dropout=0.5))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    sample = sample_of(tokenizer, "by omega")
    example = Example(sample.prompt_ids, sample.token_ids, sample.logprobs)
    once, _ = recompute_logprobs(model.train(), [example], temperature=1.0, compute=Compute())
    again, figures = recompute_logprobs(model.train(), once, temperature=1.0, compute=Compute())
    assert again[0].old_logprobs == once[0].old_logprobs
    assert figures == {"effective_sample_share": 1, "engine_gap": 0}


@pytest.mark.usefixtures("one_thread")
def test_the_divergence_from_the_start_is_nothing_at_the_start_and_grows_with_learning(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    def divergence(policy: LlamaForCausalLM, temperature: float) -> float:
        read = [
            Example(sample.prompt_ids, sample.token_ids, sample.logprobs)
            for sample in sampled_group(policy, tokenizer, seed=1, temperature=temperature)
        ]
        return kl_from(start, read, temperature=temperature, compute=Compute())

    start = freeze_copy(model)
    assert isinstance(start, LlamaForCausalLM)
    for temperature in (0.7, 1.0):
        assert divergence(start, temperature) == pytest.approx(0, abs=1e-5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    assert divergence(model, 1.0) > 0.01
    assert kl_from(start, [], temperature=1.0, compute=Compute()) == 0


def test_a_mismatch_slows_a_run_and_then_ends_it_also_when_it_was_interrupted_between() -> None:
    alarm, resumed = MismatchAlarm(0.5, patience=3), MismatchAlarm(0.5, patience=3)
    slowed = []
    for seen in (0.4, 0.9, None, 0.4, None, 0.3):
        alarm.see(seen)
        slowed.append(alarm.slowed)
    assert slowed == [True, False, False, True, True, True]
    resumed.below = alarm.below
    assert resumed.slowed
    with pytest.raises(EngineMismatch, match="3 updates in a row"):
        resumed.see(0.2)
