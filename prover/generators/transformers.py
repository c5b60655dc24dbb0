"""A generator in this process: a transformers model and a plain cached decoding loop.

Each distinct prompt is read once and its cache is copied to its samples, finished rows leave the batch, and
the cache grows in place.  `model.generate` does none of these.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, Self

import torch
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Cache,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.cache_utils import DynamicLayer

from prover.formats.prompts import encode_prompt
from prover.generators.base import EngineSettings, Sample, SamplingParams
from verifier.errors import InvalidInput

__all__ = ["TransformersEngine", "TransformersGenerator", "load_model", "open_engine"]

_DROP_FRACTION = 1 / 4
"""Finished rows leave once they are this share of the batch: each departure copies the cache."""


def load_model(
    path: Path, device: str | torch.device = "cpu", *, dtype: torch.dtype | Literal["auto"] = "auto"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model and its tokenizer from a Hugging Face directory.

    A LoRA adapter (peft) is merged into the model that it names as its base.

    Args:
        dtype: of the weights; auto is as they were saved.  What is trained has to be float32: in
            bfloat16 most steps are smaller than what a weight can change by.

    Raises:
        InvalidInput: there is no model at `path`, or none where the adapter at `path` says.
    """
    adapter = path / "adapter_config.json"
    if adapter.is_file():
        base = Path(json.loads(adapter.read_bytes())["base_model_name_or_path"] or "")
        if not (base / "config.json").is_file():
            raise InvalidInput(f"{path} is an adapter for {base}, which holds no model: put that one there")
        model = _merge_adapter(AutoModelForCausalLM.from_pretrained(base, dtype=dtype), path)
    elif (path / "config.json").is_file():
        model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype)
    else:
        raise InvalidInput(f"{path} holds no model: it has no config.json")
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(path)
    return model.to(device), tokenizer  # type: ignore[arg-type]


def _merge_adapter(base: PreTrainedModel, adapter: Path) -> PreTrainedModel:
    # Where no adapter is used, peft need not be there.
    from peft import PeftModel

    merged = PeftModel.from_pretrained(base, str(adapter)).merge_and_unload()
    assert isinstance(merged, PreTrainedModel)
    return merged


