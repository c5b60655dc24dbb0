"""What an examination finds: checks, each with a number and a sentence, kept beside the Lean that they are
of.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from verifier.lean.install import cache_directory
from verifier.lean.runtime import LeanRuntime

__all__ = ["NONE", "Check", "Examination", "doubts_about", "last_examination"]

NONE = "none"
"""The figure of something that is not here and need not be."""


@dataclass(frozen=True)
class Check:
    """What was found of one thing."""

    name: str
    ok: bool
    """Whether nothing is wrong with it; what may be absent and is absent is not wrong."""
    figure: str
    """What was measured or counted."""
    says: str
    """What that means, or what to do."""

    @property
    def is_absent(self) -> bool:
        """Whether there is nothing to examine."""
        return self.ok and self.figure == NONE


@dataclass(frozen=True)
class Examination:
    """All checks of one Lean, in the order in which they were made."""

    lean: str
    """Its version."""
    fingerprint: str
    """Of the Lean, its library and this code: what changes when verdicts may."""
    full: bool
    at: float
    """When it ended, in seconds since 1970."""
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(check.ok for check in self.checks)

    def as_json(self) -> str:
        """The examination as one JSON object."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    def keep(self) -> None:
        """Write it down where `last_examination` looks; what cannot be written is not kept."""
        file = _file_of(self.fingerprint)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.as_json(), "utf-8")
        except OSError:
            return

    @classmethod
    def of(cls, runtime: LeanRuntime | None, checks: Iterable[Check], *, full: bool) -> "Examination":
        """What was found of `runtime`, or of a machine that has none."""
        version, fingerprint = ("none", "") if runtime is None else (runtime.version, runtime.fingerprint)
        return cls(version, fingerprint, full, time.time(), tuple(checks))


def last_examination(runtime: LeanRuntime) -> Examination | None:
    """The last full examination of this Lean with this library and this code, if there was one."""
    try:
        kept = json.loads(_file_of(runtime.fingerprint).read_text("utf-8"))
        checks = tuple(Check(**check) for check in kept.pop("checks"))
        return Examination(**kept, checks=checks)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def doubts_about(runtime: LeanRuntime) -> str | None:
    """What there is to say of a Lean that was not examined, or not found well; nothing of one that was."""
    where = "" if runtime.name == "embedded" else f" --project {runtime.cwd}"
    command = f"`proofmill doctor{where} --full`"
    found = last_examination(runtime)
    if found is None:
        return f"Lean {runtime.version} was not examined here, with this code and this library: run {command}"
    wrong = [check.name for check in found.checks if not check.ok]
    return f"Lean {runtime.version} is not well: {', '.join(wrong)}; {command} says more" if wrong else None


def _file_of(fingerprint: str) -> Path:
    return cache_directory() / "examinations" / f"{fingerprint[:32]}.json"
