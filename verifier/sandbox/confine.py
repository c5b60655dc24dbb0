"""Keeps a Lean worker from doing anything to the machine, as far as the machine allows.

A candidate's file runs code while it is elaborated, and that code can call C functions.  Each protection
stands on its own, so one that a machine lacks leaves the others:

- limits of the kernel (always): no core file, no byte written to any file, few open files, and a bound on
  writable memory;
- a seccomp filter (x86-64 and aarch64 Linux): no sockets, no new processes, no signals to others;
- bubblewrap, when it is there and permitted: only the files that Lean needs, read-only, an empty /tmp that is
  read-only too, and namespaces of its own for processes, network, IPC and names;
- node's permission model (embedded Lean only): only the Lean tree can be read.

There is no limit on the number of processes: RLIMIT_NPROC counts all processes of the user and does not bind
root.  The filter refuses every new one instead.

Settings, from the environment:

- `PROOFMILL_BUBBLEWRAP=off` leaves bubblewrap out, for a container that is the sandbox already;
- `PROOFMILL_WORKER_MEMORY_GB` bounds the memory of one worker, in 10^9 bytes.  A worker that needs more ends,
  and the verdict is `crashed`, which says nothing of the proof.  It bounds the writable memory (RLIMIT_DATA),
  with 6 for the embedded Lean and 8 for that of a project unless set.  The address space is no measure:
  WebAssembly reserves 12 GB and uses one, and the files of a library are mapped by all workers together.
"""

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from verifier.errors import InvalidInput
from verifier.sandbox.child import FILTER_DESCRIPTOR, within_limits
from verifier.sandbox.seccomp import filter_program

__all__ = [
    "Protection",
    "RuntimeName",
    "bubblewrap",
    "call_filter",
    "confine",
    "file_confinement",
    "node_permission_model",
    "resource_limits",
]

BUBBLEWRAP_VARIABLE = "PROOFMILL_BUBBLEWRAP"
MEMORY_VARIABLE = "PROOFMILL_WORKER_MEMORY_GB"

MEMORY_GB = {"embedded": 6.0, "project": 8.0}
"""Private memory of one worker, unless the user sets another bound."""
OPEN_FILES = 1024

# What the dynamic linker needs; everything else is named by whoever builds the command.
_SYSTEM_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/etc/ld.so.cache")
_TRIAL_TIMEOUT_S = 20.0

RuntimeName = Literal["embedded", "project"]


@dataclass(frozen=True)
class Protection:
    """What was found of one protection."""

    name: str
    on: bool
    """Whether it was tried here and held."""
    detail: str
    """What it does, or why it is not on."""


def resource_limits(runtime: RuntimeName) -> dict[str, int]:
    """The limits of one worker, by their names in `resource`; memory in bytes.

    Raises InvalidInput when PROOFMILL_WORKER_MEMORY_GB is not a positive number.
    """
    # Not of the address space: there the files of a library count, which all workers share.
    memory = _memory_setting() or MEMORY_GB[runtime]
    return {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_DATA": int(memory * 1e9),
    }


def confine(
    command: Sequence[str],
    *,
    readable: Sequence[Path],
    env: Mapping[str, str],
    cwd: Path,
    limits: Mapping[str, int],
) -> tuple[str, ...]:
    """`command`, wrapped so that it runs inside all protections that are on here.

    In bubblewrap it sees `readable`, the system's libraries and an empty `cwd` unless that is readable; it
    has exactly the environment `env`, and dies with whoever started it.
    """
    program = filter_program() if call_filter().on else None
    if not bubblewrap().on:
        return within_limits(command, limits, program)
    wrapped = _in_bubblewrap(command, readable, env, cwd, filtered=program is not None)
    return within_limits(wrapped, limits, program, hand_over=True)


def file_confinement(runtime: RuntimeName, node: Path | None) -> tuple[Protection, ...]:
    """The protections that keep a worker of `runtime` from the user's files; one of them has to be on."""
    if runtime == "embedded" and node is not None:
        return (bubblewrap(), node_permission_model(node))
    return (bubblewrap(),)


