"""A learner that goes on from its state learns what one that was never interrupted does, bit for bit."""

import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tests.support.toys import CONFIG, PAIRS, rollout, sample_of, weights
from trainer.config import run_config
from trainer.learners.base import Learner, LearnerState
from trainer.learners.dpo import DPOConfig, DPOLearner
from trainer.learners.expert_iteration import ExpertIterationConfig, ExpertIterationLearner
from trainer.learners.policy_gradient import PolicyGradientConfig, PolicyGradientLearner
from trainer.learners.ppo import PPOLearner
from trainer.learners.supervised import encode_pairs
from trainer.learners.trpo import TRPOConfig, TRPOLearner
from trainer.model.batching import Example
from trainer.model.distributed import Ranks
from trainer.model.optimizer import PATIENCE, NonFiniteLoss, OptimizerConfig, Stepper
from trainer.model.policy import build_policy, save_policy
from trainer.rollout import Rollout
from trainer.run.student import Lesson, Student, follow
from verifier.errors import InvalidInput
from verifier.verdict import Status

pytestmark = pytest.mark.usefixtures("one_thread")

Make = Callable[[LlamaForCausalLM, PreTrainedTokenizerFast], Learner]
TEXTS = ("by omega", "by simp", "by decide", "h", "by\n  rfl", "⟨hp, hq⟩", "Nat.zero_le a")


ANCHOR = {"weight": 0.5, "known": 2, "found": 2, "proofs_per_theorem": 2}


def known_proofs(tokenizer: PreTrainedTokenizerFast) -> list[Example]:
    return encode_pairs(tokenizer, PAIRS, max_length=CONFIG.max_length)


def gradient(**settings: Any) -> Make:
    config = PolicyGradientConfig(**({"learning_rate": 1e-3, "epochs": 2, "minibatch_size": 4} | settings))
    learner = PPOLearner if config.algorithm == "ppo" else PolicyGradientLearner
    return lambda model, tokenizer: learner(
        model, config, known=known_proofs(tokenizer), eos_id=tokenizer.eos_token_id
    )


def dpo(**settings: Any) -> Make:
    config = DPOConfig(learning_rate=1e-3, batch_size=3, **settings)
    return lambda model, tokenizer: DPOLearner(
        model, config, eos_id=tokenizer.eos_token_id, known=known_proofs(tokenizer)
    )


