"""How to start a Lean worker process: the embedded Lean, or the one of a Lake project.

Both run the same worker and speak the same protocol, so nothing above this file can tell them apart.
"""

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from verifier.lean.build import compiled_worker
from verifier.lean.install import (
    EmbeddedLean,
    cache_directory,
    find_embedded_lean,
    install_embedded_lean,
)
from verifier.lean.lake import LakeProject, library_digest, open_project
from verifier.lean.package import WorkerNotBuilt, build_worker, place_script
from verifier.sandbox.confine import Protection, confine, file_confinement, resource_limits

__all__ = ["LeanRuntime", "embedded_runtime", "opened_runtime", "project_runtime", "resolve_runtime"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeanRuntime:
    """A worker process that can be started: run `command` in `cwd` with exactly `env`.

    End it with SIGKILL: the embedded one can hang when it is asked to leave.
    """

    name: Literal["embedded", "project"]
    command: tuple[str, ...]
    """It begins with the sandbox (`verifier/sandbox/`), so the process that is started is not Lean's own."""
    env: dict[str, str]
    cwd: Path
    version: str
    """Version of Lean, with the beginning of its commit."""
    protections: tuple[Protection, ...] = ()
    """One of these has to be on, or candidate code can read the user's files."""
    library: str = ""
    """A digest of what a header can import, beyond what comes with Lean."""
    imports_kept: int = 4
    """How many lists of imports a worker holds in memory: of two that one of which has Mathlib, each is
    gigabytes."""
    not_compiled: str = ""
    """Why the worker runs as a script, slower and larger, if so."""

    @property
    def fingerprint(self) -> str:
        """A digest of all that verdicts depend on beside the submission: Lean, its library, and this code."""
        digest = hashlib.sha256(f"{self.name} {self.version} {self.library}".encode())
        digest.update(code_in(Path(__file__).parents[1]))
        return digest.hexdigest()

    @property
    def was_built_again(self) -> bool:
        """Whether the library is another one now: then `library` is not what a new worker would load."""
        return bool(self.library) and library_digest(self.cwd) != self.library

    @property
    def is_confined(self) -> bool:
        """Whether something keeps candidate code from the user's files."""
        return any(protection.on for protection in self.protections)


def code_in(package: Path) -> bytes:
    """All Python and Lean of a package, for a digest of it."""
    return b"".join(
        source.read_bytes() for source in sorted((*package.rglob("*.py"), *package.rglob("*.lean")))
    )


def resolve_runtime(project: Path | None) -> LeanRuntime:
    """The runtime of `project`, or the embedded one, which is installed first where it is missing.

    Raises LeanNotFound for a project that cannot be used, LeanInstallError when installing or compiling the
    worker fails.
    """
    if project is not None:
        return project_runtime(project)
    return embedded_runtime(find_embedded_lean() or install_embedded_lean())


def embedded_runtime(install: EmbeddedLean) -> LeanRuntime:
    """The worker on the embedded Lean.  It sees only Lean's tree, into which the worker is compiled."""
    worker = compiled_worker(install)
    env = install.environment
    env["LEAN_PATH"] += f"{os.pathsep}{worker}"
    command = confine(
        install.command("--run", str(worker / "Main.lean")),
        readable=(install.root, install.node),
        env=env,
        cwd=install.root,
        limits=resource_limits("embedded"),
    )
    return LeanRuntime(
        name="embedded",
        command=command,
        env=env,
        cwd=install.root,
        version=install.version,
        protections=file_confinement("embedded", install.node),
    )


def project_runtime(directory: Path, *, build_again: bool = False) -> LeanRuntime:
    """The worker on the Lean of the Lake project in `directory`.

    Raises:
        LeanNotFound: there is no project, no `lake`, or `lake` fails there.
        LeanInstallError: as `opened_runtime`.
    """
    return opened_runtime(open_project(directory), build_again=build_again)


def opened_runtime(project: LakeProject, *, build_again: bool = False) -> LeanRuntime:
    """The worker on the Lean of a project: compiled by that, or else as a script.

    Args:
        build_again: whether a worker that did not compile is to be compiled once more.

    Raises:
        LeanInstallError: not even the script can be written down.
    """
    not_compiled = ""
    try:
        program = build_worker(project, again=build_again)
        started: tuple[str, ...] = (str(program),)
    except WorkerNotBuilt as error:
        not_compiled = str(error)
        log.warning("the Lean worker runs as a script, slower and larger, as it was not compiled: %s", error)
        program = place_script(cache_directory())
        started = (str(project.lean), f"-j{project.threads}", "--run", str(program))
    env = {**project.env, "LEAN_NUM_THREADS": str(project.threads)}
    return LeanRuntime(
        name="project",
        command=confine(
            started,
            readable=(project.prefix, program, *project.library),
            env=env,
            cwd=project.directory,
            limits=resource_limits("project"),
        ),
        env=env,
        cwd=project.directory,
        version=project.version,
        protections=file_confinement("project", None),
        library=library_digest(project.directory),
        imports_kept=1,
        not_compiled=not_compiled,
    )
