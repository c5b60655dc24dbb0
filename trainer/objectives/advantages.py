"""From the rewards of a group to the advantages of its attempts; and what is done to rewards before that.

`None` is the reward of an unknown verdict.  It is in no mean and gets no advantage, as if the attempt had not
been made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from trainer.rollout import has_contrast
from verifier.settings import Section

__all__ = [
    "BASELINES",
    "AdvantageConfig",
    "Baseline",
    "BaselineKind",
    "group_advantages",
    "overlong_penalty",
    "reward_the_unlikely",
    "solve_rate",
    "weigh_negatives",
]

Baseline = Literal["standardised", "centred", "leave_one_out", "maxrl", "sign", "none"]
"""How the rewards of a group are compared; `BASELINES` says what each is."""


@dataclass(frozen=True)
class BaselineKind:
    """What there is to know of a way to compare."""

    formula: str
    """The advantage of a reward R in a group of G."""
    source: str
    compares: bool
    """Whether it compares the attempts of a group: where all did equally well, nothing is learned from
    them."""


BASELINES: Mapping[Baseline, BaselineKind] = {
    "standardised": BaselineKind("(R − mean)/(std + 1e-4)", "GRPO, arXiv 2402.03300", compares=True),
    "centred": BaselineKind("R − mean", "Dr. GRPO, arXiv 2503.20783", compares=True),
    "leave_one_out": BaselineKind(
        "R − mean of the others, which is G/(G − 1)·(R − mean)", "RLOO, arXiv 2402.14740", compares=True
    ),
    "maxrl": BaselineKind(
        "(R − mean)/mean, the gradient of log of the pass rate; 0 where nothing is proved",
        "MaxRL, arXiv 2602.02710",
        compares=True,
    ),
    "sign": BaselineKind(
        "2R − 1: what is proved is reinforced and what is refuted is not, whatever the others did",
        "reported against gradient starvation in small groups (2026 preprint)",
        compares=False,
    ),
    "none": BaselineKind("R: what is proved is reinforced", "REINFORCE, Williams 1992", compares=False),
}
assert set(BASELINES) == set(get_args(Baseline))

_EPSILON = 1e-4


class AdvantageConfig(Section):
    """How attempts are compared, where that is not as the algorithm's paper has it."""

    baseline: Baseline | None = None
    """What a reward is compared with; none for what the algorithm has."""
    drop_one_sided: bool | None = None
    """Whether groups that were all proved or all refuted are left out before the loss is a mean
    (Reinforce-Rej, arXiv 2504.11343); none for what the algorithm has."""
    solved_at_most: float = Field(default=1.0, gt=0, le=1)
    """Groups of which a larger share was proved are left out: rare successes teach, and what is solved anyway
    takes entropy."""
    negative_weight: float = Field(default=1.0, ge=0)
    """Factor of the advantages below 0; 0 learns from what did better alone."""
    unlikeliness: float = Field(default=0.0, ge=0, lt=1)
    """β of the reward R·(1 − β(G − rank)/G), where rank 1 is the attempt of the group that the policy found
    most likely (arXiv 2506.02355); 0 for the reward as it is."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.baseline is not None and not BASELINES[self.baseline].compares and self.drop_one_sided:
            raise ValueError(
                f"advantage: the baseline `{self.baseline}` is for learning from groups of one outcome, and "
                "drop_one_sided leaves them out: set one of them"
            )
        if self.baseline == "none" and self.negative_weight not in (0, 1):
            raise ValueError(
                "advantage: with the baseline `none` no advantage is below 0: leave negative_weight out"
            )
        return self


def group_advantages(
    rewards: Sequence[float | None], baseline: Baseline = "standardised"
) -> list[float | None]:
    """The advantages of one group; std is that of the population.

    Where a baseline compares and all known rewards of a group are equal, as in a group of one, nothing was
    better than anything else: the advantages are exactly 0.
    """
    known = [reward for reward in rewards if reward is not None]
    if BASELINES[baseline].compares and not has_contrast(rewards):
        return [None if reward is None else 0.0 for reward in rewards]
    shift, scale = 0.0, 1.0
    match baseline:
        case "standardised":
            shift, scale = fmean(known), 1 / (pstdev(known) + _EPSILON)
        case "centred":
            shift = fmean(known)
        case "leave_one_out":
            shift, scale = fmean(known), len(known) / (len(known) - 1)
        case "maxrl":
            mean = fmean(known)
            # Where the penalty for length outweighs what was proved there is no pass rate to raise.
            shift, scale = mean, 1 / mean if mean > 0 else 0.0
        case "sign":
            shift, scale = 0.5, 2.0
        case "none":
            pass
    return [None if reward is None else (reward - shift) * scale for reward in rewards]


def solve_rate(rewards: Sequence[float | None]) -> float:
    """The share of the known rewards of a group that are above 0; 0 where none is known."""
    known = [reward for reward in rewards if reward is not None]
    return sum(reward > 0 for reward in known) / len(known) if known else 0.0


def weigh_negatives(advantages: Sequence[float | None], weight: float) -> list[float | None]:
    """The advantages, those below 0 times `weight`."""
    return [a * weight if a is not None and a < 0 else a for a in advantages]


def reward_the_unlikely(
    rewards: Sequence[float | None], logprobs: Sequence[float], beta: float
) -> list[float | None]:
    """R·(1 − β(G − rank)/G), so that of several proofs the one that was least expected counts most.

    It is that of arXiv 2506.02355: G is the number of known rewards, and rank 1 is the most likely attempt.
    Attempts that are equally likely have the mean of their ranks.

    Args:
        logprobs: log π of each attempt, in nats, under the policy that sampled it.
    """
    known = [logprob for reward, logprob in zip(rewards, logprobs, strict=True) if reward is not None]

    def rank(logprob: float) -> float:
        above, alike = sum(other > logprob for other in known), sum(other == logprob for other in known)
        return above + (alike + 1) / 2

    return [
        None if reward is None else reward * (1 - beta * (len(known) - rank(logprob)) / len(known))
        for reward, logprob in zip(rewards, logprobs, strict=True)
    ]


def overlong_penalty(tokens: int, *, longest: int, buffer: int) -> float:
    """What DAPO adds to the reward of a response of `tokens` tokens (arXiv 2503.14476, equation 13).

    It is 0 up to `longest` − `buffer`, falls linearly to −1 at `longest`, and is −1 beyond.
    """
    return (
        -min(1.0, max(0.0, (tokens - (longest - buffer)) / buffer))
        if buffer > 0
        else -float(tokens > longest)
    )
