"""The training loop: choose, attempt, judge, learn, save; round after round."""

import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from prover.theorem import Theorem
from trainer.batching import Example
from trainer.curriculum import Shuffled
from trainer.learner import Budget, UpdateStats
from trainer.rollout import Judged, Rollout
from trainer.session import Policy, Session
from trainer.student import Lesson, Student, begin
from verifier.verdict import Kind

__all__ = ["train"]


def train(
    session: Session, start: Policy, theorems: Sequence[Theorem], known: Sequence[Example]
) -> tuple[Policy, Budget]:
    """Improve the policy `start` on verdicts; the last policy, and what it took.

    Args:
        known: the proofs of the supervised start, as tokens.

    Raises:
        NonFiniteLoss
    """
    config, policy, budget = session.config, start, Budget()
    student = begin(Lesson(config, start.directory.absolute(), tuple(known)))
    curriculum = Shuffled(theorems, config.seed)
    for iteration in range(1, config.iterations + 1):
        began = time.monotonic()
        batch = curriculum.choose(config.theorems_per_iteration)
        sampling = config.sampling.model_copy(update={"seed": config.seed * 1_000_003 + iteration})
        judged = session.attempt("train", batch, policy, [sampling], iteration=iteration)
        rollouts = [Rollout.judged(each.attempt, each.verdict) for each in judged]
        learning_began = time.monotonic()
        stats = student.update(rollouts)
        learned = time.monotonic()
        budget = budget.plus(stats)
        policy = publish(session, student, policy)
        row = metrics_of(iteration, judged, rollouts, stats)
        times = {"learning_s": learned - learning_began, "wall_s": time.monotonic() - began}
        session.writer.metrics(iteration, row | times)
        session.writer.took("sampling", row["sampling_s"])
        session.writer.took("lean", row["lean_s"])
        session.writer.took("learning", times["learning_s"])
    return policy, budget


def publish(session: Session, student: Student, previous: Policy) -> Policy:
    """Save the next policy version; the one before goes, unless it is the start."""
    version = previous.version + 1
    directory = session.directory / "policies" / f"v{version:04d}"
    student.publish(directory)
    if previous.version > 0:
        shutil.rmtree(previous.directory)
    return Policy(version, directory)


def metrics_of(
    iteration: int, judged: Sequence[Judged], rollouts: Sequence[Rollout], stats: UpdateStats
) -> dict[str, Any]:
    """One row of `metrics.jsonl`; `sampling_s` and `lean_s` are busy seconds of processes that overlap."""
    kinds = Counter(each.verdict.kind for each in judged)
    known = kinds[Kind.PROVED] + kinds[Kind.REFUTED]
    groups = rewards_by_group(rollouts)
    lean_calls = sum(each.verdict.lean_ms > 0 for each in judged)
    return {
        "iteration": iteration,
        "policy_version": judged[0].attempt.policy_version,
        "attempts": len(judged),
        "proved": kinds[Kind.PROVED],
        "refuted": kinds[Kind.REFUTED],
        "unknown": kinds[Kind.UNKNOWN],
        "statuses": dict(Counter(str(each.verdict.status) for each in judged)),
        "pass_rate": kinds[Kind.PROVED] / known if known else None,
        "groups": len(groups),
        "informative_groups": sum(len(set(rewards)) > 1 for rewards in groups),
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
