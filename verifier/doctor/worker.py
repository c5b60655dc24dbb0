"""The worker as a process: whether it starts, what confines it, how much memory it takes."""

import json
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from verifier.doctor.checks import Check
from verifier.doctor.patient import Patient
from verifier.errors import WorkerStartError
from verifier.judging.lean_process import LeanProcess, Role
from verifier.lean.runtime import LeanRuntime
from verifier.sandbox.child import process_tree
from verifier.sandbox.confine import resource_limits

__all__ = ["MATHLIB_HEADER", "examine_memory", "examine_sandbox", "examine_start", "how_it_runs"]

MATHLIB_HEADER = (
    "import Mathlib\nimport Aesop\nset_option maxHeartbeats 400000\nopen BigOperators Real Nat Topology Rat\n"
)
CORE_HEADER = "import Lean\n"
ROLES: tuple[Role, ...] = ("screen", "audit")
OTHER_LIST_BYTES = 200e6
OTHER_LIST_S = 5.0


def how_it_runs(runtime: LeanRuntime) -> Check:
    """Whether the worker is compiled."""
    if runtime.not_compiled:
        return Check("worker program", False, "script", f"{runtime.not_compiled}\nit runs, slower and larger")
    return Check("worker program", True, "compiled", "the worker is not elaborated at each start")


async def examine_start(runtime: LeanRuntime) -> AsyncIterator[Check]:
    """Whether a process of each role says that it is ready, and how long that takes."""
    confined = "nothing keeps candidates from this user's files: install bubblewrap"
    if runtime.is_confined:
        confined = ", ".join(each.name for each in runtime.protections if each.on)
    yield Check("sandbox", runtime.is_confined, "on" if runtime.is_confined else "off", confined)
    for role in ROLES:
        began = time.monotonic()
        try:
            process = await LeanProcess.start(runtime, role)
        except WorkerStartError as error:
            yield Check(f"start: {role}", False, f"{time.monotonic() - began:.1f} s", str(error))
            return
        await process.kill()
        yield Check(f"start: {role}", True, f"{time.monotonic() - began:.1f} s", "from nothing to ready")


async def examine_sandbox(patient: Patient) -> AsyncIterator[Check]:
    """What candidate code reaches: it runs inside the worker, so it is asked for all that it must not get."""
    secret = secrets.token_hex(8)
    ran, said = await patient.run(['IO.println "probe"'])
    yield Check(
        "sandbox: a probe runs", ran and "probe" in said, "1 of 1", "candidate code runs, so it can try"
    )
    try:
        home = tempfile.TemporaryDirectory(dir=Path.home(), prefix=".proofmill-doctor-")
    except (OSError, RuntimeError) as error:
        yield Check("sandbox: a file of the user", False, "not tried", f"none can be made: {error}")
        return
    with home as directory:
        file, target = Path(directory) / "secret", Path(directory) / "written"
        file.write_text(secret, "utf-8")
        ran, said = await patient.run([f"IO.println (← IO.FS.readFile {json.dumps(str(file))})"])
        yield _refusal("sandbox: a file of the user", not ran and secret not in said, "is not read", said)
        await patient.run([f'IO.FS.writeFile {json.dumps(str(target))} "x"'])
        yield _refusal(
            "sandbox: a file that is written", not target.exists(), "does not reach the disk", "it is there"
        )
    own = Path(patient.runtime.env.get("LEAN_PATH", "").partition(":")[0]) / "proofmill-doctor"
    ran, said = await patient.run([f'IO.FS.writeFile {json.dumps(str(own))} "x"'])
    yield _refusal(
        "sandbox: a file among the library's", not ran and not own.exists(), "is not written", said
    )
    own.unlink(missing_ok=True)
    ran, said = await patient.run(
        ['IO.println s!"{(← IO.getEnv "HOME").isSome} {(← IO.getEnv "PATH").isSome}"']
    )
    yield _refusal("sandbox: the user's variables", ran and "false false" in said, "are not seen", said)
    ran, said = await patient.run(
        [f'IO.println (← IO.Process.output {{ cmd := "/bin/sh", args := #["-c", "echo {secret}"] }}).stdout']
    )
    yield _refusal("sandbox: a process", not ran and secret not in said, "is not started", said)


