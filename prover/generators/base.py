"""What every generator offers: prompts in, samples with log-probabilities out; and what engines offer."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self

from pydantic import Field, model_validator

from verifier.errors import InvalidInput
from verifier.settings import Section

__all__ = ["Dtype", "Engine", "EngineSettings", "Generator", "Sample", "SamplingParams", "sample_each"]

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


class SamplingParams(Section):
    """How to sample; the same parameters and the same weights give the same samples."""

    samples: int = Field(default=4, ge=1)
    """Samples per prompt (the group size G)."""
    temperature: float = Field(default=1.0, gt=0)
    """Divides the logits.  Log-probabilities are reported at this temperature."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Keep the smallest set of tokens whose probability reaches this; 1 keeps all."""
    max_new_tokens: int = Field(default=64, ge=1)
    """Most tokens in a sample, the end token included."""
    seed: int = 0
    """Seed of the random numbers."""
    greedy: bool = False
    """Whether the likeliest token is taken every time, in place of sampling."""

    def seed_of(self, prompt: str) -> int:
        """The seed of a prompt's random numbers, below 2^56.

        With one seed for all, prompts that are sampled together would share theirs.
        """
        digest = hashlib.sha256(f"{self.seed}/{prompt}".encode()).digest()
        return int.from_bytes(digest[:7])

    @model_validator(mode="after")
    def _greedy_has_one_outcome(self) -> Self:
        if self.greedy and self.samples > 1:
            raise ValueError("greedy decoding has one outcome: set samples to 1")
        return self


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled completion.

    `token_ids` ends with the eos token when `finished`; `text` does not show it.
    `logprobs[t]` is log π(token_ids[t]) in nats at the sampling temperature, before top-p.
    """

    text: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool


class Generator(Protocol):
    """Samples completions of prompts."""

    def sample(self, prompts: Sequence[str], params: SamplingParams) -> list[list[Sample]]:
        """`params.samples` samples for each prompt, in the order of `prompts`."""
        ...


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How to start an engine; each reads what concerns it."""

    device: str = "cpu"
    """Of models in this process: cpu, cuda, cuda:1 ..."""
    threads: int | None = None
    """On a CPU, the threads of models in this process; without, torch takes one for each core."""
    url: str | None = None
    """Of a server that runs already; none starts one."""
    dtype: Dtype = "auto"
    """Of a server that is started here; `auto` makes 16-bit numbers of a float32 model."""


class Engine(Protocol):
    """Runs models and gives generators of policies; `prover/generators/registry.py` lists the engines."""

    def generator(self, directory: Path, version: int) -> Generator:
        """The generator of the policy in `directory`: full weights, or a LoRA adapter as peft writes it.

        Raises:
            InvalidInput: there is none, or it is not whole.
        """
        ...


def sample_each(
    generator: Generator, prompts: Sequence[str], params: SamplingParams
) -> list[list[Sample] | InvalidInput]:
    """Sample from each prompt; where one cannot be sampled from, its error stands in place of its samples."""
    try:
        return list(generator.sample(prompts, params))
    except InvalidInput as error:
        if len(prompts) == 1:
            return [error]
        return [group for prompt in prompts for group in sample_each(generator, [prompt], params)]
