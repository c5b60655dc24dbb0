"""The worker for a project's Lean: a Lake package that the project's own toolchain compiles, once.

A program that is compiled starts without elaborating the worker, does not interpret it, and has no `import
Lean` of its own in memory, which every header would then load a second time.  It is what repl and the servers
on it do; `supportInterpreter` is what lets tactics that a header imports find Lean's symbols in it.  Where it
cannot be built, `lean --run` takes the same source as a script.
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from verifier.errors import InvalidInput, LeanInstallError
from verifier.lean.install import cache_directory
from verifier.lean.lake import LakeProject
from verifier.lean.source import package_main, script_source
from verifier.sandbox.child import kill_all
from verifier.sandbox.lock import locked

__all__ = ["WorkerNotBuilt", "build_worker", "place_script"]

BUILD_TIMEOUT_S = 1800.0
LAST_LINES = 25

LAKEFILE = """name = "proofmill-worker"
defaultTargets = ["worker"]

[[lean_exe]]
name = "worker"
root = "Main"
supportInterpreter = true
"""


class WorkerNotBuilt(LeanInstallError):
    """The project's toolchain did not compile the worker; the message has the end of what it said."""


def build_worker(project: LakeProject, *, again: bool = False) -> Path:
    """The worker, compiled by the toolchain of `project`, which is done first where it is missing.

    What Lean could not compile is not tried anew at each start, unless it is to be tried `again`, as the
    doctor does.

    Raises:
        WorkerNotBuilt: it cannot be built, or be written down.
    """
    main = package_main()
    key = hashlib.sha256(f"{project.version} {project.commit} {LAKEFILE}{main}".encode()).hexdigest()[:16]
    root = cache_directory() / "project-workers"
    package, failure = root / key, root / f"{key}.failed"
    program = package / ".lake" / "build" / "bin" / "worker"
    if program.is_file():
        return program
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _one_builder(root / f"{key}.lock"):
            if program.is_file():
                return program
            if failure.is_file() and not again:
                raise WorkerNotBuilt(failure.read_text("utf-8"))
            failure.unlink(missing_ok=True)
            _build_in(package, project, main, failure)
    except (OSError, InvalidInput) as error:
        raise WorkerNotBuilt(f"the worker cannot be built below {root}: {error}") from error
    return program


@contextmanager
def _one_builder(lock: Path) -> Iterator[None]:
    """Wait while another process builds the same, and say so.

    Raises:
        InvalidInput: it is still not done when it should be.
    """
    busy = "another process has been building the worker for too long"
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(lock, busy))
        except InvalidInput:
            Console(stderr=True).print("Another process compiles the Lean worker: waiting for it")
            stack.enter_context(locked(lock, busy, wait_s=BUILD_TIMEOUT_S))
        yield


def _build_in(package: Path, project: LakeProject, main: str, failure: Path) -> None:
    """Build in a directory beside `package`, which is renamed when it is whole."""
    Console(stderr=True).print(
        f"Compiling the Lean worker with Lean {project.version}; this is done once and takes some minutes"
    )
    with tempfile.TemporaryDirectory(dir=package.parent, prefix=f"{package.name}.partial-") as made:
        partial = Path(made) / "package"
        partial.mkdir()
        (partial / "lakefile.toml").write_text(LAKEFILE, "utf-8")
        (partial / "Main.lean").write_text(main, "utf-8")
        toolchain = project.directory / "lean-toolchain"
        if toolchain.is_file():
            shutil.copy(toolchain, partial)
        reason = _run_lake(partial, project)
        if reason is None and not (partial / ".lake" / "build" / "bin" / "worker").is_file():
            reason = "`lake build` made no program"
        if reason is not None:
            failure.write_text(reason, "utf-8")
            raise WorkerNotBuilt(reason)
        # Readable for all, as a command that another user runs needs it.
        partial.chmod(0o755)
        # What stands there has no program.
        shutil.rmtree(package, ignore_errors=True)
        partial.rename(package)


def _run_lake(package: Path, project: LakeProject) -> str | None:
    """Run `lake build` with the project's toolchain; returns why that does not build it, if so.

    Raises:
        WorkerNotBuilt: it took too long, which another time it may not.
    """
    own = project.prefix / "bin" / "lake"
    env = {name: value for name, value in project.tools_env.items() if not name.startswith(("LEAN", "LAKE"))}
    env["PATH"] = f"{project.prefix / 'bin'}:{env.get('PATH', '')}"
    lake = str(own) if own.is_file() else shutil.which("lake", path=env["PATH"]) or "lake"
    with subprocess.Popen(
        (lake, "build"),
        cwd=package,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as build:
        try:
            said, _ = build.communicate(timeout=BUILD_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise WorkerNotBuilt(f"`lake build` was not done within {BUILD_TIMEOUT_S:.0f} s") from error
        finally:
            kill_all(build.pid)
    if build.returncode == 0:
        return None
    lines = said.strip().splitlines()
    errors = [line for line in lines if "error" in line.lower()]
    shown = "\n".join(errors[:LAST_LINES] or lines[-LAST_LINES:])
    return f"`lake build` of the worker ended with {build.returncode}; Lean {project.version} said:\n{shown}"


def place_script(root: Path) -> Path:
    """Write the worker as one file into `root`, whole or not at all, under a name that its content decides.

    Raises:
        LeanInstallError: `root` cannot be written to.
    """
    source = script_source().encode()
    placed = root / f"Worker-{hashlib.sha256(source).hexdigest()[:16]}.lean"
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not placed.exists():
            with tempfile.NamedTemporaryFile(
                dir=root, prefix=placed.stem, suffix=".partial", delete=False
            ) as file:
                file.write(source)
            # Readable for all, as a command that another user runs needs it.
            Path(file.name).chmod(0o644)
            Path(file.name).replace(placed)
    except OSError as error:
        raise LeanInstallError(
            f"The worker file cannot be put into {root}: {error}. Make that directory writable, or set "
            "PROOFMILL_CACHE to one that is."
        ) from error
    return placed
