"""One process at a time for a directory or a file."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from verifier.errors import InvalidInput

__all__ = ["locked"]


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock at `path`; the kernel lets go of it when the process ends, however it ends.

    Raises:
        InvalidInput: another process holds it; the message is `busy`.
        OSError: there can be no file at `path`.
    """
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidInput(busy) from error
        yield
