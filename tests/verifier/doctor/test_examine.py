"""The examination: all is well of a Lean that is, and whatever is broken is found by the check that is about
it.
"""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from verifier.doctor.checks import Check, Examination, doubts_about, last_examination
from verifier.doctor.examine import examine_runtime
from verifier.doctor.installation import examine_project
from verifier.doctor.machine import examine_machine
from verifier.doctor.patient import Patient
from verifier.doctor.verdicts import examine_agreement
from verifier.doctor.worker import how_it_runs
from verifier.judging.pool import LeanPool
from verifier.lean.lake import LakeProject
from verifier.lean.runtime import LeanRuntime
from verifier.sandbox import confine as sandbox

LIAR = Path(__file__).parents[2] / "support" / "leans" / "liar.py"
FIGURES_ONLY = {"Mathlib's tactics"}
"""They are about what is not here."""


def liar(kind: str, cwd: Path) -> LeanRuntime:
    return LeanRuntime(
        name="project",
        command=(sys.executable, "-S", str(LIAR), kind),
        env={"HOME": str(cwd), "PATH": os.defpath, "LEAN_PATH": str(cwd)},
        cwd=cwd,
        version="4.28.1 (a liar)",
    )


async def collect(checks: AsyncIterator[Check]) -> dict[str, Check]:
    return {check.name: check async for check in checks}


async def test_each_check_fails_where_its_subject_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(sandbox.MEMORY_VARIABLE, "0.001")
    little = psutil.virtual_memory()._replace(available=1)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    failed: set[str] = set()
    names: set[str] = set()
    for kind in ("yes", "no", "leaks"):
        checks = await collect(examine_runtime(liar(kind, tmp_path), full=True, allow_unconfined=True))
        names |= checks.keys()
        failed |= {name for name, check in checks.items() if not check.ok}
    assert len(names) >= 70
    # That one starts is shown below.
    assert names - failed - FIGURES_ONLY == {"start: screen", "start: audit"}


@pytest.mark.parametrize("kind", ["yes", "no"])
async def test_a_liar_is_found_out_by_what_it_lies_about(tmp_path: Path, kind: str) -> None:
    checks = await collect(examine_runtime(liar(kind, tmp_path), full=True, allow_unconfined=True))
    wrong = {name.partition(":")[0] for name, check in checks.items() if not check.ok}
    proves_all = {"cheats", "forged", "kernel hole", "spoiled exports", "a bomb"}
    refuses_all = {"proof", "honest, like a cheat", "a short proof", "certificates audited again"}
    assert wrong >= (proves_all if kind == "yes" else refuses_all)
    assert not wrong & ({"proof", "a short proof"} if kind == "yes" else {"forged", "kernel hole"})


async def test_two_leans_that_do_not_agree_are_found_out(tmp_path: Path) -> None:
    async with LeanPool(liar("yes", tmp_path)) as one, LeanPool(liar("no", tmp_path)) as other:
        patient = Patient(one.runtime, one, tmp_path)
        assert not (await examine_agreement(patient, other)).ok
        assert (await examine_agreement(patient, one)).ok


async def test_where_nothing_confines_them_no_cheat_is_run(tmp_path: Path) -> None:
    checks = await collect(examine_runtime(liar("yes", tmp_path), full=True))
    assert set(checks) == {"sandbox", "start: screen", "start: audit"} and not checks["sandbox"].ok


async def test_an_auditor_that_dies_of_an_export_has_not_refused_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verifier.doctor.exports.SPOILED", 5)
    checks = await collect(examine_runtime(liar("dies", tmp_path), full=True, allow_unconfined=True))
    forged = {name: check for name, check in checks.items() if name.startswith(("forged", "kernel hole"))}
    assert len(forged) >= 18 and not any(check.ok for check in forged.values())
    assert not checks["spoiled exports"].ok and not checks["a term 100,000 deep"].ok


