"""The HTTP verify API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from verifier.errors import PoolClosed
from verifier.pool import LeanPool
from verifier.verdict import Submission, Verdict

__all__ = ["Health", "VerifyRequest", "create_app"]


class VerifyRequest(Submission):
    """A submission with its limits; what is left out takes the server's default."""

    id: str = "submission"
    timeout: Annotated[float, Field(gt=0, le=3600)] | None = None
    """Wall-clock seconds for the elaboration."""
    heartbeats: Annotated[int, Field(gt=0)] | None = None
    """Budget of each declaration, as Lean's `maxHeartbeats`."""
    tactics: bool = False
    """Whether to return each tactic's span and goals."""
    allowed_axioms: frozenset[str] | None = None
    """All the axioms that the proof may use; left out, the server's."""


class Health(BaseModel):
    status: Literal["ok"]
    lean: str
    runtime: str
    workers: int
    """Lean workers that run at this moment."""


def create_app(pool: LeanPool) -> FastAPI:
    """The API on `pool`, which is open; the application closes it when it ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Here and not after the server: uvicorn ends by raising the signal it was stopped with.
        yield
        await pool.close()

    app = FastAPI(title="Proofmill verifier", lifespan=lifespan)

    @app.post("/v1/verify")
    async def verify(body: VerifyRequest) -> Verdict:
        """Judge one submission."""
        return await pool.verify(
            body,
            tactics=body.tactics,
            timeout_s=body.timeout,
            heartbeats=body.heartbeats,
            allowed_axioms=body.allowed_axioms,
        )

    @app.get("/healthz")
    async def healthz() -> Health:
        """That the service answers, and which Lean it judges with."""
        return Health(
            status="ok", lean=pool.runtime.version, runtime=pool.runtime.name, workers=len(pool.worker_pids)
        )

    @app.exception_handler(PoolClosed)
    async def closed(_: Request, error: PoolClosed) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=503)

    return app
