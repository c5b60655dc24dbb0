"""A generator with vLLM in this process, for scripts that run in vLLM's own environment.

    engine = InProcessVLLM(base)
    groups = engine.generator(directory, version=12).sample(prompts, params)

It has no server to restart: an engine that fails is gone, and its other weights are another process's.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from prover.formats.prompts import encode_prompt, load_tokenizer
from prover.generators.base import Dtype, Sample, SamplingParams
from prover.generators.vllm.policy import Policy, VLLMGenerator, read_policy
from prover.generators.vllm.protocol import LogprobsMode, check_params, sample_of, sampling
from prover.generators.vllm.server import reads_prompts_in_parts
from verifier.errors import InvalidInput

__all__ = ["InProcessVLLM"]


class InProcessVLLM:
    """`vllm.LLM` on the model in `base`, and adapters for it.

    Args:
        max_adapters: LoRA adapters that stay in memory.
        max_rank: largest rank of an adapter; 8, 16, 32, 64, 128, 256, 320 or 512.
        max_length: longest prompt and completion together, in tokens; the model's own limit unless set.
        dtype: of weights and arithmetic; `auto` makes 16-bit numbers of a float32 model.

    Raises:
        InvalidInput: this environment has no vLLM, or `base` holds no model.
    """

    def __init__(
        self,
        base: Path,
        *,
        max_adapters: int = 2,
        max_rank: int = 64,
        max_length: int | None = None,
        dtype: Dtype = "auto",
        **options: Any,
    ) -> None:
        try:
            vllm, lora = import_module("vllm"), import_module("vllm.lora.request")
            exceptions = import_module("vllm.exceptions")
        except ImportError as error:
            raise InvalidInput(
                f"this environment has no vLLM: {error}; use `VLLMEngine`, whose server may have another"
            ) from error
        self.base = read_policy(base, 0).base
        self.tokenizer = load_tokenizer(self.base)
        self._sampling_params, self._lora_request = vllm.SamplingParams, lora.LoRARequest
        self._refused: type[Exception] = exceptions.VLLMClientError
        self._adapters: dict[str, Any] = {}
        self._llm = vllm.LLM(
            model=str(self.base),
            dtype=dtype,
            max_model_len=max_length,
            enable_lora=True,
            max_loras=max_adapters,
            max_lora_rank=max_rank,
            enable_prefix_caching=True,
            logprobs_mode=LogprobsMode.PROCESSED.value,
            generation_config="vllm",
            enable_chunked_prefill=reads_prompts_in_parts(),
            **options,
        )

    def generator(self, directory: Path, version: int) -> VLLMGenerator:
        """A generator for the policy in `directory`: the base, or a LoRA adapter as peft writes it.

        Raises:
            InvalidInput: there is none, or it is not whole, or it is for other weights.
        """
        policy = read_policy(directory, version)
        if policy.base != self.base:
            raise InvalidInput(
                f"vLLM in this process runs {self.base}, and {directory} needs {policy.base}: start another "
                "process"
            )
        return VLLMGenerator(self, policy)

    def sample(self, policy: Policy, prompts: Sequence[str], params: SamplingParams) -> list[list[Sample]]:
        """As `VLLMGenerator.sample`."""
        check_params(params, LogprobsMode.PROCESSED)
        context, eos = int(self._llm.model_config.max_model_len), int(self.tokenizer.eos_token_id)
        prompt_ids = [encode_prompt(self.tokenizer, prompt) for prompt in prompts]
        hows = [
            sampling(params, seed=params.seed_of(prompt), eos=eos, room=context - len(ids))
            for prompt, ids in zip(prompts, prompt_ids, strict=True)
        ]
        try:
            answers = self._llm.generate(
                [{"prompt_token_ids": ids} for ids in prompt_ids],
                [self._sampling_params(**how) for how in hows],
                lora_request=self._adapter(policy),
                use_tqdm=False,
            )
        except self._refused as error:
            raise InvalidInput(f"vLLM refuses the request: {error}") from error
        return [
            [
                sample_of(self.tokenizer, ids, output.token_ids, _logprobs(output))
                for output in sorted(answer.outputs, key=lambda output: output.index)
            ]
            for ids, answer in zip(prompt_ids, answers, strict=True)
        ]

    def _adapter(self, policy: Policy) -> Any:
        """vLLM's own name and number of the adapter; it loads and unloads by them."""
        if policy.adapter is None:
            return None
        if policy.adapter not in self._adapters:
            number = len(self._adapters) + 1
            self._adapters[policy.adapter] = self._lora_request(policy.adapter, number, str(policy.directory))
        return self._adapters[policy.adapter]


def _logprobs(output: Any) -> list[float]:
    return [at[token].logprob for token, at in zip(output.token_ids, output.logprobs, strict=True)]
