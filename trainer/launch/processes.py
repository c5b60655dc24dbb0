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

from trainer.config import RunConfig
from trainer.model.compute import Compute
from verifier.errors import ProofmillError
from verifier.sandbox.child import log_tail, tied_to_this_process

__all__ = ["ProcessDied", "Processes", "generator_arguments", "grower_arguments", "verifier_arguments"]

STOP_TIMEOUT_S = 2.0
GROW_EVERY_S = 30
GROW_AFTER = 3
"""Groups without a proof after which theorems are made from one."""


def verifier_arguments(config: RunConfig, run: str) -> list[str]:
    """Of `proofmill`, for a verifier of the run `run`."""
    lean = config.lean
    limits = ("--workers", lean.workers, "--timeout", lean.timeout_s, "--heartbeats", lean.heartbeats)
    project = ("--project", lean.project) if lean.project else ()
    unconfined = ("--allow-unconfined",) if lean.allow_unconfined else ()
    tactics = ("--tactics",) if config.needs_tactics else ()
    arguments = ("worker", "verifier", "--run", run, *limits, *project, *unconfined, *tactics)
    return [str(each) for each in arguments]


def grower_arguments(config: RunConfig, store: Path) -> list[str]:
    """Of `proofmill`, for a process that has theorems grow in a store."""
    lean = config.lean
    project = ("--project", lean.project) if lean.project else ()
    unconfined = ("--allow-unconfined",) if lean.allow_unconfined else ()
    how = ("--every", GROW_EVERY_S, "--attempts", GROW_AFTER * config.sampling.samples)
    arguments = ("store", "grow", "--store", store, *how, "--timeout", lean.timeout_s, *project, *unconfined)
    return [str(each) for each in arguments]


def generator_arguments(config: RunConfig, run: str) -> list[str]:
    """Of `proofmill`, for a generator of the run `run`."""
    own = config.generator
    device = str(Compute.of(config.compute).device)
    how = ("--device", device, "--max-backlog", str(own.max_backlog), "--engine", own.engine)
    vllm = ("--vllm-url", own.vllm_url) if own.vllm_url else ("--dtype", own.dtype)
    return ["worker", "generator", "--run", run, *how, *(vllm if own.engine == "vllm" else ())]


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
