"""Settings of the curriculum (`trainer/curriculum/scheduler.py`)."""

from typing import Self

from pydantic import Field, model_validator

from trainer.curriculum.policies.registry import PolicyName
from verifier.settings import Section

__all__ = ["CurriculumConfig"]


class CurriculumConfig(Section):
    """Which theorems are tried next.  All but the policy and `forgetting` is of the policy `informative`."""

    policy: PolicyName = "informative"
    """What chooses: `informative` prefers what is likely to teach something, the others are there to compare
    with."""
    forgetting: float = Field(default=0.7, gt=0, le=1)
    """What earlier attempts at a theorem count beside those of one group more."""
    prior_weight: float = Field(default=1.0, gt=0)
    """Attempts that the rate promised by family and features counts for."""
    uniform_share: float = Field(default=0.25, ge=0, le=1)
    """Of groups, those at theorems that were chosen least often, whatever is thought of them."""
    replay_share: float = Field(default=0.05, ge=0, le=1)
    """Of groups, those at least that go to theorems that were proved before; half as many samples are enough
    to see whether they still can be."""
    budget_growth: float = Field(default=1.5, ge=1)
    """Each group in a row without a proof multiplies the samples of the next by this."""
    budget_cap: float = Field(default=4.0, ge=1)
    """Groups get at most this many times the usual samples."""
    disproof_share: float = Field(default=0.02, ge=0, le=1)
    """Of groups, those at most that try to prove the negation of a theorem that was never proved, with half
    as many samples; first where failure is least likely by family and features.  What is disproved is never
    chosen again."""
    disprove_after: int = Field(default=1, ge=1)
    """Groups without a proof after which the negation may be tried; again after as many more."""
    disproofs: int = Field(default=2, ge=0)
    """How often the negation of one theorem is tried."""

    @model_validator(mode="after")
    def _shares_leave_something(self) -> Self:
        if self.uniform_share + self.replay_share + self.disproof_share > 1:
            raise ValueError(
                "uniform_share, replay_share and disproof_share are parts of a batch: at most 1 in all"
            )
        return self
