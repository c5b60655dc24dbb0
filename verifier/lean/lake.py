"""What a Lake project says of itself: its Lean, the libraries that it has built, and where they are."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from verifier.errors import LeanNotFound
from verifier.lean.advisories import release_of, why_refused

__all__ = ["LakeProject", "library_digest", "open_project"]

# What lake and elan need to find their tools; the rest of the user's environment, which may hold
# secrets, is not for candidate code to read.
_PROJECT_VARIABLES = ("PATH", "HOME", "ELAN_HOME", "ELAN_TOOLCHAIN", "LANG", "LC_ALL", "TMPDIR")
# What Lean itself reads of what Lake sets.
_LEAN_VARIABLES = ("LEAN_PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
# The first `lake env` in a project may download its toolchain.
_LAKE_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class LakeProject:
    """A Lake project whose Lean answers."""

    directory: Path
    prefix: Path
    """Where its toolchain is."""
    version: str
    """Version of Lean, with the beginning of its commit."""
    commit: str
    """What `lean --githash` says."""
    env: Mapping[str, str]
    """The variables that Lean reads, and nothing of the user's."""
    tools_env: Mapping[str, str]
    """The variables with which Lake and the toolchain run."""

    @property
    def lean(self) -> Path:
        """The compiler of the toolchain: not elan's, which would look for one again."""
        return self.prefix / "bin" / "lean"

    @property
    def threads(self) -> int:
        """How many threads Lean is to have for its tasks.

        One is enough where a task that waits for another makes room for it, which Lean 4.17 began with
        (leanprover/lean4#6758); before, a tactic that searches in tasks would wait for ever.
        """
        release = release_of(self.version)
        return 1 if release is None or release >= (4, 17, 0) else 8

    @property
    def library(self) -> tuple[Path, ...]:
        """The directories that Lean finds modules in, beside those that come with it."""
        entries = self.env.get("LEAN_PATH", "").split(os.pathsep)
        return tuple(path for entry in entries if entry and (path := self.directory / entry).exists())

    @property
    def mathlib(self) -> Path | None:
        """Mathlib's compiled root, if the project has Mathlib."""
        found = (path / "Mathlib.olean" for path in self.library)
        return next((file for file in found if file.is_file()), None)


def library_digest(project: Path) -> str:
    """A digest of the packages that the project in a directory pins, and of the modules, as Lake keeps their
    hashes, that no pin decides: its own, and those of packages that are directories beside it.

    Sources of a pinned package that somebody has changed by hand are not noticed.
    """
    manifest = project / "lake-manifest.json"
    digest = hashlib.sha256(manifest.read_bytes() if manifest.is_file() else b"")
    for place in (project, *_packages_beside(manifest)):
        for file in sorted((place / ".lake" / "build" / "lib").rglob("*.hash")):
            digest.update(f"{file.relative_to(place)} ".encode() + file.read_bytes())
    return digest.hexdigest()


def _packages_beside(manifest: Path) -> list[Path]:
    """The packages of a manifest that are directories of this machine and not commits."""
    try:
        packages = json.loads(manifest.read_bytes()).get("packages", [])
        return [manifest.parent / package["dir"] for package in packages if package.get("type") == "path"]
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        # What cannot be read is as good as not there: Lake itself will say so.
        return []


def open_project(directory: Path) -> LakeProject:
    """The Lake project in `directory`.

    Raises:
        LeanNotFound: there is no project, no `lake`, one of its commands fails there, or its Lean is 4.20.0.
    """
    directory = directory.expanduser().resolve()
    if not any((directory / name).is_file() for name in ("lakefile.lean", "lakefile.toml")):
        raise LeanNotFound(
            f"{directory} is not a Lake project: it has no lakefile.lean and no lakefile.toml. "
            "Give the directory that holds one."
        )
    if (lake := shutil.which("lake")) is None:
        raise LeanNotFound(
            "The `lake` command is not on PATH. Install Lean with elan (https://lean-lang.org/install), "
            "or leave the project out to use the embedded Lean."
        )
    user = {name: os.environ[name] for name in _PROJECT_VARIABLES if name in os.environ}
    tools_env = _lake_environment(lake, user, directory)
    prefix = Path(_run(("lean", "--print-prefix"), tools_env, directory).strip())
    lean = str(prefix / "bin" / "lean")
    env = {name: tools_env[name] for name in _LEAN_VARIABLES if name in tools_env}
    # Else Lean starts another Lean to find it, which the sandbox forbids.
    env["LEAN_SYSROOT"] = str(prefix)
    version = _version(_run((lean, "--version"), tools_env, directory))
    if refusal := why_refused(version):
        raise LeanNotFound(f"{refusal} in {directory}/lean-toolchain.")
    return LakeProject(
        directory=directory,
        prefix=prefix,
        version=version,
        commit=_run((lean, "--githash"), tools_env, directory).strip(),
        env=env,
        tools_env=tools_env,
    )


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
