"""A Lean under examination: its pool, and how a check asks it something."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from verifier.doctor.corpus import Case
from verifier.errors import NoAnswer
from verifier.judging.pool import LeanPool
from verifier.judging.protocol import Export, audit_request, check_request
from verifier.judging.rules import judge_audit
from verifier.lean.runtime import LeanRuntime
from verifier.options import Options
from verifier.verdict import Status, Submission, Verdict

__all__ = ["HOME_VERSION", "TIMEOUT_S", "Patient", "printed"]

HOME_VERSION = "4.28."
"""The Lean on which the corpus was written: there each case gets just the status that it must get."""
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Patient:
    """A pool with one worker, and the Lean that it runs."""

    runtime: LeanRuntime
    pool: LeanPool
    certificates: Path
    """Where the pool keeps what it proves."""

    @property
    def knows_the_corpus(self) -> bool:
        """Whether the corpus was written on this version of Lean."""
        return self.runtime.version.startswith(HOME_VERSION)

    async def judge(
        self,
        statement: str,
        code: str,
        header: str = "",
        *,
        heartbeats: int | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Verdict:
        """The verdict on a file."""
        asked = Submission(id="examined", statement=statement, code=code, header=header)
        return await self.pool.verify(asked, Options(timeout_s=timeout_s, heartbeats=heartbeats))

    async def judge_case(self, case: Case) -> Verdict:
        """The verdict on a case of the corpus."""
        return await self.pool.verify(case.submission, Options(timeout_s=case.seconds or TIMEOUT_S))

    async def export_of(self, statement: str, code: str) -> Export | None:
        """What a file leaves for the audit; nothing if Lean refuses it."""
        request = check_request("", statement, code, heartbeats=None, kernel=False)
        try:
            reply, _ = await self.pool.sets["screen"].ask("", request, TIMEOUT_S)
        except NoAnswer:
            return None
        return reply.export

    async def audit(self, statement: str, export: Export) -> tuple[Status, str]:
        """What an auditor says of an export, or that none answered."""
        try:
            reply, _ = await self.pool.sets["audit"].ask("", audit_request("", statement, export), TIMEOUT_S)
        except NoAnswer as error:
            return error.status, str(error)
        return judge_audit(reply)

    async def run(self, code: Sequence[str]) -> tuple[bool, str]:
        """Run an action of type `IO String` as a candidate would; whether it ran, and what it gave or Lean
        said.

        The word that it prints last shows that the code did run: what prints nothing has shown nothing.
        """
        word = secrets.token_hex(8)
        lines = "\n".join(f"  {line}" for line in code)
        text = f'#eval show IO Unit from do\n{lines}\n  IO.println "{word}"\n'
        verdict = await self.judge("theorem t : 1 = 1", f"{text}theorem t : 1 = 1 := rfl")
        said = printed(verdict)
        return word in said, said


def printed(verdict: Verdict) -> str:
    """All that Lean said."""
    return "\n".join(message.text for message in verdict.messages)
