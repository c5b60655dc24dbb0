"""Tasks of a run, attempts at them and verdicts, made up: for tests of what is done with messages."""

from prover.generators.base import SamplingParams
from prover.generators.messages import AttemptMessage, Task
from prover.theorem import Attempt, Theorem
from verifier.verdict import Status, Verdict

__all__ = ["attempt", "task", "verdict"]


def task(name: str, samples: int = 2, version: int = 0) -> Task:
    return Task(
        id=name,
        theorem=Theorem(name=name, statement="theorem t : True", source="test", split="train"),
        policy="/policy",
        policy_version=version,
        sampling=SamplingParams(samples=samples),
    )


def attempt(task: Task, index: int) -> AttemptMessage:
    return AttemptMessage.of(
        Attempt(
            id=task.attempt_id(index),
            group=task.id,
            theorem=task.theorem,
            policy_version=task.policy_version,
            proof="trivial",
            prompt_ids=(1,),
            token_ids=(2,),
            logprobs=(-0.5,),
            finished=True,
        ),
        sampling_ms=1.0,
    )


def verdict(task: Task, index: int, status: Status = Status.PROVED) -> Verdict:
    return Verdict(id=task.attempt_id(index), status=status, reason="because")
