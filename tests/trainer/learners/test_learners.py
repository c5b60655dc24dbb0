"""Every learner on a toy: it comes to give the answer that is proved; what says nothing changes nothing."""

import math
from collections.abc import Callable
from statistics import fmean
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from prover.generators.base import Sample
from tests.support.toys import CONFIG, PAIRS, rollout, sample_of, sampled_group, unchanged, weights
from trainer.learners.base import Learner
from trainer.learners.dpo import DPOConfig, DPOLearner
from trainer.learners.policy_gradient import (
    CriticConfig,
    PolicyGradientConfig,
    PolicyGradientLearner,
    examples_of,
)
from trainer.learners.ppo import PPOLearner
from trainer.learners.supervised import SupervisedConfig, train_supervised
from trainer.learners.trpo import TRPOConfig, TRPOLearner
from trainer.model.batching import Example, micro_batches
from trainer.model.policy import build_policy, token_logprobs
from trainer.objectives.credit import CreditConfig
from verifier.errors import InvalidInput
from verifier.verdict import Status

pytestmark = pytest.mark.usefixtures("one_thread")


Make = Callable[[LlamaForCausalLM, PreTrainedTokenizerFast], Learner]


def gradient(**settings: Any) -> Make:
    config = PolicyGradientConfig(**({"learning_rate": 1e-3, "epochs": 2} | settings))
    return lambda model, tokenizer: PolicyGradientLearner(model, config, tokenizer=tokenizer)


LEARNERS: dict[str, Make] = {
    "grpo": gradient(),
    "grpo with KL": gradient(loss={"beta": 0.02}),
    "grpo with entropy": gradient(loss={"entropy_weight": 1e-3}),
    "grpo, engine apart": gradient(loss={"engine_cap": 2.0, "sequence_cap": 3.0}),
    "reinforce": gradient(algorithm="reinforce"),
    "rloo": gradient(algorithm="rloo"),
    "dr_grpo": gradient(algorithm="dr_grpo", longest_response=16),
    "dapo": gradient(algorithm="dapo", longest_response=16),
    "gspo": gradient(algorithm="gspo", loss={"clip_low": 0.1, "clip_high": 0.1}),
    "cispo": gradient(algorithm="cispo"),
    "first errors": gradient(credit={"scheme": "first_error"}),
    "potential": gradient(credit={"scheme": "potential"}),
    "verified prefix": gradient(credit={"scheme": "verified_prefix"}),
    "sign": gradient(advantage={"baseline": "sign"}),
    "maxrl": gradient(advantage={"baseline": "maxrl"}),
    "rare successes": gradient(advantage={"baseline": "none", "solved_at_most": 0.75}, epochs=4),
    "rejection": gradient(advantage={"drop_one_sided": True, "negative_weight": 0.5}),
    "unlikeliness": gradient(advantage={"unlikeliness": 0.25}),
    "ppo": lambda model, _: PPOLearner(model, PolicyGradientConfig(algorithm="ppo", learning_rate=1e-3)),
    "ppo with KL": lambda model, _: PPOLearner(
        model, PolicyGradientConfig(algorithm="ppo", learning_rate=1e-3, loss={"beta": 0.02})
    ),
    "ppo, one trunk": lambda model, _: PPOLearner(
        model, PolicyGradientConfig(algorithm="ppo", learning_rate=1e-3, critic={"shared": True})
    ),
    "dpo": lambda model, tokenizer: DPOLearner(
        model, DPOConfig(learning_rate=1e-3, pairs_per_theorem=32), eos_id=tokenizer.eos_token_id
    ),
    "trpo": lambda model, _: TRPOLearner(model, TRPOConfig()),
}


