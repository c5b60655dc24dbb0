"""Directories that are whole or not there: what a trainer hands to generators and finds again itself.

A sealed directory holds `SHA256SUMS` over its other files, as `sha256sum --check` reads it.  Its digest is
the SHA-256 of that file.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from verifier.errors import InvalidInput, ProofmillError

__all__ = ["SUMS", "BrokenDirectory", "check_sealed", "digest_of_seal", "new_sealed", "seal"]

SUMS = "SHA256SUMS"


class BrokenDirectory(ProofmillError):
    """A sealed directory is not as it was written."""


@contextmanager
def new_sealed(directory: Path) -> Iterator[Path]:
    """An empty directory to write to, which becomes `directory`, sealed, if the block ends without an error.

    It is on the disk then: neither a kill nor a power cut leaves half of it.

    Raises:
        InvalidInput: `directory` exists already.
        ProofmillError: it cannot be written; what was written of it is removed.
    """
    if directory.exists():
        raise InvalidInput(f"{directory} exists already: give each version a directory of its own")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
        try:
            yield draft
            draft.chmod(0o755)
            seal(draft)
            draft.rename(directory)
            _sync(directory.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ProofmillError(
            f"cannot write {directory}: {error.strerror or error}; make room or choose another place, and "
            "start again: nothing before it is lost"
        ) from error


def seal(directory: Path) -> str:
    """Seal a directory that is written; returns its digest once all of it is on the disk."""
    files = sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())
    sums = "".join(f"{_sha256(directory / name)}  {name}\n" for name in files)
    (directory / SUMS).write_text(sums, encoding="utf-8")
    for path in (*directory.rglob("*"), directory):
        _sync(path)
    return digest_of_seal(directory)


def digest_of_seal(directory: Path) -> str:
    """What names the contents of a sealed directory.

    Raises:
        BrokenDirectory: it is not sealed.
    """
    try:
        return _sha256(directory / SUMS)
    except OSError as error:
        raise BrokenDirectory(
            f"{directory} is not sealed: {SUMS} cannot be read ({error.strerror}); it was not copied whole, "
            "or was not written by this program"
        ) from error


def check_sealed(directory: Path, digest: str | None = None) -> None:
    """See that a sealed directory is as it was written.

    Args:
        digest: what it should have.

    Raises:
        BrokenDirectory: a file is missing, cut short or changed, or it is another directory.
    """
    found = digest_of_seal(directory)
    if digest is not None and found != digest:
        raise BrokenDirectory(
            f"{directory} is not the one that was announced: its {SUMS} has the digest {found[:12]}…, not "
            f"{digest[:12]}…; copy it again, and let one run write there"
        )
    for line in (directory / SUMS).read_text(encoding="utf-8").splitlines():
        expected, _, name = line.partition("  ")
        try:
            same = _sha256(directory / name) == expected
        except OSError as error:
            raise BrokenDirectory(f"{directory}: {name} cannot be read ({error.strerror})") from error
        if not same:
            raise BrokenDirectory(
                f"{directory}: {name} is not as it was written; it was cut short or changed: copy the "
                "directory again, or remove it to go on from the version before"
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
