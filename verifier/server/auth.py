"""Who asks, and whether they still wait for the answer."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import HTTPException, Request

from verifier.server.keys import KeyRing

__all__ = ["Access", "while_connected"]

T = TypeVar("T")


class Access:
    """A dependency of routes: the name of the caller's key, or nobody's where no keys are asked for.

    401 for a key that is missing or wrong.
    """

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


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """What `work` gives; it is cancelled when the client goes away, and its place is free."""
    task = asyncio.ensure_future(work)

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    watcher = asyncio.create_task(gone())
    try:
        await asyncio.wait((task, watcher), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
            raise HTTPException(499, "the client went away")  # nobody reads it but the log
        return await task
    finally:
        watcher.cancel()
        task.cancel()
