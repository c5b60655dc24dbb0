"""One process at a time for a directory or a file."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from verifier.errors import InvalidInput

__all__ = ["locked"]

_TRY_EVERY_S = 0.02


@contextmanager
def locked(path: Path, busy: str, *, wait_s: float = 0.0) -> Iterator[BinaryIO]:
    """Hold the lock at `path`; the kernel lets go of it when the process ends, however it ends.

    The body is given the file.  A child that inherits its descriptor holds the lock too.

    Raises:
        InvalidInput: another process still holds it after `wait_s` seconds; the message is `busy`.
        OSError: there can be no file at `path`.
    """
    deadline = time.monotonic() + wait_s
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise InvalidInput(busy) from error
            time.sleep(_TRY_EVERY_S)
        yield file
