"""The pool: submissions in, verdicts out as they finish, on Lean workers.

What it promises: every submission gets exactly one verdict; `proved` is said by an auditor, a process that
never ran a candidate; a submission that runs out of time or takes its worker down costs that worker, or one
more if the first may have been spoiled before, and nothing else; a machine that fails is `unknown`, never a
wrong proof.

Of its workers and auditors together no more run at a time than it has workers, so that one worker more is
one core more.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Self

from verifier.errors import NoAnswer
from verifier.judging.certificate import CertificateStore, certify
from verifier.judging.protocol import (
    CheckReply,
    Export,
    StatementReply,
    TextReply,
    audit_request,
    check_request,
    imports_request,
    statement_request,
    tactics_request,
    text_request,
)
from verifier.judging.rules import (
    judge_audit,
    judge_screening,
    may_turn_on_the_kernel,
    refuse_unread,
    source_of,
)
from verifier.judging.text_audit import (
    Finding,
    NamedTheorem,
    audited_with,
    judge_theorem_audit,
    judge_theorem_screening,
    theorems_of,
)
from verifier.judging.worker_set import WorkerSet
from verifier.lean.runtime import LeanRuntime, resolve_runtime
from verifier.options import Options
from verifier.tactic_state import TacticState, TacticStep
from verifier.verdict import Status, Submission, Verdict

__all__ = ["LeanPool"]

log = logging.getLogger(__name__)


class LeanPool:
    """N workers of one runtime that elaborate candidates, and auditors for what passed.

        async with LeanPool(workers=2) as pool:
            verdict = await pool.verify(submission)

    Args:
        runtime: the Lean that judges; none for the embedded one, which is installed where it is missing.
        workers: how many Lean processes run at a time.
        options: hold for what is asked for without any.
        certificates: keeps what was proved, so that it can be audited again.
        spares: how many more workers stand ready for those that are killed.
    """

    def __init__(
        self,
        runtime: LeanRuntime | None = None,
        *,
        workers: int = 1,
        options: Options | None = None,
        certificates: CertificateStore | None = None,
        spares: int = 0,
    ) -> None:
        if workers < 1:
            raise ValueError(f"a pool needs at least one worker, not {workers}")
        self.runtime = runtime = runtime or resolve_runtime(None)
        self.workers = workers
        self.options = options or Options()
        self.undecided = 0
        """Audits in which the kernel could not decide within its budget whether the types are the same."""
        self._certificates = certificates
        self._capped: set[str] = set()
        """Headers that set more heartbeats than were asked for."""
        cores = asyncio.Semaphore(workers)
        self._screeners = WorkerSet(runtime, "screen", workers, cores, spares=spares)
        # Where everything passes, audits take up to half of Lean's time; one more, so that none waits.
        self.auditors = workers // 2 + 1
        self._auditors = WorkerSet(runtime, "audit", self.auditors, cores)

    async def __aenter__(self) -> Self:
        """Starts all workers and waits for one of each role.  Raises WorkerStartError when none starts."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._screeners.open())
                group.create_task(self._auditors.open())
        except BaseExceptionGroup as failures:
            await self.close()
            raise failures.exceptions[0] from failures
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends every worker; submissions still running get `PoolClosed`."""
        await asyncio.gather(self._screeners.close(), self._auditors.close())

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """Process ids of the workers that have started and elaborate candidates."""
        return self._screeners.pids

    @property
    def auditor_pids(self) -> tuple[int, ...]:
        """Process ids of the auditors that have started."""
        return self._auditors.pids

    @property
    def sets(self) -> dict[str, WorkerSet]:
        """The workers by role, for whoever watches them."""
        return {"screen": self._screeners, "audit": self._auditors}

    @property
    def is_dead(self) -> bool:
        """Whether no worker of some role is left, and none on its way: nothing can be judged."""
        return any(workers.is_dead for workers in self.sets.values())

    async def statement(self, statement: str, header: str = "") -> StatementReply:
        """What Lean makes of a statement.

        Raises:
            NoAnswer, PoolClosed
        """
        reply, _ = await self._screeners.ask(
            header, statement_request(header, statement), self.options.timeout_s
        )
        return reply

    async def tactics(
        self,
        statement: str,
        tactics: Sequence[str] = (),
        *,
        path: Sequence[TacticStep] = (),
        goal: int = 0,
        header: str = "",
        options: Options | None = None,
    ) -> TacticState:
        """The state that `path` leads to from the start, and what `tactics` make of one of its goals.

        No state is a verdict: where no goal is left, the text of the proof is to be judged by `verify`.

        Args:
            goal: the number of the goal that each of `tactics` is tried on.
            options: with the heartbeats of each tactic, and the time for all of them.

        Raises:
            NoAnswer, PoolClosed
        """
        limits = options or self.options
        request = tactics_request(header, statement, path, tactics, goal=goal, heartbeats=limits.heartbeats)
        reply, _ = await self._screeners.ask(
            header, request, limits.timeout_s, near=f"{len(header)} {header}{statement}"
        )
        return reply.state

    async def imports(self, source: str, options: Options | None = None) -> str:
        """What a file imports, as a header.  Only Lean's own parser knows what is an import in it.

        Raises:
            NoAnswer, PoolClosed
        """
        if not any(word in source for word in ("import", "prelude")):
            return ""
        limits = options or self.options
        reply, _ = await self._screeners.ask("", imports_request(source), limits.timeout_s)
        return reply.header

    async def text(self, source: str, header: str, options: Options | None = None) -> TextReply:
        """What Lean says of a file that need not prove anything.  It is no verdict: nothing to train on.

        Args:
            header: stands for the file's own imports.

        Raises:
            NoAnswer, PoolClosed
        """
        limits = options or self.options
        request = text_request(header, source, heartbeats=limits.heartbeats, tactics=limits.tactics)
        reply, _ = await self._screeners.ask(header, request, limits.timeout_s)
        return reply

    async def audit_text(self, source: str, header: str, options: Options | None = None) -> Finding | None:
        """A theorem of a file that Lean took and the audit refuses; None where all its theorems are proved.

        The last theorem comes first, since it usually uses the others, which are audited with it.

        Raises:
            NoAnswer, PoolClosed
        """
        limits = options or self.options
        audited: frozenset[tuple[str, ...]] = frozenset()
        held_ms = 0.0
        for theorem in reversed(theorems_of(source)):
            if theorem.key in audited:
                continue
            if held_ms > 2e3 * limits.timeout_s:
                raise NoAnswer(Status.TIMEOUT, "its theorems take too long to audit, one by one", held_ms)
            finding, export, ms = await self._audit_theorem(theorem, source, header, limits)
            held_ms += ms
            if finding is not None:
                return finding
            audited |= audited_with(theorem, export)
        return None

    async def _audit_theorem(
        self, theorem: NamedTheorem, source: str, header: str, options: Options
    ) -> tuple[Finding | None, Export, float]:
        """What is wrong with a theorem of a file, what it rests on, and for how long workers were held.

        Raises:
            NoAnswer, PoolClosed
        """
        reply, screen_ms = await self._screeners.ask(
            header,
            # With the kernel's checks, as it was read before: a tactic may go on differently without them.
            check_request(header, theorem.statement, source, heartbeats=options.heartbeats, kernel=True),
            options.timeout_s,
        )
        finding = judge_theorem_screening(theorem, reply)
        if finding is not None or reply.export is None:
            return finding, {}, screen_ms
        audit, audit_ms = await self._auditors.ask(
            header, audit_request(header, theorem.statement, reply.export), options.timeout_s
        )
        finding = judge_theorem_audit(theorem, audit, options.allowed_axioms)
        return finding, reply.export, screen_ms + audit_ms

    async def verify_many(
        self, submissions: Iterable[Submission], options: Options | None = None
    ) -> AsyncIterator[Verdict]:
        """Verdicts on all submissions, in the order in which they finish."""
        tasks = [asyncio.create_task(self.verify(submission, options)) for submission in submissions]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()

    async def verify(self, submission: Submission, options: Options | None = None) -> Verdict:
        """The verdict on one submission; waits for a free worker."""
        refused = refuse_unread(submission)
        if refused is not None:
            return refused
        limits = options or self.options
        try:
            verdict = await self._screen_and_audit(submission, limits, kernel=False)
            if may_turn_on_the_kernel(submission, verdict.status):
                # A tactic may try what only the kernel can refuse, and go on with something else.
                verdict = await self._screen_and_audit(submission, limits, kernel=True)
            return verdict
        except NoAnswer as error:
            return Verdict(id=submission.id, status=error.status, reason=str(error), lean_ms=error.held_ms)

    async def _screen_and_audit(self, submission: Submission, options: Options, *, kernel: bool) -> Verdict:
        """The verdict, with the wall time for which workers were held for it.

        Raises:
            NoAnswer, PoolClosed
        """
        source = source_of(submission)
        header, statement = submission.header, submission.statement
        reply, screen_ms = await self._screeners.ask(
            header,
            check_request(
                header,
                statement,
                source.full,
                heartbeats=options.heartbeats,
                file=submission.code is not None,
                tactics=options.tactics,
                goals=options.goals,
                kernel=kernel,
            ),
            options.timeout_s,
        )
        self._say_if_capped(header, reply, options.heartbeats)
        verdict = judge_screening(submission, source, reply, options.allowed_axioms)
        export = reply.export
        if verdict.status is not Status.PROVED or export is None:
            return verdict.model_copy(update={"lean_ms": screen_ms})
        audit, audit_ms = await self._auditors.ask(
            header, audit_request(header, statement, export), options.timeout_s
        )
        self.undecided += audit.undecided
        status, reason = judge_audit(audit, options.allowed_axioms)
        certificate = None
        if status is Status.PROVED:
            limit = verdict.heartbeat_limit
            certificate = certify(submission, export, audit, self.runtime, heartbeat_limit=limit)
            if self._certificates is not None:
                await asyncio.to_thread(self._certificates.keep, certificate, submission, export)
        return verdict.model_copy(
            update={
                "status": status,
                "reason": reason,
                "axioms": audit.declaration.rests_on if audit.declaration else (),
                "certificate": certificate,
                "lean_ms": screen_ms + audit_ms,
            }
        )

    def _say_if_capped(self, header: str, reply: CheckReply, asked: int | None) -> None:
        """Say once of a header that what it sets does not hold: a figure may be compared with others."""
        written = reply.header_heartbeats
        if written is None or asked is None or written == reply.heartbeat_limit or header in self._capped:
            return
        self._capped.add(header)
        shown = "no bound on heartbeats" if written == 0 else f"maxHeartbeats {written:,}"
        log.warning("a header sets %s, but the %s that were asked for hold", shown, f"{asked:,}")
