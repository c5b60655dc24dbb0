"""What the trainer sends to generators: tasks, in orders."""

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from prover.generators.base import SamplingParams
from prover.theorem import Theorem, attempt_id
from verifier.streams.judge_request import JudgeRequest

__all__ = ["TASKS_PER_ORDER", "Order", "Task"]

TASKS_PER_ORDER = 16
"""Few enough that Lean starts on the first attempts while the next are sampled."""


class Task(BaseModel):
    """A theorem to be tried by one policy: what leads to one group of attempts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    """Also the group of the attempts it leads to."""
    theorem: Theorem
    policy: str
    """Directory of the policy that samples."""
    policy_version: int
    policy_digest: str | None = None
    """Of that directory, if it is sealed (`prover/generators/sealed.py`); what samples checks it."""
    sampling: SamplingParams
    negates: str | None = None
    """Name of the theorem of which this one is the negation: a proof says that that one is false."""
    proofs: tuple[str, ...] = ()
    """What is to be judged in place of samples, one of them for each."""

    tactics: bool = False
    """Whether the verdicts on its attempts have to bring their tactics, for the learner."""

    @model_validator(mode="after")
    def _a_proof_for_each_sample(self) -> Self:
        if self.proofs and len(self.proofs) != self.sampling.samples:
            raise ValueError(f"{len(self.proofs)} proofs for {self.sampling.samples} samples")
        return self

    @property
    def attempt_ids(self) -> list[str]:
        """Of all attempts it leads to, by sample."""
        return [attempt_id(self.id, index) for index in range(self.sampling.samples)]

    def submission(self, index: int, proof: str) -> JudgeRequest:
        """A proof of its theorem, the attempt that is the sample `index`, to be judged."""
        submission = self.theorem.submission(attempt_id(self.id, index), proof)
        return JudgeRequest.of(submission, tactics=self.tactics)


class Order(BaseModel):
    """Tasks that are sampled together.

    One message, so that the same tasks share a batch whoever samples them and however often: how sequences
    are batched decides how floats are rounded, and a run that is resumed shall come to the same weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: tuple[Task, ...]
