"""The policies vLLM can sample from: full weights or a LoRA adapter in a directory."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safetensors import SafetensorError, safe_open

from prover.generators.base import Sample, SamplingParams
from verifier.errors import InvalidInput

__all__ = ["Policy", "VLLMGenerator", "read_policy"]

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of the policy, in a directory that nobody changes any more; all paths are absolute."""

    directory: Path
    base: Path
    """The full weights: `directory` itself, or the model the adapter in it is for."""
    adapter: str | None
    """What a server is to call it, `v0012-` and the start of a hash of its files, if it is one."""


class VLLM(Protocol):
    """What runs vLLM for a `VLLMGenerator`."""

    def sample(
        self, policy: Policy, prompts: Sequence[str], params: SamplingParams
    ) -> list[list[Sample]]: ...


@dataclass(frozen=True, slots=True)
class VLLMGenerator:
    """Samples from one version of the policy; what runs it is shared with other versions."""

    engine: VLLM
    policy: Policy

    def sample(self, prompts: Sequence[str], params: SamplingParams) -> list[list[Sample]]:
        """`params.samples` samples for each prompt, in the order of `prompts`.

        A sample's random numbers come from the seed, the prompt and the sample's place in its group.
        Which requests share a batch still changes the rounding of vLLM's arithmetic, and with it, now
        and then, a token.

        Raises:
            InvalidInput: vLLM refuses a prompt, as when it leaves no room in the context, or it cannot
                report the log-probabilities of such sampling, or it cannot load the policy.
            EngineUnavailable: vLLM does not answer, also after it has been started anew.
        """
        return self.engine.sample(self.policy, prompts, params)


def read_policy(directory: Path, version: int) -> Policy:
    """The policy in a Hugging Face model directory, or in an adapter's as peft writes it.

    Raises:
        InvalidInput: `directory` holds neither, or an adapter that is not whole or whose base model
            is not there.
    """
    directory = directory.absolute()
    if (directory / ADAPTER_FILES[0]).is_file():
        return Policy(directory, _base_of(directory), f"v{version:04d}-{_digest(directory)[:8]}")
    if (directory / "config.json").is_file():
        return Policy(directory, directory, None)
    raise InvalidInput(f"{directory} holds no policy: it has neither config.json nor {ADAPTER_FILES[0]}")


def _base_of(directory: Path) -> Path:
    config = directory / ADAPTER_FILES[0]
    try:
        named = json.loads(config.read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (ValueError, AttributeError) as error:
        raise InvalidInput(
            f"{config} is not whole: {error}; publish this version of the policy again"
        ) from error
    if not named:
        raise InvalidInput(
            f"{config} names no base model: set base_model_name_or_path to the directory of the weights that "
            "the adapter is for"
        )
    base = Path(named).absolute()
    if not (base / "config.json").is_file():
        raise InvalidInput(f"{config} is for the model in {base}, and there is none: it has no config.json")
    return base


def _digest(directory: Path) -> str:
    config, weights = (directory / name for name in ADAPTER_FILES)
    try:
        # vLLM in this process would end with a file that is cut off.
        with safe_open(weights, framework="numpy"):
            return hashlib.sha256(config.read_bytes() + weights.read_bytes()).hexdigest()
    except (FileNotFoundError, SafetensorError) as error:
        raise InvalidInput(
            f"{weights} is not whole: {error}; publish this version of the policy again"
        ) from error
