"""TRPO against explicit matrices on a model small enough to build them, and what a step must never do."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from prover.theorem import Attempt
from trainer.learners import trpo
from trainer.learners.base import Learner
from trainer.learners.trpo import (
    FisherProduct,
    TRPOConfig,
    TRPOLearner,
    conjugate_gradient,
    surrogate_gradient,
    trpo_update,
)
from trainer.model.batching import Example, micro_batches
from trainer.model.optimizer import NonFiniteLoss
from trainer.model.policy import token_logprobs
from trainer.rollout import Rollout
from verifier.errors import InvalidInput
from verifier.verdict import Status, Verdict

VOCABULARY = 7
TEMPERATURE = 0.8


@pytest.fixture
def model() -> LlamaForCausalLM:
    """528 weights; noise on all of them, because at the start the output is nearly uniform."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=32,
        tie_word_embeddings=True,
    )
    # The default, whose fused kernels have no second derivative.
    config._attn_implementation = "sdpa"
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model


def examples_of(
    model: LlamaForCausalLM, *, advantages: tuple[float, ...] = (1.0, -1.0, 0.5, 0.0)
) -> list[Example]:
    """Attempts of different lengths with the model's own log-probabilities; even tokens get the advantage."""
    torch.manual_seed(1)
    examples = []
    for i, advantage in enumerate(advantages):
        ids = torch.randint(0, VOCABULARY, (5 + i,)).tolist()
        per_token = tuple(advantage * (t % 2 == 0) for t in range(len(ids) - 2))
        example = Example(tuple(ids[:2]), tuple(ids[2:]), advantages=per_token)
        (batch,) = micro_batches([example], max_tokens=1)
        inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        with torch.no_grad():
            logprobs_BT = token_logprobs(model, *inputs, temperature=TEMPERATURE)
        examples.append(replace(example, old_logprobs=tuple(logprobs_BT[0, 2:].tolist())))
    return examples


def config_of(**changes: float) -> TRPOConfig:
    return TRPOConfig.model_validate({"temperature": TEMPERATURE} | changes)


def weights(model: LlamaForCausalLM) -> Tensor:
    return torch.cat([p.detach().reshape(-1).clone() for p in model.parameters()])


def log_softmax_of_responses(model: LlamaForCausalLM, examples: list[Example]) -> Tensor:
    """log π_θ(· | s_t) of every response token, shape (N, V), one example at a time."""
    rows = []
    for example in examples:
        logits_TV = model(torch.tensor([example.prompt_ids + example.token_ids])).logits[0] / TEMPERATURE
        rows.append(logits_TV[len(example.prompt_ids) - 1 : -1].log_softmax(-1))
    return torch.cat(rows)


def explicit_fisher(model: LlamaForCausalLM, examples: list[Example]) -> Tensor:
    """F = (1/N) Σ_t Σ_v π(v|s_t) ∇log π(v|s_t) ∇log π(v|s_t)ᵀ, shape (P, P)."""
    logprobs_NV = log_softmax_of_responses(model, examples)
    fisher_PP = torch.zeros(528, 528, dtype=torch.float64)
    for logprobs_V in logprobs_NV:
        for logprob in logprobs_V:
            gradients = torch.autograd.grad(logprob, list(model.parameters()), retain_graph=True)
            score_P = torch.cat([g.reshape(-1) for g in gradients]).double()
            fisher_PP += logprob.detach().double().exp() * torch.outer(score_P, score_P)
    return fisher_PP / len(logprobs_NV)


def kl_and_surrogate(
    model: LlamaForCausalLM, old: LlamaForCausalLM, examples: list[Example]
) -> tuple[float, float]:
    """Mean KL(π_old ‖ π_θ) and E_t[ρ_t Â_t], written out."""
    with torch.no_grad():
        new_NV, old_NV = (log_softmax_of_responses(each, examples).double() for each in (model, old))
    tokens_N = torch.tensor([t for example in examples for t in example.token_ids])
    recorded_N = torch.tensor([x for example in examples for x in example.old_logprobs or ()])
    advantages_N = torch.tensor([a for example in examples for a in example.advantages])
    ratio_N = (new_NV.gather(1, tokens_N[:, None])[:, 0] - recorded_N).exp()
    kl = float((old_NV.exp() * (old_NV - new_NV)).sum(-1).mean())
    return kl, float((ratio_N * advantages_N).mean())


