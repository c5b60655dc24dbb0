"""Ending a child process: in order where it can, and with all it started where it cannot."""

import subprocess
import sys
import time

from verifier.sandbox.child import end, process_tree

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.pause()"], start_new_session=True)
print("ready", flush=True)
time.sleep(600)
"""


def start(code: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen((sys.executable, "-c", code), stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    return process


def test_a_child_that_obeys_ends_by_itself() -> None:
    leaves = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"
    with start(f"{leaves}\nprint('ready', flush=True)\nwhile True: signal.pause()") as process:
        end(process, grace_s=30)
    assert process.returncode == 7


def test_one_that_does_not_is_killed_with_all_it_started() -> None:
    with start(STUBBORN) as process:
        members = process_tree(process.pid)
        assert len(members) == 2
        end(process, grace_s=0.2)
        assert process.returncode == -9
    deadline = time.monotonic() + 5
    while any(map(process_tree, members)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ending_twice_is_fine() -> None:
    with start("print('ready', flush=True)") as process:
        end(process, grace_s=5)
        end(process, grace_s=5)
