"""`proofmill lean project`: a Lake project with the Lean and Mathlib of a named prover."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from verifier.console import say
from verifier.errors import InvalidInput
from verifier.lean.new_project import project_for, project_of_version, write_project
from verifier.lean.pins import PINS, pin_named

__all__ = ["lean_project"]


def lean_project(
    directory: Annotated[Path, typer.Argument(help="Where the project goes; it may exist.")],
    prover: Annotated[
        str | None,
        typer.Option(
            "--for", help=f"Whose Lean and Mathlib: {', '.join(pin.name for pin in PINS)}.", metavar="NAME"
        ),
    ] = None,
    lean: Annotated[
        str | None,
        typer.Option(
            help="Another version of Lean, such as 4.28.0 or nightly, with Mathlib's of the same name."
        ),
    ] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Core Lean alone, without Mathlib.")] = False,
) -> None:
    """Write a Lake project that pins the Lean and Mathlib a prover was run on, for `--project`.

    It writes three files and downloads nothing; what to run next is printed.
    """
    if (prover is None) == (lean is None):
        raise InvalidInput("say which Lean: --for NAME or --lean VERSION, and not both")
    pin = pin_named(prover) if prover is not None else None
    if pin is not None:
        project = project_for(pin, bare=bare)
    else:
        assert lean is not None
        project = project_of_version(lean, bare=bare)
    write_project(project, directory)
    mathlib = f"Mathlib {project.mathlib}" if project.mathlib else "no Mathlib"
    say(f"{directory} is a Lake project for Lean {project.lean} with {mathlib}. Next:")
    place = shlex.quote(str(directory))
    say(f"  (cd {' && '.join((place, *project.steps))})")
    say(f"  proofmill doctor --project {place}")
    if pin is not None and not bare:
        if pin.unseen:
            say(f"Not seen where its makers publish it: {pin.unseen}", "yellow")
        say(f"Headers begin with: {pin.header.strip()!r}")
