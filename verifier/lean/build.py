"""Compiles the worker for the embedded Lean, once; processes then load it and need not elaborate it anew.

Elaborating it would be more than half of the time of a start, and a worker starts again after each submission
for which one had to be killed.
"""

import hashlib
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from verifier.errors import LeanInstallError
from verifier.lean.install import EmbeddedLean
from verifier.lean.source import MODULE, module_main, module_source

__all__ = ["compiled_worker"]

COMPILE_TIMEOUT_S = 300.0


def compiled_worker(install: EmbeddedLean) -> Path:
    """The directory of the compiled worker and of `Main.lean`, which runs it, below the tree of `install`.

    Its name depends on what was compiled, so a changed worker is compiled again.  Several processes may
    compile it at once: each builds a directory of its own, and the first to be renamed into place is used.

    Raises LeanInstallError when it cannot be written or does not compile.
    """
    content = module_source() + module_main()
    directory = install.root / f"worker-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    if directory.is_dir():
        return directory
    Console(stderr=True).print("Compiling the Lean worker; this is done once")
    try:
        with tempfile.TemporaryDirectory(prefix=f"{directory.name}.partial-", dir=install.root) as partial:
            built = Path(partial) / "worker"
            built.mkdir()
            _compile(install, built)
            # Whoever was faster has put the same into place.
            with suppress(OSError):
                built.rename(directory)
    except OSError as error:
        raise _failure(f"it cannot be written into {install.root}: {error}") from error
    if not directory.is_dir():
        raise _failure(f"it cannot be put into {install.root}")
    return directory


def _compile(install: EmbeddedLean, directory: Path) -> None:
    source = directory / f"{MODULE}.lean"
    source.write_text(module_source(), "utf-8")
    (directory / "Main.lean").write_text(module_main(), "utf-8")
    olean = source.with_suffix(".olean")
    try:
        ran = install.run("-o", str(olean), str(source), writable=directory, timeout_s=COMPILE_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise _failure(f"Lean was not done within {COMPILE_TIMEOUT_S:.0f} s") from error
    if ran.returncode != 0 or not olean.exists():
        # Between them stands what this build of Lean says of itself.
        errors = [line for line in ran.stdout.splitlines() if "error" in line] or [ran.stderr[-500:].strip()]
        raise _failure(f"Lean ended with {ran.returncode}: {' '.join(errors[:5])}")
    for path in directory.iterdir():
        # What WebAssembly writes is open to everybody.
        path.chmod(0o644)


def _failure(reason: str) -> LeanInstallError:
    return LeanInstallError(
        f"The Lean worker was not compiled: {reason}. Make room and memory (2 GB), or set PROOFMILL_CACHE "
        "to a directory that you can write to."
    )
