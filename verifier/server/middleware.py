"""What happens around every request: a bound on its body, an id, and a line in the log."""

import logging
import re
import time
import uuid

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BodyLimit", "RequestIds"]

_ID = re.compile(r"[\w.-]{1,100}", re.ASCII)

log = logging.getLogger(__name__)


class BodyLimit:
    """Refuses bodies of more than `limit` bytes with 413, before they are in memory."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        detail = f"the body has more than {self._limit:,} bytes: send fewer submissions at a time"
        length = Headers(scope=scope).get("content-length", "")
        if length.isascii() and length.isdigit() and int(length) > self._limit:
            await JSONResponse({"detail": detail}, status_code=413)(scope, receive, send)
            return
        read = 0

        async def receive_some() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise HTTPException(413, detail)
            return message

        await self._app(scope, receive_some, send)


class RequestIds:
    """Gives each request an id, that of the caller if it sent one, and logs how it ended."""

    def __init__(self, app: ASGIApp, *, is_logged: bool) -> None:
        self._app = app
        self._is_logged = is_logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        began, status = time.monotonic(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            if self._is_logged:
                about = {
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "ms": round((time.monotonic() - began) * 1e3, 1),
                    "request_id": request_id,
                }
                log.info("request", extra=about)
