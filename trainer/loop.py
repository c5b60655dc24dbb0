"""The training loop: choose, attempt, judge, learn, save; round after round."""

import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.theorem import Theorem
from trainer.batching import Example
from trainer.compute import Compute
from trainer.config import RunConfig
from trainer.dpo import DPOLearner
from trainer.exchange import Judged
from trainer.expert_iteration import ExpertIterationLearner
from trainer.learner import Budget, Learner, UpdateStats
from trainer.lora import merged, with_lora
from trainer.policy import save_policy
from trainer.policy_gradient import PolicyGradientLearner
from trainer.ppo import PPOLearner
from trainer.rollout import Rollout
from trainer.session import Policy, Session
from trainer.trpo import TRPOLearner
from verifier.verdict import Kind

__all__ = ["new_learner", "train"]


def train(
    session: Session,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    start: Policy,
    theorems: Sequence[Theorem],
    known: Sequence[Example],
) -> tuple[Policy, Budget]:
    """Improve `model`, which `start` is the saved form of, on verdicts; the last policy and what it took."""
    config, policy, budget = session.config, start, Budget()
    compute = Compute.of(config.compute)
    compute.prepared(model)
    adapted = with_lora(model, config.lora) if config.lora is not None else None
    learner = new_learner(config, model, tokenizer, known, compute)
    batches = batches_of(theorems, config.theorems_per_iteration, Random(config.seed))
    for iteration, batch in zip(range(1, config.iterations + 1), batches, strict=False):
        began = time.monotonic()
        sampling = config.sampling.model_copy(update={"seed": config.seed * 1_000_003 + iteration})
        judged = session.attempt("train", batch, policy, [sampling], iteration=iteration)
        rollouts = [Rollout.judged(each.attempt, each.verdict) for each in judged]
        learning_began = time.monotonic()
        stats = learner.update(rollouts)
        learned = time.monotonic()
        budget = budget.plus(stats)
        policy = publish(session, model if adapted is None else merged(adapted), tokenizer, policy)
        row = metrics_of(iteration, judged, rollouts, stats)
        times = {"learning_s": learned - learning_began, "wall_s": time.monotonic() - began}
        session.writer.metrics(iteration, row | times)
        session.writer.took("sampling", row["sampling_s"])
        session.writer.took("lean", row["lean_s"])
        session.writer.took("learning", times["learning_s"])
    return policy, budget


def new_learner(
    config: RunConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    known: Sequence[Example],
    compute: Compute,
) -> Learner:
    """The algorithm the configuration names; `known` are the proofs of the supervised start."""
    eos_id = tokenizer.eos_token_id
    assert isinstance(eos_id, int)
    match config.algorithm:
        case "expert_iteration":
            return ExpertIterationLearner(
                model, config.expert_iteration, eos_id=eos_id, known=known, compute=compute
            )
        case "dpo":
            return DPOLearner(model, config.dpo, eos_id=eos_id, compute=compute)
        case "trpo":
            return TRPOLearner(model, config.trpo)
        case "ppo":
            return PPOLearner(model, config.policy_gradient, compute=compute)
        case _:
            return PolicyGradientLearner(model, config.policy_gradient, tokenizer=tokenizer, compute=compute)


def batches_of(theorems: Sequence[Theorem], size: int, rng: Random) -> Iterator[list[Theorem]]:
    """Batches without end: every theorem once before any a second time, in a new order each time round."""
    queue: list[Theorem] = []
    while True:
        while len(queue) < size:
            queue += rng.sample(theorems, len(theorems))
        yield queue[:size]
        del queue[:size]


def publish(
    session: Session, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, previous: Policy
) -> Policy:
    """Save the next policy version; the one before goes, unless it is the start."""
    version = previous.version + 1
    directory = session.directory / "policies" / f"v{version:04d}"
    save_policy(model, tokenizer, directory)
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
