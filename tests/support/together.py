"""One lesson on a toy, for `torchrun` to start in several processes: the first leaves the weights it came to.

torchrun --nproc-per-node 2 -m tests.support.together SETTINGS POLICY WEIGHTS
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from tests.support.toys import rollout, sample_of
from trainer.config import run_config
from trainer.rollout import Rollout
from trainer.run.student import Lesson, Student, begin, run_together
from verifier.verdict import Status

TEXTS = ("by omega", "by simp", "by decide", "h", "by\n  rfl", "⟨hp, hq⟩", "Nat.zero_le a")


def rollouts_of(student: Student) -> list[Rollout]:
    """An odd number of attempts, so that they do not go round."""
    samples = [sample_of(student.tokenizer, text) for text in TEXTS]
    return [rollout(each, Status.REJECTED if i % 2 else Status.PROVED) for i, each in enumerate(samples)]


def learn(lesson: Lesson, path: Path) -> None:
    """What a run does that is killed after each round, and goes on from what it wrote."""
    student = begin(lesson)
    for _ in range(lesson.config.iterations):
        torch.save(student.state(), path)
        student = begin(replace(lesson, state=torch.load(path, weights_only=True)))
        stats = student.update(rollouts_of(student))
        policy = student.published()
    figures = {"loss": stats.loss, "grad_norm": stats.grad_norm, **stats.details}
    torch.save({"weights": policy.state_dict(), "figures": figures}, path)


if __name__ == "__main__":
    settings, directory, out = sys.argv[1:]
    config = run_config(json.loads(settings))
    lesson = Lesson(config, Path(directory), ())
    torch.set_num_threads(1)
    run_together(config.compute, lambda: learn(lesson, Path(out)))
