"""`proofmill doctor`: what is here, and whether a Lean judges as it must."""

import asyncio
from pathlib import Path

import typer

from verifier.console import say
from verifier.doctor.checks import Check, Examination
from verifier.doctor.examine import examine, find_embedded, find_in_project
from verifier.sandbox.confine import RuntimeName

__all__ = ["run_doctor"]


def run_doctor(project: Path | None, *, full: bool, as_json: bool, allow_unconfined: bool) -> bool:
    """Examine, show each check as it is made, and keep the result; whether nothing is wrong."""
    found = find_embedded() if project is None else find_in_project(project)
    kind: RuntimeName = "embedded" if project is None else "project"
    checks: list[Check] = []

    async def collect() -> None:
        async for check in examine(found, kind, full=full, allow_unconfined=allow_unconfined):
            checks.append(check)
            if not as_json:
                _show(check)

    asyncio.run(collect())
    examination = Examination.of(found.runtime, checks, full=full)
    if full and found.runtime is not None:
        examination.keep()
    if as_json:
        typer.echo(examination.as_json())
    else:
        wrong = [check.name for check in checks if not check.ok]
        verdict = f"{len(wrong)} wrong: {', '.join(wrong)}" if wrong else "nothing is wrong"
        say(f"{len(checks)} checks: {verdict}", "red" if wrong else "green")
    return examination.ok


def _show(check: Check) -> None:
    mark, style = ("-", "yellow") if check.is_absent else ("ok", "green") if check.ok else ("WRONG", "red")
    say(f"{mark:6} {check.name}: {check.figure}: {check.says}", style)
