"""Child processes that never outlive the process that started them, within limits the kernel keeps.

A pool that is killed with SIGKILL cannot end its workers, so the kernel has to:
Linux sends a child the signal it asked for when its parent ends in any way.  The
parent is the *thread* that started the child, so start children from a thread
that lives as long as they should.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = [
    "FILTER_DESCRIPTOR",
    "log_tail",
    "process_tree",
    "resident_bytes",
    "tied_to_this_process",
    "within_limits",
]

# A Python that asks for the signal and then becomes the command: `preexec_fn` would do
# the same, but it is not safe in a process that has threads.
LAUNCHER = """
import ctypes, os, sys
parent, death_signal, *command = sys.argv[1:]
PR_SET_PDEATHSIG = 1
if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal)) != 0:
    sys.exit("prctl(PR_SET_PDEATHSIG) was refused")
if os.getppid() != int(parent):
    sys.exit("the parent ended before the child started")
os.execvp(command[0], command)
"""

FILTER_DESCRIPTOR = 100
"""Where a command that sets the system call filter itself finds it."""

# The filter comes last: from then on the launcher could not do its work either.
LIMITER = f"""
import ctypes, json, os, resource, sys
settings, *command = sys.argv[1:]
settings = json.loads(settings)
program = bytes.fromhex(settings["filter"])
if program and settings["hand_over"]:
    end, start = os.pipe()
    os.write(start, program)
    os.close(start)
    os.dup2(end, {FILTER_DESCRIPTOR})
for name, limit in settings["limits"].items():
    kind = getattr(resource, name)
    hard = resource.getrlimit(kind)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (limit, limit))
if program and not settings["hand_over"]:
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]
    PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
    libc = ctypes.CDLL(None, use_errno=True)
    steps = Program(len(program) // 8, program)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or \\
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(steps), 0, 0) != 0:
        sys.exit("prctl(PR_SET_SECCOMP) was refused: " + os.strerror(ctypes.get_errno()))
try:
    os.execvp(command[0], command)
except OSError as error:
    sys.exit(f"{{command[0]}} cannot be run: {{error.strerror}}")
"""


def tied_to_this_process(
    command: Sequence[str], death_signal: signal.Signals = signal.SIGKILL
) -> tuple[str, ...]:
    """`command`, wrapped so that it gets `death_signal` when this process ends."""
    return (sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), str(int(death_signal)), *command)


def within_limits(
    command: Sequence[str],
    limits: Mapping[str, int],
    filter_program: bytes | None = None,
    *,
    hand_over: bool = False,
) -> tuple[str, ...]:
    """`command`, wrapped so that it runs with `limits`, such as `{"RLIMIT_CORE": 0}`, soft and hard.

    A limit that is already lower stays.  `filter_program` is a seccomp filter, set
    before `command` begins, or, with `hand_over`, left for it to read from
    `FILTER_DESCRIPTOR`: bubblewrap needs calls that the filter refuses, and sets it itself.
    """
    program = (filter_program or b"").hex()
    settings = json.dumps({"limits": dict(limits), "filter": program, "hand_over": hand_over})
    return (sys.executable, "-I", "-S", "-c", LIMITER, settings, *command)


def process_tree(pid: int) -> tuple[int, ...]:
    """`pid` and its living descendants, as seen from here; empty when it has ended."""
    children: dict[int, list[int]] = {}
    alive: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            # The command's name, in parentheses, may itself hold spaces and parentheses.
            state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in "ZX":
                alive.add(int(entry.name))
                children.setdefault(int(parent), []).append(int(entry.name))
    if pid not in alive:
        return ()
    found = [pid]
    for each in found:
        found += children.get(each, ())
    return tuple(found)


def log_tail(log: Path, lines: int = 15) -> str:
    """The last lines of what a child has written, for a message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def resident_bytes(pid: int) -> int:
    """Resident memory of `pid` and all it started; pages they share count once for each.

    In bubblewrap the process that was started is bubblewrap's own, and Lean a descendant of it.
    """
    total = 0
    for each in process_tree(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            pages = int(Path(f"/proc/{each}/statm").read_text().split()[1])
            total += pages * os.sysconf("SC_PAGE_SIZE")
    return total
