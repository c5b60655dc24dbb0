"""Sets limits and a system call filter, and then becomes another command.

    python -I -S set_limits.py SETTINGS COMMAND...

SETTINGS is JSON: `limits`, by their names in `resource`; `filter`, a seccomp program in hexadecimal digits,
or nothing; `descriptor`, from which COMMAND reads the program to set it by itself, or null.
`verifier.sandbox.child` runs this file by its path, with nothing but the standard library.
"""

import ctypes
import json
import os
import resource
import sys
from collections.abc import Mapping

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
BYTES_PER_STEP = 8


class Program(ctypes.Structure):
    """The kernel's `struct sock_fprog`."""

    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def main() -> None:
    settings, *command = sys.argv[1:]
    wanted = json.loads(settings)
    program, descriptor = bytes.fromhex(wanted["filter"]), wanted["descriptor"]
    if program and descriptor is not None:
        hand_over(program, descriptor)
    set_limits(wanted["limits"])
    if program and descriptor is None:
        # Last: from then on this process could not do its own work either.
        set_filter(program)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")


def hand_over(program: bytes, descriptor: int) -> None:
    """Let the command read `program` from `descriptor`."""
    end, start = os.pipe()
    os.write(start, program)
    os.close(start)
    os.dup2(end, descriptor)


def set_limits(limits: Mapping[str, int]) -> None:
    """Set soft and hard limits; one that is already lower stays."""
    for name, wanted in limits.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (limit, limit))


def set_filter(program: bytes) -> None:
    """Have the kernel filter the system calls of this process, and of what it becomes, by `program`."""
    libc = ctypes.CDLL(None, use_errno=True)
    steps = Program(len(program) // BYTES_PER_STEP, program)
    if (
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(steps), 0, 0) != 0
    ):
        sys.exit("prctl(PR_SET_SECCOMP) was refused: " + os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    main()
