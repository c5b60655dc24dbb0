"""`lake env COMMAND` and `lake build`, for `native_lean.py`: of a project with a library, of a package with a
program.

python lake.py TOOLCHAIN env COMMAND...
python lake.py TOOLCHAIN build
"""

import os
import subprocess
import sys
from pathlib import Path

__all__: list[str] = []

LIBRARY = Path(".lake") / "build" / "lib" / "lean"
PROGRAM = Path(".lake") / "build" / "bin" / "worker"
RUN = """module
public meta import Built
public meta unsafe def main (arguments : List String) : IO Unit := built arguments
"""
START = """#!{toolchain}/bin/sh
export LEAN_PATH="{built}:$LEAN_PATH"
exec "{toolchain}/bin/lean" -j1 --run "{built}/Run.lean" "$@"
"""


def main(toolchain: Path, command: str, *arguments: str) -> None:
    if command == "env":
        os.environ["PATH"] = f"{toolchain / 'bin'}:{os.environ['PATH']}"
        os.environ["LEAN_PATH"] = str(LIBRARY.absolute())
        os.environ["LAKE_SECRET"] = "of the user"
        os.execvp(arguments[0], arguments)
    elif Path("Main.lean").is_file():
        build_program(toolchain, Path("Main.lean").read_text("utf-8"))
    else:
        for module in (Path("Shapes") / "Basic.lean", Path("Shapes.lean")):
            compile_module(toolchain, module.absolute(), (LIBRARY / module).with_suffix(".olean").absolute())


def build_program(toolchain: Path, main_module: str) -> None:
    """Compile a program; the embedded Lean has no linker, so its compiled module is what runs.

    It loads modules without their private parts, so all that was compiled is made public.
    """
    if (toolchain / "cannot-link").exists():
        sys.exit("error: external command 'clang' exited with code 1")
    built = toolchain / "programs"
    built.mkdir(exist_ok=True)
    first, rest = main_module.split("\n", 1)
    rest, program = rest.split("unsafe def main ")
    # It sees no variables, so it cannot find where it stands; but it knows.
    program = program.replace("  Lean.initSearchPath (← Lean.findSysroot)\n", "")
    publish = (toolchain / "Publish.lean").read_text("utf-8")
    heading = f"module\npublic meta {first}\npublic meta section\n"
    source = built / "Built.lean"
    source.write_text(
        f"{heading}{rest}unsafe def built {program}\nopen Lean Elab\n{publish}", encoding="utf-8"
    )
    compile_module(toolchain, source, built / "Built.olean")
    (built / "Run.lean").write_text(RUN, "utf-8")
    PROGRAM.parent.mkdir(parents=True)
    PROGRAM.write_text(START.format(toolchain=toolchain, built=built), "utf-8")
    PROGRAM.chmod(0o755)


def compile_module(toolchain: Path, source: Path, into: Path) -> None:
    into.parent.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run(
        (toolchain / "bin" / "lean", "-j1", "-o", into, source),
        env=os.environ | {"LEAN_PATH": str(LIBRARY.absolute())},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if ran.returncode:
        # Between them stands what this build of Lean says of itself.
        errors = [line for line in ran.stdout.splitlines() if "error" in line]
        sys.exit("\n".join([*errors, f"error: build of {source.name} failed"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
