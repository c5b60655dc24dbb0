"""Losses, as pure functions of log-probabilities.

Shapes are in the names: B sequences, T tokens, N pairs.  Masks are 1 on response tokens and 0 on prompt and
padding; a sequence without response tokens counts as a sequence and adds nothing.

One function is the whole family of policy gradients, because its members differ in four things only: what the
ratio is of, how it is clipped, what the loss is a mean over, and which advantages it is given.
`trainer/objectives/algorithms.py` has the choices that the papers made, by name.

A loss may be given the `Totals` of the batch that an optimizer step learns from, and a part of that batch:
the losses of the parts then add up to the loss of the whole, and so do their gradients and statistics.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from trainer.objectives.algorithms import KLEstimator, PolicyLoss, Reduction

__all__ = [
    "PolicyStats",
    "Totals",
    "bradley_terry_loss",
    "dpo_loss",
    "gae_advantages",
    "kl_estimates",
    "kl_penalised_rewards",
    "next_token_loss",
    "policy_loss",
    "sft_loss",
    "value_loss",
]


@dataclass(frozen=True, slots=True)
class Totals:
    """The size of a batch that one optimizer step learns from."""

    sequences: int
    tokens: int
    """Response tokens."""

    @classmethod
    def of(cls, mask_BT: Tensor) -> "Totals":
        """The size of a batch that is read at once, from its response mask."""
        return cls(len(mask_BT), int(mask_BT.sum()))


@dataclass(frozen=True, slots=True)
class PolicyStats:
    """What to watch of a policy loss, as shares of all that is read: those of its parts add up."""

    clip_fraction: float
    """Share of response tokens that clipping keeps from giving a gradient; CISPO's bound, a larger one."""
    approx_kl: float
    """k3 estimate of KL(π_old ‖ π_θ) in nats per token, from ratios π_θ/π_old."""
    kl_reference: float | None = None
    """Estimate of KL(π_θ ‖ π_ref) in nats per token; None without a reference."""
    engine_kl: float | None = None
    """k3 estimate of KL(π_engine ‖ π_old) in nats per token; None where the engine says nothing."""
    dropped_sequences: float | None = None
    """Share of sequences left out of the objective for `sequence_cap`; None where the engine says nothing."""

    def figures(self) -> dict[str, float]:
        """The statistics that there are, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def policy_loss(
    logprobs_BT: Tensor,
    old_logprobs_BT: Tensor,
    advantages_BT: Tensor,
    mask_BT: Tensor,
    config: PolicyLoss,
    *,
    totals: Totals | None = None,
    read: Totals | None = None,
    ref_logprobs_BT: Tensor | None = None,
    engine_logprobs_BT: Tensor | None = None,
    entropies_BT: Tensor | None = None,
) -> tuple[Tensor, PolicyStats]:
    """A policy-gradient loss, to be minimised, and its statistics.

    Args:
        logprobs_BT: log π_θ of the tokens.
        old_logprobs_BT: log π_old of the same tokens, at the same temperature; no gradient flows into it.
        advantages_BT: of each token, or of shape (B, 1), one for each sequence.
        totals: the size of the whole batch, if this is a part of it.
        read: the size of what is read of that batch, which the statistics are means over; sequences without
            a gradient need not be read.
        ref_logprobs_BT: log π_ref of the same tokens; needed when `beta` > 0.
        engine_logprobs_BT: what the engine that sampled said of them; needed for both caps.
        entropies_BT: of π_θ at each token, with gradient; needed for an entropy bonus.

    Raises:
        ValueError: the config asks for something that was not passed.
    """
    _check(config, ref_logprobs_BT, engine_logprobs_BT, entropies_BT)
    totals = totals or Totals.of(mask_BT)
    read = read or totals
    log_ratio_BT = _mask_out(logprobs_BT - old_logprobs_BT.detach(), mask_BT)
    objective_BT, is_clipped_BT = _objective(logprobs_BT, log_ratio_BT, advantages_BT, mask_BT, config)

    engine_kl = dropped = None
    if engine_logprobs_BT is not None:
        log_gap_BT = _mask_out((old_logprobs_BT - engine_logprobs_BT).detach(), mask_BT)
        kept_B = _kept_sequences(log_gap_BT, config.sequence_cap)
        dropped = float((~kept_B).sum()) / read.sequences
        weights_BT = torch.ones_like(log_gap_BT)
        if config.engine_cap is not None:
            weights_BT = log_gap_BT.exp().clamp(max=config.engine_cap)
        objective_BT = objective_BT * weights_BT * kept_B[:, None]
        engine_kl = _share(kl_estimates(-log_gap_BT, "k3"), mask_BT, read)

    kl_reference = None
    if ref_logprobs_BT is not None:
        kl_BT = kl_estimates(_mask_out(logprobs_BT - ref_logprobs_BT.detach(), mask_BT), config.kl)
        objective_BT = objective_BT - config.beta * kl_BT
        kl_reference = _share(kl_BT, mask_BT, read)
    if entropies_BT is not None:
        objective_BT = objective_BT + config.entropy_weight * _mask_out(entropies_BT, mask_BT)

    stats = PolicyStats(
        clip_fraction=_share(is_clipped_BT.to(mask_BT.dtype), mask_BT, read),
        approx_kl=_share(kl_estimates(-log_ratio_BT, "k3"), mask_BT, read),
        kl_reference=kl_reference,
        engine_kl=engine_kl,
        dropped_sequences=dropped,
    )
    return -_reduce(objective_BT, mask_BT, config.reduction, totals, config.max_length), stats


def _objective(
    logprobs_BT: Tensor, log_ratio_BT: Tensor, advantages_BT: Tensor, mask_BT: Tensor, config: PolicyLoss
) -> tuple[Tensor, Tensor]:
    """What is to be made large at each token, and where clipping keeps it from giving a gradient."""
    if config.ratio == "sequence":
        # GSPO-token: the value of every ratio is the sequence's, its gradient the token's own, so that tokens
        # of a sequence may have advantages of their own.  Where they are alike it is GSPO.
        own_BT = _mask_out(logprobs_BT, mask_BT)
        log_ratio_BT = _mean_per_sequence(log_ratio_BT, mask_BT)[:, None].detach() + own_BT - own_BT.detach()
    ratio_BT = log_ratio_BT.exp()
    advantages_BT = advantages_BT.expand_as(ratio_BT)
    if config.objective == "reinforce":
        return _mask_out(logprobs_BT, mask_BT) * advantages_BT, torch.zeros_like(ratio_BT, dtype=torch.bool)
    if config.objective == "cispo":
        # The weight has no gradient, so that a token keeps its own however far its ratio went.
        weights_BT = ratio_BT.detach().clamp(max=config.cap)
        return weights_BT * advantages_BT * _mask_out(logprobs_BT, mask_BT), ratio_BT > config.cap
    plain_BT = ratio_BT * advantages_BT
    clipped_BT = ratio_BT.clamp(1 - config.clip_low, 1 + config.clip_high) * advantages_BT
    objective_BT = torch.minimum(plain_BT, clipped_BT)
    is_clipped_BT = clipped_BT < plain_BT
    if config.dual_clip is not None:
        floor_BT = config.dual_clip * advantages_BT
        is_floored_BT = (advantages_BT < 0) & (objective_BT < floor_BT)
        objective_BT = torch.where(is_floored_BT, floor_BT, objective_BT)
        is_clipped_BT = is_clipped_BT | is_floored_BT
    return objective_BT, is_clipped_BT


def _kept_sequences(log_gap_BT: Tensor, cap: float | None) -> Tensor:
    """Whether each sequence has Π_t π_old/π_engine of at most `cap`, shape (B,)."""
    log_gap_B = log_gap_BT.sum(-1)
    return torch.ones_like(log_gap_B, dtype=torch.bool) if cap is None else log_gap_B.exp() <= cap


def _check(
    config: PolicyLoss, reference: Tensor | None, engine: Tensor | None, entropies: Tensor | None
) -> None:
    if config.beta > 0 and reference is None:
        raise ValueError("a KL term (beta > 0) needs the log-probabilities of the reference policy")
    if (config.engine_cap or config.sequence_cap) and engine is None:
        raise ValueError("engine_cap and sequence_cap need the log-probabilities that the engine computed")
    if config.entropy_weight > 0 and entropies is None:
        raise ValueError("an entropy bonus needs the entropies of the policy")
    if config.reduction == "constant_length" and config.max_length is None:
        raise ValueError("the reduction constant_length needs max_length")


def kl_estimates(d_BT: Tensor, estimator: KLEstimator) -> Tensor:
    """Estimates of KL(π ‖ π') per token from d = log π − log π', for tokens drawn from π.

    k1 = d; k2 = d²/2; k3 = e^{−d} − 1 + d (Schulman 2020).  k1 and k3 have the divergence as their mean.
    """
    match estimator:
        case "k1":
            return d_BT
        case "k2":
            return d_BT.square() / 2
        case "k3":
            return torch.expm1(-d_BT) + d_BT


def sft_loss(logprobs_BT: Tensor, mask_BT: Tensor, totals: Totals | None = None) -> Tensor:
    """Supervised loss: −(1/Q) Σ_q (1/T_q) Σ_t log π_θ(y_t | x, y_<t), a scalar in nats per token.

    It is a mean over the Q sequences of the mean over their T_q response tokens.
    """
    return -_reduce(_mask_out(logprobs_BT, mask_BT), mask_BT, "sequence_mean", totals or Totals.of(mask_BT))


def next_token_loss(logprobs_BT: Tensor, mask_BT: Tensor, totals: Totals | None = None) -> Tensor:
    """Pre-training loss: −(1/Σ T) Σ log π_θ(x_t | x_<t), a mean over all predicted tokens, in nats."""
    return -_reduce(_mask_out(logprobs_BT, mask_BT), mask_BT, "token_mean", totals or Totals.of(mask_BT))


def gae_advantages(
    rewards_BT: Tensor, values_BT: Tensor, mask_BT: Tensor, *, gamma: float = 1.0, lam: float = 0.95
) -> Tensor:
    """Generalised advantage estimates (arXiv 1506.02438), shape (B, T), 0 outside the mask.

    Â_t = Σ_l (γλ)^l δ_{t+l} with δ_t = r_t + γV(s_{t+1}) − V(s_t); after the last response token V is
    0.  With λ = 1 and V = 0 it is the discounted return.

    Args:
        values_BT: V(s_t) of the state before token t; no gradient flows into it.
        mask_BT: response tokens of a sequence, which stand side by side.
    """
    values_BT = _mask_out(values_BT.detach(), mask_BT)
    rewards_BT = _mask_out(rewards_BT.detach(), mask_BT)
    advantages_BT = torch.zeros_like(values_BT)
    next_value_B = next_advantage_B = torch.zeros_like(values_BT[:, 0])
    for t in reversed(range(values_BT.shape[1])):
        delta_B = rewards_BT[:, t] + gamma * next_value_B - values_BT[:, t]
        next_advantage_B = (delta_B + gamma * lam * next_advantage_B) * mask_BT[:, t]
        next_value_B = values_BT[:, t]
        advantages_BT[:, t] = next_advantage_B
    return advantages_BT


def kl_penalised_rewards(
    rewards_B: Tensor, logprobs_BT: Tensor, ref_logprobs_BT: Tensor, mask_BT: Tensor, *, beta: float
) -> Tensor:
    """Rewards of tokens, shape (B, T): −β log(π/π_ref), plus R at the last token.

    Their sum is, in the mean, the KL-regularised objective E[R] − β KL(π ‖ π_ref) (arXiv 2203.02155).
    """
    penalised_BT = -beta * _mask_out((logprobs_BT - ref_logprobs_BT).detach(), mask_BT)
    # The last response token is the one with none after it.
    later_BT = mask_BT.flip(-1).cumsum(-1).flip(-1)
    return penalised_BT + rewards_B[:, None] * ((later_BT == 1) & (mask_BT == 1))


def value_loss(
    values_BT: Tensor,
    old_values_BT: Tensor,
    returns_BT: Tensor,
    mask_BT: Tensor,
    *,
    clip: float | None = None,
    totals: Totals | None = None,
) -> Tensor:
    """Half the squared error of a critic, mean over response tokens.

    With `clip` a value that moved more than that from `old_values_BT` gets the larger of its own error and
    that of the clipped value, as in PPO's reference implementation.
    """
    errors_BT = (values_BT - returns_BT).square()
    if clip is not None:
        moved_BT = old_values_BT + (values_BT - old_values_BT).clamp(-clip, clip)
        errors_BT = torch.maximum(errors_BT, (moved_BT - returns_BT).square())
    return _reduce(_mask_out(errors_BT, mask_BT) / 2, mask_BT, "token_mean", totals or Totals.of(mask_BT))


def dpo_loss(
    chosen_logprobs_N: Tensor,
    rejected_logprobs_N: Tensor,
    chosen_ref_N: Tensor,
    rejected_ref_N: Tensor,
    *,
    beta: float = 0.1,
) -> Tensor:
    """DPO (arXiv 2305.18290): −log σ(β[log π_θ(y_w)/π_ref(y_w) − log π_θ(y_l)/π_ref(y_l)]), mean over pairs.

    Args:
        chosen_logprobs_N: Σ_t log π_θ of the better response of each pair; the others likewise.
    """
    chosen_N = chosen_logprobs_N - chosen_ref_N.detach()
    rejected_N = rejected_logprobs_N - rejected_ref_N.detach()
    return -logsigmoid(beta * (chosen_N - rejected_N)).mean()


def bradley_terry_loss(chosen_N: Tensor, rejected_N: Tensor) -> Tensor:
    """Mean of −log σ(R(x, y_w) − R(x, y_l)) over pairs of scores (Bradley and Terry 1952)."""
    return -logsigmoid(chosen_N - rejected_N).mean()


def _reduce(
    values_BT: Tensor, mask_BT: Tensor, reduction: Reduction, totals: Totals, max_length: int | None = None
) -> Tensor:
    """This part's share of the mean over the batch of `totals`; `values_BT` are 0 outside the mask."""
    match reduction:
        case "sequence_mean":
            return _mean_per_sequence(values_BT, mask_BT).sum() / max(1, totals.sequences)
        case "token_mean":
            return (values_BT * mask_BT).sum() / max(1, totals.tokens)
        case "constant_length":
            return (values_BT * mask_BT).sum() / max(1, totals.sequences * (max_length or 1))


def _mask_out(values_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """0 outside the mask, also where a value there is infinite."""
    return values_BT.masked_fill(mask_BT == 0, 0.0)


def _mean_per_sequence(values_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """(1/T_b) Σ_t over the response tokens of each sequence, shape (B,); 0 where there are none."""
    return (values_BT * mask_BT).sum(-1) / mask_BT.sum(-1).clamp(min=1)


@torch.no_grad()
def _share(values_BT: Tensor, mask_BT: Tensor, totals: Totals) -> float:
    return float((values_BT * mask_BT).sum()) / max(1, totals.tokens)
