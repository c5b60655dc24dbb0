"""Asks the kernel for a signal when the parent ends, and then becomes another command.

    python -I -S tie_to_parent.py PARENT SIGNAL COMMAND...

PARENT is the process id of the parent and SIGNAL a number.  `verifier.sandbox.child` runs this file by its
path, with nothing but the standard library.  A `preexec_fn` would do the same, but it is not safe in a
process that has threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, death_signal, *command = sys.argv[1:]
    if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal)) != 0:
        sys.exit("prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != int(parent):
        sys.exit("the parent ended before the child started")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
