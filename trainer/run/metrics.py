"""What a training run says of itself: rows of `metrics.jsonl`, and gauges for Prometheus."""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from trainer.run.books import Account, Books

__all__ = ["RunGauges", "bottleneck_of", "busy_shares"]


def busy_shares(row: Mapping[str, Any]) -> dict[str, float]:
    """How many processes of each stage were at work in a round, on average; `learning` is at most 1."""
    wall_s = max(float(row["wall_s"]), 1e-9)
    return {stage: float(row.get(f"{stage}_s", 0.0)) / wall_s for stage in ("sampling", "lean", "learning")}


def bottleneck_of(shares: Mapping[str, float], waiting: Mapping[str, float], order_size: int) -> str:
    """The stage that the others wait for: the trainer, or where an attempt spends most of its time.

    By Little's law the mean number that waits is the throughput times the time that each waits.

    Args:
        shares: as `busy_shares` has them.
        waiting: messages that waited in each stream, on average: orders, attempts, verdicts.
        order_size: attempts that an order leads to.
    """
    if shares["learning"] > 0.5:
        return "learning"
    return "sampling" if waiting["tasks"] * order_size > waiting["attempts"] else "lean"


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
