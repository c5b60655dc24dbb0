"""Policy versions on disk; each is a checkpoint of the whole run.

`versions/v0012/` is a sealed directory (`prover/generators/sealed.py`) with

    policy/       what generators load, sealed itself
    learner.pt    weights, moments, buffers and random numbers of what learns
    run.json      books, curriculum, budget, and how long the run's other files were

so that a run goes on from the newest one as if it had never ended.
"""

import json
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from prover.generators.sealed import check_sealed, new_sealed, seal
from trainer.run.student import Student
from verifier.errors import InvalidInput

__all__ = ["SCHEMA", "Version", "Versions", "write_version"]

SCHEMA = 2
"""Of `run.json`."""


@dataclass(frozen=True)
class Version:
    """One policy version."""

    number: int
    directory: Path

    @property
    def policy(self) -> Path:
        """What generators load."""
        return self.directory / "policy"

    def run(self) -> dict[str, Any]:
        """What `run.json` says.

        Raises:
            BrokenDirectory: the version is not as it was written.
            InvalidInput: another version of the program wrote it.
        """
        check_sealed(self.directory)
        kept: dict[str, Any] = json.loads((self.directory / "run.json").read_bytes())
        if kept.get("schema") != SCHEMA:
            raise InvalidInput(
                f"{self.directory} was written with schema {kept.get('schema')}, and this program reads "
                f"{SCHEMA}: go on with the program that wrote it, or start a run from {self.policy}"
            )
        return kept

    def learner(self) -> dict[str, Any]:
        """The state of what learns."""
        state: dict[str, Any] = torch.load(self.directory / "learner.pt", weights_only=True)
        return state


class Versions:
    """The versions in a run directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()

    def __iter__(self) -> Iterator[Version]:
        """Those that are there, oldest first."""
        for path in sorted(self._directory.glob("v[0-9]*"), key=lambda path: int(path.name[1:])):
            yield Version(int(path.name[1:]), path)

    @property
    def newest(self) -> Version | None:
        """Where the run goes on; None at its beginning."""
        return max(self, key=lambda version: version.number, default=None)

    def at(self, number: int) -> Version:
        """The version `number`, there or not."""
        return Version(number, self._directory / f"v{number:04d}")

    def remove_drafts(self) -> None:
        """Remove what a kill left half written or half removed, which no version's name is given to."""
        for path in self._directory.glob(".v*"):
            shutil.rmtree(path)

    def keep(self, numbers: Collection[int]) -> None:
        """Remove the others."""
        for version in self:
            if version.number not in numbers:
                # Renamed first, so that a kill leaves no version that is half there.
                doomed = version.directory.with_name(f".{version.directory.name}-removed")
                version.directory.rename(doomed)
                shutil.rmtree(doomed)


def write_version(
    version: Version,
    student: Student,
    run_of: Callable[[str], dict[str, Any]],
) -> None:
    """Write what a student has come to; it is there whole when this returns, and not at all before.

    Args:
        run_of: what `run.json` shall say, given the digest of the policy.

    Raises:
        InvalidInput: the version is there already.
        ProofmillError: it cannot be written.
    """
    with new_sealed(version.directory) as draft:
        student.publish(draft / "policy")
        digest = seal(draft / "policy")
        torch.save(student.state(), draft / "learner.pt")
        kept = {"schema": SCHEMA, **run_of(digest)}
        (draft / "run.json").write_text(json.dumps(kept), encoding="utf-8")
