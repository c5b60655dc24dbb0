"""What routes are given: the service of their application, and work that ends with the client's patience."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, TypeVar

from fastapi import Depends, HTTPException, Request

from verifier.server.service import VerifyService

__all__ = ["Service", "while_connected"]

T = TypeVar("T")


async def _service(request: Request) -> VerifyService:
    service: VerifyService = request.app.state.service
    return service


Service = Annotated[VerifyService, Depends(_service)]
"""A parameter of routes: what the application judges with."""


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """The result of `work`, which is cancelled when the client goes away, so that its place is free."""
    task = asyncio.ensure_future(work)

    async def wait_for_disconnect() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    watcher = asyncio.create_task(wait_for_disconnect())
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