@pytest.fixture(scope="module")
def two_answers(tokenizer: PreTrainedTokenizerFast) -> dict[str, torch.Tensor]:
    """The weights of a policy that gives one answer or another to one prompt."""
    model = build_policy(CONFIG, tokenizer, seed=0)
    pairs = [(PAIRS[0][0], "by simp"), (PAIRS[0][0], "by omega")]
    start = SupervisedConfig(learning_rate=5e-3, warmup_steps=5, batch_size=2, steps=80)
    train_supervised(model, tokenizer, pairs, start)
    return model.state_dict()


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_raises_the_probability_of_what_is_proved(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    two_answers: dict[str, torch.Tensor],
    name: str,
) -> None:
    """A policy that knows two answers comes to give the proved one; every eighth verdict is unknown."""
    model.load_state_dict(two_answers)

    def share(samples: list[Sample]) -> float:
        return sum(s.text == "by simp" for s in samples) / len(samples)

    before = share(sampled_group(model, tokenizer, seed=1000))
    learner = LEARNERS[name](model, tokenizer)
    for seed in range(12):
        samples = sampled_group(model, tokenizer, seed)
        if share(samples) > 0.95:
            break
        statuses = [Status.PROVED if s.text == "by simp" else Status.REJECTED for s in samples]
        statuses[::8] = [Status.TIMEOUT] * len(statuses[::8])
        rollouts = [rollout(s, status) for s, status in zip(samples, statuses, strict=True)]
        stats = learner.update(rollouts)
        assert all(math.isfinite(value) for value in stats.details.values())
    assert 0.2 < before < 0.7
    assert share(sampled_group(model, tokenizer, seed=1000)) > 0.85


@pytest.mark.parametrize("name", LEARNERS)
def test_what_says_nothing_about_proofs_changes_no_weight(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, name: str
) -> None:
    learner = LEARNERS[name](model, tokenizer)
    before = weights(model)
    unknown = [rollout(sample_of(tokenizer, text), Status.TIMEOUT) for text in ("h", "by simp")]
    for rollouts in ([], unknown):
        assert learner.update(rollouts).optimizer_steps == 0
    assert unchanged(model, before)


def test_a_weight_of_zero_is_the_outcome_alone_exactly(tokenizer: PreTrainedTokenizerFast) -> None:
    rollouts = [
        rollout(sample_of(tokenizer, "by omega"), Status.PROVED),
        rollout(sample_of(tokenizer, "by simp"), Status.REJECTED),
    ]
    outcome = examples_of(rollouts, PolicyGradientConfig())
    for scheme in ("first_error", "potential", "verified_prefix", "lecture"):
        config = PolicyGradientConfig(credit=CreditConfig(scheme=scheme, weight=0.0))
        assert examples_of(rollouts, config, tokenizer) == outcome
        weighted = PolicyGradientConfig(credit=CreditConfig(scheme=scheme))
        assert examples_of(rollouts, weighted, tokenizer) != outcome or scheme == "verified_prefix"
    with pytest.raises(InvalidInput, match="tokenizer"):
        examples_of(rollouts, PolicyGradientConfig(credit=CreditConfig(scheme="lecture")))


def of_cut(name: str, max_tokens: int) -> Make:
    """A learner of one step in one pass, cut into parts of so many tokens."""
    settings: dict[str, Any] = {"max_tokens": max_tokens, "epochs": 1, "minibatch_size": 64}
    match name:
        case "dpo":
            config = DPOConfig(max_tokens=max_tokens, pairs_per_theorem=32)
            return lambda model, tokenizer: DPOLearner(model, config, eos_id=tokenizer.eos_token_id)
        case "ppo":
            ppo = PolicyGradientConfig(algorithm="ppo", **settings)
            return lambda model, _: PPOLearner(model, ppo)
        case _:
            return gradient(algorithm=name, longest_response=16, **settings)


@pytest.mark.parametrize("name", ["grpo", "dapo", "dr_grpo", "gspo", "cispo", "rloo", "ppo", "dpo"])
def test_how_a_step_is_cut_into_parts_changes_nothing(tokenizer: PreTrainedTokenizerFast, name: str) -> None:
    rollouts = [
        rollout(sample_of(tokenizer, proof), Status.PROVED if i % 2 else Status.REJECTED)
        for i, (_, proof) in enumerate(PAIRS)
    ]
    found = []
    for max_tokens in (1, 100, 10_000):
        model = build_policy(CONFIG, tokenizer, seed=0)
        stats = of_cut(name, max_tokens)(model, tokenizer).update(rollouts)
        assert stats.optimizer_steps == 1
        found.append({"loss": stats.loss, "norm": stats.grad_norm, **stats.details})
    assert found[0] == pytest.approx(found[2], rel=1e-4, abs=1e-6)
    assert found[1] == pytest.approx(found[2], rel=1e-4, abs=1e-6)
    assert found[2]["norm"] > 1e-3


