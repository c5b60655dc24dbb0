"""What `proofmill doctor` found on Leans of other versions, as the table of docs/lean-versions.md.

python -m docs.versions DIR...            prints the table of these results
python -m docs.versions --write DIR...    puts it into the page, in the place of the one that is there

The workflow `Lean` leaves one directory for each Lean: `run.json`, which says what was asked for, and
`doctor.json`, what `proofmill doctor --json` printed.  It is empty where the doctor never came to an end.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docs.rooms import ROOT

__all__ = ["PAGE", "Examination", "main", "read_examination", "versions_table", "with_results"]

PAGE = ROOT / "docs" / "lean-versions.md"
_PLACE = re.compile(r"(<!-- native -->\n).*?(<!-- /native -->)", re.DOTALL)
_HEAD = ("Lean", "project", "checks that hold", "checks that fail", "run")
_SHOWN = 5


@dataclass(frozen=True)
class Examination:
    """One run of the doctor."""

    asked: str
    """The Lean or the prover that was asked for."""
    lean: str
    """What the Lean said of itself; empty where it never started."""
    project: str
    """`bare` or `mathlib`."""
    run: str
    """The day, and the commit of Proofmill."""
    held: int
    failed: tuple[str, ...]
    """The names of the checks that failed."""

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        checks = self.held + len(self.failed)
        more = len(self.failed) - _SHOWN
        failed = ", ".join(self.failed[:_SHOWN]) + (f", and {more} more" if more > 0 else "")
        count = f"{self.held} of {checks}" if checks else "the doctor did not come to an end"
        return (self._version or self.asked, self.project, count, failed or "–", self.run)

    @property
    def order(self) -> tuple[tuple[int, ...], str, str]:
        """Releases by number, then all else; a bare project before one with Mathlib."""
        numbers = tuple(int(part) for part in re.findall(r"\d+", self._version))
        return (numbers or (sys.maxsize,), self.project, self.asked)

    @property
    def _version(self) -> str:
        found = re.search(r"version (\S+?)[,)]", self.lean)
        name = "" if found is None else found[1]
        return f"{name} ({self.asked})" if name and name not in self.asked else name


def read_examination(directory: Path) -> Examination:
    """What the doctor found, from what the workflow left in a directory.

    Raises:
        ValueError: the directory holds no such thing.
    """
    try:
        about = json.loads((directory / "run.json").read_text("utf-8"))
        asked, lean, project = (str(about[name]) for name in ("asked", "lean", "project"))
        run = f"{about['date']}, {str(about['commit'])[:8]}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{directory} holds no result of the workflow: {error!r} in run.json") from error
    checks = _checks(directory / "doctor.json")
    failed = tuple(str(check["name"]) for check in checks if check["ok"] is not True)
    return Examination(asked, lean, project, run, len(checks) - len(failed), failed)


def _checks(file: Path) -> list[dict[str, Any]]:
    """The checks, or none where the doctor was stopped before it said any."""
    text = file.read_text("utf-8") if file.is_file() else ""
    if not text.strip():
        return []
    try:
        checks = json.loads(text)["checks"]
        if all({"name", "ok"} <= check.keys() for check in checks):
            return list(checks)
        raise ValueError("a check without a name, or without `ok`")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} is not what `proofmill doctor --json` prints: {error!r}") from error


def versions_table(examinations: Sequence[Examination]) -> str:
    """The table, as Markdown; its head alone without results."""
    rows = [each.cells for each in sorted(examinations, key=lambda each: each.order)]
    lines = (_HEAD, ("---",) * len(_HEAD), *rows)
    return "".join(f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |\n" for cells in lines)


def with_results(page: str, examinations: Sequence[Examination]) -> str:
    """The page with this table."""
    return _PLACE.sub(lambda found: f"{found[1]}{versions_table(examinations)}{found[2]}", page)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 when a directory holds no result."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.versions", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("directories", nargs="*", type=Path, metavar="DIR")
    parser.add_argument("--write", action="store_true", help="put the table into docs/lean-versions.md")
    given = parser.parse_args(arguments)
    try:
        examinations = [read_examination(directory) for directory in given.directories]
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if given.write:
        PAGE.write_text(with_results(PAGE.read_text("utf-8"), examinations), "utf-8")
    else:
        print(versions_table(examinations), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
