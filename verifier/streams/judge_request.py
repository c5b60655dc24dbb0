"""What a run asks its verifiers: a submission, and what the verdict has to bring beside its status."""

from typing import Self

from verifier.verdict import Submission

__all__ = ["JudgeRequest"]


class JudgeRequest(Submission):
    """A submission on the stream to verifiers; whoever asks knows what it learns from, verifiers need not."""

    tactics: bool = False
    """Whether the verdict has to have the span of each tactic."""

    @classmethod
    def of(cls, submission: Submission, *, tactics: bool = False) -> Self:
        """The request for a verdict on `submission`."""
        return cls(**submission.model_dump(), tactics=tactics)
