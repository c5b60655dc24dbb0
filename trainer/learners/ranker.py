"""A ranker: a Bradley–Terry reward model (1952) that says which attempt is likelier to be a proof.

    −log σ(R_ψ(x, y_w) − R_ψ(x, y_l)),   (y_w, y_l) = (proved, refuted) attempts of one theorem

It orders candidates for search and for best-of-n, where each Lean call saved counts.  It is no source of
reward: only Lean's verdict is.

The model is a policy's trunk with a scalar head at the last token, in the sequence classification form of
transformers, so that `save_policy` and `from_pretrained` write and read it.
"""

import copy
import random
from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from trainer.learners.preferences import Pair, length_parts
from trainer.model.batching import Example, micro_batches, minibatches, places
from trainer.model.compute import Compute
from trainer.model.optimizer import Figures, OptimizerConfig, Stepper, UpdateStats, stats_of
from trainer.objectives.losses import bradley_terry_loss
from verifier.errors import InvalidInput

__all__ = [
    "RankerConfig",
    "build_ranker",
    "load_ranker",
    "score",
    "train_ranker",
]


class RankerConfig(OptimizerConfig):
    """Training of a ranker."""

    learning_rate: float = Field(default=5e-4, gt=0)
    epochs: int = Field(default=1, ge=1)
    """Times each pair is read; a ranker soon knows the attempts by heart."""
    batch_size: int = Field(default=32, ge=1)
    """Pairs per optimizer step."""


def build_ranker(policy: PreTrainedModel) -> PreTrainedModel:
    """A ranker in float32 on a copy of the trunk of `policy`; its head is 0, so it prefers nothing yet."""
    config = copy.deepcopy(policy.config)
    config.num_labels = 1
    ranker: PreTrainedModel = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    ranker.base_model.load_state_dict(policy.base_model.state_dict())
    nn.init.zeros_(_head(ranker).weight)
    ranker.to(policy.device)  # type: ignore[arg-type]
    return ranker


def load_ranker(
    path: Path, device: str | torch.device = "cpu"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A ranker that `save_policy` wrote, and its tokenizer.

    Raises:
        InvalidInput: there is no ranker at `path`.
    """
    if not (path / "config.json").is_file():
        raise InvalidInput(f"{path} holds no model: it has no config.json")
    architecture = (AutoConfig.from_pretrained(path).architectures or ["a model of no known kind"])[0]
    if not architecture.endswith("ForSequenceClassification"):
        raise InvalidInput(f"{path} holds {architecture}, which has no head to score with: train a ranker")
    ranker: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(path, dtype=torch.float32)
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(path)
    return ranker.to(device), tokenizer  # type: ignore[arg-type]


def train_ranker(
    ranker: PreTrainedModel, pairs: Sequence[Pair], config: RankerConfig, *, compute: Compute | None = None
) -> UpdateStats:
    """Train `ranker` in place; `details` holds `accuracy`, the share of pairs in the right order.

    Loss and accuracy are of each minibatch before the step on it, and means over steps; ties are half right.

    Raises:
        InvalidInput: there are no pairs.
        NonFiniteLoss
    """
    rng = random.Random(config.seed)
    stepper = Stepper(ranker, config, compute=compute)
    ranker.train()
    steps = [
        _step(stepper, ranker, minibatch, config.max_tokens)
        for _ in range(config.epochs)
        for minibatch in minibatches(pairs, config.batch_size, rng)
    ]
    examples = [example for pair in pairs for example in (pair.chosen, pair.rejected)]
    return stats_of(steps, tokens=config.epochs * sum(map(len, examples)), sequences=len(set(examples)))


@torch.no_grad()
def score(ranker: PreTrainedModel, examples: Sequence[Example], *, max_tokens: int = 4096) -> list[float]:
    """The scores R_ψ(x, y) of prompts and responses; only differences on one prompt mean anything.

    Raises:
        InvalidInput: there are no examples.
    """
    was_training = ranker.training
    ranker.train(False)
    try:
        scores: list[float] = _scores(ranker, examples, max_tokens).tolist()
        return scores
    finally:
        ranker.train(was_training)


def _step(
    stepper: Stepper, ranker: PreTrainedModel, pairs: Sequence[Pair], max_tokens: int
) -> Figures | None:
    """Make one optimizer step on the mean loss of `pairs`."""

    def loss_of(part: Sequence[Pair]) -> tuple[Tensor, Figures]:
        examples = [pair.chosen for pair in part] + [pair.rejected for pair in part]
        chosen_N, rejected_N = _scores(ranker, examples, max_tokens).chunk(2)
        right = float((chosen_N > rejected_N).sum() + 0.5 * (chosen_N == rejected_N).sum())
        loss = bradley_terry_loss(chosen_N, rejected_N) * (len(part) / len(pairs))
        return loss, {"accuracy": right / len(pairs)}

    return stepper.step(length_parts(pairs, max_tokens), loss_of)


def _scores(ranker: PreTrainedModel, examples: Sequence[Example], max_tokens: int) -> Tensor:
    """Scores (N,) of `examples` in their order, in float32."""
    batches = micro_batches(examples, max_tokens=max_tokens, device=ranker.device)
    scores = []
    for batch in batches:
        hidden_BTD = ranker.base_model(
            batch.input_ids_BT, attention_mask=batch.attention_mask_BT, use_cache=False
        ).last_hidden_state
        # By the attention mask: what transformers itself takes for the last token depends on the padding id.
        last_B = batch.attention_mask_BT.sum(-1) - 1
        rows_B = torch.arange(len(batch), device=hidden_BTD.device)
        with torch.autocast(hidden_BTD.device.type, enabled=False):
            scores.append(_head(ranker)(hidden_BTD[rows_B, last_B].float()).squeeze(-1))
    return torch.cat(scores)[places(examples)]


def _head(ranker: PreTrainedModel) -> nn.Linear:
    head = ranker.get_submodule("score")
    assert isinstance(head, nn.Linear)
    return head
