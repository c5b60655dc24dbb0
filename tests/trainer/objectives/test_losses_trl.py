"""The same batch, the same model: our losses and gradients against those of trl's GRPOTrainer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from trainer.model.batching import Example, micro_batches
from trainer.model.policy import token_logprobs
from trainer.model.tokenizer import train_tokenizer
from trainer.objectives.algorithms import ALGORITHMS, PolicyLoss
from trainer.objectives.losses import Totals, policy_loss

trl = pytest.importorskip("trl")
Dataset = pytest.importorskip("datasets").Dataset

LONGEST = 12
TEMPERATURE = 0.9
PROMPTS, RESPONSES = (3, 5, 1, 4), (12, 2, 7, 1)

# What each of our losses is called there.
THEIRS: dict[str, dict[str, Any]] = {
    "grpo": {"loss_type": "grpo", "epsilon": 0.2, "epsilon_high": 0.2},
    "grpo with KL": {"loss_type": "grpo", "epsilon": 0.2, "epsilon_high": 0.2, "beta": 0.1},
    "dr_grpo": {"loss_type": "dr_grpo", "epsilon": 0.2, "epsilon_high": 0.2},
    "dapo": {"loss_type": "dapo", "epsilon": 0.2, "epsilon_high": 0.28},
    "gspo": {
        "loss_type": "grpo",
        "importance_sampling_level": "sequence",
        "epsilon": 3e-4,
        "epsilon_high": 4e-4,
    },
    "gspo, wide": {
        "loss_type": "grpo",
        "importance_sampling_level": "sequence",
        "epsilon": 0.1,
        "epsilon_high": 0.1,
    },
    "cispo": {"loss_type": "cispo", "epsilon_high": 5.0},
    "cispo, tight": {"loss_type": "cispo", "epsilon_high": 1.1},
}
OURS = {name: algorithm.loss for name, algorithm in ALGORITHMS.items()} | {
    "grpo with KL": PolicyLoss(beta=0.1),
    "gspo, wide": PolicyLoss(ratio="sequence", clip_low=0.1, clip_high=0.1),
    "cispo, tight": PolicyLoss(objective="cispo", reduction="token_mean", cap=1.1),
}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(["theorem t : 1 + 1 = 2 := by simp"], vocab_size=300)


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    model.eval()
    return model


@pytest.fixture(scope="module")
def examples(model: LlamaForCausalLM) -> list[Example]:
    """Four responses of other lengths, sampled by a policy that has moved since."""
    torch.manual_seed(1)

    def ids(length: int) -> tuple[int, ...]:
        return tuple(torch.randint(3, model.config.vocab_size, (length,)).tolist())

    drawn = [
        Example(ids(p), ids(r), (0.0,) * r, (a,) * r)
        for p, r, a in zip(PROMPTS, RESPONSES, (1.2, -0.7, 0.4, -0.9), strict=True)
    ]
    (batch,) = micro_batches(drawn, max_tokens=10_000)
    with torch.no_grad():
        now = logprobs_of(model, drawn)
    moved = now + 0.3 * torch.randn(now.shape)
    rows = [row[mask == 1] for row, mask in zip(moved, batch.response_mask_BT, strict=True)]
    return [
        Example(each.prompt_ids, each.token_ids, tuple(row.tolist()), each.advantages)
        for each, row in zip(sorted(drawn, key=len), rows, strict=True)
    ]


def logprobs_of(model: LlamaForCausalLM, examples: list[Example]) -> Tensor:
    (batch,) = micro_batches(examples, max_tokens=10_000)
    return token_logprobs(
        model,
        batch.input_ids_BT,
        batch.attention_mask_BT,
        batch.response_mask_BT,
        temperature=TEMPERATURE,
    )


def gradients(model: LlamaForCausalLM, loss: Tensor) -> list[Tensor]:
    model.zero_grad()
    loss.backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def their_loss(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    examples: list[Example],
    options: dict[str, Any],
    directory: Path,
) -> Tensor:
    beta = options.get("beta", 0.0)
    args = trl.GRPOConfig(
        output_dir=str(directory),
        per_device_train_batch_size=4,
        num_generations=4,
        max_completion_length=LONGEST,
        temperature=TEMPERATURE,
        use_cpu=True,
        bf16=False,
        use_bias_correction_kl=False,
        report_to=[],
        **(options | {"beta": 0.0}),
    )
    trainer = trl.GRPOTrainer(
        model=model,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=args,
        train_dataset=Dataset.from_list([{"prompt": "x"}] * 4),
        processing_class=tokenizer,
    )
    # It would load the reference by a name on the hub; its log-probabilities are in the batch.
    trainer.beta = beta
    trainer.model.eval()  # so that it does not divide by steps of accumulation that there are not
    prompts, responses = max(map(len, (e.prompt_ids for e in examples))), LONGEST
    inputs: dict[str, Tensor] = {
        "prompt_ids": torch.zeros(len(examples), prompts, dtype=torch.long),
        "prompt_mask": torch.zeros(len(examples), prompts, dtype=torch.long),
        "completion_ids": torch.zeros(len(examples), responses, dtype=torch.long),
        "completion_mask": torch.zeros(len(examples), responses, dtype=torch.long),
        "old_per_token_logps": torch.zeros(len(examples), responses),
        "advantages": torch.tensor([each.advantages[0] for each in examples]),
        "num_items_in_batch": torch.tensor(float(sum(RESPONSES))),
    }
    for b, each in enumerate(examples):
        inputs["prompt_ids"][b, -len(each.prompt_ids) :] = torch.tensor(each.prompt_ids)
        inputs["prompt_mask"][b, -len(each.prompt_ids) :] = 1
        inputs["completion_ids"][b, : len(each.token_ids)] = torch.tensor(each.token_ids)
        inputs["completion_mask"][b, : len(each.token_ids)] = 1
        inputs["old_per_token_logps"][b, : len(each.token_ids)] = torch.tensor(each.old_logprobs)
    inputs["ref_per_token_logps"] = inputs["old_per_token_logps"]
    loss: Tensor = trainer._compute_loss(trainer.model, inputs)
    return loss


def our_loss(model: LlamaForCausalLM, examples: list[Example], config: PolicyLoss) -> Tensor:
    """In two parts, as micro-batches are read."""
    if config.reduction == "constant_length":
        config = config.model_copy(update={"max_length": LONGEST})
    totals = Totals(len(examples), sum(RESPONSES))
    loss = torch.zeros(())
    for part in (examples[:1], examples[1:]):
        (batch,) = micro_batches(part, max_tokens=10_000)
        share, _ = policy_loss(
            logprobs_of(model, part),
            batch.old_logprobs_BT,
            batch.advantages_BT,
            batch.response_mask_BT,
            config,
            totals=totals,
            ref_logprobs_BT=batch.old_logprobs_BT if config.beta else None,
        )
        loss = loss + share
    return loss


@pytest.mark.parametrize("name", THEIRS)
def test_loss_and_gradient_are_those_of_trl(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    examples: list[Example],
    name: str,
    tmp_path: Path,
) -> None:
    theirs = their_loss(model, tokenizer, examples, THEIRS[name], tmp_path)
    ours = our_loss(model, examples, OURS[name])
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    own = gradients(model, ours)
    assert max(float(each.abs().max()) for each in own) > 1e-3
    for a, b in zip(own, gradients(model, theirs), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)
