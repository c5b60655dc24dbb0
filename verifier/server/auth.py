"""API keys: made here, kept as hashes, compared in constant time, and asked for by routes.

A file of keys is TOML, a name and the SHA-256 of its key on each line, as `proofmill key NAME` prints them:

    "alice" = "9f86d081884c7d65…"

A key has 256 random bits, so its hash need not be a slow one.
"""

import hashlib
import hmac
import re
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from verifier.errors import InvalidInput

__all__ = ["Caller", "KeyRing", "hash_of", "new_key"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


def new_key() -> str:
    """A key that nobody guesses."""
    return f"pm_{secrets.token_urlsafe(32)}"


def hash_of(key: str) -> str:
    """What stands in the file for `key`."""
    return hashlib.sha256(key.encode()).hexdigest()


class KeyRing:
    """The names of those who may ask, by the hashes of their keys."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        for name, digest in hashes.items():
            if not _SHA256.fullmatch(digest):
                raise InvalidInput(
                    f"the key of {name} is no SHA-256 in 64 hex digits: make one with `proofmill key {name}`"
                )
        self._hashes = {name: digest.encode() for name, digest in hashes.items()}

    @classmethod
    def read(cls, path: Path) -> "KeyRing":
        """The keys of a file.  Raises InvalidInput when it cannot be read or has none."""
        try:
            found = tomllib.loads(path.read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InvalidInput(f"the keys in {path} cannot be read: {error}") from error
        if not found or not all(isinstance(digest, str) for digest in found.values()):
            raise InvalidInput(f"{path} must hold names and hashes: see `proofmill key --help`")
        return cls(found)

    def name_of(self, key: str) -> str | None:
        """The name of the holder of `key`, or None.  A wrong key takes as long as a right one."""
        digest = hash_of(key).encode()
        found = None
        for name, known in self._hashes.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found


async def _caller(request: Request) -> str:
    """The name of the key that was sent, or nothing where the application asks for no keys.

    Raises:
        HTTPException: 401, for a key that is missing or wrong.
    """
    keys: KeyRing | None = request.app.state.keys
    if keys is None:
        return ""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    key = bearer.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
    name = keys.name_of(key)
    if name is None:
        raise HTTPException(
            401,
            "send a valid key as `Authorization: Bearer KEY`",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return name


Caller = Annotated[str, Depends(_caller)]
"""A parameter of routes that need a key: the name of its holder, with whom the queue shares fairly."""
