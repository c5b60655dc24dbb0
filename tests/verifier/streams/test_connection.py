"""What is said of a server that cannot be reached, and of a URL that is none."""

import pytest

from verifier.errors import InvalidInput, RedisUnavailable
from verifier.streams.connection import connect
from verifier.streams.valkey import EmbeddedRedis


def test_an_unreachable_server_gives_advice_and_hides_the_password() -> None:
    with pytest.raises(
        RedisUnavailable, match=r"check that the server runs .*`proofmill up` starts"
    ) as caught:
        connect("redis://:secret@127.0.0.1:1/0")
    assert "127.0.0.1:1" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_refused_password_gives_advice(redis_server: EmbeddedRedis) -> None:
    with connect(redis_server.url) as client:
        client.config_set("requirepass", "right")
        with pytest.raises(RedisUnavailable, match=r"check user and password"):
            connect(redis_server.url)
        connect(redis_server.url.replace("unix://", "unix://:right@")).close()


@pytest.mark.parametrize("url", ["", "localhost", "http://localhost:6379"])
def test_what_is_no_redis_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="write redis://"):
        connect(url)
