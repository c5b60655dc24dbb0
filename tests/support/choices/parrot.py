"""A toy engine: every policy says the same, in capital letters what it is about to say."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prover.generators.base import EngineSettings, Generator, Sample, SamplingParams

__all__ = ["open_engine"]

SAID = Sample("ANSWER by decide", (1, 2), (3, 4), (-0.5, -0.5), finished=True)


class Parrot:
    def sample(self, prompts: Sequence[str], params: SamplingParams) -> list[list[Sample]]:
        return [[SAID] * params.samples for _ in prompts]


class ParrotEngine:
    def generator(self, directory: Path, version: int) -> Generator:
        return Parrot()


@contextmanager
def open_engine(settings: EngineSettings) -> Iterator[ParrotEngine]:
    yield ParrotEngine()
