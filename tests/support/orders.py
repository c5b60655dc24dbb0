"""Tasks of a run, attempts at them and verdicts, made up: for tests of what is done with messages."""

from prover.generators.base import SamplingParams
from prover.generators.messages import Task
from prover.theorem import Attempt, Theorem
from verifier.streams.judge_request import JudgeRequest
from verifier.verdict import Status, Verdict

__all__ = ["attempt", "submission", "task", "verdict", "with_proofs"]


def task(name: str, samples: int = 2, version: int = 0) -> Task:
    return Task(
        id=name,
        theorem=Theorem(name=name, statement="theorem t : True", source="test", split="train"),
        policy="/policy",
        policy_version=version,
        sampling=SamplingParams(samples=samples),
    )


def with_proofs(task: Task) -> Task:
    """The task with proofs that nobody samples."""
    return task.model_copy(update={"proofs": ("trivial",) * task.sampling.samples})


def attempt(task: Task, index: int) -> Attempt:
    return Attempt(
        group=task.id,
        index=index,
        theorem=task.theorem.name,
        policy_version=task.policy_version,
        proof="trivial",
        prompt_ids=(1,),
        token_ids=(2,),
        logprobs=(-0.5,),
        finished=True,
        sampling_ms=1.0,
    )


def submission(task: Task, index: int) -> JudgeRequest:
    return task.submission(index, "trivial")


def verdict(task: Task, index: int, status: Status = Status.PROVED) -> Verdict:
    return Verdict(id=task.attempt_ids[index], status=status, reason="because")
