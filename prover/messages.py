"""What travels over the streams between trainer, generator and verifier."""

from pydantic import BaseModel, ConfigDict

from prover.generators import SamplingParams
from prover.theorem import Attempt, Theorem
from verifier.verdict import Submission

__all__ = ["AttemptMessage", "Task"]


class Task(BaseModel):
    """A theorem to be tried by one policy: the order for one group of attempts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    """Also the group of the attempts it leads to."""
    theorem: Theorem
    policy: str
    """Directory of the policy that samples."""
    policy_version: int
    sampling: SamplingParams


class AttemptMessage(BaseModel):
    """A submission on its way to a verifier, with the attempt it comes from.

    `attempt` is None for submissions nobody sampled: reference proofs, fixed tactics.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    submission: Submission
    attempt: Attempt | None = None
    sampling_ms: float = 0.0
    """This attempt's share of the time its batch took to sample."""

    @classmethod
    def of(cls, attempt: Attempt, sampling_ms: float) -> "AttemptMessage":
        return cls(submission=attempt.submission, attempt=attempt, sampling_ms=sampling_ms)
