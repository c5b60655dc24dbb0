"""The other processes of a run on this machine: started, watched, ended.

They end with this process, however it ends: on the way out they get SIGTERM and
then SIGKILL, and if this process is killed the kernel sends SIGTERM in its place.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from verifier.errors import ProofmillError
from verifier.sandbox.child import log_tail, tied_to_this_process

__all__ = ["ProcessDied", "Processes", "worker_arguments"]

STOP_TIMEOUT_S = 2.0


def worker_arguments(worker: str, settings: Path, run: str) -> list[str]:
    """Of `proofmill`, for a `verifier` or `generator` of the run `run`, which reads the file `settings`."""
    return ["worker", worker, "--config", str(settings), "--run", run]


class ProcessDied(ProofmillError):
    """A process of the run ended on its own."""


class Processes:
    """Child processes of a run, each with its output in `directory/NAME.log`.

    Start them from a thread that lives as long as they should (see `verifier.sandbox.child`).
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._logs = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run `proofmill ARGUMENTS` as the process `name`, with `environment` added to this process's."""
        log = self._logs.enter_context(self._log(name).open("ab"))
        command = [sys.executable, "-m", "trainer.cli", *arguments]
        self._running[name] = subprocess.Popen(
            tied_to_this_process(command, signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
            start_new_session=True,  # Ctrl-C reaches this process only, which ends the others in order
        )

    def check_alive(self) -> None:
        """Raises ProcessDied when a process has ended; the message has the end of its log."""
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                log = self._log(name)
                raise ProcessDied(
                    f"the {name} process ended with code {code}; its log {log} ends with:\n{log_tail(log)}"
                )

    def stop(self) -> None:
        """End all processes and wait for them: SIGTERM, and SIGKILL after two seconds."""
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
        self._logs.close()

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"
