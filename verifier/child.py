"""Child processes that never outlive the process that started them.

A pool that is killed with SIGKILL cannot end its workers, so the kernel has to:
Linux sends a child the signal it asked for when its parent ends in any way.  The
parent is the *thread* that started the child, so start children from a thread
that lives as long as they should.
"""

import os
import signal
import sys
from collections.abc import Sequence

__all__ = ["tied_to_this_process"]

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


def tied_to_this_process(
    command: Sequence[str], death_signal: signal.Signals = signal.SIGKILL
) -> tuple[str, ...]:
    """`command`, wrapped so that it gets `death_signal` when this process ends."""
    return (sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), str(int(death_signal)), *command)
