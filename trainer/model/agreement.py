"""Attempts under another model than the one that sampled them: log-probabilities, and how far they differ.

Each attempt is read by itself.  In a batch its log-probabilities would be rounded as the padding falls, and
so would depend on the other attempts of a round.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from transformers import PreTrainedModel

from trainer.model.batching import Example, batch_of_one
from trainer.model.compute import Compute
from trainer.model.policy import token_logprobs

__all__ = ["effective_sample_share", "kl_from", "recompute_logprobs"]


def recompute_logprobs(
    model: PreTrainedModel, examples: Sequence[Example], *, temperature: float, compute: Compute
) -> tuple[list[Example], dict[str, float]]:
    """The examples with log π_old as `model` has it, and how far the engine that sampled them is from it.

    The figures are `engine_gap`, the mean |log π_old − log π_engine| over tokens in nats, and the
    `effective_sample_share` of the weights Π_t π_old/π_engine of sequences; none where there is no example.
    """
    if not examples:
        return [], {}
    recomputed, gaps = [], []
    for example in examples:
        own_N, sampled_N = _logprobs(model, example, temperature, compute)
        gaps.append((own_N - sampled_N).double().cpu())
        recomputed.append(
            replace(example, old_logprobs=tuple(own_N.tolist()), engine_logprobs=example.old_logprobs)
        )
    return recomputed, {
        "effective_sample_share": effective_sample_share(torch.stack([gap_N.sum() for gap_N in gaps])),
        "engine_gap": float(torch.cat(gaps).abs().mean()),
    }


def kl_from(
    start: PreTrainedModel, examples: Sequence[Example], *, temperature: float, compute: Compute
) -> float:
    """KL(π ‖ π_start) in nats per token, where π sampled the examples: the mean of log π − log π_start."""
    gaps = [
        sampled_N - start_N
        for start_N, sampled_N in (_logprobs(start, example, temperature, compute) for example in examples)
    ]
    return float(torch.cat(gaps).double().mean()) if gaps else 0.0


def effective_sample_share(log_weights_N: Tensor) -> float:
    """The effective sample size of weights w, given by log w, as a share of their number: (Σw)² / (N Σw²).

    It is 1 where all weights are alike and 1/N where one outweighs the others.
    """
    return 1 / (len(log_weights_N) * float(log_weights_N.softmax(0).square().sum()))


@torch.no_grad()
def _logprobs(
    model: PreTrainedModel, example: Example, temperature: float, compute: Compute
) -> tuple[Tensor, Tensor]:
    """log π of each response token under `model`, and under what sampled the example."""
    # Dropout would make another policy of every pass.
    model.train(False)
    batch = batch_of_one(example, model.device)
    inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
    with compute.autocast():
        logprobs_BT = token_logprobs(model, *inputs, temperature=temperature)
    kept_BT = batch.response_mask_BT.bool()
    return logprobs_BT[kept_BT], batch.old_logprobs_BT[kept_BT]