def _refusal(name: str, holds: bool, what: str, said: str) -> Check:
    thing = name.removeprefix("sandbox: ")
    return Check(
        name, holds, "refused" if holds else "possible", f"{thing} {what}" if holds else f"Lean: {said[:200]}"
    )


async def examine_memory(patient: Patient, *, has_mathlib: bool) -> AsyncIterator[Check]:
    """What a header costs in time and memory, and how many workers fit."""
    header, short = (MATHLIB_HEADER, "Mathlib") if has_mathlib else (CORE_HEADER, "Lean")
    statement, code = "theorem t : 1 = 1", "theorem t : 1 = 1 := rfl"
    for how, says in (("cold", "the first time in a process"), ("warm", "when the process has it")):
        began = time.monotonic()
        verdict = await patient.judge(statement, code, header)
        took = time.monotonic() - began
        yield Check(
            f"import {short}: {how}",
            verdict.certificate is not None,
            f"{took:.2f} s",
            f"a verdict under `import {short}`, {says}" if verdict.certificate else verdict.reason,
        )
    before = {pid: _private(pid) for pid in (*patient.pool.worker_pids, *patient.pool.auditor_pids)}
    # The same modules: one of them is named once more, at the end.
    lines = header.splitlines()
    last = max(place for place, line in enumerate(lines) if line.startswith("import"))
    again = "\n".join([*lines[: last + 1], "import Init", *lines[last + 1 :]])
    began = time.monotonic()
    verdict = await patient.judge(statement, code, again)
    took, more = time.monotonic() - began, _growth(before)
    holds = verdict.certificate is not None and more < OTHER_LIST_BYTES and took < OTHER_LIST_S
    yield Check(
        "the same modules in another list",
        holds,
        f"{more / 1e6:.0f} MB, {took:.2f} s",
        "more for a list of imports that brings nothing new: it is not read a second time",
    )
    measured = [_memory(pid) for pid in before]
    if len(measured) != len(ROLES) or not all(private for private, _ in measured):
        yield Check(
            "memory", False, f"{len(measured)} of {len(ROLES)}", "not both processes could be measured"
        )
        return
    private, shared = zip(*measured, strict=True)
    limit = resource_limits(patient.runtime.name)["RLIMIT_DATA"]
    for role, own, all_of_it in zip(ROLES, private, shared, strict=True):
        yield Check(
            f"memory: {role}",
            0 < own < limit,
            f"{own / 1e9:.2f} GB private, {all_of_it / 1e9:.2f} GB PSS",
            f"of one process with `import {short}`; it may have {limit / 1e9:g} GB of its own",
        )
    # Beside N workers stand N / 2 + 1 auditors.
    available = psutil.virtual_memory().available
    fit = 0
    while (fit + 1) * private[0] + ((fit + 1) // 2 + 1) * private[1] <= available:
        fit += 1
    yield Check("workers that fit", fit >= 1, f"{fit}", "for --workers, by the memory that is free now")


def _growth(before: dict[int, float]) -> float:
    return sum(max(0.0, _private(pid) - memory) for pid, memory in before.items())


def _private(pid: int) -> float:
    return _memory(pid)[0]


def _memory(pid: int) -> tuple[float, float]:
    """Private bytes, and bytes with the shared ones divided by who shares them, of a process and its
    children.
    """
    private = shared = 0.0
    for each in process_tree(pid):
        try:
            found = psutil.Process(each).memory_full_info()
        except psutil.Error:
            continue
        private, shared = private + found.uss, shared + found.pss
    return private, shared
