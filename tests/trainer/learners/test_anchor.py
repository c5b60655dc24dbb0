"""The anchor: proofs read beside a learner's own loss, what they add, and that no weight adds nothing."""

import random
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tests.support.toys import CONFIG, PAIRS, rollout, sample_of, unchanged, weights
from trainer.learners.anchor import Anchor, AnchorConfig
from trainer.learners.dpo import DPOConfig, DPOLearner
from trainer.learners.policy_gradient import PolicyGradientConfig, PolicyGradientLearner
from trainer.learners.ppo import PPOLearner
from trainer.learners.supervised import encode_pairs
from trainer.model.batching import Example, micro_batches
from trainer.model.policy import build_policy, token_logprobs
from trainer.rollout import Rollout
from verifier.verdict import Status

pytestmark = pytest.mark.usefixtures("one_thread")

Learner = PolicyGradientLearner | PPOLearner | DPOLearner
KINDS = ("grpo", "ppo", "dpo")


@pytest.fixture
def known(tokenizer: PreTrainedTokenizerFast) -> list[Example]:
    return encode_pairs(tokenizer, PAIRS, max_length=CONFIG.max_length)


@pytest.fixture
def rollouts(tokenizer: PreTrainedTokenizerFast) -> list[Rollout]:
    """Two groups, each with both outcomes."""
    return [
        rollout(sample_of(tokenizer, text), Status.PROVED if i % 3 else Status.REJECTED, name=f"t{i % 2}")
        for i, text in enumerate(("by omega", "by simp", "by decide", "h", "by\n  rfl", "Nat.zero_le a"))
    ]


def learner_of(
    kind: str, model: LlamaForCausalLM, known: list[Example], eos_id: int, anchor: dict[str, Any], **more: Any
) -> Learner:
    if kind == "dpo":
        config = DPOConfig(learning_rate=1e-3, anchor=AnchorConfig(**anchor), **more)
        return DPOLearner(model, config, eos_id=eos_id, known=known)
    settings = PolicyGradientConfig(algorithm=kind, learning_rate=1e-3, epochs=1, anchor=anchor, **more)
    learner = PPOLearner if kind == "ppo" else PolicyGradientLearner
    return learner(model, settings, known=known, eos_id=eos_id)


@pytest.mark.parametrize("kind", KINDS)
def test_without_weight_the_update_is_exactly_the_one_without_an_anchor(
    tokenizer: PreTrainedTokenizerFast, known: list[Example], rollouts: list[Rollout], kind: str
) -> None:
    found = []
    for proofs, anchor in (([], {}), (known, {"weight": 0.0, "known": 4, "found": 4})):
        model = build_policy(CONFIG, tokenizer, seed=0)
        learner = learner_of(kind, model, proofs, tokenizer.eos_token_id, anchor)
        found.append((learner.update(rollouts), weights(model)))
        assert "proofs" not in learner.state()
    assert found[0][0] == found[1][0]
    assert all(map(torch.equal, found[0][1], found[1][1]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_the_learners_own_and_the_weighted_mean_over_the_proofs_of_their_mean_over_tokens(
    tokenizer: PreTrainedTokenizerFast, known: list[Example], rollouts: list[Rollout], kind: str
) -> None:
    losses = []
    for weight in (0.0, 0.25):
        model = build_policy(CONFIG, tokenizer, seed=0)
        anchor = {"weight": weight, "known": len(known), "found": 0}
        stats = learner_of(kind, model, known, tokenizer.eos_token_id, anchor).update(rollouts)
        assert stats.optimizer_steps == 1
        losses.append(stats.loss)
    model = build_policy(CONFIG, tokenizer, seed=0)
    negative = []
    for proof in known:
        (batch,) = micro_batches([proof], max_tokens=10_000)
        logprobs = token_logprobs(model, batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        negative.append(-float(logprobs.detach().sum()) / len(proof.token_ids))
    expected = sum(negative) / len(negative)
    assert stats.details["anchor_loss"] == pytest.approx(expected, abs=1e-5)
    assert losses[1] - losses[0] == pytest.approx(0.25 * expected, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_how_proofs_are_cut_into_parts_changes_nothing(
    tokenizer: PreTrainedTokenizerFast, known: list[Example], rollouts: list[Rollout], kind: str
) -> None:
    found = []
    for max_tokens in (1, 10_000):
        model = build_policy(CONFIG, tokenizer, seed=0)
        anchor = {"weight": 0.5, "known": 4, "found": 4}
        learner = learner_of(kind, model, known, tokenizer.eos_token_id, anchor, max_tokens=max_tokens)
        stats = learner.update(rollouts)
        found.append({"loss": stats.loss, "norm": stats.grad_norm, **stats.details})
    assert found[0] == pytest.approx(found[1], rel=1e-4, abs=1e-6)


def test_with_an_anchor_a_round_without_contrast_is_one_of_proofs(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, known: list[Example]
) -> None:
    failed = [rollout(sample_of(tokenizer, text), Status.REJECTED) for text in ("h", "by simp")]
    before = weights(model)
    eos_id = tokenizer.eos_token_id
    alone = learner_of("grpo", model, known, eos_id, {})
    assert alone.update(failed).optimizer_steps == 0 and unchanged(model, before)
    stats = learner_of("grpo", model, known, eos_id, {"weight": 1.0, "known": 4}).update(failed)
    assert stats.optimizer_steps == 1 and not unchanged(model, before)
    assert stats.loss == pytest.approx(stats.details["anchor_loss"])
    assert stats.tokens <= sum(sorted(map(len, known))[-4:])


def test_proofs_are_drawn_from_the_start_and_from_what_was_found_in_their_shares(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, known: list[Example], rollouts: list[Rollout]
) -> None:
    config = AnchorConfig(weight=1.0, known=2, found=3)
    anchor = Anchor(model, config, known=known, eos_id=tokenizer.eos_token_id, max_tokens=100)
    rng = random.Random(0)
    assert len(next(anchor.minibatches(rng))) == 2
    figures = anchor.add(rollouts)
    proved = sum(each.reward == 1 for each in rollouts)
    assert figures == {"new_proofs": proved, "proofs": proved}
    drawn = next(anchor.minibatches(rng))
    assert len([proof for proof in drawn if proof in known]) >= 2 and len(drawn) == 5
    nothing = Anchor(model, AnchorConfig(), known=known, eos_id=0, max_tokens=100)
    before = rng.getstate()
    assert next(nothing.minibatches(rng)) == [] and rng.getstate() == before


def test_an_anchor_on_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="it needs proofs"):
        AnchorConfig(weight=1.0, known=0, found=0)
    with pytest.raises(ValueError, match="nothing to learn from"):
        PolicyGradientConfig(weight=0.0)


@pytest.mark.parametrize("kind", ["grpo", "ppo"])
def test_the_policys_loss_is_weighed_beside_the_anchor(
    tokenizer: PreTrainedTokenizerFast, known: list[Example], rollouts: list[Rollout], kind: str
) -> None:
    losses = []
    for weight in (0.0, 1.0, 4.0):
        model = build_policy(CONFIG, tokenizer, seed=0)
        anchor = {"weight": 1.0, "known": len(known), "found": 0}
        learner = learner_of(kind, model, known, tokenizer.eos_token_id, anchor, weight=weight)
        losses.append(learner.update(rollouts).loss)
    assert losses[2] - losses[0] == pytest.approx(4 * (losses[1] - losses[0]), abs=1e-5)
