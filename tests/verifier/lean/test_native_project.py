"""The way of a Lake project, walked on this machine: build, worker, verdicts, and what fails on it."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.leans.native_lean import NativeLean, make_native_lean
from tests.support.serving import serving
from verifier.doctor.corpus import Case, read_cases
from verifier.errors import WorkerStartError
from verifier.judging.certificate import CertificateStore
from verifier.judging.pool import LeanPool
from verifier.lean.install import find_embedded_lean
from verifier.lean.runtime import LeanRuntime, project_runtime
from verifier.lean.source import script_source
from verifier.verdict import Kind, Status, Submission, Verdict

pytestmark = [pytest.mark.slow, pytest.mark.lean]

HEADER = "import Shapes\nopen Shapes"
STATEMENT = "theorem t (n : Nat) : sides (n + 0) = sides n + 0"
PROOF = "by rw [sides_add]"


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory, lean_runtime: LeanRuntime) -> Iterator[NativeLean]:
    """A toolchain and a project, on PATH, with a cache of its own."""
    root = tmp_path_factory.mktemp("native")
    embedded = find_embedded_lean()
    assert embedded is not None
    made = make_native_lean(root, embedded)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{made.tools}:{os.environ['PATH']}")
        patch.setenv("PROOFMILL_CACHE", str(root / "cache"))
        yield made


@pytest.fixture(scope="module")
def runtime(native: NativeLean) -> LeanRuntime:
    return project_runtime(native.project)


def proofmill(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "trainer.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)


async def test_the_worker_that_the_projects_toolchain_compiles_judges_with_its_library(
    runtime: LeanRuntime, tmp_path: Path
) -> None:
    assert runtime.name == "project" and runtime.not_compiled == ""
    assert "worker" in runtime.command[-1] and "--run" not in runtime.command
    async with LeanPool(runtime, certificates=CertificateStore(tmp_path / "kept")) as pool:
        right = Submission(id="a", header=HEADER, statement=STATEMENT, proof=PROOF)
        wrong = Submission(id="b", header=HEADER, statement="theorem t : triangle = 4", proof="by decide")
        other = Submission(id="c", header="import Mathlib", statement="theorem t : 1 = 1", proof="rfl")
        assert (await pool.verify(right)).status is Status.PROVED
        assert (await pool.verify(wrong)).status is Status.REJECTED
        missing = await pool.verify(other)
        assert missing.status is Status.INFRA_ERROR and "name a Lake project that has it" in missing.reason
    audited = proofmill("audit", tmp_path / "kept", "--project", runtime.cwd)
    assert audited.returncode == 0, audited.stderr


async def test_a_worker_that_holds_a_library_makes_room_for_another_one(runtime: LeanRuntime) -> None:
    """Of two lists of imports that both have Mathlib, each would be gigabytes."""
    assert runtime.imports_kept == 1
    async with LeanPool(runtime) as pool:
        for header, is_same in (
            ("import Shapes", True),
            ("import Shapes\nimport Shapes.Basic", True),
            ("import Std", False),
        ):
            (before,) = pool.worker_pids
            asked = Submission(id="a", header=header, statement="theorem t : 1 = 1", proof="rfl")
            assert (await pool.verify(asked)).status is Status.PROVED
            assert (pool.worker_pids == (before,)) is is_same


async def test_a_library_that_is_built_again_is_not_judged_with_under_its_old_name(
    runtime: LeanRuntime,
) -> None:
    built = runtime.cwd / ".lake" / "build" / "lib" / "lean" / "Shapes.olean.hash"
    before = built.read_bytes() if built.exists() else None
    async with LeanPool(runtime) as pool:
        asked = Submission(id="a", header=HEADER, statement=STATEMENT, proof=PROOF)
        assert (await pool.verify(asked)).status is Status.PROVED
        try:
            built.write_bytes(b"another")
            with pytest.raises(WorkerStartError, match="built again"):
                async with LeanPool(runtime):
                    pass
        finally:
            built.unlink() if before is None else built.write_bytes(before)
    async with LeanPool(runtime) as pool:
        assert (await pool.verify(asked)).status is Status.PROVED


async def test_a_project_and_the_embedded_lean_give_the_same_verdicts_and_certificates(
    runtime: LeanRuntime, pool: LeanPool
) -> None:
    cases = [case for kind in ("proofs", "controls", "cheats") for case in read_cases(kind)]
    chosen = [
        case for case in cases if case.seconds is None and case.group not in ("mathlib", "resource_bomb")
    ]
    assert len(chosen) >= 400

    def comparable(case: Case, verdict: Verdict) -> tuple[object, ...]:
        # What a file system says, and what is left of a process, is not the same in two places.
        reason = "" if case.group == "host_access" or verdict.kind is Kind.UNKNOWN else verdict.reason
        return verdict.status, reason, verdict.axioms, verdict.certificate

    async with LeanPool(runtime) as project:
        for case in chosen:
            here, there = await asyncio.gather(pool.verify(case.submission), project.verify(case.submission))
            assert comparable(case, here) == comparable(case, there), case.submission.id


def test_an_evaluation_runs_in_a_project(runtime: LeanRuntime, tmp_path: Path) -> None:
    benchmark = tmp_path / "theorems.jsonl"
    rows = [
        {"name": name, "lean4_code": f"{HEADER}\ntheorem {name} : triangle = {sides} := by sorry"}
        for name, sides in (("three", 3), ("four", 4))
    ]
    benchmark.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    out = tmp_path / "evaluation"
    ran = proofmill(*("eval", benchmark, "--out", out, "--samples", 4, "--project", runtime.cwd))
    assert ran.returncode == 0, ran.stderr
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert summary["fingerprint"]["lean"] == runtime.version, summary


async def test_a_server_judges_in_a_project_as_its_pool_does(runtime: LeanRuntime) -> None:
    right = {"header": HEADER, "statement": STATEMENT, "proof": PROOF}
    wrong = {"header": HEADER, "statement": "theorem t : triangle = 4", "proof": "by decide"}
    with serving("--project", str(runtime.cwd)) as server:
        async with httpx.AsyncClient(timeout=300) as client:
            replies = [await client.post(f"{server.url}/v1/verify", json=each) for each in (right, wrong)]
    proved, refused = (reply.json() for reply in replies)
    async with LeanPool(runtime) as pool:
        judged = await pool.verify(Submission(id="a", **right))
    assert proved["status"] == "proved" and refused["status"] == "rejected"
    assert judged.certificate is not None
    assert proved["certificate"] == judged.certificate.model_dump(mode="json")


async def test_a_worker_that_does_not_compile_runs_as_a_script_and_says_why(
    native: NativeLean, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROOFMILL_CACHE", str(native.project / "cache-of-a-script"))
    # As the embedded Lean reads every file: as a module, whose code is private unless it says otherwise.
    heading = "module\npublic meta import Lean\npublic meta section\n"
    script = script_source().replace("import Lean\n", heading, 1)
    monkeypatch.setattr("verifier.lean.package.script_source", lambda: script)
    native.cannot_link()
    try:
        runtime = project_runtime(native.project)
        assert "external command 'clang' exited" in runtime.not_compiled
        assert "--run" in runtime.command
        async with LeanPool(runtime) as pool:
            asked = Submission(id="a", header=HEADER, statement=STATEMENT, proof=PROOF)
            assert (await pool.verify(asked)).status is Status.PROVED
    finally:
        native.can_link()
    # What failed is not tried at each start, but by the doctor.
    assert project_runtime(native.project).not_compiled == runtime.not_compiled
    assert project_runtime(native.project, build_again=True).not_compiled == ""


async def test_what_lean_says_of_a_worker_that_does_not_start_is_shown_on_one_screen(
    native: NativeLean, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROOFMILL_CACHE", str(native.project / "cache-of-a-broken-one"))
    monkeypatch.setattr(
        "verifier.lean.package.script_source", lambda: "import Lean\ndef main : IO Nat := frobnicate\n"
    )
    native.cannot_link()
    try:
        runtime = project_runtime(native.project)
    finally:
        native.can_link()
    with pytest.raises(WorkerStartError) as failed:
        async with LeanPool(runtime):
            pass
    said = str(failed.value)
    assert "frobnicate" in said and "clang" in said
    assert f"proofmill doctor --project {native.project}" in said
    assert len(said.splitlines()) < 40


def test_a_project_is_examined_and_all_is_well(native: NativeLean, runtime: LeanRuntime) -> None:
    ran = proofmill("doctor", "--project", native.project, "--full", "--json")
    examined = json.loads(ran.stdout)
    wrong = [check for check in examined["checks"] if not check["ok"]]
    assert ran.returncode == 0 and not wrong, wrong
    names = {check["name"] for check in examined["checks"]}
    assert len(names) == len(examined["checks"]) >= 60
    assert {"lake env", "LEAN_PATH", "modules of this Lean", "worker program", "sandbox"} <= names


def test_modules_of_another_lean_are_found_out(native: NativeLean) -> None:
    file = native.project / ".lake" / "build" / "lib" / "lean" / "Shapes.olean"
    kept = shutil.copy(file, native.project / "kept")
    try:
        content = bytearray(file.read_bytes())
        content[40:80] = b"0" * 40
        file.write_bytes(content)
        ran = proofmill("doctor", "--project", native.project, "--json")
    finally:
        shutil.move(kept, file)
    checks = {check["name"]: check for check in json.loads(ran.stdout)["checks"]}
    assert ran.returncode == 1
    assert not checks["modules of this Lean"]["ok"] and "lake build" in checks["modules of this Lean"]["says"]
