"""Puts the worker together from its parts: as a script or a program for any Lean, as a module for the
embedded one.
"""

from pathlib import Path

__all__ = ["MODULE", "PARTS", "module_main", "module_source", "package_main", "script_source"]

PARTS = (
    "Basic",
    "AnyLean",
    "Elaborate",
    "Files",
    "Landmarks",
    "Statement",
    "Export",
    "Levels",
    "Plain",
    "Read",
    "Rename",
    "Replay",
    "Text",
    "Tactic",
    "Memory",
    "Worker",
)
"""Lean files of this directory; each may use those before it."""

MODULE = "ProofmillWorker"

MAIN = "main (arguments : List String) : IO Unit := Proofmill.runWorker arguments\n"


def script_source() -> str:
    """A script that `lean --run` of any version of Lean takes without a build."""
    return f"import Lean\n{_parts()}\ndef {MAIN}"


def package_main() -> str:
    """The root of a program that Lake builds with any version of Lean.

    What `lean --run` does before it runs a script, a program has to do by itself: find the libraries, and let
    modules that are imported add the tactics and attributes that they define.
    """
    return f"""import Lean
{_parts()}
unsafe def main (arguments : List String) : IO Unit := do
  Lean.initSearchPath (← Lean.findSysroot)
  Lean.enableInitializersExecution
  Proofmill.runWorker arguments
"""


def module_source() -> str:
    """A module to compile.  The embedded Lean runs only what is `public meta` in modules that it loads."""
    publish = _read("Publish")
    return f"module\npublic meta import Lean\npublic meta section\n{_parts()}\nopen Lean Elab\n{publish}"


def module_main() -> str:
    """The script that runs the compiled module."""
    return f"module\npublic meta import {MODULE}\npublic meta def {MAIN}"


def _parts() -> str:
    """All parts in a namespace, so that no name of a newer Lean's takes the place of the worker's."""
    parts = "\n".join(map(_read, PARTS))
    return f"namespace Proofmill\nopen Lean Elab\n{parts}\nend Proofmill"


def _read(name: str) -> str:
    return Path(__file__).with_name(f"{name}.lean").read_text("utf-8")
