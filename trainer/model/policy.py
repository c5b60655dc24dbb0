"""The policy: a small llama built from a config, saved as a normal Hugging Face directory.

What is saved loads with `prover.generators.transformers.load_model` and in vLLM.
"""

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from trainer.model.distributed import shard
from trainer.model.tokenizer import MIN_VOCAB_SIZE
from verifier.errors import InvalidInput
from verifier.settings import Section

__all__ = [
    "PolicyConfig",
    "build_policy",
    "response_logits",
    "save_policy",
    "shard_policy",
    "token_logprobs",
    "token_logprobs_and_entropies",
]


_GATHERING = "proofmill_response_logits"
"""Name of the method around which sharded weights are gathered; other models have none."""

_Logits = Callable[[Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]


class PolicyConfig(Section):
    """The shape of a policy trained from scratch; the defaults make about 984,000 float32 parameters."""

    layers: int = Field(default=2, ge=1)
    """Transformer blocks."""
    width: int = Field(default=192, ge=32)
    """Size of the residual stream; a multiple of `heads`."""
    heads: int = Field(default=6, ge=1)
    """Attention heads; width / heads is the head size, which vLLM on a CPU wants to be 32 or 64."""
    ffn: int = Field(default=512, ge=32)
    """Inner size of the gated feed-forward layer."""
    vocab_size: int = Field(default=512, ge=MIN_VOCAB_SIZE)
    """Most tokens the tokenizer may learn; the model's vocabulary is what the tokenizer ends up with."""
    max_length: int = Field(default=512, ge=16)
    """Longest prompt and completion together, in tokens."""
    tie_embeddings: bool = True
    """Whether the input and output embeddings are one matrix."""

    @model_validator(mode="after")
    def _head_size_is_even(self) -> Self:
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(
                f"width {self.width} over {self.heads} heads is no even head size; try heads = width / 32"
            )
        return self


def build_policy(
    config: PolicyConfig, tokenizer: PreTrainedTokenizerBase, *, seed: int = 0
) -> LlamaForCausalLM:
    """A freshly initialised policy; the same seed gives the same weights.

    Raises:
        InvalidInput: the tokenizer has more tokens than `config.vocab_size`.
    """
    if len(tokenizer) > config.vocab_size:
        raise InvalidInput(
            f"the tokenizer has {len(tokenizer)} tokens, vocab_size allows {config.vocab_size}: raise it"
        )
    llama = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.width,
        intermediate_size=config.ffn,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        max_position_embeddings=config.max_length,
        tie_word_embeddings=config.tie_embeddings,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype=torch.float32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(llama)


def save_policy(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, directory: Path) -> None:
    """Write model and tokenizer to a new `directory`, which appears whole or not at all.

    Raises:
        InvalidInput: `directory` exists already; every policy version gets its own.
    """
    if directory.exists():
        raise InvalidInput(f"{directory} exists already: save each policy version to a directory of its own")
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        partial.chmod(0o755)
        partial.rename(directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def token_logprobs(
    model: PreTrainedModel,
    input_ids_BT: Tensor,
    attention_mask_BT: Tensor,
    response_mask_BT: Tensor,
    *,
    temperature: float = 1.0,
) -> Tensor:
    """log π_θ(y_t | s_t) of the response tokens, shape (B, T), 0 elsewhere.

    Entry [b, t] is the log-probability of `input_ids_BT[b, t]` given the tokens
    before it, so it is aligned with the token, not with the position that predicts it.

    Args:
        input_ids_BT: right-padded token ids.
        attention_mask_BT: 1 on tokens, 0 on padding.
        response_mask_BT: 1 on the tokens wanted; never on position 0, which nothing predicts.
        temperature: divides the logits, as in sampling.
    """
    logits_NV, targets_N = response_logits(
        model, input_ids_BT, attention_mask_BT, response_mask_BT, temperature
    )
    return _scatter(_gather_logprobs(logits_NV, targets_N), response_mask_BT)


def token_logprobs_and_entropies(
    model: PreTrainedModel,
    input_ids_BT: Tensor,
    attention_mask_BT: Tensor,
    response_mask_BT: Tensor,
    *,
    temperature: float = 1.0,
    entropy_gradient: bool = False,
) -> tuple[Tensor, Tensor]:
    """As `token_logprobs`, with the entropy of π_θ(· | s_t) in nats, shape (B, T).

    The entropy has no gradient unless asked for.
    """
    logits_NV, targets_N = response_logits(
        model, input_ids_BT, attention_mask_BT, response_mask_BT, temperature
    )
    logprobs_BT = _scatter(_gather_logprobs(logits_NV, targets_N), response_mask_BT)
    with torch.set_grad_enabled(entropy_gradient):
        entropies_N = logits_NV.logsumexp(-1) - (logits_NV.softmax(-1) * logits_NV).sum(-1)
    return logprobs_BT, _scatter(entropies_N, response_mask_BT)


def response_logits(
    model: PreTrainedModel,
    input_ids_BT: Tensor,
    attention_mask_BT: Tensor,
    response_mask_BT: Tensor,
    temperature: float,
) -> tuple[Tensor, Tensor]:
    """Logits (N, V) that predict the N response tokens, and those tokens (N,), row by row.

    The output layer runs on these positions only: with a prompt longer than its
    proof and a large vocabulary, the rest would be most of the memory.
    """
    compute: _Logits = getattr(model, _GATHERING, partial(_response_logits, model))
    return compute(input_ids_BT, attention_mask_BT, response_mask_BT, temperature)


def shard_policy(model: PreTrainedModel) -> None:
    """Divide the weights of a policy among the processes that learn together, in place."""
    # Weights are gathered around methods of the model that are known to be called, and there alone.
    setattr(model, _GATHERING, MethodType(_response_logits, model))
    shard(model, [_GATHERING])


def _response_logits(
    model: PreTrainedModel,
    input_ids_BT: Tensor,
    attention_mask_BT: Tensor,
    response_mask_BT: Tensor,
    temperature: float,
) -> tuple[Tensor, Tensor]:
    wanted_BT = response_mask_BT.bool()
    hidden_BTD = model.base_model(
        input_ids_BT, attention_mask=attention_mask_BT, use_cache=False
    ).last_hidden_state
    output_layer = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    logits_NV: Tensor = output_layer(hidden_BTD[:, :-1][wanted_BT[:, 1:]])
    return logits_NV.float() / temperature, input_ids_BT[wanted_BT]


def _gather_logprobs(logits_NV: Tensor, targets_N: Tensor) -> Tensor:
    return logits_NV.gather(-1, targets_N[:, None]).squeeze(-1) - logits_NV.logsumexp(-1)


def _scatter(values_N: Tensor, mask_BT: Tensor) -> Tensor:
    zeros_BT = torch.zeros(mask_BT.shape, dtype=values_N.dtype, device=values_N.device)
    return zeros_BT.masked_scatter(mask_BT.bool(), values_N)
