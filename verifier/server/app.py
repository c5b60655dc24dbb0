"""The HTTP verify API: its routes, top to bottom; `verifier/server/service.py` judges."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import ValidationError

from verifier.errors import NoAnswer, PoolClosed
from verifier.lean.advisories import advisories_of
from verifier.server.admission import Priority, QueueFull
from verifier.server.auth import Caller, KeyRing
from verifier.server.dependencies import Service, while_connected
from verifier.server.kimina.routes import kimina
from verifier.server.middleware import BodyLimit, RequestIds
from verifier.server.schemas import (
    REFUSALS,
    BatchRequest,
    BatchRow,
    Health,
    StatementReport,
    StatementRequest,
    TacticsReport,
    TacticsRequest,
    Toolchain,
    VerifyRequest,
)
from verifier.server.service import LeanUnavailable, VerifyService
from verifier.verdict import Verdict

__all__ = ["create_app"]

BODY_LIMIT = 64_000_000

v1 = APIRouter(prefix="/v1", responses=REFUSALS)
watching = APIRouter()
"""Routes for those who keep the service running; they need no key."""


@v1.post("/verify")
async def verify(body: VerifyRequest, request: Request, service: Service, caller: Caller) -> Verdict:
    """Judge one submission."""
    return await while_connected(request, _judge(service, body, caller))


@v1.post(
    "/verify/batch",
    response_class=StreamingResponse,
    responses={200: {"model": BatchRow, "content": {"application/x-ndjson": {}}}},
)
async def verify_batch(body: BatchRequest, service: Service, caller: Caller) -> StreamingResponse:
    """Judge many submissions; a line of JSON for each, as it finishes.

    An item that is no submission gets a line that says so and touches no other.
    """
    return StreamingResponse(_lines(service, body.items, caller), media_type="application/x-ndjson")


@v1.post("/statements")
async def statements(
    body: StatementRequest, request: Request, service: Service, caller: Caller
) -> StatementReport:
    """Whether a statement elaborates, its type, and the goal of its proof."""
    try:
        found = await while_connected(request, service.statement(body.statement, body.header, key=caller))
    except NoAnswer as error:
        return StatementReport(elaborates=None, reason=f"{error.status}: {error}")
    failure = found.error or found.statement_error
    return StatementReport(
        elaborates=failure is None,
        reason=failure or "",
        name=found.name,
        declared_as=found.kind,
        type=found.type,
        goal=found.goal.strip(),
    )


@v1.post("/tactics")
async def tactics(body: TacticsRequest, request: Request, service: Service, caller: Caller) -> TacticsReport:
    """The goals of a proof in progress, and what each of some tactics makes of one of them."""
    options = service.defaults.but(timeout_s=body.timeout, heartbeats=body.heartbeats)
    try:
        found = await while_connected(request, service.tactics(body, options, key=caller))
    except NoAnswer as error:
        return TacticsReport(error=str(error), unknown=error.status)
    return TacticsReport(**dict(found))


@v1.get("/toolchain")
async def toolchain(service: Service, _: Caller) -> Toolchain:
    """Which Lean judges, and the defaults of a request."""
    lean, defaults = service.lean, service.defaults
    return Toolchain(
        lean=lean.version,
        advisories=[advisory.id for advisory in advisories_of(lean.version)],
        runtime=lean.name,
        timeout=defaults.timeout_s,
        heartbeats=defaults.heartbeats,
        allowed_axioms=sorted(defaults.allowed_axioms),
    )


@watching.get("/health", tags=["Kimina Lean Server"])
@watching.get("/health/", include_in_schema=False)
# Where the oldest client of Kimina Lean Server looks whether the server is there.
@watching.get("/", include_in_schema=False)
@watching.get("/healthz")
async def healthz(service: Service) -> Health:
    """That the service answers, and which Lean it judges with."""
    workers, auditors = service.processes["screen"], service.processes["audit"]
    return Health(
        status="ok" if workers and auditors else "not ready",
        lean=service.lean.version,
        runtime=service.lean.name,
        workers=workers,
        auditors=auditors,
    )


@watching.get("/readyz", responses={503: {"model": Health}})
async def readyz(service: Service, response: Response) -> Health:
    """Whether Lean is there to judge: 503 until a worker and an auditor have started."""
    found = await healthz(service)
    if found.status != "ok":
        response.status_code = 503
    return found


@watching.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(service: Service) -> Response:
    """Counters, times and memory, for Prometheus."""
    return Response(await service.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def create_app(
    service: VerifyService,
    *,
    keys: KeyRing | None = None,
    body_limit: int = BODY_LIMIT,
    log_requests: bool = False,
) -> FastAPI:
    """The API on `service`, whose pool is open; the application closes it when it ends.

    Without `keys` anybody who reaches it may ask.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Here and not after the server: uvicorn ends by raising the signal it was stopped with.
        yield
        await service.close()

    app = FastAPI(title="Proofmill verifier", version=version("proofmill"), lifespan=lifespan)
    app.state.service, app.state.keys = service, keys
    for routes in (v1, kimina, watching):
        app.include_router(routes)
    app.add_middleware(BodyLimit, limit=body_limit)
    app.add_middleware(RequestIds, is_logged=log_requests)
    app.exception_handler(PoolClosed)(_unavailable)
    app.exception_handler(LeanUnavailable)(_unavailable)
    app.exception_handler(QueueFull)(_full)
    app.exception_handler(RequestValidationError)(_invalid)
    return app


async def _judge(service: VerifyService, body: VerifyRequest, caller: str) -> Verdict:
    options = service.defaults.but(
        tactics=body.tactics,
        timeout_s=body.timeout,
        heartbeats=body.heartbeats,
        allowed_axioms=body.allowed_axioms,
    )
    return await service.verify(body, options, key=caller, priority=Priority[body.priority.upper()])


async def _lines(service: VerifyService, items: Sequence[dict[str, Any]], caller: str) -> AsyncIterator[str]:
    """The rows of a batch as lines, each as it finishes."""
    tasks = [asyncio.create_task(_row(service, index, item, caller)) for index, item in enumerate(items)]
    try:
        for done in asyncio.as_completed(tasks):
            yield (await done).model_dump_json() + "\n"
    finally:
        for task in tasks:
            task.cancel()


async def _row(service: VerifyService, index: int, item: dict[str, Any], caller: str) -> BatchRow:
    try:
        verdict = await _judge(service, VerifyRequest.model_validate(item), caller)
    except ValidationError as error:
        return BatchRow(index=index, error="; ".join(map(_complaint, error.errors())), status=422)
    except QueueFull as error:
        return BatchRow(index=index, error=str(error), status=429)
    except (PoolClosed, LeanUnavailable) as error:
        return BatchRow(index=index, error=str(error), status=503)
    return BatchRow(index=index, verdict=verdict)


def _complaint(error: Any) -> str:
    field = ".".join(map(str, error["loc"]))
    return f"{field}: {error['msg']}" if field else str(error["msg"])


async def _unavailable(_: Request, error: PoolClosed | LeanUnavailable) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=503)


async def _full(_: Request, error: QueueFull) -> JSONResponse:
    after = str(max(1, math.ceil(error.retry_after_s)))
    return JSONResponse({"detail": str(error)}, status_code=429, headers={"Retry-After": after})


async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    # Without what was sent: it can be large, or text that JSON cannot carry back.
    faults = [{"loc": fault["loc"], "msg": fault["msg"], "type": fault["type"]} for fault in error.errors()]
    return JSONResponse({"detail": faults}, status_code=422)
