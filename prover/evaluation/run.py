"""An evaluation: every theorem of a benchmark, so many attempts each, every verdict from the verifier.

    plan = plan_of(benchmark, prover, judge, samples=8)
    with EvalFiles(directory, plan, benchmark.problems) as files:
        summary = await evaluate(benchmark, prover, verifier, files, watcher=watcher)

What was written down is not done again, so an evaluation that was killed goes on.  Theorems are always asked
in the same parts, since what is sampled together decides how floats are rounded: the numbers are those of an
evaluation that was never stopped.  Searches by a model are alike but not equal: what is sampled together
there depends on how long Lean takes.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from prover.evaluation.benchmark import Benchmark
from prover.evaluation.files import EvalFiles, EvalPlan, StatementRow
from prover.evaluation.provers.base import Prover, Written
from prover.evaluation.summary import EvalSummary, Evaluated, summary_of
from prover.formats.base import Failed, Problem
from verifier.errors import ProofmillError
from verifier.judging.reward import Verifier
from verifier.lean.runtime import code_in
from verifier.verdict import Kind, Severity, Submission, Verdict

__all__ = ["DoesNotElaborate", "Watcher", "evaluate", "plan_of"]

PART = 16
"""Theorems that are asked together."""


class DoesNotElaborate(ProofmillError):
    """Lean cannot read some of the statements here, so a number would not be what it is called."""


class Watcher(Protocol):
    """Sees what happens, also what had happened before an evaluation goes on."""

    def stated(self, row: StatementRow) -> None:
        """Lean has said whether it can read one more statement."""
        ...

    def attempted(self, last: Evaluated) -> None:
        """An attempt has come to its end."""
        ...


def plan_of(
    benchmark: Benchmark, prover: Prover, judge: Mapping[str, str], *, samples: int, repairs: int = 0
) -> EvalPlan:
    """The plan of measuring a prover on a benchmark.

    Args:
        judge: what the verifier says that it is: which Lean, under which limits.
    """
    code = b"".join(code_in(Path(__file__).parents[2] / package) for package in ("prover", "verifier"))
    fingerprint = {
        "benchmark": benchmark.variant,
        "benchmark_sha256": benchmark.set_digest,
        "theorems_sha256": benchmark.digest,
        **prover.fingerprint,
        **judge,
        "code_sha256": hashlib.sha256(code).hexdigest(),
    }
    return EvalPlan(samples, repairs, fingerprint)


async def evaluate(
    benchmark: Benchmark,
    prover: Prover,
    verifier: Verifier,
    files: EvalFiles,
    *,
    watcher: Watcher,
    leave_out: bool = False,
) -> EvalSummary:
    """Do what is left of an evaluation, and say what all of it came to.

    Args:
        leave_out: measure on the theorems that Lean can read here, and name the others.

    Raises:
        DoesNotElaborate: Lean cannot read a statement, and it is not to be left out.
        ProofmillError: a part of the machine failed; what was judged stays.
    """
    plan = files.plan
    evaluation = _Evaluation(prover, verifier, files, plan.samples, plan.repairs, watcher)
    try:
        stated = await evaluation.state(benchmark.problems)
        unread = {row.name: row.reason for row in stated if not row.elaborates}
        if unread and not leave_out:
            raise DoesNotElaborate(_listed(unread))
        problems = [problem for problem in benchmark.problems if problem.theorem.name not in unread]
        await evaluation.attempt(problems)
    finally:
        files.note_time()
    summary = summary_of(
        problems,
        list(files.attempts.values()),
        samples=plan.samples,
        in_order=prover.in_order,
        not_elaborating={row.name: row.reason for row in stated if row.elaborates is False},
        no_answer={row.name: row.reason for row in stated if row.elaborates is None},
        wall_seconds=files.seconds,
        fingerprint=plan.fingerprint,
    )
    files.write("summary.json", summary.model_dump_json(indent=2) + "\n")
    return summary


@dataclass(frozen=True, slots=True)
class _Asked:
    """An answer that is to be judged."""

    problem: Problem
    sample: int
    round: int
    written: Written


@dataclass(frozen=True, slots=True)
class _Evaluation:
    prover: Prover
    verifier: Verifier
    files: EvalFiles
    samples: int
    repairs: int
    watcher: Watcher

    async def state(self, problems: Sequence[Problem]) -> list[StatementRow]:
        """Ask Lean about each statement, with `sorry` for a proof, of which it has not said anything yet."""
        theorems = {f"statement/{problem.theorem.name}": problem.theorem for problem in problems}
        asked = []
        for id, theorem in theorems.items():
            row = self.files.statements.get(theorem.name)
            if row is None or row.elaborates is None:
                asked.append(theorem.submission(id, "by sorry"))
            else:
                self.watcher.stated(row)
        async for verdict in self.verifier.verify_many(asked):
            name = theorems[verdict.id].name
            row = StatementRow(name=name, status=verdict.status, reason=verdict.reason)
            self.files.add_statement(row)
            self.watcher.stated(row)
        return [self.files.statements[problem.theorem.name] for problem in problems]

    async def attempt(self, problems: Sequence[Problem]) -> None:
        """Make the attempts that are missing: while answers to one part are judged, the next is asked."""
        parts = iter([problems[first : first + PART] for first in range(0, len(problems), PART)])
        asking = asyncio.Lock()
        workers = [asyncio.create_task(self._attempt_parts(parts, asking)) for _ in range(2)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _attempt_parts(self, parts: Iterator[Sequence[Problem]], asking: asyncio.Lock) -> None:
        for part in parts:
            for problem in part:
                for sample in range(self.samples):
                    if last := self._last(problem, sample):
                        self._tell(last)
            await self._answer(part, asking)
            for round in range(1, self.repairs + 1):
                await self._answer_complaints(part, round, asking)

    async def _answer(self, part: Sequence[Problem], asking: asyncio.Lock) -> None:
        missing = [
            problem
            for problem in part
            if not all(self._is_done(problem, 0, sample) for sample in range(self.samples))
        ]
        if not missing:
            return
        if self.prover.answers_alone:
            part = missing
        async with asking:
            answers = await asyncio.to_thread(self.prover.answers, part, self.samples)
        pairs = zip(part, answers, strict=True)
        await self._judge(
            [_Asked(problem, sample, 0, one) for problem, of in pairs for sample, one in enumerate(of)]
        )

    async def _answer_complaints(self, part: Sequence[Problem], round: int, asking: asyncio.Lock) -> None:
        failed = [
            (problem, sample)
            for problem in part
            for sample in range(self.samples)
            if (row := self._row(problem, round - 1, sample)) and row.kind is Kind.REFUTED
        ]
        if all(self._is_done(problem, round, sample) for problem, sample in failed):
            return
        complaints = [self._failed(problem, round - 1, sample) for problem, sample in failed]
        async with asking:
            answers = await asyncio.to_thread(self.prover.second_thoughts, complaints, round)
        pairs = zip(failed, answers, strict=True)
        await self._judge([_Asked(problem, sample, round, one) for (problem, sample), one in pairs])

    async def _judge(self, asked: Sequence[_Asked]) -> None:
        """Have the answers judged that were not; what holds nothing to be judged proves nothing."""
        submissions: dict[str, tuple[_Asked, Submission]] = {}
        for answer in asked:
            if self._is_done(answer.problem, answer.round, answer.sample):
                continue
            if answer.written.search is not None:
                self.files.add_search(answer.written.search)
            found, theorem = self.prover.read(answer.written.text), answer.problem.theorem
            if why := answer.written.refused or found.missing:
                nothing = Verdict(id="", status=answer.written.status, reason=why)
                self._keep(_row(answer, None, nothing))
                continue
            submission = Submission(
                id=f"{theorem.name}/{answer.sample}/{answer.round}",
                statement=theorem.statement,
                header=theorem.header,
                proof=found.proof,
                code=found.code,
            )
            submissions[submission.id] = answer, submission
        async for verdict in self.verifier.verify_many(
            [submission for _, submission in submissions.values()]
        ):
            one, submission = submissions[verdict.id]
            self._keep(_row(one, submission, verdict))

    def _keep(self, row: Evaluated) -> None:
        self.files.add_attempt(row)
        self._tell(row)

    def _tell(self, last: Evaluated) -> None:
        """Tell the watcher of an attempt that will have no other answer."""
        if last.kind is not Kind.REFUTED or last.round == self.repairs:
            self.watcher.attempted(last)

    def _row(self, problem: Problem, round: int, sample: int) -> Evaluated | None:
        return self.files.attempts.get((problem.theorem.name, sample, round))

    def _is_done(self, problem: Problem, round: int, sample: int) -> bool:
        return self._row(problem, round, sample) is not None

    def _last(self, problem: Problem, sample: int) -> Evaluated | None:
        rounds = range(self.repairs, -1, -1)
        return next((row for at in rounds if (row := self._row(problem, at, sample))), None)

    def _failed(self, problem: Problem, round: int, sample: int) -> Failed:
        row = self.files.attempts[problem.theorem.name, sample, round]
        judged = row.proof if row.proof is not None else row.code or ""
        return Failed(problem, row.answer, judged, row.reason, row.errors, round)


def _row(asked: _Asked, submission: Submission | None, verdict: Verdict) -> Evaluated:
    errors = (message for message in verdict.messages if message.severity is Severity.ERROR)
    return Evaluated(
        name=asked.problem.theorem.name,
        sample=asked.sample,
        round=asked.round,
        answer=asked.written.text,
        proof=submission.proof if submission is not None else None,
        code=submission.code if submission is not None else None,
        status=verdict.status,
        reason=verdict.reason,
        errors=tuple(errors),
        lean_calls=asked.written.lean_calls + int(verdict.lean_ms > 0),
        lean_ms=verdict.lean_ms,
        heartbeats=asked.written.heartbeats + (verdict.heartbeats or 0),
        tokens=asked.written.tokens,
        nats=asked.written.nats,
        sampling_ms=asked.written.sampling_ms,
        certificate=verdict.certificate,
    )


def _listed(unread: dict[str, str]) -> str:
    some = "".join(f"\n  {name}: {reason}" for name, reason in list(unread.items())[:20])
    more = f"\n  and {len(unread) - 20} more" if len(unread) > 20 else ""
    return (
        f"Lean cannot read {len(unread)} statements here: pass a --project that has what they import, "
        f"--core for those that fit a Lean without Mathlib, or --leave-out:{some}{more}"
    )
