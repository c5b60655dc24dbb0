"""The losses against their formulas written out in plain Python, and what must not change them."""

import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainer.losses import grpo_loss, sft_loss

CLIP = {"clip_low": 0.2, "clip_high": 0.28}


def random_batch(seed: int, *, sequences: int = 5, length: int = 9) -> dict[str, Tensor]:
    """Log-probabilities, advantages and a mask with prompts and padding, in float64."""
    torch.manual_seed(seed)
    starts = torch.randint(1, length - 1, (sequences, 1))
    stops = starts + 1 + (torch.rand(sequences, 1) * (length - starts)).long()
    positions = torch.arange(length)
    old = -3 * torch.rand(sequences, length, dtype=torch.float64)
    return {
        "logprobs": old + 0.4 * torch.randn(sequences, length, dtype=torch.float64),
        "old": old,
        "ref": old + 0.3 * torch.randn(sequences, length, dtype=torch.float64),
        "advantages": torch.randn(sequences, dtype=torch.float64),
        "mask": ((positions >= starts) & (positions < stops)).double(),
    }


def plain_sft(batch: dict[str, Tensor]) -> float:
    total = 0.0
    for logprobs, mask in zip(batch["logprobs"].tolist(), batch["mask"].tolist(), strict=True):
        response = [x for x, m in zip(logprobs, mask, strict=True) if m]
        total += sum(response) / len(response)
    return -total / len(batch["mask"])


def plain_grpo(batch: dict[str, Tensor], *, clip_low: float, clip_high: float, beta: float) -> float:
    names = ("logprobs", "old", "ref", "mask")
    total = 0.0
    for advantage, *rows in zip(
        batch["advantages"].tolist(), *(batch[name].tolist() for name in names), strict=True
    ):
        terms = []
        for new, old, ref, mask in zip(*rows, strict=True):
            if not mask:
                continue
            ratio = math.exp(new - old)
            clipped = min(max(ratio, 1 - clip_low), 1 + clip_high)
            d = new - ref
            terms.append(min(ratio * advantage, clipped * advantage) - beta * (math.exp(-d) - 1 + d))
        total += sum(terms) / len(terms)
    return -total / len(batch["advantages"])


def grpo(batch: dict[str, Tensor], beta: float = 0.0) -> Tensor:
    loss, _ = grpo_loss(
        batch["logprobs"],
        batch["old"],
        batch["advantages"],
        batch["mask"],
        beta=beta,
        ref_logprobs_BT=batch["ref"],
        **CLIP,
    )
    return loss


@pytest.mark.parametrize("seed", range(20))
def test_sft_loss_is_equation_2_2(seed: int) -> None:
    batch = random_batch(seed)
    assert float(sft_loss(batch["logprobs"], batch["mask"])) == pytest.approx(plain_sft(batch), abs=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.1])
@pytest.mark.parametrize("seed", range(20))
def test_grpo_loss_is_equation_2_13(seed: int, beta: float) -> None:
    batch = random_batch(seed)
    assert float(grpo(batch, beta)) == pytest.approx(plain_grpo(batch, beta=beta, **CLIP), abs=1e-6)


@given(seed=st.integers(0, 10_000), columns=st.integers(1, 6), garbage=st.floats(-50, 50))
@settings(max_examples=50, deadline=None)
def test_padding_changes_neither_loss(seed: int, columns: int, garbage: float) -> None:
    batch = random_batch(seed)
    padded = {
        name: value
        if name == "advantages"
        else torch.nn.functional.pad(value, (0, columns), value=0.0 if name == "mask" else garbage)
        for name, value in batch.items()
    }
    assert torch.equal(
        sft_loss(padded["logprobs"], padded["mask"]), sft_loss(batch["logprobs"], batch["mask"])
    )
    assert torch.equal(grpo(padded, 0.1), grpo(batch, 0.1))


def test_infinite_values_outside_the_mask_reach_neither_loss_nor_gradient() -> None:
    batch = random_batch(1)
    old = batch["old"].masked_fill(batch["mask"] == 0, -math.inf)
    logprobs = batch["logprobs"].clone().requires_grad_()
    loss, _ = grpo_loss(logprobs, old, batch["advantages"], batch["mask"], **CLIP)
    loss.backward()
    assert logprobs.grad is not None
    assert torch.isfinite(loss)
    assert torch.isfinite(logprobs.grad).all()
    assert not logprobs.grad[batch["mask"] == 0].any()


def test_first_pass_gradient_is_the_policy_gradient() -> None:
    batch = random_batch(2)
    logprobs = batch["old"].clone().requires_grad_()
    loss, stats = grpo_loss(logprobs, batch["old"], batch["advantages"], batch["mask"], **CLIP)
    loss.backward()
    lengths = batch["mask"].sum(-1, keepdim=True)
    expected = -batch["advantages"][:, None] * batch["mask"] / lengths / len(lengths)
    assert logprobs.grad is not None
    torch.testing.assert_close(logprobs.grad, expected)
    assert stats.clip_fraction == 0
    assert stats.approx_kl == pytest.approx(0)


@pytest.mark.parametrize(
    ("ratio", "advantage", "clipped"), [(1.5, 1, True), (0.5, -1, True), (1.5, -1, False), (0.5, 1, False)]
)
def test_clipping_stops_the_gradient_only_where_the_ratio_went_too_far_already(
    ratio: float, advantage: float, clipped: bool
) -> None:
    old = torch.full((1, 2), -1.0, dtype=torch.float64)
    logprobs = (old + math.log(ratio)).requires_grad_()
    mask = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    loss, stats = grpo_loss(
        logprobs, old, torch.tensor([float(advantage)], dtype=torch.float64), mask, **CLIP
    )
    loss.backward()
    assert logprobs.grad is not None
    assert (float(logprobs.grad[0, 1]) == 0) == clipped
    assert stats.clip_fraction == float(clipped)


def test_equal_rewards_give_no_gradient() -> None:
    batch = random_batch(3)
    logprobs = batch["logprobs"].clone().requires_grad_()
    loss, _ = grpo_loss(logprobs, batch["old"], torch.zeros(5, dtype=torch.float64), batch["mask"], **CLIP)
    loss.backward()
    assert logprobs.grad is not None
    assert not logprobs.grad.any()


def test_kl_estimates_agree_with_the_exact_divergence() -> None:
    """k3 over tokens drawn from a distribution has the divergence as its mean, for both directions used."""
    p, q = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([0.3, 0.3, 0.4]).double()
    exact = float((p * (p / q).log()).sum())
    counts = random.Random(0).choices(range(3), weights=p.tolist(), k=200_000)
    tokens = torch.tensor(counts)[None]
    log_p, log_q = p.log()[tokens], q.log()[tokens]
    mask, advantages = torch.ones_like(log_p), torch.zeros(1, dtype=torch.float64)
    _, stats = grpo_loss(log_p, log_p, advantages, mask, beta=1.0, ref_logprobs_BT=log_q, **CLIP)
    assert stats.kl_reference == pytest.approx(exact, rel=0.02)
    _, stats = grpo_loss(log_q, log_p, advantages, mask, **CLIP)
    assert stats.approx_kl == pytest.approx(exact, rel=0.02)


def test_a_kl_term_without_a_reference_is_refused() -> None:
    batch = random_batch(4)
    with pytest.raises(ValueError, match="reference"):
        grpo_loss(batch["logprobs"], batch["old"], batch["advantages"], batch["mask"], beta=0.1, **CLIP)
