"""The embedded server on a real Valkey: what it keeps, when it ends, what it says when it cannot run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.places import ROOT
from verifier.errors import RedisUnavailable
from verifier.streams.connection import answers, connect
from verifier.streams.valkey import EmbeddedRedis, server_command, server_socket

pytestmark = pytest.mark.redis


def gone(url: str, within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            connect(url).close()
        except RedisUnavailable:
            return True
        time.sleep(0.05)
    return False


def test_a_server_can_be_reached_while_it_runs_and_not_after(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "a directory with spaces, that is not there yet") as server:
        url = server.url
        with connect(url) as client:
            assert client.set("key", "value")
    assert gone(url)
    with pytest.raises(RedisUnavailable, match="does not run"):
        _ = server.url


def test_stop_may_be_called_twice(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        server.stop()
        server.stop()


def test_data_survives_an_orderly_stop(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, connect(server.url) as client:
        client.set("key", "value")
    with EmbeddedRedis(tmp_path) as server, connect(server.url) as client:
        assert client.get("key") == b"value"


def test_data_on_the_disk_survives_sigkill_of_the_server(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        with connect(server.url) as client:
            client.xadd("stream", {"n": "1"})
            client.xgroup_create("stream", "group", id="0")
            client.xreadgroup("group", "consumer", {"stream": ">"})
            assert client.waitaof(1, 0, 10_000)[0] == 1
        os.kill(server.pid, signal.SIGKILL)
    with EmbeddedRedis(tmp_path) as server, connect(server.url) as client:
        assert client.xlen("stream") == 1
        assert client.xpending("stream", "group")["pending"] == 1


PARENT = """
import sys, time
from pathlib import Path
from verifier.streams.connection import connect
from verifier.streams.valkey import EmbeddedRedis
with EmbeddedRedis(Path(sys.argv[1])) as server:
    connect(server.url).set("key", "value")
    print(server.url, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_with_its_parent_and_keeps_the_data(
    tmp_path: Path, signal_number: signal.Signals
) -> None:
    # A killed parent leaves the socket's folder behind.
    with TemporaryDirectory() as temporary:
        command = [sys.executable, "-c", PARENT, str(tmp_path)]
        environment = os.environ | {"TMPDIR": temporary}
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        ) as parent:
            assert parent.stdout is not None
            url = parent.stdout.readline().strip()
            connect(url).close()
            parent.send_signal(signal_number)
        assert gone(url)
    # It starts only when the process of the first server has really ended: that one holds the lock.
    with EmbeddedRedis(tmp_path) as server, connect(server.url) as client:
        assert client.get("key") == b"value"


def test_two_servers_never_share_a_directory(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as first:
        with pytest.raises(RedisUnavailable, match="another embedded Redis uses"), EmbeddedRedis(tmp_path):
            pass
        connect(first.url).close()


@contextmanager
def server_process(directory: Path, socket: Path) -> Iterator[subprocess.Popen[str]]:
    command = server_command(directory, socket)
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_command_is_the_same_server_and_guards_its_directory_too(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, connect(server.url) as client:
        client.set("key", "value")
    with (
        server_socket() as socket,
        server_socket() as elsewhere,
        server_process(tmp_path, socket) as first,
    ):
        while not answers(f"unix://{socket}"):
            assert first.poll() is None
            time.sleep(0.02)
        with server_process(tmp_path, elsewhere) as second:
            with pytest.raises(RedisUnavailable, match="another embedded Redis"), EmbeddedRedis(tmp_path):
                pass
            assert "another embedded Redis" in second.communicate(timeout=60)[1]
            assert second.returncode == os.EX_TEMPFAIL
        with connect(f"unix://{socket}") as client:
            assert client.get("key") == b"value"
        first.terminate()
        assert first.wait(timeout=60) == 0


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, connect(server.url) as client:
        client.set("key", "value")
    (manifest,) = tmp_path.glob("appendonlydir/*.manifest")
    manifest.write_text("nonsense\n")
    with pytest.raises(RedisUnavailable, match=r"(?s)redis\.log says why.*manifest"), EmbeddedRedis(tmp_path):
        pass


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RedisUnavailable, match="choose a directory"), EmbeddedRedis(tmp_path / "file"):
        pass
