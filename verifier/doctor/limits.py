"""What bounds a proof, what a proof that breaks out of its bounds costs, and how fast it all is."""

import os
import signal
import time
from collections.abc import AsyncIterator

from verifier.doctor.checks import Check
from verifier.doctor.corpus import read_case
from verifier.doctor.patient import Patient
from verifier.verdict import Kind, Status

__all__ = ["examine_limits", "examine_speed"]

PROOF = ("theorem t : 1 = 1", "theorem t : 1 = 1 := rfl")
COSTLY = (
    "theorem t (a b c d : Nat) (h : a < b) (k : c < d) : a + c + 1 < b + d",
    "theorem t (a b c d : Nat) (h : a < b) (k : c < d) : a + c + 1 < b + d := by omega",
)
TIMED = 20


async def examine_limits(patient: Patient) -> AsyncIterator[Check]:
    """Heartbeats, the wall clock, memory, and a worker that is killed."""
    free = await patient.judge(*COSTLY)
    used = free.heartbeats or 0
    yield Check(
        "heartbeats are counted", free.status is Status.PROVED and used > 0, f"{used:,}", "of one `omega`"
    )
    half = await patient.judge(*COSTLY, heartbeats=max(1, used // 2))
    twice = await patient.judge(*COSTLY, heartbeats=2 * used + 1)
    yield Check(
        "heartbeats decide",
        half.kind is Kind.REFUTED and twice.status is Status.PROVED,
        f"{half.status} / {twice.status}",
        "at half of what it takes, and at twice that",
    )
    for written, asked, holds in ((400_000, None, 400_000), (0, None, 0), (400_000, 50_000, 50_000)):
        header = f"set_option maxHeartbeats {written}\n"
        verdict = await patient.judge(*PROOF, header, heartbeats=asked)
        certified = None if verdict.certificate is None else verdict.certificate.heartbeat_limit
        yield Check(
            f"maxHeartbeats {written} in a header, {asked or 'nothing'} asked for",
            verdict.heartbeat_limit == holds == certified,
            f"{verdict.heartbeat_limit}",
            "the budget that the verdict and the certificate name",
        )
    small = await patient.judge(*COSTLY, f"set_option maxHeartbeats {max(1, used // 2)}\n")
    yield Check(
        "a header's maxHeartbeats holds", small.kind is Kind.REFUTED, small.status, small.reason[:120]
    )
    for id_, timeout in (("endless-eval", 3.0), ("memory", 20.0), ("heavy-kernel-decide", 20.0)):
        case = read_case("cheats", f"resource_bomb/{id_}")
        began = time.monotonic()
        verdict = await patient.judge(
            "theorem t : (1 : Nat) = 2", case.submission.code or "", timeout_s=timeout
        )
        took = time.monotonic() - began
        after = await patient.judge(*PROOF)
        yield Check(
            f"a bomb: {id_}",
            verdict.status is not Status.PROVED and after.status is Status.PROVED,
            f"{took:.1f} s",
            f"{verdict.status}, and the next proof is {after.status}",
        )
    yield await _killed(patient)


async def _killed(patient: Patient) -> Check:
    """A worker that the machine kills is replaced."""
    for pid in patient.pool.worker_pids:
        os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    verdict = await patient.judge(*PROOF)
    took = time.monotonic() - began
    return Check(
        "a worker that is killed", verdict.status is Status.PROVED, f"{took:.1f} s", "until the next verdict"
    )


async def examine_speed(patient: Patient) -> AsyncIterator[Check]:
    """How long verdicts take on one worker, and what an audit costs beside the elaboration."""
    await patient.judge(*PROOF)
    began = time.monotonic()
    verdicts = [await patient.judge(*PROOF) for _ in range(TIMED)]
    took = time.monotonic() - began
    proved = all(verdict.status is Status.PROVED for verdict in verdicts)
    held = sum(verdict.lean_ms for verdict in verdicts) / TIMED
    yield Check("a short proof", proved, f"{held:.0f} ms", "for which Lean is held: elaboration and audit")
    yield Check(
        "proofs a minute", proved, f"{60 * TIMED / took:,.0f}", "short ones, one after the other, on one core"
    )
    export = await patient.export_of(*COSTLY)
    expressions = len(export["exprs"]) if export is not None else 0
    began = time.monotonic()
    accepted = export is not None and (await patient.audit(COSTLY[0], export))[0] is Status.PROVED
    micro = (time.monotonic() - began) / max(expressions, 1) * 1e6
    yield Check(
        "an audit", accepted, f"{micro:.0f} us", f"for each of the {expressions:,} expressions of an `omega`"
    )
