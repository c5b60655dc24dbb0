"""From the rewards of a group to the advantages of its attempts; and DAPO's penalty on rewards.

`None` is the reward of an unknown verdict.  It is in no mean and gets no advantage, as if the attempt had not
been made.
"""

from collections.abc import Sequence
from statistics import fmean, pstdev
from typing import Literal

__all__ = ["Baseline", "group_advantages", "is_informative", "overlong_penalty"]

Baseline = Literal["standardised", "centred", "leave_one_out"]
"""How the rewards of a group are compared.

`standardised` is (R − mean)/(std + 1e-4), as in GRPO (arXiv 2402.03300); `centred` is R − mean, as in Dr.
GRPO (arXiv 2503.20783); `leave_one_out` is R − the mean of the others, which is G/(G−1)·(R − mean), as in
RLOO (arXiv 2402.14740)."""

_EPSILON = 1e-4


def group_advantages(
    rewards: Sequence[float | None], baseline: Baseline = "standardised"
) -> list[float | None]:
    """The advantages of one group; std is that of the population.

    Where all known rewards of a group are equal, as in a group of one, nothing was better than anything else:
    the advantages are exactly 0.
    """
    known = [reward for reward in rewards if reward is not None]
    if not is_informative(rewards):
        return [None if reward is None else 0.0 for reward in rewards]
    mean = fmean(known)
    match baseline:
        case "standardised":
            scale = 1 / (pstdev(known) + _EPSILON)
        case "centred":
            scale = 1.0
        case "leave_one_out":
            scale = len(known) / (len(known) - 1)
    return [None if reward is None else (reward - mean) * scale for reward in rewards]


def is_informative(rewards: Sequence[float | None]) -> bool:
    """Whether two known rewards of a group differ; DAPO learns from no other groups."""
    known = [reward for reward in rewards if reward is not None]
    return bool(known) and min(known) < max(known)


def overlong_penalty(tokens: int, *, longest: int, buffer: int) -> float:
    """What DAPO adds to the reward of a response of `tokens` tokens (arXiv 2503.14476, equation 13).

    It is 0 up to `longest` − `buffer`, falls linearly to −1 at `longest`, and is −1 beyond.
    """
    return (
        -min(1.0, max(0.0, (tokens - (longest - buffer)) / buffer))
        if buffer > 0
        else -float(tokens > longest)
    )
