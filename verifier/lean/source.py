"""The worker put together from its parts: as a script for any Lean, and as a module for the embedded one."""

from pathlib import Path

__all__ = ["MODULE", "PARTS", "module_main", "module_source", "script_source"]

PARTS = (
    "Basic",
    "Elaborate",
    "Files",
    "Landmarks",
    "Statement",
    "Export",
    "Plain",
    "Read",
    "Rename",
    "Replay",
    "Text",
    "Worker",
)
"""Files of this directory, each of which may use those before it."""

MODULE = "ProofmillWorker"

MAIN = "main (arguments : List String) : IO Unit := runWorker arguments\n"


def script_source() -> str:
    """What `lean --run` takes of any version of Lean, without a build."""
    return f"import Lean\n{_parts()}\ndef {MAIN}"


def module_source() -> str:
    """A module to compile; the embedded Lean runs only what is `public meta` of the modules it loads."""
    return f"module\npublic meta import Lean\npublic meta section\n{_parts()}\n{_read('Publish')}"


def module_main() -> str:
    """The script that runs the compiled module."""
    return f"module\npublic meta import {MODULE}\npublic meta def {MAIN}"


def _parts() -> str:
    return "\n".join(map(_read, PARTS))


def _read(name: str) -> str:
    return Path(__file__).with_name(f"{name}.lean").read_text("utf-8")