def test_attempts_that_need_not_be_read_make_the_loss_smaller_and_change_no_figure(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    """Those of a group that is all refuted, beside one that is not."""
    said = [
        rollout(sample_of(tokenizer, "by omega"), Status.PROVED),
        rollout(sample_of(tokenizer, "by simp"), Status.REJECTED),
    ]
    flat = [rollout(sample_of(tokenizer, text), Status.REJECTED, group="other") for text in ("h", "by rfl")]
    alone, beside = (
        PolicyGradientLearner(build_policy(CONFIG, tokenizer, seed=0), PolicyGradientConfig()).update(each)
        for each in (said, [*said, *flat])
    )
    assert beside.loss == pytest.approx(alone.loss / 2)
    assert beside.details == pytest.approx(alone.details)
    assert alone.details["approx_kl"] > 0.1 and alone.details["clip_fraction"] > 0


def test_ppo_with_a_reference_takes_what_it_costs_to_leave_it_off_the_rewards(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    """With V = 0 and λ = γ = 1, a return is R less the sum of β log(π/π_ref) from there on."""
    learner = PPOLearner(
        model, PolicyGradientConfig(algorithm="ppo", epochs=1, loss={"beta": 0.5}, critic={"lam": 1.0})
    )
    start = build_policy(CONFIG, tokenizer, seed=0)
    assert unchanged(model, weights(start))
    train_supervised(model, tokenizer, PAIRS[:2], SupervisedConfig(warmup_steps=0, batch_size=2, steps=3))
    sample = sample_of(tokenizer, "by omega")
    example = Example(sample.prompt_ids, sample.token_ids)
    (batch,) = micro_batches([example], max_tokens=1)
    inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
    with torch.no_grad():
        gaps = (token_logprobs(model, *inputs) - token_logprobs(start, *inputs))[batch.response_mask_BT == 1]
    returns = [1 - 0.5 * float(gaps[t:].sum()) for t in range(len(gaps))]
    stats = learner.update([rollout(sample, Status.PROVED)])
    assert stats.details["value_loss"] == pytest.approx(fmean(each**2 / 2 for each in returns), rel=1e-3)
    assert min(abs(each - 1) for each in returns[:-1]) > 0.01


def test_comparing_the_engine_changes_nothing_and_correcting_for_it_does(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    rollouts = [
        rollout(sample_of(tokenizer, "by omega"), Status.PROVED),
        rollout(sample_of(tokenizer, "by simp"), Status.REJECTED),
    ]
    after = []
    for settings in ({}, {"check_engine": True}, {"loss": {"engine_cap": 2.0}}):
        model = build_policy(CONFIG, tokenizer, seed=0)
        stats = PolicyGradientLearner(model, PolicyGradientConfig(**settings)).update(rollouts)
        assert ("effective_sample_share" in stats.details) == bool(settings)
        after.append(weights(model))
    assert all(map(torch.equal, after[0], after[1]))
    assert not all(map(torch.equal, after[0], after[2]))


def test_a_critic_comes_to_explain_the_returns_of_what_it_has_seen(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Which answer it will be shows in its first word, so later states have a value of their own."""
    critic = CriticConfig(clip=None, learning_rate=5e-3)
    config = PolicyGradientConfig(algorithm="ppo", learning_rate=1e-6, critic=critic)
    learner = PPOLearner(model, config)
    rollouts = [
        rollout(sample_of(tokenizer, text), status)
        for text, status in (("by omega", Status.PROVED), ("by simp", Status.REJECTED))
        for _ in range(16)
    ]
    explained = [learner.update(rollouts).details["explained_variance"] for _ in range(20)]
    assert explained[0] == pytest.approx(0, abs=1e-6)
    assert explained[-1] > 0.25


def test_the_gradient_is_reported_by_sign_where_that_is_asked_for_and_nothing_else_changes(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    def learned(statuses: list[Status], **settings: Any) -> tuple[dict[str, float], list[torch.Tensor]]:
        model = build_policy(CONFIG, tokenizer, seed=0)
        samples = sampled_group(model, tokenizer, seed=0)[: len(statuses)]
        rollouts = [rollout(*pair) for pair in zip(samples, statuses, strict=True)]
        learner = PolicyGradientLearner(model, PolicyGradientConfig(algorithm="grpo", **settings))
        return dict(learner.update(rollouts).details), weights(model)

    mixed = [Status.PROVED, Status.REJECTED, Status.REJECTED, Status.REJECTED]
    plain, expected = learned(mixed)
    figures, found = learned(mixed, check_signs=True)
    assert figures["grad_norm_better"] > 0 and figures["grad_norm_worse"] > 0
    assert "grad_norm_better" not in plain
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    # With the weight of negatives at 0 there is nothing on their side.
    one_sided, _ = learned(mixed, check_signs=True, advantage={"negative_weight": 0.0})
    assert "grad_norm_worse" not in one_sided and one_sided["grad_norm_better"] > 0


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_grpo_starts_with_ratio_one_on_what_the_generator_sampled(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, temperature: float
) -> None:
    samples = sampled_group(model, tokenizer, seed=0, temperature=temperature)
    rollouts = [rollout(s, Status.PROVED if i % 2 else Status.REJECTED) for i, s in enumerate(samples)]
    config = PolicyGradientConfig(epochs=1, temperature=temperature)
    stats = PolicyGradientLearner(model, config).update(rollouts)
    assert (stats.optimizer_steps, stats.sequences) == (1, 64)
    assert stats.tokens == sum(len(s.prompt_ids) + len(s.token_ids) for s in samples)
    assert stats.details["clip_fraction"] == 0
    assert stats.details["approx_kl"] == pytest.approx(0, abs=1e-6)
    assert 4 < stats.details["entropy"] <= math.log(len(tokenizer)) + 1e-4


@pytest.mark.parametrize("status", [Status.PROVED, Status.REJECTED, Status.TIMEOUT])
def test_a_group_without_contrast_changes_no_weight(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, status: Status
) -> None:
    rollouts = [rollout(sample_of(tokenizer, text), status) for text in ("h", "by simp", "by omega")]
    before = weights(model)
    stats = PolicyGradientLearner(model, PolicyGradientConfig()).update(rollouts)
    assert (stats.optimizer_steps, stats.tokens) == (0, 0)
    assert unchanged(model, before)


def test_unknown_verdicts_change_no_update(tokenizer: PreTrainedTokenizerFast) -> None:
    known = [
        rollout(sample_of(tokenizer, "by omega"), Status.PROVED),
        rollout(sample_of(tokenizer, "by simp"), Status.REJECTED),
    ]
    unknown = rollout(sample_of(tokenizer, "by decide"), Status.CRASHED)
    after = []
    for rollouts in (known, [unknown, *known, unknown]):
        model = build_policy(CONFIG, tokenizer)
        PolicyGradientLearner(model, PolicyGradientConfig()).update(rollouts)
        after.append(model)
    assert unchanged(after[0], weights(after[1]))


@pytest.mark.parametrize("name", LEARNERS)
def test_an_attempt_without_tokens_is_counted_and_not_learned_from(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, name: str
) -> None:
    sample = sample_of(tokenizer, "h")
    empty = Sample("", sample.prompt_ids, (), (), finished=False)
    wrong = rollout(sample_of(tokenizer, "by simp"), Status.REJECTED)
    rollouts = [rollout(sample, Status.PROVED), wrong, rollout(empty, Status.REJECTED)]
    stats = LEARNERS[name](model, tokenizer).update(rollouts)
    # Without a baseline only what was proved has a gradient.
    read = 1 if name == "rare successes" else 2
    assert (stats.sequences, stats.details["empty_responses"]) == (read, 1)
    alone = LEARNERS[name](model, tokenizer).update([rollout(empty, Status.REJECTED)])
    assert (alone.optimizer_steps, alone.details) == (0, {"empty_responses": 1})


def test_no_rollouts_and_a_group_of_one_change_no_weight(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    before = weights(model)
    learner = PolicyGradientLearner(model, PolicyGradientConfig())
    for rollouts in ([], [rollout(sample_of(tokenizer, "h"), Status.PROVED)]):
        assert learner.update(rollouts).optimizer_steps == 0
    assert unchanged(model, before)
