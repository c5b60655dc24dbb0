"""A `proofmill serve` of its own on a free port."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from types import SimpleNamespace

import httpx

__all__ = ["serving"]

START_S = 120.0


@contextmanager
def serving(*options: str) -> Iterator[SimpleNamespace]:
    """A server that is ready to judge: its `url` and its `process`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        (sys.executable, "-m", "trainer.cli", "serve", "--port", str(port), "--spares", "0", *options),
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_S
        while not is_ready(url):
            assert process.poll() is None and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.2)
        yield SimpleNamespace(url=url, process=process)
    finally:
        process.kill()
        process.wait()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == HTTPStatus.OK
    except httpx.TransportError:
        return False
