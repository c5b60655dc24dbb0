"""A vLLM server as a child process, which never outlives the process that started it.

vLLM has pins of its own, so it usually lives in another virtual environment: name that environment's
Python in `ServerSettings.python` or in the environment variable `PROOFMILL_VLLM_PYTHON`.
"""

import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Literal, Self

import httpx
from pydantic import Field

from prover.generators.base import Dtype
from verifier.errors import ProofmillError
from verifier.sandbox.child import end, log_tail, process_tree, tied_to_this_process
from verifier.settings import Section

__all__ = [
    "PYTHON_VARIABLE",
    "EngineStartError",
    "EngineUnavailable",
    "ServerSettings",
    "VLLMServer",
    "reads_prompts_in_parts",
]

PYTHON_VARIABLE = "PROOFMILL_VLLM_PYTHON"
HEALTH_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0  # vLLM takes seconds to end its other processes
LOG_TAIL_LINES = 40  # the last traceback is of the process that found another one dead; the cause is above it


# Stands between this process and vLLM, which swallows SIGTERM while it starts, and whose engine and workers
# can outlive the process that listens.
GUARD = """
import os, signal, subprocess, sys
def end(*_):
    raise SystemExit
signal.signal(signal.SIGTERM, end)
patience, *command = sys.argv[1:]
try:
    server = subprocess.Popen(command)
    try:
        server.wait()
    except SystemExit:
        server.terminate()
        server.wait(float(patience))
except OSError as error:
    print(command[0], "cannot be run:", error.strerror, flush=True)
finally:
    os.killpg(0, signal.SIGKILL)
"""


class EngineUnavailable(ProofmillError):
    """vLLM does not answer, or broke off, and starting it anew did not help."""


class EngineStartError(EngineUnavailable):
    """A vLLM server did not become ready."""


class ServerSettings(Section):
    """How to start a vLLM server."""

    python: str = Field(
        default_factory=lambda: os.environ.get(PYTHON_VARIABLE) or sys.executable, min_length=1
    )
    """The Python of the environment vLLM is installed in."""
    max_adapters: int = Field(default=2, ge=1)
    """LoRA adapters that can be sampled from at the same time."""
    max_rank: Literal[8, 16, 32, 64, 128, 256, 320, 512] = 64
    """Largest rank of an adapter."""
    max_length: int | None = Field(default=None, ge=1)
    """Longest prompt and completion together, in tokens; the model's own limit unless set."""
    dtype: Dtype = "auto"
    """Of weights and arithmetic; `auto` makes 16-bit numbers of a float32 model."""
    arguments: tuple[str, ...] = ()
    """More arguments for vLLM, such as `--tensor-parallel-size=2`."""
    log: Path | None = None
    """File its output is added to; one that is deleted with the server unless set."""
    start_timeout_s: float = Field(default=900.0, gt=0)
    """Seconds until a server that is not ready has failed; large models take minutes to load."""


