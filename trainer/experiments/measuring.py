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
from prover.theorem import Theorem
from trainer.config import RunConfig
from trainer.model.compute import Compute
from trainer.rollout import Judged
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

    def attempt(self, phase: Phase, tasks: Sequence[Task]) -> list[Judged]:
        """Attempts at tasks, in their order, with verdicts."""
        greedy = {task.id for task in tasks if task.sampling.greedy}
        expected = sum(task.sampling.samples for task in tasks)
        with _loading(self.config) as load, progress_bar(phase, "attempts sampled", expected) as advance:
            messages = []
            for order in Order.of(tasks):
                for message in sample_order(load, order)[0]:
                    messages.append(message)
                    advance()
        verdicts = self._judged(phase, [message.submission for message in messages])
        judged = [
            Judged(message.attempt, verdicts[message.submission.id], message.sampling_ms)
            for message in messages
            if message.attempt is not None
        ]
        self._write(
            AttemptRow.of(
                phase,
                each.attempt.theorem,
                each.attempt.proof,
                each.verdict,
                policy_version=each.attempt.policy_version,
                greedy=each.attempt.group in greedy,
            )
            for each in judged
        )
        return judged

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
