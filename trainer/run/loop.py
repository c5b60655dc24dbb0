"""The training loop: choose, attempt, judge, learn, save; round after round."""

import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from prover.generators.messages import Task
from trainer.curriculum.catalogue import Catalogue
from trainer.curriculum.scheduler import Disproved, Outcome, Scheduler
from trainer.model.batching import Example
from trainer.model.optimizer import Budget, UpdateStats
from trainer.rollout import Judged, Rollout
from trainer.run.session import Policy, Session
from trainer.run.student import Lesson, Student, begin
from trainer.run.tasks import outcome_of, task_of
from verifier.console import say
from verifier.errors import ProofmillError
from verifier.verdict import Kind

__all__ = ["Contradiction", "announce", "metrics_of", "train"]


class Contradiction(ProofmillError):
    """A theorem and its negation are both proved."""


def train(
    session: Session, start: Policy, theorems: Catalogue, known: Sequence[Example]
) -> tuple[Policy, Budget]:
    """Improve the policy `start` on verdicts; the last policy, and what it took.

    Args:
        known: the proofs of the supervised start, as tokens.

    Raises:
        NonFiniteLoss
        Contradiction: the verifier cannot be right.
    """
    config, policy, budget = session.config, start, Budget()
    student = begin(Lesson(config, start.directory.absolute(), tuple(known)))
    samples = config.sampling.samples
    curriculum = Scheduler(theorems, config.curriculum, samples=samples, seed=config.seed)
    calls_left = config.attempts
    for iteration in range(1, config.iterations + 1):
        began = time.monotonic()
        # Groups differ in size: what one round spends too much or too little, the others make up for.
        groups = max(1, round(calls_left / (config.iterations + 1 - iteration) / samples))
        tasks = tasks_of(session, curriculum, groups, policy, iteration)
        calls_left -= sum(task.sampling.samples for task in tasks)
        judged, outcomes = judged_of(session, tasks, iteration)
        announce(curriculum.observe(outcomes))
        rollouts = [Rollout.judged(each.attempt, each.verdict) for each in judged]
        learning_began = time.monotonic()
        stats = student.update(rollouts)
        learned = time.monotonic()
        budget = budget.plus(stats)
        row: dict[str, Any] = {"iteration": iteration, "policy_version": policy.version}
        row |= metrics_of(judged, rollouts, stats) | {"disproved": len(curriculum.retired)}
        policy = publish(session, student, policy)
        row |= {"learning_s": learned - learning_began, "wall_s": time.monotonic() - began}
        session.writer.metrics(iteration, row)
        session.writer.took("sampling", row["sampling_s"])
        session.writer.took("lean", row["lean_s"])
        session.writer.took("learning", row["learning_s"])
    return policy, budget


def tasks_of(
    session: Session, curriculum: Scheduler, groups: int, policy: Policy, iteration: int
) -> list[Task]:
    """What the curriculum wants to have tried next, so many groups."""
    config = session.config
    sampling = config.sampling.model_copy(update={"seed": config.seed * 1_000_003 + iteration})
    return [
        task_of(choice, session.task("train", choice.theorem, policy, sampling))
        for choice in curriculum.choose(groups)
    ]


def judged_of(session: Session, tasks: Sequence[Task], iteration: int) -> tuple[list[Judged], list[Outcome]]:
    """The sampled attempts with their verdicts, and what came of every task."""
    judged = session.attempt("train", [task for task in tasks if not task.proofs], iteration=iteration)
    verdicts = defaultdict(list)
    for each in judged:
        verdicts[each.attempt.group].append(each.verdict)
    given = [(task, proof) for task in tasks for proof in task.proofs]
    if given:
        of_given = session.judge("disproof", [(task.theorem, proof) for task, proof in given])
        for (task, _), verdict in zip(given, of_given, strict=True):
            verdicts[task.id].append(verdict)
    return judged, [outcome_of(task, verdicts[task.id]) for task in tasks]


def announce(disproved: Iterable[Disproved]) -> None:
    """Tell people which theorems are false.

    Raises:
        Contradiction: one of them is proved as well.
    """
    for each in disproved:
        say(f"`{each.theorem.name}` is false: its negation is proved; it is not tried again", "yellow")
        if each.contradiction:
            raise Contradiction(
                f"`{each.theorem.name}` is proved and disproved: a verdict is wrong; keep the run's "
                "directory, and look at both proofs in attempts.jsonl"
            )


def publish(session: Session, student: Student, previous: Policy) -> Policy:
    """Save the next policy version; the one before goes, unless it is the start."""
    version = previous.version + 1
    directory = session.directory / "policies" / f"v{version:04d}"
    student.publish(directory)
    if previous.version > 0:
        shutil.rmtree(previous.directory)
    return Policy(version, directory)


def metrics_of(judged: Sequence[Judged], rollouts: Sequence[Rollout], stats: UpdateStats) -> dict[str, Any]:
    """What a round came to; `sampling_s` and `lean_s` are busy seconds of processes that overlap."""
    kinds = Counter(each.verdict.kind for each in judged)
    known = kinds[Kind.PROVED] + kinds[Kind.REFUTED]
    groups = rewards_by_group(rollouts)
    lean_calls = sum(each.verdict.lean_ms > 0 for each in judged)
    return {
        "attempts": len(judged),
        "proved": kinds[Kind.PROVED],
        "refuted": kinds[Kind.REFUTED],
        "unknown": kinds[Kind.UNKNOWN],
        "statuses": dict(Counter(str(each.verdict.status) for each in judged)),
        "pass_rate": kinds[Kind.PROVED] / known if known else None,
        "groups": len(groups),
        "informative_groups": sum(len(set(rewards)) > 1 for rewards in groups),
        "groups_of_one": sum(len(rewards) == 1 for rewards in groups),
        "loss": stats.loss,
        "grad_norm": stats.grad_norm,
        **stats.details,
        "optimizer_steps": stats.optimizer_steps,
        "tokens": stats.tokens,
        "sampling_s": sum(each.sampling_ms for each in judged) / 1e3,
        "lean_s": sum(each.verdict.lean_ms for each in judged) / 1e3,
        "lean_calls": lean_calls,
        "cached": len(judged) - lean_calls,
    }


def rewards_by_group(rollouts: Iterable[Rollout]) -> list[list[float]]:
    """The known rewards of each group."""
    groups: defaultdict[str, list[float]] = defaultdict(list)
    for rollout in rollouts:
        if rollout.reward is not None:
            groups[rollout.attempt.group].append(rollout.reward)
    return list(groups.values())
