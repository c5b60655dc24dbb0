"""Two processes that learn together come to what one comes to, with whole weights and with divided ones."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from tests.support.together import learn
from tests.support.toys import CONFIG, PAIRS
from trainer.config import run_config
from trainer.model.compute import Compute
from trainer.model.policy import build_policy, save_policy
from trainer.model.tokenizer import train_tokenizer
from trainer.run.student import Lesson, Student, new_learner
from verifier.errors import InvalidInput


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer: PreTrainedTokenizerFast = train_tokenizer([a + b for a, b in PAIRS], CONFIG.vocab_size)
    directory = tmp_path_factory.mktemp("policies") / "v0000"
    save_policy(build_policy(CONFIG, tokenizer, seed=0), tokenizer, directory)
    return directory


TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
# It starts torchrun for several processes on one machine, whether there are GPUs or not.
ACCELERATE = ("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0")
GRADIENT = {"learning_rate": 1e-3, "max_tokens": 64, "minibatch_size": 5}
BESIDE_PROOFS = {**GRADIENT, "max_tokens": 1024, "anchor": {"weight": 1.0}}
LESSONS: Mapping[str, dict[str, Any]] = {
    "grpo": {"algorithm": "grpo", "policy_gradient": GRADIENT},
    "ppo": {"algorithm": "ppo", "policy_gradient": GRADIENT},
    "dpo": {"algorithm": "dpo", "dpo": {"max_tokens": 128, "learning_rate": 1e-3}},
    # One part of the policy's loss and one of proofs: without care each process would read one kind alone.
    "grpo beside proofs": {"algorithm": "grpo", "policy_gradient": BESIDE_PROOFS},
    "grpo beside proofs, divided": {
        "algorithm": "grpo",
        "policy_gradient": BESIDE_PROOFS,
        "compute": {"shard": True},
    },
    "ppo beside proofs": {"algorithm": "ppo", "policy_gradient": BESIDE_PROOFS},
    "expert iteration, divided": {
        "expert_iteration": {"max_tokens": 64, "steps": 3, "average_last": 2},
        "compute": {"shard": True, "activation_checkpointing": True},
    },
    "adapter, divided": {
        "algorithm": "dapo",
        "policy_gradient": GRADIENT,
        "lora": {"rank": 4},
        "compute": {"shard": True},
    },
}


def flat(weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([weights[name].flatten() for name in sorted(weights)])


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("name", "launcher"), [*((name, TORCHRUN) for name in LESSONS), ("grpo", ACCELERATE)]
)
def test_two_processes_come_to_what_one_comes_to(
    policy: Path, tmp_path: Path, name: str, launcher: tuple[str, ...]
) -> None:
    lesson_settings = LESSONS[name]
    compute = {"device": "cpu", **lesson_settings.get("compute", {})}
    settings = {"iterations": 2, **lesson_settings, "compute": compute}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    lesson = Lesson(run_config(settings), policy, ())
    first = Student(lesson).published().state_dict()
    learn(lesson, tmp_path / "alone.pt")
    torch.set_num_threads(threads)
    together = tmp_path / "together.pt"
    script = ("-m", "tests.support.together", json.dumps(settings), str(policy), str(together))
    command = (sys.executable, "-m", *launcher, *script)
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = torch.load(tmp_path / "alone.pt"), torch.load(together)
    assert two["figures"] == pytest.approx(one["figures"], rel=1e-3, abs=1e-6)
    # As wholes: where gradients cancel, AdamW makes steps of what rounding leaves.
    start, alone_at, together_at = (flat(each) for each in (first, one["weights"], two["weights"]))
    assert (together_at - alone_at).norm() < 0.02 * (alone_at - start).norm()


def test_a_setting_of_another_algorithm_keeps_no_weights_from_being_divided(policy: Path) -> None:
    config = run_config({"policy_gradient": {"loss": {"beta": 0.1}}, "compute": {"shard": True}})
    student = Student(Lesson(config, policy, ()))
    new_learner(config, student.model, student.tokenizer, (), Compute(shard=True))


@pytest.mark.parametrize("algorithm", ["ppo", "dpo", "trpo"])
def test_what_keeps_a_second_model_says_that_it_cannot_be_divided(policy: Path, algorithm: str) -> None:
    config = run_config({"algorithm": algorithm, "compute": {"shard": True}})
    student = Student(Lesson(config, policy, ()))
    with pytest.raises(InvalidInput, match=f"{algorithm} keeps a second"):
        new_learner(config, student.model, student.tokenizer, (), Compute(shard=True))