@cache
def bubblewrap() -> Protection:
    """Whether bubblewrap works here; it may be installed and still forbidden, as in most containers."""
    name = "bubblewrap"
    if os.environ.get(BUBBLEWRAP_VARIABLE, "").lower() in ("0", "off", "no"):
        return Protection(name, False, f"switched off by {BUBBLEWRAP_VARIABLE}")
    if (path := shutil.which("bwrap")) is None:
        return Protection(name, False, "not found; install the package `bubblewrap`")
    program = Path(shutil.which("true") or "/bin/true")
    refusal = _refusal(_in_bubblewrap((str(program),), (program,), {}, Path("/tmp"), filtered=False))
    if refusal is not None:
        return Protection(
            name, False, f"{path} is not permitted here: {refusal}; are user namespaces switched off?"
        )
    return Protection(name, True, f"{path}: own files, processes and network for each worker")


@cache
def call_filter() -> Protection:
    """Whether the kernel takes the seccomp filter and then refuses a socket."""
    name = "system call filter"
    program = filter_program()
    if program is None:
        return Protection(name, False, "not written for this machine; without bubblewrap the network is open")
    attempt = """
import socket, sys
try:
    socket.socket()
except PermissionError:
    sys.exit(0)
sys.exit("it lets a socket be opened")
"""
    refusal = _refusal(within_limits((sys.executable, "-I", "-S", "-c", attempt), {}, program))
    if refusal is not None:
        return Protection(
            name, False, f"does not work here: {refusal}; without bubblewrap the network is open"
        )
    return Protection(name, True, "no sockets, no new processes, no signals to others")


@cache
def node_permission_model(node: Path) -> Protection:
    """Whether `node` refuses a read outside what it was allowed; it leaves the network open."""
    name = "node permission model"
    attempt = (
        "try{require('fs').readdirSync('/');process.exit(1)}"
        "catch(e){process.exit(e.code==='ERR_ACCESS_DENIED'?0:2)}"
    )
    refusal = _refusal((str(node), "--permission", "-e", attempt))
    if refusal is not None:
        return Protection(name, False, f"does not confine: {refusal}")
    return Protection(name, True, "the embedded Lean reads its own tree only; it does not close the network")


def _in_bubblewrap(
    command: Sequence[str], readable: Sequence[Path], env: Mapping[str, str], cwd: Path, *, filtered: bool
) -> tuple[str, ...]:
    bwrap = shutil.which("bwrap") or "bwrap"
    namespaces = (
        *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
        *("--unshare-cgroup-try", "--cap-drop", "ALL", "--new-session", "--die-with-parent"),
    )
    mounts: list[str] = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for library in _SYSTEM_LIBRARIES:
        mounts += ("--ro-bind-try", library, library)
    mounts += ("--dir", str(cwd))
    for path in _bound(readable):
        mounts += ("--ro-bind", str(path), str(path))
    mounts += ("--remount-ro", "/dev", "--remount-ro", "/tmp", "--remount-ro", "/")
    variables = [word for name, value in env.items() for word in ("--setenv", name, value)]
    last = ("--seccomp", str(FILTER_DESCRIPTOR)) if filtered else ()
    return (
        bwrap,
        *namespaces,
        *mounts,
        "--clearenv",
        *variables,
        "--chdir",
        str(cwd),
        *last,
        "--",
        *command,
    )


def _bound(readable: Sequence[Path]) -> list[Path]:
    """The paths to bind, each as named and as it resolves, without those that lie below another one."""
    wanted: list[Path] = []
    for named in readable:
        for path in (named.resolve(), named.absolute()):
            if not any(path.is_relative_to(other) for other in wanted):
                wanted = [other for other in wanted if not other.is_relative_to(path)]
                wanted.append(path)
    return wanted


def _refusal(command: Sequence[str]) -> str | None:
    """Why `command` failed, in its own words, or None when it ended with 0."""
    try:
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TRIAL_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if ran.returncode == 0:
        return None
    lines = ran.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit status {ran.returncode}"


def _memory_setting() -> float | None:
    if not (text := os.environ.get(MEMORY_VARIABLE)):
        return None
    try:
        memory = float(text)
    except ValueError:
        memory = math.nan
    if not (0 < memory < math.inf):
        raise InvalidInput(f"{MEMORY_VARIABLE}={text} is not a number of gigabytes: set it to one, such as 8")
    return memory
