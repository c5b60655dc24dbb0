"""Policy versions on disk; each is a checkpoint of the whole run.

`versions/v0012/` is a sealed directory (`prover/generators/sealed.py`) with

    policy/       what generators load, sealed itself
    learner.pt    weights, moments, buffers and random numbers of what learns
    run.json      books, curriculum, budget, and how long the run's other files were

so that a run goes on from the newest one as if it had never ended.
"""

import json
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from prover.generators.sealed import check_sealed, new_sealed, seal
from trainer.run.student import Student
from verifier.errors import InvalidInput

__all__ = ["SCHEMA", "Draft", "Version", "Versions", "new_version"]

SCHEMA = 3
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


@dataclass(frozen=True)
class Draft:
    """A version that is being written: first what the student has come to, then the rest of the run."""

    directory: Path

    def publish(self, student: Student) -> str:
        """Write the policy and the state of the student; returns the digest of the policy.

        The policy's place is that of the version, where it stands once the draft is finished.

        Raises:
            InvalidInput: the weights are divided among processes.
        """
        student.publish(self.directory / "policy")
        digest = seal(self.directory / "policy")
        torch.save(student.state(), self.directory / "learner.pt")
        return digest

    def finish(self, run: dict[str, Any]) -> None:
        """Write what `run.json` shall say."""
        kept = {"schema": SCHEMA, **run}
        (self.directory / "run.json").write_text(json.dumps(kept), encoding="utf-8")


@contextmanager
def new_version(version: Version) -> Iterator[Draft]:
    """A draft to write, which is there whole as `version` when the block ends, and not at all before.

    Raises:
        InvalidInput: the version is there already.
        ProofmillError: it cannot be written.
    """
    with new_sealed(version.directory) as directory:
        yield Draft(directory)
