"""Every optimizer step: one that is not finite costs itself alone; precision and memory are settings."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from prover.generators.transformers import load_model
from tests.support.toys import CONFIG, PAIRS, rollout, sample_of, weights
from trainer.config import run_config
from trainer.learners.policy_gradient import PolicyGradientConfig, PolicyGradientLearner
from trainer.learners.supervised import encode_pairs, supervised_step
from trainer.model.batching import Example, micro_batches
from trainer.model.compute import Compute, ComputeConfig
from trainer.model.optimizer import PATIENCE, NonFiniteLoss, OptimizerConfig, Stepper, stats_of
from trainer.model.policy import build_policy, save_policy, token_logprobs
from trainer.run.student import Lesson, Student
from verifier.errors import InvalidInput
from verifier.verdict import Status

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def examples(tokenizer: PreTrainedTokenizerFast) -> list[Example]:
    return encode_pairs(tokenizer, PAIRS, max_length=CONFIG.max_length)


def weight_and_stepper() -> tuple[torch.nn.Linear, Stepper]:
    module = torch.nn.Linear(1, 1, bias=False)
    return module, Stepper(module, OptimizerConfig(learning_rate=0.1))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_step_that_is_not_finite_is_left_out_and_counted_and_the_next_one_made(bad: float) -> None:
    module, stepper = weight_and_stepper()
    before = module.weight.detach().clone()

    def step(*factors: float) -> dict[str, float] | None:
        return stepper.step(factors, lambda factor: ((factor * module.weight).sum(), {"parts": 1.0}))

    left_out = step(1.0, bad, 1.0)
    assert left_out is None
    assert torch.equal(module.weight, before) and module.weight.grad is None
    made = step(1.0, 2.0)
    assert made is not None and made["parts"] == 2 and made["grad_norm"] == pytest.approx(3)
    assert not torch.equal(module.weight, before)
    stats = stats_of([left_out, made], tokens=7, sequences=2)
    assert (stats.optimizer_steps, stats.details["left_out_steps"], stats.grad_norm) == (
        1,
        1,
        made["grad_norm"],
    )
    assert "left_out_steps" not in stats_of([made], tokens=7, sequences=2).details


def test_a_figure_is_the_mean_of_the_steps_that_have_it() -> None:
    """A step that reads proofs alone has no entropy."""
    steps = [{"loss": 1.0, "entropy": 0.5}, {"loss": 3.0, "anchor_loss": 2.0}, {"loss": 2.0, "entropy": 0.25}]
    for order in (steps, steps[::-1], steps[1:] + steps[:1]):
        stats = stats_of(order, tokens=1, sequences=1)
        assert stats.loss == pytest.approx(2) and stats.optimizer_steps == 3
        assert stats.details == pytest.approx({"entropy": 0.375, "anchor_loss": 2.0})


def test_the_norm_of_a_gradient_can_be_had_without_the_step() -> None:
    module, stepper = weight_and_stepper()
    before, moments = module.weight.detach().clone(), stepper.state()
    norm = stepper.norm_of((1.0, 2.0), lambda factor: ((factor * module.weight).sum(), {}))
    assert norm == pytest.approx(3)
    assert torch.equal(module.weight, before) and module.weight.grad is None
    assert stepper.state() == moments


def test_a_gradient_is_scaled_down_to_the_norm_it_may_have_and_reported_as_it_was() -> None:
    module, stepper = weight_and_stepper()
    applied = []
    stepper.optimizer.register_step_pre_hook(
        lambda optimizer, *_: applied.append(float(optimizer.param_groups[0]["params"][0].grad.norm()))
    )
    reported = []
    for factor in (50.0, 0.25):
        figures = stepper.step([factor], lambda factor: ((factor * module.weight).sum(), {}))
        assert figures is not None
        reported.append(figures["grad_norm"])
    assert reported == pytest.approx([50.0, 0.25])
    assert applied == pytest.approx([1.0, 0.25], rel=1e-4)


def test_steps_that_can_never_be_made_end_the_run() -> None:
    module, stepper = weight_and_stepper()
    before = module.weight.detach().clone()
    for _ in range(PATIENCE - 1):
        assert stepper.step([math.nan], lambda factor: (factor * module.weight.sum(), {})) is None
    with pytest.raises(NonFiniteLoss, match="learning rate"):
        stepper.step([math.nan], lambda factor: (factor * module.weight.sum(), {}))
    assert torch.equal(module.weight, before)


def test_an_attempt_with_log_probabilities_that_are_no_numbers_is_reported_with_the_round(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    """The minibatch that it is in is left out; the others are learned from."""
    good = [rollout(sample_of(tokenizer, "by omega"), Status.PROVED)] * 3
    good += [rollout(sample_of(tokenizer, "by simp"), Status.REJECTED)] * 4
    sample = sample_of(tokenizer, "by decide")
    spoiled = replace(sample, logprobs=(math.nan,) * len(sample.token_ids))
    learner = PolicyGradientLearner(model, PolicyGradientConfig(minibatch_size=2))
    stats = learner.update([*good, rollout(spoiled, Status.PROVED)])
    assert (stats.optimizer_steps, stats.details["left_out_steps"]) == (3, 1)
    assert all(math.isfinite(value) for value in (stats.loss, stats.grad_norm, *stats.details.values()))
    assert all(torch.isfinite(each).all() for each in weights(model))


def gradients(model: PreTrainedModel, examples: list[Example]) -> tuple[list[torch.Tensor], int]:
    """The gradient of a loss of a long minibatch, and the bytes of activations that were kept for it."""
    saved = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal saved
        saved += tensor.nbytes
        return tensor

    (batch,) = micro_batches(examples * 4, max_tokens=100_000)
    model.train()
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        loss = token_logprobs(model, *inputs).sum()
    loss.backward()
    found = [p.grad for p in model.parameters() if p.grad is not None]
    return found, saved


def test_activation_checkpointing_keeps_less_and_changes_no_gradient(
    tokenizer: PreTrainedTokenizerFast, examples: list[Example]
) -> None:
    plain, kept = gradients(build_policy(CONFIG, tokenizer), examples)
    checkpointing = Compute(activation_checkpointing=True)
    again, kept_less = gradients(checkpointing.prepare(build_policy(CONFIG, tokenizer)), examples)
    for a, b in zip(plain, again, strict=True):
        torch.testing.assert_close(a, b)
    assert kept_less < kept / 2


def test_bfloat16_is_for_passes_alone_and_comes_close(
    tokenizer: PreTrainedTokenizerFast, examples: list[Example]
) -> None:
    norms = []
    for bfloat16 in (False, True):
        model = build_policy(CONFIG, tokenizer)
        stepper = Stepper(model, OptimizerConfig(learning_rate=3e-3), compute=Compute(bfloat16=bfloat16))
        steps = [supervised_step(stepper, model, examples, max_tokens=256) for _ in range(30)]
        norms.append([each["grad_norm"] for each in steps if each is not None])
        moments = [value for state in stepper.optimizer.state.values() for value in state.values()]
        assert {each.dtype for each in (*weights(model), *moments)} == {torch.float32}
    assert norms[0] != norms[1]
    assert norms[0][0] == pytest.approx(norms[1][0], rel=0.02)
    assert steps[-1] is not None and steps[0] is not None and steps[-1]["loss"] < steps[0]["loss"] / 2


def test_a_policy_saved_in_bfloat16_is_trained_in_float32(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    saved = build_policy(CONFIG, tokenizer, seed=0).bfloat16()
    save_policy(saved, tokenizer, tmp_path / "v0000")
    assert load_model(tmp_path / "v0000")[0].dtype == torch.bfloat16
    for algorithm in ("grpo", "trpo"):
        settings = {"learning_rate": 1e-4, "epochs": 1}
        config = run_config(
            {"algorithm": algorithm, "compute": {"device": "cpu"}, "policy_gradient": settings}
        )
        student = Student(Lesson(config, tmp_path / "v0000", ()))
        assert {each.dtype for each in weights(student.model)} == {torch.float32}
        rollouts = [
            rollout(sample_of(tokenizer, text), status)
            for text, status in (("by omega", Status.PROVED), ("by simp", Status.REJECTED))
        ]
        before = weights(student.model)
        assert student.update(rollouts).optimizer_steps == 1
        # Steps of 1e-4, most of which would be lost in bfloat16.
        moved = [float((a != b).double().mean()) for a, b in zip(before, weights(student.model), strict=True)]
        assert max(moved) > 0.9


def test_settings_that_this_machine_cannot_keep_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no device"):
        Compute.of(ComputeConfig(device="gpu-please"))
    if not torch.cuda.is_available():
        assert Compute.of(ComputeConfig()) == Compute()
        with pytest.raises(InvalidInput, match="no GPU"):
            Compute.of(ComputeConfig(device="cuda"))
    assert Compute.of(ComputeConfig(device="cpu", precision="bfloat16")).bfloat16
