"""Learning end to end on a model small enough for seconds: it learns what it is shown, and nothing else."""

import math

import pytest
import torch
from pydantic import ValidationError
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from prover.generators.base import Sample, SamplingParams
from prover.generators.transformers import TransformersGenerator
from tests.support.toys import CONFIG, PAIRS, rollout, sample_of, unchanged, weights
from trainer.learners.anchor import ProofBuffer, normalise_proof
from trainer.learners.base import Learner
from trainer.learners.expert_iteration import (
    ExpertIterationConfig,
    ExpertIterationLearner,
)
from trainer.learners.pretraining import PretrainingConfig, pretrain
from trainer.learners.supervised import SupervisedConfig, encode_pairs, train_supervised
from trainer.model.optimizer import NonFiniteLoss
from trainer.model.policy import build_policy
from trainer.rollout import Rollout
from verifier.errors import InvalidInput
from verifier.verdict import Status

pytestmark = pytest.mark.usefixtures("one_thread")


def test_supervised_training_learns_eight_pairs_by_heart(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    config = SupervisedConfig(learning_rate=5e-3, warmup_steps=5, batch_size=8, steps=80)
    result = train_supervised(model, tokenizer, PAIRS, config)
    greedy = SamplingParams(samples=1, greedy=True, max_new_tokens=48)
    groups = TransformersGenerator(model, tokenizer).sample([prompt for prompt, _ in PAIRS], greedy)
    assert result.final_loss < 0.05
    assert [(s.text, s.finished) for (s,) in groups] == [(proof, True) for _, proof in PAIRS]


def test_supervised_training_is_a_function_of_its_seed(tokenizer: PreTrainedTokenizerFast) -> None:
    def losses(seed: int) -> list[float]:
        losses: list[float] = []
        config = SupervisedConfig(batch_size=3, steps=6, seed=seed)
        train_supervised(build_policy(CONFIG, tokenizer), tokenizer, PAIRS, config, on_step=losses.append)
        assert len(losses) == 6
        return losses

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


def test_micro_batches_change_neither_loss_nor_weights(tokenizer: PreTrainedTokenizerFast) -> None:
    def train(max_tokens: int) -> tuple[float, list[torch.Tensor]]:
        model = build_policy(CONFIG, tokenizer)
        config = SupervisedConfig(batch_size=8, steps=3, max_tokens=max_tokens)
        return train_supervised(model, tokenizer, PAIRS, config).final_loss, weights(model)

    (loss_small, small), (loss_large, large) = train(40), train(10_000)
    assert loss_small == pytest.approx(loss_large, abs=1e-5)
    for a, b in zip(small, large, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=0)


def test_training_goes_on_with_the_optimizer_state_and_leaves_the_callers_copy_alone(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    constant = {
        "learning_rate": 1e-3,
        "final_learning_rate": 1e-3,
        "warmup_steps": 0,
        "batch_size": 8,
    }
    in_one_go, in_two = build_policy(CONFIG, tokenizer), build_policy(CONFIG, tokenizer)
    train_supervised(in_one_go, tokenizer, PAIRS, SupervisedConfig(**constant, steps=6))
    config = SupervisedConfig(**constant, steps=3)
    state = train_supervised(in_two, tokenizer, PAIRS, config).optimizer_state
    moments = state["state"][0]["exp_avg"].clone()
    train_supervised(in_two, tokenizer, PAIRS, config, optimizer_state=state)
    assert torch.equal(state["state"][0]["exp_avg"], moments)
    for a, b in zip(in_one_go.parameters(), in_two.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def test_the_learning_rate_rises_then_falls_to_its_final_value() -> None:
    config = SupervisedConfig(learning_rate=1.0, final_learning_rate=0.1, warmup_steps=4, steps=20)
    rates = [config.rate_at(step) for step in range(1, 21)]
    assert rates[:5] == sorted(rates[:5])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)
    assert max(rates) <= 1


@pytest.mark.parametrize("pretraining", [False, True])
def test_a_loss_that_is_not_finite_is_an_error_and_changes_no_weight(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, pretraining: bool
) -> None:
    with torch.no_grad():
        model.model.norm.weight[0] = math.inf
    before = weights(model)
    with pytest.raises(NonFiniteLoss, match="learning rate"):
        if pretraining:
            pretrain(model, tokenizer, [proof for _, proof in PAIRS], PretrainingConfig(steps=1))
        else:
            train_supervised(model, tokenizer, PAIRS, SupervisedConfig(steps=1))
    assert unchanged(model, before)


def test_pairs_that_cannot_be_read_are_refused(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(InvalidInput, match="at least one"):
        train_supervised(model, tokenizer, [], SupervisedConfig())
    with pytest.raises(InvalidInput, match="max_length"):
        train_supervised(model, tokenizer, [("theorem " * 200, "h")], SupervisedConfig())
    with pytest.raises(ValidationError, match="only falls"):
        SupervisedConfig(learning_rate=1e-4, final_learning_rate=1e-3)


def test_expert_iteration_learns_the_proofs_that_were_verified_and_no_other(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    config = ExpertIterationConfig(learning_rate=3e-3, steps=20)
    learner: Learner = ExpertIterationLearner(model, config, eos_id=tokenizer.eos_token_id)
    before = weights(model)
    refuted = [rollout(sample_of(tokenizer, "by simp"), s) for s in (Status.REJECTED, Status.TIMEOUT)]
    assert learner.update(refuted).optimizer_steps == 0
    assert unchanged(model, before)

    proved = rollout(sample_of(tokenizer, "by omega"), Status.PROVED)
    stats = learner.update([*refuted, proved])
    assert (stats.optimizer_steps, stats.sequences) == (20, 1)
    assert stats.tokens == 20 * (len(proved.attempt.prompt_ids) + len(proved.attempt.token_ids))
    assert dict(stats.details) == {"new_proofs": 1, "proofs": 1}
    greedy = SamplingParams(samples=1, greedy=True, max_new_tokens=12)
    ((sample,),) = TransformersGenerator(model, tokenizer).sample([PAIRS[0][0]], greedy)
    assert sample.text == "by omega"


def test_the_buffer_keeps_each_text_once_and_the_newest_of_a_theorem(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    def proved(text: str, name: str) -> Rollout:
        return rollout(sample_of(tokenizer, text), Status.PROVED, name=name)

    buffer = ProofBuffer(2, eos_id=tokenizer.eos_token_id)
    assert buffer.add([proved("by simp", "a"), proved("by simp \n\n", "a"), proved("by simp", "b")]) == 2
    assert buffer.add([proved("by omega", "a"), proved("by grind", "a")]) == 2
    texts = [tokenizer.decode(list(e.token_ids), skip_special_tokens=True) for e in buffer.examples()]
    assert texts == ["by omega", "by grind", "by simp"]
    assert len(buffer) == 3


def test_a_proof_cut_by_the_length_limit_is_learned_with_its_end(tokenizer: PreTrainedTokenizerFast) -> None:
    sample = sample_of(tokenizer, "by omega")
    cut = Sample(sample.text, sample.prompt_ids, sample.token_ids[:-1], sample.logprobs[:-1], finished=False)
    buffer = ProofBuffer(1, eos_id=tokenizer.eos_token_id)
    buffer.add([rollout(cut, Status.PROVED)])
    assert buffer.examples()[0].token_ids == sample.token_ids


def test_expert_iteration_begins_anew_from_the_start_when_asked_to(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    proofs = [rollout(sample_of(tokenizer, f"by exact h{i}"), Status.PROVED, name=f"t{i}") for i in range(4)]
    config = ExpertIterationConfig(steps=3, batch_size=4, known_share=0, restart=True)
    model = build_policy(CONFIG, tokenizer)
    learner = ExpertIterationLearner(model, config, eos_id=tokenizer.eos_token_id)
    learner.update(proofs)
    first = weights(model)
    learner.update([])
    for a, b in zip(model.parameters(), first, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def test_however_much_is_known_a_proof_that_was_found_has_a_place(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    config = ExpertIterationConfig(steps=3, batch_size=4, known_share=0.9)
    known = encode_pairs(tokenizer, PAIRS, max_length=CONFIG.max_length)
    learner = ExpertIterationLearner(model, config, eos_id=tokenizer.eos_token_id, known=known)
    stats = learner.update([rollout(sample_of(tokenizer, "by omega"), Status.PROVED)])
    assert stats.optimizer_steps == 3
    assert 1 < stats.sequences <= 1 + 3 * 3


def test_checkpoints_are_averaged_when_asked_to(tokenizer: PreTrainedTokenizerFast) -> None:
    proofs = [rollout(sample_of(tokenizer, "by omega"), Status.PROVED)]
    config = ExpertIterationConfig(steps=1, average_last=2)
    model, alone = build_policy(CONFIG, tokenizer), build_policy(CONFIG, tokenizer)
    learner = ExpertIterationLearner(model, config, eos_id=tokenizer.eos_token_id)
    other = ExpertIterationLearner(
        alone, config.model_copy(update={"average_last": 1}), eos_id=tokenizer.eos_token_id
    )
    learner.update(proofs)
    other.update(proofs)
    first = weights(alone)
    assert unchanged(model, first)
    learner.update(proofs)
    other.update(proofs)
    for mean, a, b in zip(model.parameters(), first, weights(alone), strict=True):
        torch.testing.assert_close(mean, (a + b) / 2)


def test_normalising_a_proof_keeps_the_indentation_lean_reads() -> None:
    assert normalise_proof("by  \n\n  simp \n  omega\n") == "by\n  simp\n  omega"
    assert normalise_proof("by\n  simp\n    omega") != normalise_proof("by\n  simp\n  omega")


def test_learners_draw_in_an_order_of_their_seed(tokenizer: PreTrainedTokenizerFast) -> None:
    proofs = [rollout(sample_of(tokenizer, f"by exact h{i}"), Status.PROVED, name=f"t{i}") for i in range(6)]

    def learned(seed: int) -> list[torch.Tensor]:
        model = build_policy(CONFIG, tokenizer)
        config = ExpertIterationConfig(steps=2, batch_size=2, seed=seed)
        ExpertIterationLearner(model, config, eos_id=tokenizer.eos_token_id).update(proofs)
        return weights(model)

    same = [torch.equal(a, b) for a, b in zip(learned(1), learned(1), strict=True)]
    other = [torch.equal(a, b) for a, b in zip(learned(1), learned(2), strict=True)]
    assert all(same)
    assert not all(other)
