"""Sampling and judging in this process, for what is measured; every attempt is written down."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import torch

from prover.generators.base import SamplingParams
from prover.generators.messages import Order, Task
from prover.generators.vllm.engine import ServerSettings, VLLMEngine
from prover.generators.worker import Load, load_transformers, load_vllm, sample_order
from prover.theorem import Attempt, Theorem
from trainer.config import RunConfig
from trainer.model.compute import Compute
from trainer.rollout import Rollout
from trainer.run.directory import ATTEMPTS, AttemptRow, Phase
from trainer.run.start import Judge, progress_bar
from verifier.verdict import Submission, Verdict

__all__ = ["Measuring"]

NamedProof = tuple[Theorem, str]


class Measuring:
    """Attempts and proofs of theorems, with their verdicts, in `directory`."""

    def __init__(self, config: RunConfig, directory: Path, judge: Judge) -> None:
        self.config = config
        self._judge = judge
        self._directory = directory
        self._numbers = count()

    def task(self, phase: Phase, theorem: Theorem, policy: Path, sampling: SamplingParams) -> Task:
        """A new task."""
        return Task(
            id=f"{phase}/{next(self._numbers)}/{theorem.name}",
            theorem=theorem,
            policy=str(policy),
            policy_version=0,
            sampling=sampling,
        )

    def attempt(self, phase: Phase, tasks: Sequence[Task]) -> list[Rollout]:
        """Attempts at tasks, in their order, with verdicts."""
        task_of = {task.id: task for task in tasks}
        attempts: list[Attempt] = []
        submissions: list[Submission] = []
        with _loading(self.config) as load, progress_bar(phase, "tasks sampled", len(tasks)) as advance:
            for order in Order.of(tasks):
                sampled = sample_order(load, order)
                attempts += sampled.attempts
                submissions += sampled.submissions
                for _ in order.tasks:
                    advance()
        verdicts = self._judged(phase, submissions)
        rollouts = [Rollout(attempt=attempt, verdict=verdicts[attempt.id]) for attempt in attempts]
        self._write(
            AttemptRow.of(
                phase,
                task_of[rollout.attempt.group].theorem,
                rollout.attempt.proof,
                rollout.verdict,
                policy_version=rollout.attempt.policy_version,
                greedy=task_of[rollout.attempt.group].sampling.greedy,
            )
            for rollout in rollouts
        )
        return rollouts

    def judge(self, phase: Phase, proofs: Sequence[NamedProof]) -> list[Verdict]:
        """Verdicts on proofs nobody sampled, in their order."""
        submissions = [
            theorem.submission(f"{phase}/{next(self._numbers)}/{theorem.name}", proof)
            for theorem, proof in proofs
        ]
        found = self._judged(phase, submissions)
        verdicts = [found[submission.id] for submission in submissions]
        self._write(
            AttemptRow.of(phase, theorem, proof, verdict)
            for (theorem, proof), verdict in zip(proofs, verdicts, strict=True)
        )
        return verdicts

    def _judged(self, phase: Phase, submissions: Sequence[Submission]) -> dict[str, Verdict]:
        verdicts: dict[str, Verdict] = {}
        with progress_bar(phase, "attempts judged", len(submissions)) as advance:
            for verdict in self._judge(submissions):
                verdicts[verdict.id] = verdict
                advance()
        return verdicts

    def _write(self, rows: Iterator[AttemptRow]) -> None:
        with (self._directory / ATTEMPTS).open("a", encoding="utf-8") as file:
            file.writelines(row.model_dump_json() + "\n" for row in rows)


@contextmanager
def _loading(config: RunConfig) -> Iterator[Load]:
    """What loads the policies that sample, as the settings want it."""
    own, threads = config.generator, torch.get_num_threads()
    if own.engine == "vllm":
        with VLLMEngine(own.vllm_url, ServerSettings(dtype=own.dtype)) as engine:
            yield load_vllm(engine)
        return
    try:
        yield load_transformers(str(Compute.of(config.compute).device))
    finally:
        torch.set_num_threads(threads)
