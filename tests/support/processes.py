"""What the system says of a process."""

import time
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether it has not ended; a zombie has.

    By its state, not by its command line, which is empty for a moment while a program is started.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def ends(pid: int, within_s: float = 10) -> bool:
    """Whether a process ends before the time is over, which it waits for."""
    deadline = time.monotonic() + within_s
    while is_running(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
