"""From the rewards of a group to the advantages of its attempts."""

from collections.abc import Sequence
from statistics import fmean, pstdev

__all__ = ["group_advantages"]

_EPSILON = 1e-4


def group_advantages(rewards: Sequence[float | None]) -> list[float | None]:
    """GRPO advantages (2.12): (R − mean)/(std + 1e-4) over one group, std being the population's.

    `None` is the reward of an unknown verdict.  It is outside mean and std and
    gets no advantage, as if the attempt had not been made.  A group whose known
    rewards are all equal says nothing about what was better: its advantages are exactly 0.
    """
    known = [reward for reward in rewards if reward is not None]
    if not known:
        return [None] * len(rewards)
    if min(known) == max(known):
        return [None if reward is None else 0.0 for reward in rewards]
    mean, scale = fmean(known), pstdev(known) + _EPSILON
    return [None if reward is None else (reward - mean) / scale for reward in rewards]
