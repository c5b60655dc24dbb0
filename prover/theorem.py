"""Theorems and attempts: what the prover reads and what it samples."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from verifier.verdict import Submission

__all__ = ["Attempt", "Split", "Theorem"]

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
        """A proof of it, to be judged."""
        return Submission(id=id, statement=self.statement, header=self.header, proof=proof)


class Attempt(BaseModel):
    """A submission sampled by a policy, with what a trainer needs to learn from it.

    `prompt_ids` and `token_ids` are the tokens the policy read and wrote;
    `logprobs[t]` is log π_old(token_ids[t]) at the sampling temperature, before
    top-p.  `finished` is false when sampling hit the length limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    group: str
    theorem: Theorem
    policy_version: int
    proof: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool

    @property
    def submission(self) -> Submission:
        return self.theorem.submission(self.id, self.proof)