class TransformersGenerator:
    """Samples from a causal language model held in memory.

    The weights are read at every call, so a model that a trainer updates in place is always current.

    Args:
        tokens_per_batch: most prompt and completion tokens in a batch, padding
            included; it bounds the memory of the key-value cache.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, tokens_per_batch: int = 16_384
    ) -> None:
        if not isinstance(tokenizer.eos_token_id, int):
            raise InvalidInput("the tokenizer has no eos token, so a sample could never end")
        self.model = model
        self.tokenizer = tokenizer
        self.tokens_per_batch = tokens_per_batch
        self._eos: int = tokenizer.eos_token_id

    @classmethod
    def load(cls, path: Path, device: str | torch.device = "cpu") -> Self:
        """Read a Hugging Face model directory; raises `InvalidInput` where there is none."""
        return cls(*load_model(path, device))

    def sample(self, prompts: Sequence[str], params: SamplingParams) -> list[list[Sample]]:
        """`params.samples` samples for each prompt, in the order of `prompts`.

        Every sample has random numbers of its own, drawn from the seed and the prompt, so
        how prompts are batched changes nothing but float rounding; a prompt given twice
        gets the same samples twice.

        Raises:
            InvalidInput: a prompt leaves no room for a completion in the model's context.
        """
        prompt_ids = [encode_prompt(self.tokenizer, prompt) for prompt in prompts]
        for ids, prompt in zip(prompt_ids, prompts, strict=True):
            if len(ids) >= self._context:
                raise InvalidInput(
                    f"a prompt of {len(ids)} tokens leaves no room in a context of {self._context}: "
                    f"leave the theorem out or use a policy with a longer context ({prompt[:80]!r} …)"
                )
        owners = [i for i in range(len(prompts)) for _ in range(params.samples)]
        uniforms_NT = torch.cat([_uniforms(params, prompt) for prompt in prompts] or [torch.empty(0, 0)])

        grouped: list[list[Sample]] = [[] for _ in prompts]
        self.model.eval()  # type: ignore[no-untyped-call]
        for rows in self._batches([len(prompt_ids[owner]) for owner in owners], params.max_new_tokens):
            batch_owners = [owners[row] for row in rows]
            outputs = self._decode([prompt_ids[owner] for owner in batch_owners], uniforms_NT[rows], params)
            for owner, (token_ids, logprobs) in zip(batch_owners, outputs, strict=True):
                room = self._context - len(prompt_ids[owner])
                grouped[owner].append(self._sample_of(prompt_ids[owner], token_ids[:room], logprobs[:room]))
        return grouped

    @property
    def _context(self) -> int:
        return int(self.model.config.max_position_embeddings)

    def _batches(self, prompt_lengths: Sequence[int], max_new_tokens: int) -> Iterator[list[int]]:
        """Yield row numbers, shortest prompts first, in batches that stay in the token budget when padded."""
        batch: list[int] = []
        for row in sorted(range(len(prompt_lengths)), key=lambda row: prompt_lengths[row]):
            if batch and (len(batch) + 1) * (prompt_lengths[row] + max_new_tokens) > self.tokens_per_batch:
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _sample_of(self, prompt_ids: list[int], token_ids: list[int], logprobs: list[float]) -> Sample:
        finished = token_ids[-1] == self._eos
        text = self.tokenizer.decode(token_ids, skip_special_tokens=True)
        if not isinstance(text, str):
            raise TypeError("the tokenizer decoded one sample to several texts")
        return Sample(text, tuple(prompt_ids), tuple(token_ids), tuple(logprobs), finished)

    @torch.inference_mode()
    def _decode(
        self, prompts: list[list[int]], uniforms_BT: Tensor, params: SamplingParams
    ) -> list[tuple[list[int], list[float]]]:
        """Token ids (up to and with eos) and their log-probabilities, one pair per row of `prompts`."""
        device = self.model.device
        uniforms_BT = uniforms_BT.to(device)
        mask_BT, logits_BV, cache = self._prefill(prompts, params.max_new_tokens)
        steps = min(params.max_new_tokens, self._context - min(map(len, prompts)))
        tokens_BT = torch.full((len(prompts), steps), self._eos, device=device)
        logprobs_BT = torch.zeros(len(prompts), steps, device=device)

        # A is the number of rows still in the batch; `rows_A` says which of the B they are.
        rows_A = torch.arange(len(prompts), device=device)
        going_A = torch.ones_like(rows_A, dtype=torch.bool)
        for t in range(steps):
            log_AV = torch.log_softmax(logits_BV.float() / params.temperature, dim=-1)
            token_A = choose_tokens(log_AV, uniforms_BT[rows_A, t], params)
            tokens_BT[rows_A, t] = token_A
            logprobs_BT[rows_A, t] = log_AV.gather(-1, token_A[:, None]).squeeze(-1)

            going_A = going_A & (token_A != self._eos)
            left = int(going_A.sum())
            if left == 0 or t + 1 == steps:
                break
            if left <= len(going_A) * (1 - _DROP_FRACTION):
                keep = going_A.nonzero().squeeze(-1)
                rows_A, token_A, mask_BT, going_A = rows_A[keep], token_A[keep], mask_BT[keep], going_A[keep]
                cache.select(keep)
            mask_BT = torch.nn.functional.pad(mask_BT, (0, 1), value=1)
            output = self.model(
                token_A[:, None],
                attention_mask=mask_BT,
                position_ids=mask_BT.sum(-1, keepdim=True) - 1,
                past_key_values=cache,
            )
            logits_BV = output.logits[:, -1]
        return [
            _cut_at_eos(ids, logprobs, self._eos)
            for ids, logprobs in zip(tokens_BT.tolist(), logprobs_BT.tolist(), strict=True)
        ]

    def _prefill(
        self, prompts: list[list[int]], max_new_tokens: int
    ) -> tuple[Tensor, Tensor, "GrowingCache"]:
        """Read each distinct prompt once; the mask, next-token logits and cache have a row per prompt."""
        distinct = list(dict.fromkeys(map(tuple, prompts)))
        length = max(map(len, distinct))
        pads = [length - len(ids) for ids in distinct]
        device = self.model.device
        ids_PT = torch.tensor(
            [[self._eos] * pad + list(ids) for pad, ids in zip(pads, distinct, strict=True)]
        )
        mask_PT = torch.tensor([[0] * pad + [1] * (length - pad) for pad in pads])
        ids_PT, mask_PT = ids_PT.to(device), mask_PT.to(device)
        cache = GrowingCache(self.model.config.num_hidden_layers, capacity=length + max_new_tokens)
        output = self.model(
            ids_PT,
            attention_mask=mask_PT,
            position_ids=(mask_PT.cumsum(-1) - 1).clamp(min=0),
            past_key_values=cache,
            logits_to_keep=1,
        )
        index = {ids: i for i, ids in enumerate(distinct)}
        owner_B = torch.tensor([index[tuple(ids)] for ids in prompts], device=device)
        cache.select(owner_B)
        return mask_PT[owner_B], output.logits[owner_B, -1], cache


class TransformersEngine:
    """Models in this process, of which the one that was last asked for is kept.

    Args:
        threads: of torch on a CPU, in all of this process; as many as torch takes itself unless set.
    """

    def __init__(self, device: str = "cpu", *, threads: int | None = None) -> None:
        if threads is not None and device == "cpu":
            torch.set_num_threads(threads)
        self._load = lru_cache(maxsize=1)(partial(TransformersGenerator.load, device=device))

    def generator(self, directory: Path, version: int) -> TransformersGenerator:
        """The generator of the policy in `directory`; raises `InvalidInput` where there is none."""
        return self._load(directory)


@contextmanager
def open_engine(settings: EngineSettings) -> Iterator[TransformersEngine]:
    """Models in this process."""
    yield TransformersEngine(settings.device, threads=settings.threads)


def choose_tokens(log_AV: Tensor, uniform_A: Tensor, params: SamplingParams) -> Tensor:
    """Choose one token per row, shape (A,): the likeliest, or by inverse transform of `uniform_A` in [0, 1).

    Args:
        log_AV: log-probabilities at the sampling temperature.
    """
    if params.greedy:
        return log_AV.argmax(-1)
    probs_AV = log_AV.exp().double()
    if params.top_p < 1:
        sorted_AV, order_AV = probs_AV.sort(-1, descending=True)
        before_AV = sorted_AV.cumsum(-1) - sorted_AV
        nucleus_AV = sorted_AV.masked_fill(before_AV >= params.top_p, 0.0)
        probs_AV = torch.zeros_like(probs_AV).scatter(-1, order_AV, nucleus_AV)
    cdf_AV = probs_AV.cumsum(-1)
    chosen_A1 = torch.searchsorted(cdf_AV, uniform_A[:, None] * cdf_AV[:, -1:], right=True)
    return chosen_A1.squeeze(-1).clamp(max=log_AV.shape[-1] - 1)


class GrowingLayer(DynamicLayer):
    """Keys and values of one attention layer in a buffer with room for all tokens to come.

    The layer it derives from concatenates, which copies the whole cache at every token: with a small model
    that took half the time of decoding.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.capacity = capacity
        self._buffers: list[Tensor] = []

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        if not self._buffers:
            self.lazy_initialization(key_states, value_states)
            batch, heads, _, size = key_states.shape
            self._buffers = [key_states.new_empty(batch, heads, self.capacity, size) for _ in range(2)]
        start = self.get_seq_length()
        stop = start + key_states.shape[-2]
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, start:stop] = states
        self.keys, self.values = (buffer[:, :, :stop] for buffer in self._buffers)
        return self.keys, self.values

    def select(self, rows: Tensor) -> None:
        """Keep `rows` of the batch, in that order; a row may be taken more than once."""
        length = self.get_seq_length()
        for i, buffer in enumerate(self._buffers):
            chosen = buffer.new_empty(len(rows), *buffer.shape[1:])
            chosen[:, :, :length] = buffer[rows, :, :length]
            self._buffers[i] = chosen
        self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)


class GrowingCache(Cache):
    """A `GrowingLayer` for each of `layers` attention layers, `capacity` tokens long."""

    def __init__(self, layers: int, *, capacity: int) -> None:
        self.growing = [GrowingLayer(capacity) for _ in range(layers)]
        super().__init__(layers=list(self.growing))

    def select(self, rows: Tensor) -> None:
        for layer in self.growing:
            layer.select(rows)


def _uniforms(params: SamplingParams, prompt: str) -> Tensor:
    """The random numbers of a prompt's samples, shape (samples, max_new_tokens), uniform on [0, 1)."""
    rng = torch.Generator().manual_seed(params.seed_of(prompt))
    return torch.rand(params.samples, params.max_new_tokens, generator=rng, dtype=torch.float64)


def _cut_at_eos(ids: list[int], logprobs: list[float], eos: int) -> tuple[list[int], list[float]]:
    end = ids.index(eos) + 1 if eos in ids else len(ids)
    return ids[:end], logprobs[:end]
