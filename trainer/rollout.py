"""Rollouts: attempts with their verdicts and rewards; what the trainer eats."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict

from prover.theorem import Attempt
from verifier.verdict import Kind, Verdict

__all__ = ["Judged", "Rollout", "empty_responses", "reward_of"]


@dataclass(frozen=True)
class Judged:
    """An attempt with its verdict, and what sampling it took."""

    attempt: Attempt
    verdict: Verdict
    sampling_ms: float


class Rollout(BaseModel):
    """An attempt and what became of it; `reward` is None for an unknown verdict."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attempt: Attempt
    verdict: Verdict
    reward: float | None

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


def empty_responses(rollouts: Iterable[Rollout]) -> dict[str, float]:
    """How many known verdicts are on a response of no tokens, from which nothing is learned; only if any."""
    count = sum(each.reward is not None and not each.attempt.token_ids for each in rollouts)
    return {"empty_responses": count} if count else {}
