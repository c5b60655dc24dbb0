"""Losses, as pure functions of log-probabilities.

Shapes are in the names: B sequences, T tokens.  Masks are 1 on response tokens
and 0 on prompt and padding; every sequence has at least one response token.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["GRPOStats", "grpo_loss", "sft_loss"]


def sft_loss(logprobs_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """Supervised loss (2.2): −(1/Q) Σ_q (1/T_q) Σ_t log π_θ(y_t | x, y_<t), a scalar in nats per token."""
    return -_mean_per_sequence(logprobs_BT, mask_BT).mean()


@dataclass(frozen=True, slots=True)
class GRPOStats:
    """What to watch of one GRPO loss, over response tokens."""

    clip_fraction: float
    """Share of tokens whose clipped term is the smaller one, so that they give no gradient."""
    approx_kl: float
    """k3 estimate of KL(π_old ‖ π_θ) in nats per token, from ratios π_θ/π_old."""
    kl_reference: float | None
    """k3 estimate of KL(π_θ ‖ π_ref) in nats per token; None without a reference."""


def grpo_loss(
    logprobs_BT: Tensor,
    old_logprobs_BT: Tensor,
    advantages_B: Tensor,
    mask_BT: Tensor,
    *,
    clip_low: float,
    clip_high: float,
    beta: float = 0.0,
    ref_logprobs_BT: Tensor | None = None,
) -> tuple[Tensor, GRPOStats]:
    """GRPO loss (2.13), to be minimised.

    −(1/B) Σ_b (1/T_b) Σ_t [min(ρ_t Â_b, clip(ρ_t, 1−clip_low, 1+clip_high) Â_b) − β KL_t] with
    ρ_t = π_θ(y_t|s_t)/π_old(y_t|s_t) and KL_t = e^{−d} − 1 + d for d = log π_θ − log π_ref (k3).

    Args:
        old_logprobs_BT: log π_old of the same tokens, at the same temperature; no gradient flows into it.
        advantages_B: one advantage per sequence (2.12).
        ref_logprobs_BT: log π_ref of the same tokens; needed when `beta` > 0.

    Raises:
        ValueError: `beta` > 0 without `ref_logprobs_BT`.
    """
    if beta > 0 and ref_logprobs_BT is None:
        raise ValueError("a KL term (beta > 0) needs the log-probabilities of the reference policy")
    log_ratio_BT = (logprobs_BT - old_logprobs_BT.detach()).masked_fill(mask_BT == 0, 0.0)
    ratio_BT = log_ratio_BT.exp()
    advantages_B1 = advantages_B[:, None]
    plain_BT = ratio_BT * advantages_B1
    clipped_BT = ratio_BT.clamp(1 - clip_low, 1 + clip_high) * advantages_B1
    objective_BT = torch.minimum(plain_BT, clipped_BT)

    kl_reference = None
    if ref_logprobs_BT is not None:
        kl_BT = _k3((logprobs_BT - ref_logprobs_BT.detach()).masked_fill(mask_BT == 0, 0.0))
        objective_BT = objective_BT - beta * kl_BT
        kl_reference = _mean_over_tokens(kl_BT.detach(), mask_BT)
    with torch.no_grad():
        stats = GRPOStats(
            clip_fraction=_mean_over_tokens((clipped_BT < plain_BT).to(mask_BT.dtype), mask_BT),
            approx_kl=_mean_over_tokens(_k3(-log_ratio_BT), mask_BT),
            kl_reference=kl_reference,
        )
    return -_mean_per_sequence(objective_BT, mask_BT).mean(), stats


def _k3(d_BT: Tensor) -> Tensor:
    """k3 estimator of KL(π ‖ π') per token from d = log π − log π', for tokens drawn from π."""
    return torch.expm1(-d_BT) + d_BT


def _mean_per_sequence(values_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """(1/T_b) Σ_t over the response tokens of each sequence, shape (B,)."""
    return (values_BT * mask_BT).sum(-1) / mask_BT.sum(-1)


def _mean_over_tokens(values_BT: Tensor, mask_BT: Tensor) -> float:
    return float((values_BT * mask_BT).sum() / mask_BT.sum())
