"""How to start a Lean worker process: the embedded Lean, or the one of a Lake project.

Both run the same `Worker.lean` and speak the same protocol, so nothing above
this file can tell them apart.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from verifier.errors import LeanInstallError, LeanNotFound
from verifier.lean.install import EmbeddedLean, find_embedded_lean, install_embedded_lean

__all__ = ["LeanRuntime", "embedded_runtime", "project_runtime", "resolve_runtime"]

WORKER_FILE = Path(__file__).with_name("Worker.lean")

# What lake and elan need to find their tools; the rest of the user's environment, which may hold
# secrets, is not for candidate code to read.
_PROJECT_VARIABLES = ("PATH", "HOME", "ELAN_HOME", "ELAN_TOOLCHAIN", "LANG", "LC_ALL", "TMPDIR")
# The first `lake env` in a project may download its toolchain.
_LAKE_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class LeanRuntime:
    """A worker process, ready to be started: run `command` in `cwd` with exactly `env`.

    End it with SIGKILL: the embedded one can hang when it is asked to leave.
    """

    name: Literal["embedded", "project"]
    command: tuple[str, ...]
    env: dict[str, str]
    cwd: Path
    version: str


def resolve_runtime(project: Path | None) -> LeanRuntime:
    """The runtime of `project`, or the embedded one, which is installed first where it is missing.

    Raises LeanNotFound for a project that cannot be used, LeanInstallError when installing fails.
    """
    if project is not None:
        return project_runtime(project)
    return embedded_runtime(find_embedded_lean() or install_embedded_lean())


def embedded_runtime(install: EmbeddedLean) -> LeanRuntime:
    """The worker on the embedded Lean, which sees only its own tree: the worker file is copied there."""
    return LeanRuntime(
        name="embedded",
        command=install.command("--run", str(_place_worker(install.root))),
        env=install.environment,
        cwd=install.root,
        version=install.version,
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
    env = {name: os.environ[name] for name in _PROJECT_VARIABLES if name in os.environ}
    return LeanRuntime(
        name="project",
        command=(lake, "env", "lean", "--run", str(WORKER_FILE)),
        env=env,
        cwd=project,
        version=_project_version(lake, env, project),
    )


def _place_worker(root: Path) -> Path:
    """Copy the worker file into `root` under a name that its content decides, whole or not at all.

    Raises LeanInstallError when `root` cannot be written to.
    """
    source = WORKER_FILE.read_bytes()
    placed = root / f"Worker-{hashlib.sha256(source).hexdigest()[:16]}.lean"
    try:
        if not placed.exists():
            with tempfile.NamedTemporaryFile(
                dir=root, prefix=placed.stem, suffix=".partial", delete=False
            ) as file:
                file.write(source)
            Path(file.name).replace(placed)
    except OSError as error:
        raise LeanInstallError(
            f"The worker file cannot be put into {root}: {error}. Make that directory writable, or set "
            "PROOFMILL_CACHE to one that is."
        ) from error
    return placed


def _project_version(lake: str, env: dict[str, str], project: Path) -> str:
    command = (lake, "env", "lean", "--version")
    try:
        ran = subprocess.run(
            command,
            cwd=project,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LAKE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise LeanNotFound(
            f"`lake env lean --version` took over {_LAKE_TIMEOUT_S:.0f} s in {project}: run it there by hand "
            "to see whether it downloads a toolchain."
        ) from error
    found = re.search(r"version ([^,\s]+)(?:.*commit ([0-9a-f]{8}))?", ran.stdout)
    if ran.returncode != 0 or found is None:
        raise LeanNotFound(
            f"`lake env lean --version` failed in {project} (exit status {ran.returncode}): "
            f"{ran.stderr.strip()[-500:] or ran.stdout.strip()[-500:]}. Run `lake build` there first."
        )
    return f"{found[1]} ({found[2]})" if found[2] else found[1]
