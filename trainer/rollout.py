"""Rollouts: attempts with their verdicts, rewards and advantages; what the trainer eats."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict

from prover.theorem import Attempt
from trainer.advantages import group_advantages
from verifier.verdict import Kind, Verdict

__all__ = ["Rollout", "assign_advantages", "reward_of"]


class Rollout(BaseModel):
    """An attempt and what became of it.

    `reward` and `advantage` are None for an unknown verdict; `advantage` is also
    None before `assign_advantages`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attempt: Attempt
    verdict: Verdict
    reward: float | None
    advantage: float | None = None

    @classmethod
    def judged(cls, attempt: Attempt, verdict: Verdict) -> Self:
        """The rollout of an attempt with the outcome reward of its verdict."""
        return cls(attempt=attempt, verdict=verdict, reward=reward_of(verdict))


def reward_of(verdict: Verdict) -> float | None:
    """1 for proved, 0 for refuted, None for unknown: the machine decided, so nothing may be learned."""
    match verdict.kind:
        case Kind.PROVED:
            return 1.0
        case Kind.REFUTED:
            return 0.0
        case Kind.UNKNOWN:
            return None


def assign_advantages(rollouts: Sequence[Rollout]) -> list[Rollout]:
    """The same rollouts in the same order, with GRPO advantages (2.12) over each `attempt.group`."""
    members: defaultdict[str, list[int]] = defaultdict(list)
    for i, rollout in enumerate(rollouts):
        members[rollout.attempt.group].append(i)
    assigned = list(rollouts)
    for indices in members.values():
        advantages = group_advantages([rollouts[i].reward for i in indices])
        for i, advantage in zip(indices, advantages, strict=True):
            assigned[i] = rollouts[i].model_copy(update={"advantage": advantage})
    return assigned
