"""Rollouts: attempts with their verdicts; what the trainer learns from."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from prover.theorem import Attempt
from verifier.verdict import Kind, Verdict

__all__ = ["Rollout", "empty_responses", "groups_of", "has_contrast", "reward_of"]


class Rollout(BaseModel):
    """An attempt and its verdict."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attempt: Attempt
    verdict: Verdict

    @property
    def reward(self) -> float | None:
        """The outcome reward; None for an unknown verdict."""
        return reward_of(self.verdict)


def reward_of(verdict: Verdict) -> float | None:
    """1 for proved, 0 for refuted, None for unknown: the machine decided, so nothing may be learned."""
    match verdict.kind:
        case Kind.PROVED:
            return 1.0
        case Kind.REFUTED:
            return 0.0
        case Kind.UNKNOWN:
            return None


def groups_of(rollouts: Iterable[Rollout]) -> list[list[Rollout]]:
    """The rollouts of each group, groups in the order in which they come."""
    groups: defaultdict[str, list[Rollout]] = defaultdict(list)
    for rollout in rollouts:
        groups[rollout.attempt.group].append(rollout)
    return list(groups.values())


def has_contrast(rewards: Sequence[float | None]) -> bool:
    """Whether two known rewards of a group differ; where none do, a comparison has no gradient."""
    known = [reward for reward in rewards if reward is not None]
    return bool(known) and min(known) < max(known)


def empty_responses(rollouts: Iterable[Rollout]) -> dict[str, float]:
    """How many known verdicts are on a response of no tokens, from which nothing is learned; only if any."""
    count = sum(rollout.reward is not None and not rollout.attempt.token_ids for rollout in rollouts)
    return {"empty_responses": count} if count else {}
