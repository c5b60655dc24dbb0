"""How to start a Lean worker process: the embedded Lean, or the one of a Lake project.

Both run the same worker and speak the same protocol, so nothing above this file can tell them apart.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from verifier.errors import LeanInstallError, LeanNotFound
from verifier.lean.build import compiled_worker
from verifier.lean.install import (
    EmbeddedLean,
    cache_directory,
    find_embedded_lean,
    install_embedded_lean,
)
from verifier.lean.source import script_source
from verifier.sandbox.confine import Protection, confine, file_confinement, resource_limits

__all__ = ["LeanRuntime", "embedded_runtime", "project_runtime", "resolve_runtime"]

# What lake and elan need to find their tools; the rest of the user's environment, which may hold
# secrets, is not for candidate code to read.
_PROJECT_VARIABLES = ("PATH", "HOME", "ELAN_HOME", "ELAN_TOOLCHAIN", "LANG", "LC_ALL", "TMPDIR")
# What Lean itself reads of what Lake sets.
_LEAN_VARIABLES = ("LEAN_PATH", "LEAN_SYSROOT", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
# The first `lake env` in a project may download its toolchain.
_LAKE_TIMEOUT_S = 900.0


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

    @property
    def fingerprint(self) -> str:
        """A digest of all that verdicts depend on beside the submission: Lean, its library, and this code."""
        digest = hashlib.sha256(f"{self.name} {self.version} {self.library}".encode())
        digest.update(code_in(Path(__file__).parents[1]))
        return digest.hexdigest()

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


def project_runtime(project: Path) -> LeanRuntime:
    """The worker on the Lean of the Lake project in `project`.

    Raises LeanNotFound when there is no project, no `lake`, or `lake` fails there.
    """
    project = project.expanduser().resolve()
    if not any((project / name).is_file() for name in ("lakefile.lean", "lakefile.toml")):
        raise LeanNotFound(
            f"{project} is not a Lake project: it has no lakefile.lean and no lakefile.toml. "
            "Give the directory that holds one."
        )
    if (lake := shutil.which("lake")) is None:
        raise LeanNotFound(
            "The `lake` command is not on PATH. Install Lean with elan (https://lean-lang.org/install), "
            "or leave the project out to use the embedded Lean."
        )
    user = {name: os.environ[name] for name in _PROJECT_VARIABLES if name in os.environ}
    lake_env = _lake_environment(lake, user, project)
    prefix = Path(_run(("lean", "--print-prefix"), lake_env, project).strip())
    lean = str(prefix / "bin" / "lean")
    version = _version(_run((lean, "--version"), lake_env, project))
    # Lake and elan have done their work: Lean itself needs its library and nothing of the user's.
    env = {name: lake_env[name] for name in _LEAN_VARIABLES if name in lake_env}
    library = tuple(project / entry for entry in env.get("LEAN_PATH", "").split(os.pathsep) if entry)
    worker = _place_script(cache_directory())
    command = confine(
        (lean, "--run", str(worker)),
        readable=(prefix, worker, *(path for path in library if path.exists())),
        env=env,
        cwd=project,
        limits=resource_limits("project"),
    )
    return LeanRuntime(
        name="project",
        command=command,
        env=env,
        cwd=project,
        version=version,
        protections=file_confinement("project", None),
        library=_library_digest(project),
    )


def _library_digest(project: Path) -> str:
    """A digest of the packages that the project pins and of its own modules, as Lake keeps their hashes."""
    own = sorted((project / ".lake" / "build" / "lib").rglob("*.hash"))
    digest = hashlib.sha256()
    for file in (project / "lake-manifest.json", *own):
        if file.is_file():
            digest.update(f"{file.relative_to(project)} ".encode() + file.read_bytes())
    return digest.hexdigest()


def _place_script(root: Path) -> Path:
    """Write the worker as one file into `root`, whole or not at all, under a name that its content decides.

    Raises LeanInstallError when `root` cannot be written to.
    """
    source = script_source().encode()
    placed = root / f"Worker-{hashlib.sha256(source).hexdigest()[:16]}.lean"
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not placed.exists():
            with tempfile.NamedTemporaryFile(
                dir=root, prefix=placed.stem, suffix=".partial", delete=False
            ) as file:
                file.write(source)
            # Readable for all, as a command that another user runs needs it.
            Path(file.name).chmod(0o644)
            Path(file.name).replace(placed)
    except OSError as error:
        raise LeanInstallError(
            f"The worker file cannot be put into {root}: {error}. Make that directory writable, or set "
            "PROOFMILL_CACHE to one that is."
        ) from error
    return placed


def _lake_environment(lake: str, env: Mapping[str, str], project: Path) -> dict[str, str]:
    """The environment in which Lake runs a command in `project`.  Lake may download a toolchain first."""
    tell = "import json, os; print(json.dumps(dict(os.environ)))"
    printed = _run((lake, "env", sys.executable, "-I", "-S", "-c", tell), env, project)
    try:
        # Lake may say something of its own before.
        found = json.loads(printed.splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise LeanNotFound(f"`lake env` printed no environment in {project}: {printed[-300:]!r}") from error
    return {str(name): str(value) for name, value in found.items()}


def _run(command: Sequence[str], env: Mapping[str, str], project: Path) -> str:
    """The output of `command` in `project`; the program is looked up on the PATH of `env`.

    Raises LeanNotFound when it fails or is not there.
    """
    program = shutil.which(command[0], path=env.get("PATH", os.defpath))
    shown = " ".join(command[:2] if "-c" in command else command)
    if program is None:
        raise LeanNotFound(
            f"`{command[0]}` is not there, or not on Lake's PATH: run `lake build` in {project}"
        )
    try:
        ran = subprocess.run(
            (program, *command[1:]),
            cwd=project,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LAKE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LeanNotFound(
            f"`{shown}` took over {_LAKE_TIMEOUT_S:.0f} s in {project}: run it there by hand to see whether "
            "it downloads a toolchain."
        ) from error
    if ran.returncode != 0:
        raise LeanNotFound(
            f"`{shown}` failed in {project} (exit status {ran.returncode}): "
            f"{ran.stderr.strip()[-500:] or ran.stdout.strip()[-500:]}. Run `lake build` there first."
        )
    return ran.stdout


def _version(said: str) -> str:
    """The version in what `lean --version` says, as `4.28.0 (38f3c0c4)`.  Raises LeanNotFound."""
    found = re.search(r"version ([^,\s]+)(?:.*commit ([0-9a-f]{8}))?", said)
    if found is None:
        raise LeanNotFound(f"`lean --version` does not tell a version: {said[:300]!r}")
    return f"{found[1]} ({found[2]})" if found[2] else found[1]
