"""A Lake project on this machine: `lake` and `lean` are small programs around the embedded Lean.

What they take and print is what the real ones do, as far as this project asks them; what they compile and run
is real Lean.  So the way of a project can be walked where no native Lean can be had: its build, its
environment, the sandbox, the worker that its toolchain compiles, and the verdicts.
"""

import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from verifier.lean import source
from verifier.lean.install import EmbeddedLean

__all__ = ["NativeLean", "make_native_lean"]

LEAN = """#!{toolchain}/bin/sh
export LEAN_WASM_ROOT="{root}"
export LEAN_PATH="{toolchain}/lib/lean:$LEAN_PATH"
case $1 in
--print-prefix) echo "{toolchain}" ;;
--githash) echo "{commit}" ;;
--version) echo "Lean (version {version}, commit {commit}, Release)" ;;
*) exec "{toolchain}/bin/node" --stack-size=8000 --max-old-space-size=400 --max-semi-space-size=2 \\
     "{toolchain}/lean.js" "$@" ;;
esac
"""

LAKE = """#!/bin/sh
exec "{python}" "{here}/lake.py" "{toolchain}" "$@"
"""

SHAPES = {
    "Shapes/Basic.lean": """module
@[expose] public section
namespace Shapes
/-- Sides of a polygon that was cut `n` times. -/
def sides (n : Nat) : Nat := n + 3
@[simp] theorem sides_zero : sides 0 = 3 := rfl
theorem sides_add (m n : Nat) : sides (m + n) = sides m + n := by
  simp only [sides, Nat.add_right_comm]
end Shapes
""",
    "Shapes.lean": """module
public import Shapes.Basic
@[expose] public section
namespace Shapes
abbrev triangle : Nat := sides 0
theorem three : triangle = 3 := sides_zero
end Shapes
""",
}


@dataclass(frozen=True)
class NativeLean:
    """A toolchain, a project that is built with it, and the directory of `lake`."""

    toolchain: Path
    project: Path
    tools: Path

    def cannot_link(self) -> None:
        """Have `lake build` fail where it makes a program."""
        (self.toolchain / "cannot-link").touch()

    def can_link(self) -> None:
        """Have it work again."""
        (self.toolchain / "cannot-link").unlink()


def make_native_lean(root: Path, embedded: EmbeddedLean) -> NativeLean:
    """A toolchain and a built project below `root`, which is all that its Lean sees."""
    toolchain, project, tools = root / "toolchain", root / "project", root / "tools"
    for directory in (toolchain / "bin", toolchain / "lib", project / "Shapes", tools):
        directory.mkdir(parents=True)
    shutil.copytree(embedded.root / "lib" / "lean", toolchain / "lib" / "lean", copy_function=_linked)
    for name in ("lean.js", "lean.wasm"):
        _linked(embedded.root / name, toolchain / name)
    _linked(embedded.node.resolve(), toolchain / "bin" / "node")
    shutil.copy(Path(source.__file__).with_name("Publish.lean"), toolchain)
    # In the sandbox there is no other shell.
    shutil.copy(Path("/bin/sh").resolve(), toolchain / "bin" / "sh")
    # A compiled module names the commit of its Lean.
    commit = (embedded.root / "lib" / "lean" / "Init.olean").read_bytes()[40:80].decode()
    version = embedded.version.partition(" ")[0]
    _program(
        toolchain / "bin" / "lean",
        LEAN.format(toolchain=toolchain, root=root, commit=commit, version=version),
    )
    _program(
        tools / "lake", LAKE.format(toolchain=toolchain, python=sys.executable, here=Path(__file__).parent)
    )
    (project / "lakefile.toml").write_text('name = "shapes"\n[[lean_lib]]\nname = "Shapes"\n', "utf-8")
    (project / "lean-toolchain").write_text("leanprover/lean4:v4.28.0\n", "utf-8")
    for name, text in SHAPES.items():
        (project / name).write_text(text, "utf-8")
    subprocess.run([tools / "lake", "build"], cwd=project, check=True, timeout=300)
    return NativeLean(toolchain, project, tools)


def _linked(source: str | Path, target: str | Path) -> None:
    """The file at another place, without a copy of its bytes where the file system allows that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def _program(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
