"""Theorems and attempts: what the prover reads and what it samples."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from verifier.verdict import Submission

__all__ = ["Attempt", "Split", "Theorem", "attempt_id"]

Split = Literal["train", "held_out", "held_out_family", "valid", "test"]


class Theorem(BaseModel):
    """A statement to prove.  `statement` is Lean text up to, not including, `:=`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    statement: str
    header: str = ""
    source: str
    split: Split
    family: str = ""
    difficulty: int = Field(default=0, ge=0)

    def submission(self, id: str, proof: str) -> Submission:
        """A proof of this theorem as a submission, whose verdict comes back under `id`."""
        return Submission(id=id, statement=self.statement, header=self.header, proof=proof)


class Attempt(BaseModel):
    """A proof that a policy sampled, with what a trainer needs to learn from it.

    It names its theorem, which is that of the task it was sampled for (`prover.generators.messages.Task`).
    `prompt_ids` and `token_ids` are the tokens the policy read and wrote;
    `logprobs[t]` is log π_old(token_ids[t]) at the sampling temperature, before
    top-p.  `finished` is false when sampling hit the length limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str
    """The task."""
    index: int
    """Which of the task's samples it is."""
    theorem: str
    """The name."""
    policy_version: int
    proof: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool
    sampling_ms: float = 0.0
    """Its share of the time that its batch took to sample."""

    @property
    def id(self) -> str:
        """The id of the attempt, which its submission and its verdict have too."""
        return attempt_id(self.group, self.index)


def attempt_id(group: str, index: int) -> str:
    """The id of the attempt that is sample `index` of a group."""
    return f"{group}/{index}"
