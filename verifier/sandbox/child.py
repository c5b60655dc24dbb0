"""Child processes that never outlive the process that started them, within limits the kernel keeps.

A pool that is killed with SIGKILL cannot end its workers, so the kernel has to: Linux sends a child the
signal it asked for when its parent ends in any way.  The parent is the *thread* that started the child, so
start children from a thread that lives as long as they should.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = [
    "FILTER_DESCRIPTOR",
    "end",
    "kill_all",
    "log_tail",
    "process_tree",
    "resident_bytes",
    "tied_to_this_process",
    "within_limits",
]

FILTER_DESCRIPTOR = 100
"""Where a command that sets the system call filter itself finds it."""

_STOP_S = 1.0
_AT_REST = (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
_PYTHON = (sys.executable, "-I", "-S")
_TIE_TO_PARENT = str(Path(__file__).with_name("tie_to_parent.py"))
_SET_LIMITS = str(Path(__file__).with_name("set_limits.py"))


def tied_to_this_process(
    command: Sequence[str], death_signal: signal.Signals = signal.SIGKILL
) -> tuple[str, ...]:
    """`command`, wrapped so that it gets `death_signal` when this process ends."""
    return (*_PYTHON, _TIE_TO_PARENT, str(os.getpid()), str(int(death_signal)), *command)


def within_limits(
    command: Sequence[str],
    limits: Mapping[str, int],
    filter_program: bytes | None = None,
    *,
    hand_over: bool = False,
) -> tuple[str, ...]:
    """`command`, wrapped so that it runs with `limits`, such as `{"RLIMIT_CORE": 0}`, soft and hard.

    A limit that is already lower stays.  `filter_program` is a seccomp filter, set before `command` begins,
    or, with `hand_over`, left for it to read from `FILTER_DESCRIPTOR`: bubblewrap needs calls that the filter
    refuses, and sets it itself.
    """
    settings = {
        "limits": dict(limits),
        "filter": (filter_program or b"").hex(),
        "descriptor": FILTER_DESCRIPTOR if hand_over else None,
    }
    return (*_PYTHON, _SET_LIMITS, json.dumps(settings), *command)


def end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """End a child and wait for it: SIGTERM, and SIGKILL to it and its descendants after `grace_s` seconds."""
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        kill_all(process.pid)
        process.wait()


def kill_all(pid: int) -> None:
    """SIGKILL to a process and to all its descendants, whichever groups they are in.

    To its group would not be enough: bubblewrap asks for a signal at the end of its parent, but not before it
    has started what it runs.  They are stopped first, because one that is stopped starts no other; until it
    has stopped, what it has begun to start may still come.
    """
    stopped: set[int] = set()
    while found := set(process_tree(pid)) - stopped:
        for each in found:
            _send(each, signal.SIGSTOP)
        deadline = time.monotonic() + _STOP_S
        while any(map(_runs, found)) and time.monotonic() < deadline:
            time.sleep(0.0005)
        stopped |= found
    for each in stopped:
        _send(each, signal.SIGKILL)


def _runs(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() not in _AT_REST
    return False


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def process_tree(pid: int) -> tuple[int, ...]:
    """`pid` and its living descendants; empty when it has ended."""
    return tuple(process.pid for process in _living_tree(pid))


def resident_bytes(pid: int) -> int:
    """The resident memory of `pid` and of all its descendants; a page that several share counts for each.

    In bubblewrap the process that was started is bubblewrap's own, and Lean is a descendant of it.
    """
    total = 0
    for process in _living_tree(pid):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def log_tail(log: Path, lines: int = 15) -> str:
    """The last lines of what a child has written, for a message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _living_tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    return [process for process in processes if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