def written_out_gradient(model: LlamaForCausalLM, examples: list[Example]) -> Tensor:
    """∇ E_t[ρ_t Â_t], shape (P,)."""
    tokens_N = torch.tensor([t for example in examples for t in example.token_ids])
    recorded_N = torch.tensor([x for example in examples for x in example.old_logprobs or ()])
    advantages_N = torch.tensor([a for example in examples for a in example.advantages])
    logprobs_N = log_softmax_of_responses(model, examples).gather(1, tokens_N[:, None])[:, 0]
    surrogate = ((logprobs_N - recorded_N).exp() * advantages_N).mean()
    return torch.cat([g.reshape(-1) for g in torch.autograd.grad(surrogate, list(model.parameters()))])


def test_the_gradient_of_the_surrogate_is_to_the_policy_that_sampled(model: LlamaForCausalLM) -> None:
    """Which may be another than the one that learns, and in as many parts as there are."""
    examples = [
        replace(each, old_logprobs=tuple(x - 0.4 * i for x in each.old_logprobs or ()))
        for i, each in enumerate(examples_of(model))
    ]
    for max_tokens in (1, 10_000):
        batches = micro_batches(examples, max_tokens=max_tokens)
        _, found_P = surrogate_gradient(model, batches, temperature=TEMPERATURE)
        torch.testing.assert_close(found_P, written_out_gradient(model, examples), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("size", [1, 5, 30])
def test_conjugate_gradients_solve_a_random_positive_definite_system(size: int) -> None:
    torch.manual_seed(size)
    root = torch.randn(size, size, dtype=torch.float64)
    matrix = root @ root.T + 0.1 * torch.eye(size, dtype=torch.float64)
    b = torch.randn(size, dtype=torch.float64)
    x = conjugate_gradient(lambda v: matrix @ v, b, 4 * size, 1e-10)
    torch.testing.assert_close(x, torch.linalg.solve(matrix, b), atol=1e-6, rtol=1e-6)


def test_conjugate_gradients_stop_at_the_tolerance_the_limit_and_where_nothing_curves() -> None:
    products = 0

    def matvec(v: Tensor) -> Tensor:
        nonlocal products
        products += 1
        return torch.tensor([1.0, 10.0, 100.0]) * v

    b = torch.ones(3)
    conjugate_gradient(matvec, b, 2, 1e-6)
    assert products == 2
    x = conjugate_gradient(matvec, b, 100, 1e-6)
    assert products <= 2 + 4
    torch.testing.assert_close(x, torch.tensor([1.0, 0.1, 0.01]))
    assert not conjugate_gradient(matvec, torch.zeros(3), 5, 1e-6).any()
    assert not conjugate_gradient(torch.zeros_like, b, 5, 1e-6).any()


@pytest.mark.parametrize("max_tokens", [1, 10_000])
def test_the_fisher_vector_product_is_that_of_the_explicit_matrix(
    model: LlamaForCausalLM, max_tokens: int
) -> None:
    examples = examples_of(model)
    fisher_PP = explicit_fisher(model, examples)
    product = FisherProduct(model, micro_batches(examples, max_tokens=max_tokens), TEMPERATURE)
    for _ in range(3):
        vector_P = torch.randn(528)
        expected_P = fisher_PP @ vector_P.double()
        assert float((product(vector_P) - expected_P).norm() / expected_P.norm()) < 1e-5
    assert product.calls == 3
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("max_kl", [1e-4, 1e-2, 0.3])
@pytest.mark.parametrize("staleness", [0.0, 0.5])
def test_a_step_improves_the_surrogate_inside_the_trust_region(
    model: LlamaForCausalLM, max_kl: float, staleness: float
) -> None:
    """Also where an older policy sampled: ratios are to that one, the region is around the weights now."""
    examples, old = examples_of(model), copy.deepcopy(model)
    examples = [
        replace(each, old_logprobs=tuple(x - staleness * (i % 2) for x in each.old_logprobs or ()))
        for i, each in enumerate(examples)
    ]
    stats = trpo_update(model, examples, config_of(max_kl=max_kl))
    kl, surrogate = kl_and_surrogate(model, old, examples)
    _, before = kl_and_surrogate(old, old, examples)
    assert (stats.optimizer_steps, stats.details["accepted"]) == (1, 1)
    assert 0.05 * max_kl < kl <= max_kl + 1e-7
    assert surrogate > before
    assert stats.details["kl"] == pytest.approx(kl, rel=1e-2)
    assert stats.details["improvement"] == pytest.approx(surrogate - before, rel=1e-2, abs=1e-6)
    assert stats.loss == pytest.approx(-before, abs=1e-6)
    assert stats.tokens == (1 + stats.details["fisher_products"]) * sum(map(len, examples))
    assert stats.sequences == len(examples)


def test_for_a_small_trust_region_the_step_is_the_natural_gradient(model: LlamaForCausalLM) -> None:
    max_kl, damping = 1e-7, 1e-3
    examples, old = examples_of(model), copy.deepcopy(model)
    batches = micro_batches(examples, max_tokens=10_000)
    _, gradient_P = surrogate_gradient(model, batches, temperature=TEMPERATURE)
    torch.testing.assert_close(gradient_P, written_out_gradient(model, examples), atol=1e-6, rtol=1e-4)
    fisher_PP = explicit_fisher(model, examples)
    damped_PP = fisher_PP + damping * torch.eye(528, dtype=torch.float64)
    natural_P = torch.linalg.solve(damped_PP, gradient_P.double())
    config = config_of(max_kl=max_kl, damping=damping, cg_steps=100, cg_tolerance=1e-6, shrink=0.9)
    stats = trpo_update(model, examples, config)
    step_P = (weights(model) - weights(old)).double()
    assert float(torch.cosine_similarity(step_P, natural_P, dim=0)) > 0.999
    assert float(torch.cosine_similarity(step_P, gradient_P.double(), dim=0)) < 0.9
    quadratic = 0.5 * float(step_P @ fisher_PP @ step_P)
    assert quadratic == pytest.approx(stats.details["step_share"] ** 2 * max_kl, rel=0.02)
    assert stats.details["kl"] == pytest.approx(quadratic, rel=0.05)
    assert stats.details["step_share"] > 0.8


def test_micro_batches_change_the_step_by_rounding_only(model: LlamaForCausalLM) -> None:
    examples, other = examples_of(model), copy.deepcopy(model)
    before = weights(model)
    # Conjugate gradients that end early would magnify the rounding.
    converged = {"damping": 0.1, "cg_steps": 40}
    trpo_update(model, examples, config_of(max_tokens=1, **converged))
    trpo_update(other, examples, config_of(**converged))
    step_P, other_P = weights(model) - before, weights(other) - before
    assert float(step_P.norm()) > 0.1
    assert float((step_P - other_P).norm() / step_P.norm()) < 1e-4


def test_advantages_of_0_read_and_change_nothing(model: LlamaForCausalLM) -> None:
    before = weights(model)
    for examples in (examples_of(model, advantages=(0.0, 0.0)), []):
        stats = trpo_update(model, examples, config_of())
        assert (stats.optimizer_steps, stats.tokens, stats.sequences) == (0, 0, 0)
        assert torch.equal(weights(model), before)


@pytest.mark.parametrize("spoiled", [(-1.0, 0.0), (1.0, 1.0), (math.nan, 0.0)])
def test_a_step_that_cannot_be_accepted_leaves_the_weights_bit_for_bit(
    model: LlamaForCausalLM, monkeypatch: pytest.MonkeyPatch, spoiled: tuple[float, float]
) -> None:
    """No improvement, a KL that stays above δ, and an improvement that is not a number."""
    tried = []

    def compare(model: LlamaForCausalLM, *rest: object) -> tuple[float, float]:
        tried.append(weights(model))
        return spoiled

    examples, before = examples_of(model), weights(model)
    monkeypatch.setattr(trpo, "_compare", compare)
    model.train()
    stats = trpo_update(model, examples, config_of(backtracks=3))
    assert len(tried) == 4
    assert not any(torch.equal(each, before) for each in tried)
    torch.testing.assert_close(tried[1] - before, (tried[0] - before) / 2, atol=1e-6, rtol=1e-3)
    assert torch.equal(weights(model), before)
    assert (stats.optimizer_steps, stats.details["accepted"], stats.details["kl"]) == (0, 0, 0)
    assert model.training


def test_a_real_step_too_long_for_the_trust_region_is_shortened_or_refused(model: LlamaForCausalLM) -> None:
    """At δ = 8 nats the quadratic model of the KL is far off; without backtracking nothing may change."""
    examples, before = examples_of(model), weights(model)
    refused = trpo_update(model, examples, config_of(max_kl=8, backtracks=0))
    assert refused.optimizer_steps == 0
    assert torch.equal(weights(model), before)
    shortened = trpo_update(model, examples, config_of(max_kl=8))
    assert shortened.optimizer_steps == 1
    assert shortened.details["step_share"] < 1
    assert shortened.details["kl"] <= 8


def test_a_pass_that_fails_during_the_line_search_restores_the_weights(
    model: LlamaForCausalLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory(*_: object) -> tuple[float, float]:
        raise torch.OutOfMemoryError("no memory")

    examples, before = examples_of(model), weights(model)
    monkeypatch.setattr(trpo, "_compare", out_of_memory)
    with pytest.raises(torch.OutOfMemoryError):
        trpo_update(model, examples, config_of())
    assert torch.equal(weights(model), before)


def test_frozen_weights_stay_and_the_rest_learns(model: LlamaForCausalLM) -> None:
    model.model.embed_tokens.weight.requires_grad_(False)
    examples, old = examples_of(model), copy.deepcopy(model)
    assert trpo_update(model, examples, config_of()).optimizer_steps == 1
    assert torch.equal(model.model.embed_tokens.weight, old.model.embed_tokens.weight)
    assert not torch.equal(weights(model), weights(old))


def test_weights_that_give_no_finite_gradient_are_reported_and_left_alone(model: LlamaForCausalLM) -> None:
    examples = examples_of(model)
    with torch.no_grad():
        model.model.norm.weight[0] = math.nan
    before = weights(model)
    with pytest.raises(NonFiniteLoss, match="damping"):
        trpo_update(model, examples, config_of())
    torch.testing.assert_close(weights(model), before, atol=0, rtol=0, equal_nan=True)


def test_what_trpo_cannot_use_is_refused_by_cause(model: LlamaForCausalLM) -> None:
    (example,) = examples_of(model, advantages=(1.0,))
    for incomplete in (replace(example, old_logprobs=None), replace(example, advantages=())):
        with pytest.raises(InvalidInput, match="record both"):
            trpo_update(model, [incomplete], config_of())
    with pytest.raises(InvalidInput, match="float32"):
        trpo_update(copy.deepcopy(model).bfloat16(), [example], config_of())
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(InvalidInput, match="attn_implementation"):
        trpo_update(model, [example], config_of())


def test_the_learner_makes_the_proved_likelier_and_reads_no_unknown_verdict(model: LlamaForCausalLM) -> None:
    def rollout(example: Example, status: Status) -> Rollout:
        attempt = Attempt(
            group="g",
            index=0,
            theorem="t",
            policy_version=0,
            proof="",
            prompt_ids=example.prompt_ids,
            token_ids=example.token_ids,
            logprobs=example.old_logprobs or (),
            finished=True,
        )
        return Rollout(attempt=attempt, verdict=Verdict(id="a", status=status, reason=""))

    def logprob(example: Example) -> float:
        (batch,) = micro_batches([example], max_tokens=1)
        with torch.no_grad():
            return float(
                token_logprobs(
                    model, batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT
                ).sum()
            )

    proved, refuted, unknown = examples_of(model, advantages=(0.0, 0.0, 0.0))
    before = [logprob(each) for each in (proved, refuted)]
    learner: Learner = TRPOLearner(model, config_of(max_kl=0.05))
    stats = learner.update(
        [
            rollout(proved, Status.PROVED),
            rollout(refuted, Status.REJECTED),
            rollout(unknown, Status.TIMEOUT),
        ]
    )
    assert (stats.optimizer_steps, stats.sequences) == (1, 2)
    after = [logprob(each) for each in (proved, refuted)]
    assert after[0] > before[0]
    assert after[1] < before[1]
