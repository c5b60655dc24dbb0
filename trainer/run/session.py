"""What a run holds open: the Redis, the other processes, the streams, the run directory, the screen."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from rich.progress import Progress

from prover.generators.base import SamplingParams
from prover.generators.messages import Task
from prover.theorem import Theorem
from trainer.config import RunConfig, write_settings
from trainer.launch.processes import Processes, worker_arguments
from trainer.rollout import Judged
from trainer.run.directory import Phase, Summary
from trainer.run.exchange import Exchange
from trainer.run.writer import RunWriter
from verifier.console import progress_bars, say
from verifier.streams.connection import REDIS_VARIABLE, connect
from verifier.streams.valkey import EmbeddedRedis
from verifier.verdict import Verdict

__all__ = ["Policy", "Session", "open_session"]

Advance = Callable[[], None]
NamedProof = tuple[Theorem, str]


@dataclass(frozen=True)
class Policy:
    """A saved policy: its version and the directory that generators load it from."""

    version: int
    directory: Path


@dataclass(frozen=True)
class Session:
    """An open run: ways to have theorems attempted and proofs judged, with everything written down."""

    config: RunConfig
    directory: Path
    writer: RunWriter
    exchange: Exchange
    progress: Progress
    order_numbers: Iterator[int] = field(default_factory=count)

    def task(self, phase: Phase, theorem: Theorem, policy: Policy, sampling: SamplingParams) -> Task:
        """A new task of this run."""
        return Task(
            id=f"{phase}/{next(self.order_numbers)}/{theorem.name}",
            theorem=theorem,
            policy=str(policy.directory.absolute()),
            policy_version=policy.version,
            sampling=sampling,
        )

    def attempt(self, phase: Phase, tasks: Sequence[Task], *, iteration: int = 0) -> list[Judged]:
        """Attempts at tasks, in their order, with verdicts."""
        greedy = {task.id for task in tasks if task.sampling.greedy}
        expected = sum(task.sampling.samples for task in tasks)
        with self.bar(f"{phase} {iteration}" if iteration else phase, "attempts judged", expected) as advance:

            def record(each: Judged) -> None:
                self.writer.attempt(
                    phase,
                    each.attempt.theorem,
                    each.attempt.proof,
                    each.verdict,
                    iteration=iteration,
                    policy_version=each.attempt.policy_version,
                    greedy=each.attempt.group in greedy,
                )
                advance()

            return self.exchange.attempt(tasks, on_judged=record)

    def judge(self, phase: Phase, proofs: Sequence[NamedProof]) -> list[Verdict]:
        """Verdicts on proofs nobody sampled, in their order."""
        submissions = [
            theorem.submission(f"{phase}/{next(self.order_numbers)}/{theorem.name}", proof)
            for theorem, proof in proofs
        ]
        proof_of = {each.id: pair for each, pair in zip(submissions, proofs, strict=True)}
        with self.bar(phase, "proofs judged", len(submissions)) as advance:

            def record(verdict: Verdict) -> None:
                theorem, proof = proof_of[verdict.id]
                self.writer.attempt(phase, theorem, proof, verdict)
                advance()

            return self.exchange.judge(submissions, on_verdict=record)

    @contextmanager
    def bar(self, part: str, what: str, total: int) -> Iterator[Advance]:
        """A bar while something long goes on, then a line; call what it gives once for each step."""
        task = self.progress.add_task(f"{part}: {what}", total=total)
        began = time.monotonic()
        try:
            yield lambda: self.progress.advance(task)
        finally:
            done = round(self.progress.tasks[self.progress.task_ids.index(task)].completed)
            self.progress.remove_task(task)
            say(f"{part}: {done} of {total} {what} in {time.monotonic() - began:.0f} s")


@contextmanager
def open_session(config: RunConfig, directory: Path, summary: Summary) -> Iterator[Session]:
    """Start Redis, a verifier and a generator for a run in `directory`; end them all on the way out.

    Raises:
        RedisUnavailable
    """
    with ExitStack() as stack:
        writer = stack.enter_context(RunWriter(directory, summary))
        redis_url = config.redis_url or stack.enter_context(EmbeddedRedis(directory / "redis")).url
        client = stack.enter_context(connect(redis_url))
        processes = stack.enter_context(Processes(directory))
        # A name no earlier run has: its orders and verdicts may still be in a Redis given by URL.
        run = f"{config.name_in(directory)}-{secrets.token_hex(4)}"
        # Not an argument: everyone may read those, and it may hold a password.
        environment = {REDIS_VARIABLE: redis_url}
        file = write_settings(config, directory)
        for name in ("verifier", "generator"):
            processes.start(name, worker_arguments(name, file, run), environment)
        progress = stack.enter_context(progress_bars())
        exchange = Exchange(client, run, check_alive=processes.check_alive)
        yield Session(config, directory, writer, exchange, progress)
