"""The API on a port, until a signal ends it: what runs is finished, what waits is told to go elsewhere."""

import asyncio
from types import FrameType

import uvicorn
from fastapi import FastAPI

from verifier.server.service import VerifyService

__all__ = ["serve"]


async def serve(app: FastAPI, service: VerifyService, host: str, port: int) -> None:
    """Serve `app`, which is the API on `service`, until SIGTERM or SIGINT; a second one ends what runs."""
    await _Server(uvicorn.Config(app, host=host, port=port, access_log=False), service).serve()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, service: VerifyService) -> None:
        super().__init__(config)
        self._service = service
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn waits for every request that has come in: without this for thousands in the queue.
        self._loop.call_soon_threadsafe(self._service.admission.close)
        # uvicorn itself takes only a second SIGINT for it.
        self.force_exit = self.should_exit
        super().handle_exit(sig, frame)
