"""What the benchmarks of training measure with (`proofmill bench`); none of it needs torch."""

from pathlib import Path

from pydantic import Field

from trainer.curriculum.policies.registry import PolicyName
from verifier.settings import Section

__all__ = ["CurriculumBenchSettings", "PipelineBenchSettings", "StepBenchSettings"]


class StepBenchSettings(Section):
    """A step of GRPO to time (`trainer/bench/step.py`)."""

    device: str = "cpu"
    """cpu, cuda, cuda:1 ..."""
    sequences: int = Field(default=64, ge=8, multiple_of=8)
    """Attempts in a step; a multiple of 8."""
    steps: int = Field(default=5, ge=1)
    """Steps to time."""
    width: int = Field(default=256, ge=64, multiple_of=64)
    """Width of the model; a multiple of 64."""
    layers: int = Field(default=4, ge=1)
    """Layers of the model."""


class CurriculumBenchSettings(Section):
    """Choosing among very many theorems (`trainer/bench/curriculum.py`)."""

    theorems: int = Field(default=1_000_000, ge=1024)
    """Theorems that the curriculum chooses from."""
    count: int = Field(default=256, ge=1)
    """Theorems to choose in a round."""
    rounds: int = Field(default=100, ge=1)
    """Rounds of choosing and observing that are timed."""
    policy: PolicyName = "informative"
    """What chooses."""
    store: Path | None = None
    """A theorem store to choose from, kept if new."""


class PipelineBenchSettings(Section):
    """Streams, verifiers and a short run (`trainer/bench/pipeline.py`)."""

    attempts: int = Field(default=4096, ge=128)
    """Attempts to send round the streams."""
    seconds: float = Field(default=10.0, ge=1)
    """For each number of simulated verifiers."""
    rounds: int = Field(default=8, ge=0)
    """Rounds of a real run; 0 leaves it out."""
