"""The settings of a run: one seed, and no combination that could not work."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from trainer.config import RunConfig, for_demo, load_config, run_config
from trainer.curriculum.config import CurriculumConfig
from trainer.learners.dpo import DPOConfig
from trainer.learners.expert_iteration import ExpertIterationConfig
from trainer.learners.policy_gradient import PolicyGradientConfig
from trainer.objectives.algorithms import ALGORITHMS
from verifier.errors import InvalidInput


def test_the_seed_of_the_run_is_that_of_every_part() -> None:
    config = RunConfig(seed=7)
    parts = (
        config.pretraining,
        config.supervised,
        config.sampling,
        config.section(PolicyGradientConfig),
        config.section(DPOConfig),
        config.section(ExpertIterationConfig),
    )
    assert {part.seed for part in parts} == {7}
    with pytest.raises(ValidationError, match=r"policy_gradient.seed cannot differ"):
        RunConfig.model_validate({"seed": 7, "policy_gradient": {"seed": 1}})


@pytest.mark.parametrize("algorithm", ["expert_iteration", "dapo"])
def test_a_learner_that_the_run_does_not_have_is_not_named_in_a_section(algorithm: str) -> None:
    with pytest.raises(ValidationError, match=r"policy_gradient.algorithm cannot differ"):
        RunConfig.model_validate({"algorithm": algorithm, "policy_gradient": {"algorithm": "ppo"}})


def test_settings_that_are_written_down_can_be_read_back() -> None:
    config = RunConfig(seed=3, iterations=2)
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config


def test_part_of_a_section_leaves_the_rest_of_it_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[supervised]\nsteps = 5\n")
    config = load_config(file, seed=2, algorithm=None)
    assert config.supervised == RunConfig(seed=2).supervised.model_copy(update={"steps": 5})


def test_the_demo_chooses_uniformly_unless_told_otherwise() -> None:
    assert run_config(for_demo({})).curriculum.policy == "uniform"
    told = for_demo({"seed": 2, "curriculum": {"policy": "thompson", "replay_share": 0.1}})
    assert run_config(told).curriculum == CurriculumConfig(policy="thompson", replay_share=0.1)
    with pytest.raises(InvalidInput, match="curriculum"):
        run_config(for_demo({"curriculum": "uniform"}))


@pytest.mark.parametrize("name", ["theorems", "store"])
def test_a_demo_does_not_take_theorems_and_then_train_on_others(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"data.{name}: .*proofmill train"):
        for_demo({"data": {name: "mine"}})
    assert run_config(for_demo({"data": {"train": 5}})).data.train == 5


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ("[sampling]\ngreedy = true\nsamples = 1\n", "greedy"),
        ("algorithm = 'grpo'\n[sampling]\nsamples = 1\n", "at least 2"),
        ("algorithm = 'grpo'\n[sampling]\ntop_p = 0.9\n", "top_p"),
        ("algorithm = 'grpo'\n[policy_gradient]\ntemperature = 0.7\n", "policy_gradient.temperature"),
        ("algorithm = 'grpo'\n[policy_gradient]\nalgorithm = 'dapo'\n", "policy_gradient.algorithm"),
        ("algorithm = 'grpo'\n[policy_gradient.loss]\nclip_low = 2\n", "clip_low"),
        ("algorithm = 'ppo'\n[policy_gradient.credit]\nscheme = 'potential'\n", "PPO has a critic"),
        (
            "algorithm = 'cispo'\n[policy_gradient.loss]\ndual_clip = 3.0\n",
            "dual_clip is for the objective clip",
        ),
        ("algorithm = 'reinforce'\n[policy_gradient.loss]\nclip_low = 0.1\n", "clip_low is for"),
        ("algorithm = ['grpo']\n", "algorithm"),
        ("dpo = 3\n", "dpo"),
        ("policy_gradient = 3\n", "policy_gradient"),
        ("[policy_gradient]\nloss = 'clip'\n", "policy_gradient.loss"),
        ("[policy_gradient]\nalgorithm = ['grpo']\n", "policy_gradient.algorithm"),
        ("sampling = 3\n", r"sampling: it is a section, not 3: write \[sampling\]"),
        ("[sampling]\ntemperatur = 1\n", r"sampling\.temperatur: .*is it temperature\?"),
        ("[sampling]\ntemperature = 'hot'\n", r"cannot be used: sampling\.temperature: [^;]*$"),
        ("[policy_gradient]\nalgorithm = 'ppo'\n", "policy_gradient.algorithm: .*`algorithm` at the top"),
        ("[policy_gradient]\nlongest_response = 64\n", r"`max_new_tokens` in \[sampling\]"),
        ("[sampling]\nseed = 0\n", "sampling.seed: .*`seed` at the top"),
        ("colour = 1\n", "colour"),
        ("[data]\ntrain = 0\n", "data.train"),
        ("iterations = \n", "cannot read"),
    ],
)
def test_settings_that_cannot_work_are_named(tmp_path: Path, settings: str, cause: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(settings)
    with pytest.raises(InvalidInput, match=cause):
        load_config(file)


def test_a_run_says_its_algorithm_once_and_what_differs_from_it() -> None:
    run = RunConfig.model_validate(
        {
            "algorithm": "dapo",
            "sampling": {"max_new_tokens": 32, "temperature": 0.9},
            "policy_gradient": {"loss": {"clip_low": 0.1}},
        }
    )
    config = run.section(PolicyGradientConfig)
    assert run.learner == config
    assert (config.algorithm, config.longest_response, config.temperature) == ("dapo", 32, 0.9)
    assert config.loss == ALGORITHMS["dapo"].loss.model_copy(update={"clip_low": 0.1})
    ppo = RunConfig.model_validate({"algorithm": "ppo"}).section(PolicyGradientConfig)
    assert (ppo.epochs, ppo.learning_rate) == (ALGORITHMS["ppo"].epochs, ALGORITHMS["ppo"].learning_rate)
    faster = RunConfig.model_validate({"algorithm": "ppo", "policy_gradient": {"learning_rate": 1e-4}})
    assert faster.section(PolicyGradientConfig).learning_rate == 1e-4
