"""`proofmill train`: the training daemon, which can be killed anywhere and goes on as if it had not been.

A round: wait for groups of attempts, learn from them, choose what to try next, and write all of it down as
the next policy version.  Only then are the new orders sent, and what was read is acknowledged.  So a kill
costs the work of the round it falls into and nothing else: what was read comes again, and orders that were
sent are refused when they are sent again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from prover.generators.messages import TASKS_PER_ORDER
from prover.library.training_set import TrainingSet
from prover.theorem import Theorem
from trainer.config import RunConfig
from trainer.curriculum.draws import Draws
from trainer.model.optimizer import Budget
from trainer.rollout import Rollout
from trainer.run.alarm import ForgettingAlarm, MismatchAlarm, announce_disproved
from trainer.run.books import Account, Books, Group
from trainer.run.checkpoints import Version, Versions, new_version
from trainer.run.directory import AttemptRow, RunWriter, Summary
from trainer.run.library_log import Records
from trainer.run.metrics import (
    RunGauges,
    bottleneck_of,
    busy_shares,
    figures_of_update,
    outcomes_of_round,
    pass_rates_of,
)
from trainer.run.rounds import groups_of_attempts, groups_to_issue, is_stale, round_of, within
from trainer.run.start import (
    START,
    alone_in,
    catalogue_of,
    clear,
    curriculum_of,
    defer_stop,
    known_examples,
    make_start,
)
from trainer.run.streams import RunStreams
from trainer.run.student import Lesson, Student, begin
from trainer.run.tasks import orders_of, outcome_of
from verifier.console import say
from verifier.errors import StalledError
from verifier.streams.connection import PATIENT, connect

__all__ = ["run_daemon"]

SILENT_ROUNDS = 3
"""Rounds in a row without a known verdict after which something must be broken."""
REPEAT_S = 20.0
"""Seconds without news after which orders are sent again."""
LOOK_S = 1.0
"""Seconds between two looks at what waits."""


def run_daemon(
    config: RunConfig, directory: Path, redis_url: str, run: str, metrics_port: int | None = None
) -> None:
    """Learn from `config.iterations` rounds; goes on with what `directory` holds, if it holds a part of them.

    SIGTERM and SIGINT end it before the next round, with exit code 143 or 130.

    Raises:
        InvalidInput: the settings do not fit, or another daemon writes to `directory`.
        RedisUnavailable, BrokenDirectory, NonFiniteLoss, EngineMismatch
        StalledError: nothing is judged.
        Contradiction: the verifier cannot be right.
    """
    with ExitStack() as stack:
        stack.enter_context(alone_in(directory))
        client = stack.enter_context(connect(redis_url, retries=PATIENT))
        versions = Versions(directory / "versions")
        versions.remove_drafts()
        newest = versions.newest
        if newest is None:
            clear(directory)
            summary = Summary(algorithm=config.algorithm, seed=config.seed, config=config.public)
        else:
            kept = newest.run()
            RunWriter.cut(directory, kept["lengths"])
            summary = Summary.model_validate(kept["summary"])
        writer = stack.enter_context(RunWriter(directory, summary))
        streams = RunStreams(client, run)
        given = config.daemon.start
        start = given or make_start(config, directory / START, streams.judge)
        known = known_examples(config, start)
        state = newest.learner() if newest is not None else None
        daemon = Daemon(config, versions, writer, begin(Lesson(config, start.absolute(), known, state)), run)
        if newest is not None:
            daemon.restore(newest, kept)
        stop_if_asked = stack.enter_context(defer_stop())
        daemon.train(streams, RunGauges(metrics_port), stop_if_asked)


class Daemon:
    """A run between two rounds: all that a version holds, and what a round does with it."""

    def __init__(
        self, config: RunConfig, versions: Versions, writer: RunWriter, student: Student, run: str
    ) -> None:
        self.config = config
        self.versions = versions
        self.writer = writer
        self.student = student
        self.theorems = theorems = catalogue_of(config)
        self.curriculum = curriculum_of(config, theorems)
        self.records = Records(theorems, run) if isinstance(theorems, TrainingSet) else None
        self.books = Books()
        self.draws = Draws(config.draws)
        self.budget = Budget()
        self.orders = 0
        """Number of the last one."""
        self.surplus = 0
        """Attempts that were issued beyond those of as many groups of the usual size."""
        self.pass_rates: dict[int, float] = {}
        """Of versions, as far as attempts of theirs were learned from."""
        self.version: Version | None = None
        """The newest, once there is one."""
        self.alarm = MismatchAlarm(config.daemon.min_effective_sample_share, config.daemon.mismatch_patience)
        self.forgetting = ForgettingAlarm()
        self.silent_rounds = 0

    def train(self, streams: RunStreams, gauges: RunGauges, stop_if_asked: Callable[[], None]) -> None:
        """All rounds that are left."""
        version = self.version
        if version is None or (self.rounds_left > 0 and not self.books.open):
            # At the beginning; or the run had finished, and its settings ask for more rounds now.
            version = self.write_down()
        while self.rounds_left > 0:
            began = time.monotonic()
            groups, waiting = self.wait(version.number, streams, gauges, stop_if_asked)
            learning_began = time.monotonic()
            row = self.learn(groups, version.number)
            now = time.monotonic()
            row |= {"learning_s": now - learning_began, "wall_s": now - began}
            row["busy"] = busy_shares(row)
            order_size = TASKS_PER_ORDER * self.config.sampling.samples
            row["bottleneck"] = bottleneck_of(row["busy"], waiting, order_size)
            self.writer.finish(self.writer.summary.wall_s + row["wall_s"], finished=False)
            self.writer.metrics(self.rounds, row)
            version = self.write_down()
            streams.acknowledge()
            gauges.round(self.books, row, version.number)
            say(
                f"version {version.number} of {self.config.iterations}: pass rate {row.get('pass_rate')}, "
                f"the others wait for {row['bottleneck']}"
            )
        self.writer.finish(self.writer.summary.wall_s, finished=True)
        say(f"finished: {self.books}")

    def wait(
        self, version: int, streams: RunStreams, gauges: RunGauges, stop_if_asked: Callable[[], None]
    ) -> tuple[list[Group], dict[str, float]]:
        """The groups of the next round, and how many messages waited meanwhile in each stream, on average."""
        deadline = time.monotonic() + self.config.daemon.deadline_s
        backlogs: list[dict[str, int]] = []
        next_look = next_repeat = time.monotonic()
        while True:
            stop_if_asked()
            now = time.monotonic()
            if now >= next_repeat:
                # At first, and where nothing comes: a server that was killed may have lost the last orders it
                # took, and a connection that broke the last messages that were read.
                streams.publish(self.books)
                streams.recover(self.books)
                next_repeat = now + REPEAT_S
            if now >= next_look:
                backlogs.append(streams.backlogs())
                gauges.waiting(self.books, backlogs[-1])
                if jump := streams.clock_jump():
                    say(
                        f"the clock of the Redis server jumped by {jump:+,.0f} s: some of what is in hand "
                        "may be done twice, and is counted once; let the server's host keep time (NTP)",
                        "yellow",
                    )
                next_look = now + LOOK_S
            groups = round_of(
                self.books.open,
                {group.task.id for group in self.books.complete(overdue=now > deadline)},
                version=version,
                max_staleness=self.staleness,
                size=self.config.theorems_per_iteration,
            )
            if groups:
                return groups, {name: fmean(backlog[name] for backlog in backlogs) for name in backlogs[0]}
            if streams.poll(self.books):
                next_repeat = now + REPEAT_S

    def learn(self, groups: Sequence[Group], version: int) -> dict[str, Any]:
        """Learn from a round's groups and close them; the round's row of the metrics.

        Raises:
            StalledError: none of the last rounds brought a verdict.
        """
        closed: list[tuple[Theorem, Rollout, Account]] = []
        for group in groups:
            stale = is_stale(group, version, self.config.daemon.max_staleness)
            closed += [(group.task.theorem, *entry) for entry in group.entries(stale=stale)]
            self.books.close(group, stale=stale)
        outcomes = [outcome_of(group.task, group.verdicts.values()) for group in groups]
        disproved = self.curriculum.observe(outcomes)
        rows = [row for group in groups for row in self.rows_of_given(group)]
        announce_disproved(disproved)
        rollouts = [rollout for _, rollout, account in closed if account is not Account.STALE]
        figures: dict[str, Any] = {"round": version + 1}
        if any(rollout.reward is not None for rollout in rollouts):
            self.pass_rates |= pass_rates_of(rollouts)
            self.silent_rounds = 0
            figures |= {"policy_version": rollouts[0].attempt.policy_version}
            figures |= outcomes_of_round(rollouts) | self.student.kl_from_start(rollouts)
            figures |= self.update_or_hold(rollouts) | self.forgetting.round(
                (theorem.family or theorem.source, each.verdict.kind)
                for theorem, each, account in closed
                if account is Account.TRAINED
            )
        elif any(outcome.proved + outcome.refuted for outcome in outcomes):
            self.silent_rounds = 0  # there were only disproofs to be tried
        elif self.silent_rounds < SILENT_ROUNDS - 1:
            self.silent_rounds += 1
        else:
            raise StalledError(
                f"{SILENT_ROUNDS} rounds in a row brought no verdict: look at the logs of the generators and "
                "the verifiers, and at the streams that end in :dead"
            )
        for late in self.books.take_late():
            theorem = self.theorems.theorem(self.theorems.index_of(late.attempt.theorem))
            closed.append((theorem, late, Account.LATE))
        for theorem, rollout, account in closed:
            row = AttemptRow.of(
                "train",
                theorem,
                rollout.attempt.proof,
                rollout.verdict,
                iteration=self.rounds,
                policy_version=rollout.attempt.policy_version,
                id=rollout.attempt.id,
                account=account,
            )
            self.writer.attempt(row)
            rows.append((theorem.name, row))
        if self.records is not None:
            self.records.keep(rows, disproved)
        accounts = {"accounts": dict(self.books.accounts), "issued": self.books.issued}
        figures |= {"iteration": self.rounds, "disproved": len(self.curriculum.retired)}
        return figures | accounts

    def update_or_hold(self, rollouts: Sequence[Rollout]) -> dict[str, Any]:
        """Change the weights, or hold the rollouts until there are more; the figures of an update."""
        self.draws.add(rollouts)
        if not self.draws.is_due(last=self.rounds_left <= 1):
            self.draws.hold()
            return {"held": True}
        stats = self.student.update(self.draws.take())
        self.alarm.see(stats.details.get("effective_sample_share"))
        self.budget = self.budget.plus(stats)
        return figures_of_update(stats)

    def rows_of_given(self, group: Group) -> list[tuple[str, AttemptRow]]:
        """Write down the proofs that nobody sampled; their rows, with the theorem that each is about."""
        task = group.task
        rows = [
            AttemptRow.of(
                "disproof",
                task.theorem,
                proof,
                verdict,
                iteration=self.rounds + 1,
                policy_version=task.policy_version,
                id=verdict.id,
                account=Account.CHECKED,
            )
            for proof, verdict in group.given()
        ]
        for row in rows:
            self.writer.attempt(row)
        return [(task.negates or task.theorem.name, row) for row in rows]

    def write_down(self) -> Version:
        """Issue the next tasks, and write everything down as the next version."""
        version = self.versions.at(0 if self.version is None else self.version.number + 1)
        with new_version(version) as draft:
            digest = draft.publish(self.student)
            self.issue(version, digest)
            draft.finish(self.state())
        self.version = version
        best = max(self.pass_rates, key=lambda number: self.pass_rates[number], default=0)
        used = {group.task.policy_version for group in self.books.open}
        newest = range(version.number - self.config.daemon.keep + 1, version.number + 1)
        self.versions.keep({best, *used, *newest})
        return version

    def state(self) -> dict[str, Any]:
        """All but what the student is, for `run.json`."""
        return {
            "config": self.config.public,
            "orders": self.orders,
            "surplus": self.surplus,
            "books": self.books.state(),
            "curriculum": self.curriculum.state(),
            "draws": self.draws.state(),
            "budget": asdict(self.budget),
            "pass_rates": self.pass_rates,
            "silent_rounds": self.silent_rounds,
            "mismatches": self.alarm.below,
            "forgetting": self.forgetting.state(),
            "lengths": self.writer.lengths(),
            "summary": self.writer.summary.model_dump(mode="json", by_alias=True),
        }

    def restore(self, version: Version, kept: Mapping[str, Any]) -> None:
        """Go on from what `state` said when the version was written.

        Raises:
            InvalidInput: it is of a run with other theorems.
        """
        self.version = version
        self.orders = kept["orders"]
        self.surplus = kept["surplus"]
        self.books = Books.restored(kept["books"])
        self.curriculum.restore(kept["curriculum"])
        self.draws.restore(kept.get("draws", self.draws.state()))
        self.budget = Budget(**kept["budget"])
        self.pass_rates = {int(number): rate for number, rate in kept["pass_rates"].items()}
        self.silent_rounds = kept["silent_rounds"]
        self.alarm.below = kept["mismatches"]
        self.forgetting.restore(kept.get("forgetting", self.forgetting.state()))
        changed = [name for name, value in self.config.public.items() if kept["config"].get(name) != value]
        say(f"going on from version {version.number}: {self.books}")
        if changed:
            say(f"other settings than before: {', '.join(changed)}", "yellow")

    def issue(self, version: Version, digest: str) -> None:
        """Open groups for as many tasks as may be ahead, to be sampled from `version`."""
        count = groups_to_issue(
            len(self.books.open),
            rounds_left=self.rounds_left,
            max_staleness=self.staleness,
            size=self.config.theorems_per_iteration,
        )
        if self.records is not None and (grown := self.records.grown()):
            self.curriculum.grow()
            say(f"{grown} theorems more to choose from")
        samples = self.config.sampling.samples
        before = self.books.issued
        more = within(self.draws.growing(), (count - 1) * samples)
        surplus = self.surplus + sum(more.values())
        choices = [
            *self.curriculum.choose(groups_of_attempts(count, samples=samples, surplus=surplus)),
            *self.curriculum.choose_again(more),
        ]
        orders = orders_of(
            choices,
            version,
            digest,
            self.config.sampling,
            self.orders + 1,
            tactics=self.config.needs_tactics,
        )
        for number, tasks in orders:
            self.orders = number
            self.books.issue(number, tasks)
        self.surplus += self.books.issued - before - count * samples

    @property
    def rounds_left(self) -> int:
        """Rounds that are still to come."""
        return self.config.iterations - self.rounds

    @property
    def rounds(self) -> int:
        """Rounds that are over: those that were learned from, and those that an update waits for."""
        return self.student.rounds + self.draws.total

    @property
    def staleness(self) -> int:
        """How many versions ahead may be sampled now."""
        return 0 if self.alarm.slowed else self.config.daemon.max_staleness
