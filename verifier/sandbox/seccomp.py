"""A seccomp filter for Lean workers: no sockets, no new processes, no signals to others.

Elaboration runs code that the candidate wrote, and that code can call any C function that Lean is linked
with.  So the kernel decides which system calls it may make
(https://docs.kernel.org/userspace-api/seccomp_filter.html).  A refused call fails with EPERM and the worker
goes on.

`execve` stays open, since the filter is set just before it: without a new process it can only replace the
worker, whose filter and limits stay.
"""

import errno
import platform
import struct
from dataclasses import dataclass

__all__ = ["filter_program"]

_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000

_LOAD_WORD = 0x20
_JUMP_IF_EQUAL = 0x15
_JUMP_IF_AT_LEAST = 0x35
_JUMP_IF_BITS = 0x45
_RETURN = 0x06

# Offsets in `struct seccomp_data`, for little-endian machines.
_NUMBER = 0
_ARCHITECTURE = 4
_FIRST_ARGUMENT = 16

_CLONE_THREAD = 0x00010000
_X32_CALLS = 0x40000000

# The refused calls, by what they would reach; numbers on x86-64 and on aarch64 (None: no such call).
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # the network; a ring could open sockets without the call
    "socket": (41, 198),
    "io_uring_setup": (425, 425),
    # new processes; `clone` is allowed for threads
    "fork": (57, None),
    "vfork": (58, None),
    # other processes
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    # namespaces and mounts, from where a bug of the kernel would be reached
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    # the kernel's own store of keys, its programs and its counters
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
}
_CLONE3 = 435


@dataclass(frozen=True)
class _Machine:
    audit_architecture: int
    column: int
    clone: int


_MACHINES = {
    "x86_64": _Machine(audit_architecture=0xC000003E, column=0, clone=56),
    "aarch64": _Machine(audit_architecture=0xC00000B7, column=1, clone=220),
}


def filter_program(machine: str = platform.machine()) -> bytes | None:
    """The filter as an array of `struct sock_filter`, or None for a machine it is not written for."""
    if (known := _MACHINES.get(machine)) is None:
        return None
    numbers = [pair[known.column] for pair in _REFUSED.values()]
    refuse = _step(_RETURN, _ERRNO | errno.EPERM)
    program = [
        _step(_LOAD_WORD, _ARCHITECTURE),
        _step(_JUMP_IF_EQUAL, known.audit_architecture, if_true=1),
        _step(_RETURN, _KILL_PROCESS),
        _step(_LOAD_WORD, _NUMBER),
        # A second set of numbers for the same calls on x86-64.
        _step(_JUMP_IF_AT_LEAST, _X32_CALLS, if_false=1),
        refuse,
    ]
    for number in numbers:
        if number is not None:
            program += [_step(_JUMP_IF_EQUAL, number, if_false=1), refuse]
    program += [
        # Its flags are in memory, where a filter cannot look; the C library then takes `clone`.
        _step(_JUMP_IF_EQUAL, _CLONE3, if_false=1),
        _step(_RETURN, _ERRNO | errno.ENOSYS),
        _step(_JUMP_IF_EQUAL, known.clone, if_false=3),
        _step(_LOAD_WORD, _FIRST_ARGUMENT),
        _step(_JUMP_IF_BITS, _CLONE_THREAD, if_true=1),
        refuse,
        _step(_RETURN, _ALLOW),
    ]
    return b"".join(program)


def _step(code: int, operand: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction; the jumps are counts of instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, operand)
