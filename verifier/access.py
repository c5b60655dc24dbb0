"""Whose request it is: the name of an API key, or nobody's where no keys are asked for."""

from fastapi import HTTPException, Request

from verifier.keys import KeyRing

__all__ = ["Access"]


class Access:
    """A dependency of routes: the name of the caller; 401 for a key that is missing or wrong."""

    def __init__(self, keys: KeyRing | None) -> None:
        self._keys = keys

    def __call__(self, request: Request) -> str:
        if self._keys is None:
            return ""
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        key = bearer.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
        name = self._keys.name_of(key)
        if name is None:
            raise HTTPException(
                401,
                "send a valid key as `Authorization: Bearer KEY`",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return name