class VLLMServer:
    """A vLLM server on a free port of this machine, which runs `model`.

        with VLLMServer(directory) as server:
            httpx.get(f"{server.url}/v1/models")

    Adapters may be loaded into it while it runs, prompts that begin alike are read once, and
    log-probabilities are those of the distribution sampled from (`processed_logprobs`).

    Enter it from a thread that lives as long as the server is needed: Linux takes the end of that thread
    for the end of the parent.

    Args:
        model: a Hugging Face model directory.

    Raises:
        EngineStartError: on entry, when the server does not become ready; the message ends with the last
            lines of its log.
    """

    def __init__(self, model: Path, settings: ServerSettings | None = None) -> None:
        self.model = model
        self.settings = settings or ServerSettings()
        self._cleanup = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._url = ""
        self._log = Path()

    @property
    def url(self) -> str:
        """Where the server listens; raises `EngineUnavailable` outside of `with`."""
        if self._process is None:
            raise EngineUnavailable("the vLLM server does not run; use it inside `with VLLMServer(...)`")
        return self._url

    @property
    def alive(self) -> bool:
        """Whether the process runs; it may not be able to answer all the same, see `check`."""
        return self._process is not None and self._process.poll() is None

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the server, first the one that guards the others; empty when it has ended."""
        return process_tree(self._process.pid) if self._process is not None else ()

    def check(self) -> bool:
        """Whether the server says that its engine works."""
        return self.alive and _healthy(self._url)

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            cleanup.callback(self.stop)
            self.launch()
            self.wait_until_ready()
            cleanup.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def launch(self) -> None:
        """Starts the server and does not wait for it; the first half of entering."""
        with ExitStack() as cleanup:
            log = self.settings.log
            if log is None:
                folder = cleanup.enter_context(TemporaryDirectory(prefix="proofmill-vllm-"))
                log = Path(folder) / "vllm.log"
            port = _free_port()
            process = _spawn(self.model, self.settings, port, log)
            cleanup.callback(end, process, 2 * STOP_TIMEOUT_S)  # the guard has ended by then
            self._process, self._log, self._url = process, log, f"http://127.0.0.1:{port}"
            self._cleanup = cleanup.pop_all()

    def wait_until_ready(self) -> None:
        """Returns once the server answers; raises `EngineStartError` when it ends or takes too long."""
        deadline = time.monotonic() + self.settings.start_timeout_s
        while not self.check():
            if self.alive and time.monotonic() < deadline:
                time.sleep(0.2)
                continue
            cause = f"was not ready after {self.settings.start_timeout_s:.0f} s" if self.alive else "ended"
            raise EngineStartError(
                f"the vLLM server {cause}; it was started with {self.settings.python}: if that has no vLLM, "
                f"name a Python that has in {PYTHON_VARIABLE}.  The end of its log says more:\n"
                f"{log_tail(self._log, LOG_TAIL_LINES)}"
            )

    def stop(self) -> None:
        """Ends all processes of the server and waits for them; does nothing when it does not run."""
        self._process = None
        self._cleanup.close()


def _spawn(model: Path, settings: ServerSettings, port: int, log: Path) -> subprocess.Popen[bytes]:
    options = {
        "model": str(model),
        "host": "127.0.0.1",
        "port": str(port),
        "dtype": settings.dtype,
        "logprobs-mode": "processed_logprobs",
        # Else the model's generation_config.json would set sampling parameters that a request leaves out.
        "generation-config": "vllm",
        "max-lora-rank": str(settings.max_rank),
        "max-loras": str(settings.max_adapters),
        "uvicorn-log-level": "warning",
    }
    if settings.max_length is not None:
        options["max-model-len"] = str(settings.max_length)
    command = [sys.executable, "-I", "-S", "-c", GUARD, str(STOP_TIMEOUT_S)]
    command += [settings.python, "-m", "vllm.entrypoints.openai.api_server"]
    command += [f"--{name}={value}" for name, value in options.items()]
    command += ["--enable-lora", "--enable-prefix-caching"]
    command.append("--enable-chunked-prefill" if reads_prompts_in_parts() else "--no-enable-chunked-prefill")
    command += settings.arguments
    environment = {
        # On a CPU vLLM would take a large part of the machine's memory for this cache.
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_ENGINE_READY_TIMEOUT_S": str(math.ceil(settings.start_timeout_s)),
        **os.environ,
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        # What it serves lies in directories.
        "HF_HUB_OFFLINE": "1",
    }
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            # A session of its own makes a group that the guard can kill, and keeps Ctrl-C for this process.
            return subprocess.Popen(
                tied_to_this_process(command, signal.SIGTERM),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
    except OSError as error:
        raise EngineStartError(
            f"vLLM cannot write its log to {log}: {error}; name a file that can be written"
        ) from error


def reads_prompts_in_parts() -> bool:
    """Whether vLLM may read a prompt in several steps, as it does when many requests come at once.

    Not on a CPU: when the request has a seed, vLLM 0.32 ends with "CPU Generator does not use offset".
    """
    return shutil.which("nvidia-smi") is not None


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=HEALTH_TIMEOUT_S).status_code == 200
    except httpx.TransportError:
        return False
