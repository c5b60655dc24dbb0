"""Connections to the Redis or Valkey that carries the streams, and what to say when it does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from verifier.errors import InvalidInput, RedisUnavailable

__all__ = [
    "PATIENT",
    "REDIS_FILE_VARIABLE",
    "REDIS_VARIABLE",
    "SOCKET_TIMEOUT_S",
    "answers",
    "connect",
    "explain_errors",
    "invalid_url",
]

REDIS_VARIABLE = "PROOFMILL_REDIS"
"""The environment variable that tells the processes of a run where its Redis is."""
REDIS_FILE_VARIABLE = "PROOFMILL_REDIS_FILE"
"""The environment variable that names a file which holds that URL."""

SOCKET_TIMEOUT_S = 30.0
"""How long a reply may take; a blocking read has to ask for less."""

PATIENT = 15
"""Retries of a process that waits, for about twelve seconds, until a server is started again."""

WRITES_REFUSED = {
    "command not allowed when used memory": "raise its `maxmemory`, or end runs that share it",
    "MISCONF": "make room on its disk, or mend what its log says of the disk",
    "READONLY": "give the URL of the primary, not of a replica",
    "NOREPLICAS": "start its replicas, or lower `min-replicas-to-write`",
}
"""What to do about a server that takes no writes, by a part of its message."""


def connect(url: str, *, retries: int = 3) -> redis.Redis:
    """A client of the server at `url` that has answered a ping; threads may share it.

    A command is tried again when the connection breaks, so a write may take effect twice.  Three retries
    take about a second.

    Raises:
        InvalidInput: `url` is not a Redis URL.
        RedisUnavailable: the server does not answer, or refuses the password.
    """
    try:
        client = redis.Redis.from_url(
            url,
            socket_connect_timeout=5.0,
            socket_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), retries),
        )
    except ValueError as error:
        raise invalid_url(error) from error
    with explain_errors(client):
        client.ping()
    return client


def answers(url: str) -> bool:
    """Whether the server at `url` answers a ping within a second; not while it reads its data back."""
    with redis.Redis.from_url(url, socket_timeout=1.0, retry=Retry(ExponentialBackoff(), 0)) as client:
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False


def invalid_url(error: ValueError) -> InvalidInput:
    """The error to raise for a URL in which redis-py found `error`."""
    return InvalidInput(
        f"the Redis URL cannot be used: {error}; write redis://[:PASSWORD@]HOST:PORT/0, "
        "rediss://... for TLS, or unix:///PATH"
    )


@contextmanager
def explain_errors(client: redis.Redis) -> Iterator[None]:
    """Raises `RedisUnavailable`, with what to do, where `client` loses its connection or may not write."""
    try:
        yield
    except redis.ResponseError as error:
        advice = next((advice for sign, advice in WRITES_REFUSED.items() if sign in str(error)), None)
        if advice is None:
            raise
        raise RedisUnavailable(
            f"Redis at {_address(client)} takes no writes: {error}; {advice}; nothing is lost, and a process "
            "that is started again goes on"
        ) from error
    except redis.AuthenticationError as error:
        raise RedisUnavailable(
            f"Redis at {_address(client)} refuses the login: {error}; check user and password in the URL"
        ) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise RedisUnavailable(
            f"Redis at {_address(client)} does not answer: {error}; check that the server runs and that "
            "the URL is right; `proofmill up` starts a server itself where the settings have no `redis_url`"
        ) from error


def _address(client: redis.Redis) -> str:
    """Where `client` connects to, without the password that a URL may hold."""
    options = client.connection_pool.connection_kwargs
    return str(options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}")
