"""An adapter is all that is trained, and what is published has it in its weights."""

import math
import shutil
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from prover.generators.transformers import load_model
from tests.support.toys import CONFIG, rollout, sample_of
from trainer.config import run_config
from trainer.learners.policy_gradient import PolicyGradientConfig, PolicyGradientLearner
from trainer.model.lora import LoRAConfig, add_adapter, merge_adapter
from trainer.model.policy import save_policy
from trainer.run.student import Lesson, Student
from verifier.errors import InvalidInput
from verifier.verdict import Status


def update(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    rollouts = [
        rollout(sample_of(tokenizer, "by omega"), Status.PROVED),
        rollout(sample_of(tokenizer, "by simp"), Status.REJECTED),
    ]
    config = PolicyGradientConfig(algorithm="reinforce", learning_rate=1e-2, loss={"entropy_weight": 0.01})
    stats = PolicyGradientLearner(model, config).update(rollouts)
    assert stats.optimizer_steps == 1


def logits(model: PreTrainedModel) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        found: torch.Tensor = model(torch.tensor([[1, 5, 9, 200, 7]])).logits
    return found


def test_only_the_adapter_is_trained_and_a_new_one_changes_nothing(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    before = logits(model)
    add_adapter(model, LoRAConfig(rank=4))
    assert torch.equal(logits(model), before)
    frozen = {name: p.clone() for name, p in model.named_parameters() if "lora_" not in name}
    adapter = {name: p.clone() for name, p in model.named_parameters() if "lora_" in name}
    for _ in range(2):  # in the first step only B moves, for it is 0
        update(model, tokenizer)
    now = dict(model.named_parameters())
    assert adapter and all(torch.equal(now[name], values) for name, values in frozen.items())
    assert not any(torch.equal(now[name], values) for name, values in adapter.items())
    assert not torch.allclose(logits(model), before)


def test_a_published_policy_has_the_adapter_in_its_weights(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    adapted = add_adapter(model, LoRAConfig(rank=4))
    update(model, tokenizer)
    save_policy(merge_adapter(adapted), tokenizer, tmp_path / "policy")
    loaded, _ = load_model(tmp_path / "policy")
    assert not any("lora" in name for name, _ in loaded.named_parameters())
    torch.testing.assert_close(logits(loaded), logits(model), atol=1e-5, rtol=1e-5)
    # The model that is trained keeps its adapter.
    assert any("lora" in name for name, _ in model.named_parameters())


@pytest.mark.parametrize("rslora", [False, True])
def test_the_adapter_is_scaled_as_equation_2_3_or_by_the_root_of_the_rank(
    model: LlamaForCausalLM, rslora: bool
) -> None:
    rank, alpha = 9, 6.0
    add_adapter(model, LoRAConfig(rank=rank, alpha=alpha, rslora=rslora, target_modules=("q_proj",)))
    layer = model.model.layers[0].self_attn.q_proj
    with torch.no_grad():
        layer.lora_B["default"].weight.normal_()
    x = torch.randn(1, CONFIG.width)
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    scale = alpha / (math.sqrt(rank) if rslora else rank)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), layer.base_layer(x) + scale * x @ a.T @ b.T)
    adapted = {
        name.split(".lora_")[0].rpartition(".")[2] for name, _ in model.named_parameters() if "lora_" in name
    }
    assert adapted == {"q_proj"}


def test_layers_that_are_not_there_are_named(model: LlamaForCausalLM) -> None:
    with pytest.raises(InvalidInput, match=r"no_such_layer.*q_proj"):
        add_adapter(model, LoRAConfig(target_modules=("no_such_layer",)))


def test_a_policy_published_as_an_adapter_is_the_one_published_merged(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    save_policy(model, tokenizer, base)
    settings = {"algorithm": "grpo", "lora": {"rank": 4, "separate": True}, "compute": {"device": "cpu"}}
    student = Student(Lesson(run_config(settings), base, ()))
    with torch.no_grad():
        for name, weight in student.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    student.publish(tmp_path / "adapter")
    assert not (tmp_path / "adapter" / "model.safetensors").exists()
    loaded, _ = load_model(tmp_path / "adapter")
    start, _ = load_model(base)
    ids = torch.arange(5)[None]
    torch.testing.assert_close(loaded(ids).logits, student.published()(ids).logits)
    assert not torch.allclose(loaded(ids).logits, start(ids).logits)
    shutil.rmtree(base)
    with pytest.raises(InvalidInput, match="put that one there"):
        load_model(tmp_path / "adapter")
