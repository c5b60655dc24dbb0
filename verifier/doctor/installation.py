"""A Lake project as it stands on the disk: its files, its libraries, and whether they are of its Lean."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from verifier.doctor.checks import NONE, Check
from verifier.errors import LeanNotFound
from verifier.lean.lake import LakeProject, open_project

__all__ = ["examine_project", "open_and_say"]

OLEANS_READ = 20
HEAD_BYTES = 128
"""A compiled module begins with a mark, a version of its format and the commit of the Lean that wrote it."""


def open_and_say(directory: Path) -> tuple[LakeProject | None, Check]:
    """The project, and whether its Lean answers; that is a check of its own."""
    began = time.monotonic()
    try:
        project = open_project(directory)
    except LeanNotFound as error:
        return None, Check("lake env", False, f"{time.monotonic() - began:.1f} s", str(error))
    says = f"Lean {project.version} of {project.prefix} runs in {project.directory}"
    return project, Check("lake env", True, f"{time.monotonic() - began:.1f} s", says)


def examine_project(project: LakeProject) -> Iterator[Check]:
    """The checks of what a project's Lean reads, before any of it is run."""
    yield _toolchain(project)
    yield _library(project)
    yield _commit(project)
    yield _mathlib(project)
    yield _dynamic_loader(project)
    yield _artifact_cache(project)


def _toolchain(project: LakeProject) -> Check:
    name = "lean-toolchain"
    file = project.directory / "lean-toolchain"
    if not file.is_file():
        return Check(
            name, False, NONE, f"{project.directory} pins no Lean: another elan default is another Lean"
        )
    pinned = file.read_text("utf-8").strip()
    wanted, runs = pinned.rpartition(":")[2].removeprefix("v"), project.version.partition(" ")[0]
    agrees = runs.removesuffix("-pre") == wanted or not wanted[:1].isdigit()
    return Check(name, agrees, pinned, f"the Lean that runs there is {runs}")


def _library(project: LakeProject) -> Check:
    name = "LEAN_PATH"
    entries = [entry for entry in project.env.get("LEAN_PATH", "").split(os.pathsep) if entry]
    missing = [entry for entry in entries if not (project.directory / entry).is_dir()]
    modules = sum(1 for path in project.library for _ in path.rglob("*.olean"))
    if missing:
        says = f"{', '.join(missing[:3])} not there: run `lake build` in {project.directory}"
        return Check(name, False, f"{len(missing)} of {len(entries)} missing", says)
    return Check(name, True, f"{modules:,} files", f"compiled modules in {len(entries)} directories")


def _commit(project: LakeProject) -> Check:
    """Modules of another Lean's are refused when they are imported, or read wrongly."""
    name = "modules of this Lean"
    files = [
        file
        for path in project.library
        for file, _ in zip(path.rglob("*.olean"), range(OLEANS_READ), strict=False)
    ]
    others = [file for file in files if project.commit.encode()[:40] not in _head(file)]
    if others:
        says = f"{others[0]} was compiled by another Lean: run `lake exe cache get` and `lake build` again"
        return Check(name, False, f"{len(others)} of {len(files)} differ", says)
    return Check(name, True, f"{len(files)} read", f"compiled by commit {project.commit[:8]}")


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(HEAD_BYTES)


def _mathlib(project: LakeProject) -> Check:
    if project.mathlib is None:
        return Check("Mathlib", True, NONE, "not among the project's libraries; its checks are left out")
    return Check("Mathlib", True, "found", f"{project.mathlib}")


def _dynamic_loader(project: LakeProject) -> Check:
    """A Lean that was built by Nix names a loader that the sandbox does not show it."""
    name = "dynamic loader"
    with project.lean.open("rb") as opened:
        head = opened.read(4096)
    if b"/nix/store" in head:
        says = "this Lean is from Nix: its loader is not in the sandbox; use the toolchain of elan"
        return Check(name, False, "/nix/store", says)
    return Check(name, True, "of the system", "the sandbox has what starts this Lean")


def _artifact_cache(project: LakeProject) -> Check:
    """With Lake's own cache of artifacts the compiled modules may stand there alone, outside LEAN_PATH."""
    name = "artifact cache"
    lakefile = "".join(
        file.read_text("utf-8")
        for each in ("lakefile.toml", "lakefile.lean")
        if (file := project.directory / each).is_file()
    )
    if "enableArtifactCache" in lakefile and "restoreAllArtifacts" not in lakefile:
        says = "set `restoreAllArtifacts = true` beside it, or modules may be missing in LEAN_PATH"
        return Check(name, False, "enabled", says)
    return Check(name, True, "off or restored", "compiled modules stand where LEAN_PATH says")
