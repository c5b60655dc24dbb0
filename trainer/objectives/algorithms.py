"""The policy-gradient algorithms by name: what each paper chose of `losses.py` and `advantages.py`.

GRPO, Dr. GRPO, DAPO, GSPO and the others are presets of one loss and not learners of their own: an algorithm
is a row of this table.  Only PPO has a learner of its own, because of its critic.
"""

from dataclasses import dataclass
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from trainer.objectives.advantages import Baseline
from verifier.settings import Section

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "AlgorithmName",
    "KLEstimator",
    "PolicyLoss",
    "Reduction",
]

Reduction = Literal["sequence_mean", "token_mean", "constant_length"]
"""What a loss is a mean over: (1/Q) Σ_q (1/T_q) Σ_t, (1/Σ_q T_q) Σ_q Σ_t, or (1/(Q·L)) Σ_q Σ_t."""

KLEstimator = Literal["k1", "k2", "k3"]


_READ_BY = {
    "ratio": ("clip", "cispo"),
    "clip_low": ("clip",),
    "clip_high": ("clip",),
    "dual_clip": ("clip",),
    "cap": ("cispo",),
}
"""The settings of a loss that only some objectives read, with these objectives."""


class PolicyLoss(Section):
    """Which policy-gradient loss `policy_loss` computes."""

    objective: Literal["clip", "cispo", "reinforce"] = "clip"
    """Clip is min(ρÂ, clip(ρ)Â) (arXiv 1707.06347), CISPO sg(min(ρ, cap))·Â·log π (arXiv 2506.13585),
    REINFORCE Â·log π (Williams 1992); ρ is π_θ/π_old, and sg stops the gradient."""
    ratio: Literal["token", "sequence"] = "token"
    """ρ of each token, or one of a sequence for all its tokens: the exponential of their mean log-ratio, in
    the form for advantages of tokens (GSPO-token)."""
    reduction: Reduction = "sequence_mean"
    """What the loss is a mean over."""
    clip_low: float = Field(default=0.2, gt=0, lt=1)
    """The ratio is clipped from below at 1 − clip_low."""
    clip_high: float = Field(default=0.2, gt=0)
    """The ratio is clipped from above at 1 + clip_high; above clip_low it leaves room for unlikely tokens."""
    dual_clip: float | None = Field(default=None, gt=1)
    """Where Â < 0 the loss of a token is at most this many times −Â; without, a large ratio has no bound."""
    cap: float = Field(default=5.0, gt=0)
    """CISPO's bound of the weight, as an absolute value and not as 1 + ε."""
    max_length: int | None = Field(default=None, ge=1)
    """L of the reduction `constant_length`: the longest response there may be."""
    beta: float = Field(default=0.0, ge=0)
    """Weight of the KL term to the reference policy; 0 needs no reference."""
    kl: KLEstimator = "k3"
    """How that term is estimated, but by PPO, whose rewards have it; as a loss k1 has no useful gradient, and
    k3 a biased one."""
    entropy_weight: float = Field(default=0.0, ge=0)
    """Weight of the entropy bonus."""
    engine_cap: float | None = Field(default=None, gt=0)
    """Truncated importance sampling: tokens weigh min(π_old/π_engine, cap) where the engine that sampled them
    computes other log-probabilities than the trainer; none leaves the difference alone."""
    sequence_cap: float | None = Field(default=None, gt=0)
    """The objective of sequences with Π_t π_old/π_engine above this is left out."""

    @model_validator(mode="after")
    def _sets_only_what_is_read(self) -> Self:
        for name, objectives in _READ_BY.items():
            is_set = getattr(self, name) != type(self).model_fields[name].default
            if is_set and self.objective not in objectives:
                raise ValueError(f"{name} is for the objective {' or '.join(objectives)}: leave it out")
        return self


AlgorithmName = Literal["reinforce", "rloo", "ppo", "grpo", "dr_grpo", "dapo", "gspo", "cispo"]


@dataclass(frozen=True)
class Algorithm:
    """One row of the table; the settings of a run go before it."""

    title: str
    source: str
    loss: PolicyLoss
    baseline: Baseline | Literal["critic"]
    """What rewards are compared with: those of the group, or the values of a critic (GAE)."""
    epochs: int = 1
    """How often the rollouts of one iteration are read."""
    learning_rate: float = 1e-4
    """Of the policy."""
    drops_uninformative: bool = False
    """Whether groups that were all proved or all refuted are left out before the loss is a mean."""
    overlong_buffer: int = 0
    """Tokens before the longest response over which `overlong_penalty` grows to −1; 0 for none."""


ALGORITHMS: dict[AlgorithmName, Algorithm] = {
    "reinforce": Algorithm(
        title="REINFORCE",
        source="Williams 1992, with the mean of the group as the baseline",
        # A sum over tokens, a mean over sequences.
        loss=PolicyLoss(objective="reinforce", reduction="constant_length", max_length=1),
        baseline="centred",
    ),
    "rloo": Algorithm(
        title="RLOO",
        source="arXiv 2402.14740",
        loss=PolicyLoss(objective="reinforce", reduction="constant_length", max_length=1),
        baseline="leave_one_out",
    ),
    "ppo": Algorithm(
        title="PPO",
        source="arXiv 1707.06347",
        loss=PolicyLoss(reduction="token_mean"),
        baseline="critic",
        epochs=4,
        # It takes four times the steps of the others.
        learning_rate=3e-5,
    ),
    "grpo": Algorithm(
        title="GRPO",
        source="arXiv 2402.03300",
        loss=PolicyLoss(),
        baseline="standardised",
    ),
    "dr_grpo": Algorithm(
        title="Dr. GRPO",
        source="arXiv 2503.20783",
        loss=PolicyLoss(reduction="constant_length"),
        baseline="centred",
    ),
    "dapo": Algorithm(
        title="DAPO",
        source="arXiv 2503.14476",
        loss=PolicyLoss(reduction="token_mean", clip_high=0.28),
        baseline="standardised",
        drops_uninformative=True,
        overlong_buffer=16,
    ),
    "gspo": Algorithm(
        title="GSPO",
        source="arXiv 2507.18071",
        loss=PolicyLoss(ratio="sequence", clip_low=3e-4, clip_high=4e-4),
        baseline="standardised",
    ),
    "cispo": Algorithm(
        title="CISPO",
        source="arXiv 2506.13585",
        loss=PolicyLoss(objective="cispo", reduction="token_mean"),
        baseline="standardised",
    ),
}
assert set(ALGORITHMS) == set(get_args(AlgorithmName))
