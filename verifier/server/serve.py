"""The API on a port, until a signal ends it: what runs is finished, what waits is told to go elsewhere."""

import asyncio
import logging
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from verifier.server.service import VerifyService

__all__ = ["json_formatter", "log_as_json", "serve"]


def json_formatter() -> logging.Formatter:
    """Writes a record as a JSON object on one line."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )


def log_as_json() -> None:
    """Have this process log to stderr as JSON: requests, and warnings of all modules."""
    handler = logging.StreamHandler()
    handler.setFormatter(json_formatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("verifier.server.middleware").setLevel(logging.INFO)


async def serve(app: FastAPI, service: VerifyService, host: str, port: int) -> None:
    """Serve `app`, which is the API on `service`, until SIGTERM or SIGINT; a second one ends what runs."""
    await _Server(uvicorn.Config(app, host=host, port=port, access_log=False), service).serve()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, service: VerifyService) -> None:
        super().__init__(config)
        self._service = service
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn waits for every request that has come in, without this even for thousands in the queue.
        self._loop.call_soon_threadsafe(self._service.admission.close)
        # uvicorn itself takes only a second SIGINT as an order to end what runs.
        self.force_exit = self.should_exit
        super().handle_exit(sig, frame)