async def test_a_worker_that_does_not_start_ends_the_examination(tmp_path: Path) -> None:
    command = (sys.executable, "-S", "-c", "print('unknown identifier')")
    broken = LeanRuntime("project", command, {}, tmp_path, "4.28.0")
    checks = await collect(examine_runtime(broken, full=True))
    assert list(checks) == ["sandbox", "start: screen"]
    assert not checks["start: screen"].ok and "unknown identifier" in checks["start: screen"].says
    script = LeanRuntime("project", ("x",), {}, tmp_path, "4.28.0", not_compiled="clang is missing")
    assert not how_it_runs(script).ok and "clang is missing" in how_it_runs(script).says


def test_what_is_missing_of_a_project_is_named(tmp_path: Path) -> None:
    library, lean = tmp_path / "lib", tmp_path / "bin" / "lean"
    lean.parent.mkdir()
    lean.write_bytes(b"\x7fELF/nix/store/x/ld-linux.so")
    (tmp_path / "lakefile.toml").write_text("enableArtifactCache = true", "utf-8")
    env = {"LEAN_PATH": f"{library}:{tmp_path / 'absent'}"}
    project = LakeProject(tmp_path, tmp_path, "4.28.0 (01234567)", "0123456789" * 4, env, {})
    library.mkdir()
    (library / "A.olean").write_bytes(b"olean of another Lean")
    wrong = {check.name for check in examine_project(project) if not check.ok}
    missing = {"lean-toolchain", "LEAN_PATH", "modules of this Lean", "dynamic loader", "artifact cache"}
    assert wrong == missing
    (tmp_path / "lean-toolchain").write_text("leanprover/lean4:v4.9.0\n", "utf-8")
    (pinned,) = (check for check in examine_project(project) if check.name == "lean-toolchain")
    assert not pinned.ok and "4.28.0" in pinned.says


def test_a_project_without_what_confines_it_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sandbox.BUBBLEWRAP_VARIABLE, "off")
    monkeypatch.setenv("PATH", "")
    sandbox.bubblewrap.cache_clear()
    try:
        wrong = {check.name for check in examine_machine("project") if not check.ok}
        assert wrong == {"lake", "bubblewrap"}
        assert "bubblewrap" not in {check.name for check in examine_machine("embedded") if not check.ok}
    finally:
        sandbox.bubblewrap.cache_clear()


def test_an_examination_is_kept_for_this_lean_and_this_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROOFMILL_CACHE", str(tmp_path / "cache"))
    one, other = liar("yes", tmp_path), LeanRuntime("project", (), {}, tmp_path, "4.29.0")
    assert last_examination(one) is None and "not examined" in str(doubts_about(one))
    made = Examination.of(one, [Check("omega", False, "0", "no")], full=True)
    made.keep()
    assert last_examination(one) == made and not made.ok
    assert "is not well: omega" in str(doubts_about(one))
    Examination.of(one, [Check("omega", True, "1", "yes")], full=True).keep()
    assert doubts_about(one) is None
    assert last_examination(other) is None
    (kept,) = (tmp_path / "cache" / "examinations").iterdir()
    kept.write_text("{", "utf-8")
    assert last_examination(one) is None


@pytest.mark.slow
def test_the_embedded_lean_is_examined_and_all_is_well(lean_runtime: LeanRuntime) -> None:
    command = (sys.executable, "-m", "trainer.cli", "doctor", "--full", "--json")
    ran = subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)
    examined = json.loads(ran.stdout)
    wrong = [check for check in examined["checks"] if not check["ok"]]
    assert ran.returncode == 0 and not wrong, wrong
    assert all(set(check) == {"name", "ok", "figure", "says"} for check in examined["checks"])
    names = [check["name"] for check in examined["checks"]]
    assert len(names) == len(set(names)) >= 40
    kept = last_examination(lean_runtime)
    assert kept is not None and kept.ok and kept.full