def expert_iteration(**settings: Any) -> Make:
    config = ExpertIterationConfig(steps=3, batch_size=4, proofs_per_theorem=3, **settings)

    def make(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> Learner:
        known = known_proofs(tokenizer)
        return ExpertIterationLearner(model, config, eos_id=tokenizer.eos_token_id, known=known)

    return make


LEARNERS: dict[str, Make] = {
    "expert iteration": expert_iteration(),
    "expert iteration, restarting": expert_iteration(restart=True),
    "expert iteration, averaging": expert_iteration(average_last=2),
    "grpo": gradient(),
    "grpo with KL": gradient(loss={"beta": 0.02}),
    "grpo, engine compared": gradient(check_engine=True),
    "ppo": gradient(algorithm="ppo"),
    "ppo, one trunk": gradient(algorithm="ppo", critic={"shared": True}),
    "dpo": dpo(),
    "grpo, anchored": gradient(anchor=ANCHOR),
    "ppo, anchored": gradient(algorithm="ppo", anchor=ANCHOR),
    "dpo, anchored": dpo(anchor=ANCHOR),
    "trpo": lambda model, _: TRPOLearner(model, TRPOConfig(cg_steps=3)),
}


@pytest.fixture
def rounds(tokenizer: PreTrainedTokenizerFast) -> list[list[Rollout]]:
    """Three, of which each proves other texts."""
    samples = [sample_of(tokenizer, text) for text in TEXTS]
    return [
        [
            rollout(each, Status.REJECTED if (i + number) % 3 else Status.PROVED, name=f"t{i % 2}")
            for i, each in enumerate(samples)
        ]
        for number in range(3)
    ]


def through_a_file(state: LearnerState) -> LearnerState:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return cast(LearnerState, torch.load(file, weights_only=True))


def same(a: Any, b: Any) -> bool:
    """Whether two states are, bit for bit and in the same order."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_that_goes_on_from_its_state_does_what_it_would_have_done(
    tokenizer: PreTrainedTokenizerFast, rounds: Sequence[list[Rollout]], name: str
) -> None:
    model = build_policy(CONFIG, tokenizer, seed=0)
    learner = LEARNERS[name](model, tokenizer)
    assert learner.update(rounds[0]).optimizer_steps
    saved = through_a_file({"model": dict(model.state_dict()), "learner": learner.state()})
    # Another start, so that nothing is right because it is the same in any case.
    resumed_model = build_policy(CONFIG, tokenizer, seed=1)
    resumed = LEARNERS[name](resumed_model, tokenizer)
    resumed_model.load_state_dict(saved["model"])
    resumed.restore(saved["learner"])
    for each in rounds[1:]:
        before = weights(model)
        assert resumed.update(each) == learner.update(each)
        assert all(map(torch.equal, weights(resumed_model), weights(model)))
        assert not all(map(torch.equal, weights(model), before))
    assert same(resumed.state(), learner.state())


@pytest.mark.parametrize("name", LEARNERS)
def test_a_state_stays_as_it_was_when_learning_goes_on(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, rounds: Sequence[list[Rollout]], name: str
) -> None:
    learner = LEARNERS[name](model, tokenizer)
    learner.update(rounds[0])
    taken = learner.state()
    then = through_a_file(taken)
    learner.update(rounds[1])
    learner.restore(LEARNERS[name](build_policy(CONFIG, tokenizer, seed=1), tokenizer).state())
    assert same(taken, then)
    # What goes on from it leaves it as it was, too.
    learner.restore(taken)
    learner.update(rounds[2])
    assert same(taken, then)


@pytest.mark.parametrize(
    ("of", "given_to"),
    [
        ("dpo", "grpo"),
        ("dpo", "grpo with KL"),
        ("grpo", "grpo with KL"),
        ("grpo with KL", "grpo"),
        ("trpo", "ppo"),
        ("ppo", "trpo"),
        ("ppo", "ppo, one trunk"),
        ("expert iteration", "expert iteration, restarting"),
    ],
)
def test_a_state_of_another_algorithm_or_of_other_settings_is_refused(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, of: str, given_to: str
) -> None:
    state = LEARNERS[of](model, tokenizer).state()
    with pytest.raises(InvalidInput, match="go on with"):
        LEARNERS[given_to](model, tokenizer).restore(state)


def test_moments_of_other_weights_are_refused() -> None:
    config = OptimizerConfig(learning_rate=0.1)
    state = Stepper(torch.nn.Linear(2, 2, bias=False), config).state()
    with pytest.raises(InvalidInput, match="go on with the model"):
        Stepper(torch.nn.Linear(2, 2), config).restore(state)


def test_steps_left_out_before_an_interruption_count_after_it() -> None:
    module = torch.nn.Linear(1, 1)

    def one_more_left_out(stepper: Stepper) -> None:
        assert stepper.step([math.nan], lambda factor: (factor * module.weight.sum(), {})) is None

    stepper, resumed = (Stepper(module, OptimizerConfig(learning_rate=0.1)) for _ in range(2))
    for _ in range(PATIENCE - 1):
        one_more_left_out(stepper)
    resumed.restore(through_a_file(stepper.state()))
    with pytest.raises(NonFiniteLoss):
        one_more_left_out(resumed)


def test_what_goes_on_with_another_learning_rate_has_that_one() -> None:
    module = torch.nn.Linear(1, 1)
    slow, fast = (Stepper(module, OptimizerConfig(learning_rate=rate)) for rate in (1e-4, 0.5))
    fast.restore(slow.state())
    before = module.weight.detach().clone()
    assert fast.step([1.0], lambda factor: (factor * module.weight.sum(), {})) is not None
    assert float((module.weight.detach() - before).abs()) > 0.1


@pytest.fixture
def lesson(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> Lesson:
    """With dropout, which reads torch's random state."""
    save_policy(model, tokenizer, tmp_path / "v0000")
    settings = {
        "algorithm": "grpo",
        "iterations": 3,
        "policy_gradient": {"learning_rate": 1e-2, "check_engine": True},
        "lora": {"rank": 2, "dropout": 0.5},
        "compute": {"device": "cpu"},
    }
    return Lesson(run_config(settings), tmp_path / "v0000", ())


def test_a_student_that_goes_on_from_a_state_does_what_it_would_have_done(
    lesson: Lesson, rounds: Sequence[list[Rollout]]
) -> None:
    student = Student(lesson)
    student.update(rounds[0])
    state = through_a_file(student.state())
    expected = [student.update(each) for each in rounds[1:]]
    torch.manual_seed(7)
    resumed = Student(replace(lesson, state=state))
    assert resumed.rounds == 1
    assert [resumed.update(each) for each in rounds[1:]] == expected
    assert same(resumed.state(), student.state())
    assert all(map(torch.equal, resumed.published().parameters(), student.published().parameters()))


@dataclass(frozen=True)
class Handed(Ranks):
    """What a first process hands on, without one."""

    lessons: Iterator[Lesson | str | None] = field(kw_only=True)

    def from_first(self, value: Any) -> Any:
        return next(self.lessons)


def test_who_follows_a_lesson_does_what_the_first_process_does(
    lesson: Lesson, rounds: Sequence[list[Rollout]], monkeypatch: pytest.MonkeyPatch
) -> None:
    student = Student(lesson)
    student.update(rounds[0])
    learned_in: list[int] = []
    monkeypatch.setattr(Student, "update", lambda self, _: learned_in.append(self.rounds))
    follow(Handed(lessons=iter([replace(lesson, state=student.state()), "update", "update", None])))
    assert learned_in == [1, 1]


def test_weights_of_another_model_are_refused(lesson: Lesson) -> None:
    state = Student(lesson).state()
    without_adapter = replace(lesson, config=lesson.config.model_copy(update={"lora": None}))
    with pytest.raises(InvalidInput, match="another model"):
        Student(replace(without_adapter, state=state))
