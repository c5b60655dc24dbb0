"""What a training run says of itself: rows of `metrics.jsonl`, and gauges for Prometheus."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from trainer.model.optimizer import UpdateStats
from trainer.rollout import Rollout, has_contrast
from trainer.run.books import Account, Books
from verifier.verdict import Kind

__all__ = [
    "RunGauges",
    "bottleneck_of",
    "busy_shares",
    "figures_of_update",
    "outcomes_of_round",
    "pass_rates_of",
]


def outcomes_of_round(rollouts: Sequence[Rollout]) -> dict[str, Any]:
    """What a round brought; `sampling_s` and `lean_s` are busy seconds of processes that overlap."""
    kinds = Counter(rollout.verdict.kind for rollout in rollouts)
    known = kinds[Kind.PROVED] + kinds[Kind.REFUTED]
    groups = rewards_by_group(rollouts)
    contrast = sum(map(has_contrast, groups))
    lean_calls = sum(rollout.verdict.lean_ms > 0 for rollout in rollouts)
    return {
        "attempts": len(rollouts),
        "proved": kinds[Kind.PROVED],
        "refuted": kinds[Kind.REFUTED],
        "unknown": kinds[Kind.UNKNOWN],
        "statuses": dict(Counter(str(rollout.verdict.status) for rollout in rollouts)),
        "pass_rate": kinds[Kind.PROVED] / known if known else None,
        "groups": len(groups),
        "informative_groups": contrast,
        "contrast_share": contrast / len(groups) if groups else None,
        "groups_of_one": sum(len(rewards) == 1 for rewards in groups),
        "sampling_s": sum(rollout.attempt.sampling_ms for rollout in rollouts) / 1e3,
        "lean_s": sum(rollout.verdict.lean_ms for rollout in rollouts) / 1e3,
        "lean_calls": lean_calls,
        "cached": len(rollouts) - lean_calls,
    }


def figures_of_update(stats: UpdateStats) -> dict[str, Any]:
    """What an update came to."""
    return {
        "loss": stats.loss,
        "grad_norm": stats.grad_norm,
        **stats.details,
        "optimizer_steps": stats.optimizer_steps,
        "tokens": stats.tokens,
    }


def pass_rates_of(rollouts: Sequence[Rollout]) -> dict[int, float]:
    """Share of known verdicts that are proofs, by policy version."""
    rewards: defaultdict[int, list[float]] = defaultdict(list)
    for rollout in rollouts:
        if rollout.reward is not None:
            rewards[rollout.attempt.policy_version].append(rollout.reward)
    return {version: fmean(known) for version, known in rewards.items()}


def rewards_by_group(rollouts: Iterable[Rollout]) -> list[list[float]]:
    """The known rewards of each group."""
    groups: defaultdict[str, list[float]] = defaultdict(list)
    for rollout in rollouts:
        if rollout.reward is not None:
            groups[rollout.attempt.group].append(rollout.reward)
    return list(groups.values())


def busy_shares(row: Mapping[str, Any]) -> dict[str, float]:
    """How many processes of each stage were at work in a round, on average; `learning` is at most 1."""
    wall_s = max(float(row["wall_s"]), 1e-9)
    return {stage: float(row.get(f"{stage}_s", 0.0)) / wall_s for stage in ("sampling", "lean", "learning")}


def bottleneck_of(shares: Mapping[str, float], waiting: Mapping[str, float], order_size: int) -> str:
    """The stage that the others wait for: the trainer, or where an attempt spends most of its time.

    By Little's law the mean number that waits is the throughput times the time that each waits.

    Args:
        shares: as `busy_shares` has them.
        waiting: messages that waited in each stream, on average: orders, submissions, verdicts.
        order_size: attempts that an order leads to.
    """
    if shares["learning"] > 0.5:
        return "learning"
    return "sampling" if waiting["tasks"] * order_size > waiting["submissions"] else "lean"


class RunGauges:
    """The gauges of one run, served over HTTP if a port is given."""

    def __init__(self, port: int | None = None) -> None:
        registry = CollectorRegistry()

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"proofmill_run_{name}", meaning, labels, registry=registry)

        self._issued = gauge("issued_total", "Attempts issued.")
        self._attempts = gauge("attempts_total", "Attempts by what became of them.", "outcome")
        self._version = gauge("policy_version", "The newest policy version.")
        self._pass_rate = gauge("pass_rate", "Share of known verdicts that are proofs, in the last round.")
        self._backlog = gauge("backlog", "Messages that wait for whoever reads them.", "stream")
        self._busy = gauge("busy_share", "Processes at work in the last round, on average.", "stage")
        self._effective = gauge("effective_sample_share", "Effective sample size of the last round.")
        self._in_flight = gauge("groups_in_flight", "Groups that are issued and not closed.")
        if port is not None:
            start_http_server(port, registry=registry)

    def waiting(self, books: Books, backlogs: Mapping[str, int]) -> None:
        """What is on its way."""
        self._in_flight.set(len(books.open))
        for stream, count in backlogs.items():
            self._backlog.labels(stream).set(count)

    def round(self, books: Books, row: Mapping[str, Any], version: int) -> None:
        """What a round came to; `row` is that of `metrics.jsonl`."""
        self._issued.set(books.issued)
        for account in Account:
            self._attempts.labels(account).set(books.accounts[account])
        self._version.set(version)
        for gauge, name in ((self._pass_rate, "pass_rate"), (self._effective, "effective_sample_share")):
            if row.get(name) is not None:
                gauge.set(row[name])
        for stage, share in row["busy"].items():
            self._busy.labels(stage).set(share)
