"""Lake projects that proofs are judged in: nothing but a Lean, and a Mathlib if they have one.

Files are written and nothing else: Lake and elan download what the files name when they are first run there.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from verifier.errors import InvalidInput
from verifier.lean.advisories import why_refused
from verifier.lean.pins import MATHLIB, Pin

__all__ = ["ProjectFiles", "project_for", "project_of_version", "write_project"]

_RELEASE = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-rc(\d+))?")
_NIGHTLY = re.compile(r"nightly(?:-\d{4}-\d\d-\d\d)?")
_OLDEST = (4, 9, 0)

_BARE = """\
# Written by `proofmill lean project`: core Lean alone, to judge proofs in.
name = "judging"
defaultTargets = ["Judging"]

[[lean_lib]]
name = "Judging"
"""
_REQUIRED = """
[[require]]
name = "mathlib"
git = "{git}"
rev = "{rev}"
"""
# Lake's `build` makes what this imports, so that it makes Mathlib wherever its cache has not all of it.
_MODULE = "Judging.lean"


@dataclass(frozen=True)
class ProjectFiles:
    """The files of a project that is to be written; `lake.LakeProject` is one that is there."""

    lean: str
    """Version of Lean, as its releases are tagged, or a nightly."""
    mathlib: str | None = None
    """A tag or commit of Mathlib; None for core Lean alone."""
    git: str = MATHLIB
    """The repository that this is one of."""

    @property
    def files(self) -> dict[str, str]:
        """Each file with its text."""
        about = _BARE.replace("core Lean alone", "Lean with Mathlib") if self.mathlib else _BARE
        required = _REQUIRED.format(git=self.git, rev=self.mathlib) if self.mathlib else ""
        return {
            "lean-toolchain": f"leanprover/lean4:{self.lean}\n",
            "lakefile.toml": about + required,
            _MODULE: "import Mathlib\n"
            if self.mathlib
            else "-- Proofs are judged here; nothing has to be built.\n",
        }

    @property
    def steps(self) -> tuple[str, ...]:
        """What is to be run in the directory, up to where proofs can be judged."""
        fetch = ("lake update", "lake exe cache get") if self.mathlib else ()
        return (*fetch, "lake build")


def project_for(pin: Pin, *, bare: bool = False) -> ProjectFiles:
    """The project of a prover or benchmark; a `bare` one has its Lean and no Mathlib."""
    return ProjectFiles(pin.lean) if bare else ProjectFiles(pin.lean, pin.mathlib, pin.git)


def project_of_version(version: str, *, bare: bool = False) -> ProjectFiles:
    """The project of a Lean, with the Mathlib that has the same version; a `bare` one has no Mathlib.

    Raises:
        InvalidInput: it is no version of Lean, one that proofs cannot be judged on, or a nightly that shall
            have a Mathlib.
    """
    asked = version.removeprefix("leanprover/lean4:")
    if _NIGHTLY.fullmatch(asked):
        if not bare:
            raise InvalidInput(f"Mathlib has no version for {asked}: pass --bare")
        return ProjectFiles(asked)
    found = _RELEASE.fullmatch(asked)
    if found is None:
        raise InvalidInput(f"{version!r} is no version of Lean: name one as 4.28.0, 4.29.0-rc1 or nightly")
    number = (int(found[1]), int(found[2]), int(found[3]))
    if number < _OLDEST:
        raise InvalidInput(f"the worker is written for Lean 4.9.0 and newer, and {version} is older")
    if refusal := why_refused(asked):
        raise InvalidInput(refusal)
    tag = f"v{asked.removeprefix('v')}"
    return ProjectFiles(tag, None if bare else tag)


def write_project(project: ProjectFiles, directory: Path) -> None:
    """Write the files of a project into a directory, which is made where it is missing.

    Raises:
        InvalidInput: something of a project is there already, or the directory cannot be written to.
    """
    for name in (*project.files, "lakefile.lean"):
        if (directory / name).exists():
            raise InvalidInput(
                f"{directory / name} is there already: name a directory without a Lake project"
            )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in project.files.items():
            (directory / name).write_text(text, "utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot write a project into {directory}: {error.strerror}") from error
