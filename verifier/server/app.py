"""The HTTP verify API: routes and what they take and give; `verifier/server/service.py` judges."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from verifier.errors import NoAnswer, PoolClosed
from verifier.judging.protocol import StatementReply
from verifier.lean.advisories import advisories_of
from verifier.server.admission import Priority, QueueFull
from verifier.server.auth import Access, while_connected
from verifier.server.keys import KeyRing
from verifier.server.kimina import kimina_routes
from verifier.server.middleware import BodyLimit, RequestIds
from verifier.server.service import LeanUnavailable, VerifyService
from verifier.verdict import Submission, Verdict

__all__ = ["BatchRow", "StatementReport", "Toolchain", "VerifyRequest", "create_app"]

BATCH_LIMIT = 1_000
BODY_LIMIT = 64_000_000

EXAMPLE: dict[str, JsonValue] = {
    "id": "mine",
    "statement": "theorem add_comm' (a b : Nat) : a + b = b + a",
    "proof": "by omega",
}


class VerifyRequest(Submission):
    """A submission with its limits; what is left out takes the server's default."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: str = "submission"
    timeout: Annotated[float, Field(gt=0, le=3600)] | None = None
    """Wall-clock seconds for the elaboration."""
    heartbeats: Annotated[int, Field(gt=0, le=1_000_000_000)] | None = None
    """Budget of each declaration, as Lean's `maxHeartbeats`."""
    tactics: bool = False
    """Whether to return each tactic's span and goals."""
    allowed_axioms: frozenset[str] | None = None
    """All the axioms that the proof may use; left out, the server's."""
    priority: Literal["normal", "high"] = "normal"
    """High goes before normal, of whatever key."""


class BatchRequest(BaseModel):
    """Submissions to judge, each as `POST /v1/verify` takes it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"items": [EXAMPLE]}]})

    items: list[dict[str, Any]] = Field(min_length=1, max_length=BATCH_LIMIT)


class BatchRow(BaseModel):
    """One line of the answer: the verdict on item `index`, or why it has none."""

    index: int
    verdict: Verdict | None = None
    error: str | None = None
    status: int = 200
    """What `POST /v1/verify` would have answered: 422, 429 or 503 with an `error`."""


class StatementRequest(BaseModel):
    """A statement, without `:=`, and the header it is read under."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"statement": EXAMPLE["statement"]}]}
    )

    statement: str = Field(min_length=1, max_length=1_000_000)
    header: str = ""


class StatementReport(BaseModel):
    """Whether a statement elaborates: true, false, or null when the machine could not tell."""

    elaborates: bool | None
    reason: str = ""
    name: str = ""
    declared_as: str = ""
    """`theorem`, `def` and so on."""
    type: str = ""
    goal: str = ""
    """What a proof by tactics begins with."""


class Toolchain(BaseModel):
    """What judges here, and with which defaults."""

    lean: str
    advisories: list[str]
    """Known holes of its kernel; docs/soundness.md says what stands before each."""
    runtime: str
    timeout: float
    heartbeats: int
    allowed_axioms: list[str]


class Health(BaseModel):
    status: Literal["ok", "not ready"]
    lean: str
    runtime: str
    workers: int
    """Lean processes that elaborate, at this moment."""
    auditors: int


class Problem(BaseModel):
    """Why a request was refused, and what to do."""

    detail: str | list[dict[str, Any]]


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 413, 422, 429, 503)
}


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
        await service.pool.close()

    app = FastAPI(title="Proofmill verifier", version=version("proofmill"), lifespan=lifespan)
    access = Access(keys)
    app.include_router(_v1(service, access))
    app.include_router(kimina_routes(service, access, REFUSALS))
    app.include_router(_watching(service))
    app.add_middleware(BodyLimit, limit=body_limit)
    app.add_middleware(RequestIds, is_logged=log_requests)
    _explain(app)
    return app


def _v1(service: VerifyService, access: Access) -> APIRouter:
    routes = APIRouter(prefix="/v1", responses=REFUSALS)
    Caller = Annotated[str, Depends(access)]

    async def judge(body: VerifyRequest, caller: str) -> Verdict:
        options = service.pool.options.but(
            tactics=body.tactics,
            timeout_s=body.timeout,
            heartbeats=body.heartbeats,
            allowed_axioms=body.allowed_axioms,
        )
        priority = Priority[body.priority.upper()]
        return await service.verify(body, options, key=caller, priority=priority)

    @routes.post("/verify")
    async def verify(body: VerifyRequest, request: Request, caller: Caller) -> Verdict:
        """Judge one submission."""
        return await while_connected(request, judge(body, caller))

    @routes.post(
        "/verify/batch",
        response_class=StreamingResponse,
        responses={200: {"model": BatchRow, "content": {"application/x-ndjson": {}}}},
    )
    async def verify_batch(body: BatchRequest, caller: Caller) -> StreamingResponse:
        """Judge many submissions; a line of JSON for each, as it finishes.

        An item that is no submission gets a line that says so and touches no other.
        """

        async def row(index: int, item: dict[str, Any]) -> BatchRow:
            try:
                return BatchRow(index=index, verdict=await judge(VerifyRequest.model_validate(item), caller))
            except ValidationError as error:
                return BatchRow(index=index, error="; ".join(map(_complaint, error.errors())), status=422)
            except QueueFull as error:
                return BatchRow(index=index, error=str(error), status=429)
            except (PoolClosed, LeanUnavailable) as error:
                return BatchRow(index=index, error=str(error), status=503)

        async def lines() -> AsyncIterator[str]:
            tasks = [asyncio.create_task(row(*each)) for each in enumerate(body.items)]
            try:
                for done in asyncio.as_completed(tasks):
                    yield (await done).model_dump_json() + "\n"
            finally:
                for task in tasks:
                    task.cancel()

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    @routes.post("/statements")
    async def statements(body: StatementRequest, request: Request, caller: Caller) -> StatementReport:
        """Whether a statement elaborates, its type, and the goal of its proof."""

        async def read() -> StatementReply:
            async with service.admission.place(caller):
                return await service.pool.statement(body.statement, body.header)

        try:
            found = await while_connected(request, read())
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

    @routes.get("/toolchain")
    async def toolchain(_: Caller) -> Toolchain:
        """Which Lean judges, and the defaults of a request."""
        runtime, options = service.pool.runtime, service.pool.options
        return Toolchain(
            lean=runtime.version,
            advisories=[each.id for each in advisories_of(runtime.version)],
            runtime=runtime.name,
            timeout=options.timeout_s,
            heartbeats=options.heartbeats,
            allowed_axioms=sorted(options.allowed_axioms),
        )

    return routes


def _watching(service: VerifyService) -> APIRouter:
    """Routes for those who keep the service running; they need no key."""
    routes = APIRouter()

    def health() -> Health:
        pool = service.pool
        workers, auditors = len(pool.worker_pids), len(pool.auditor_pids)
        return Health(
            status="ok" if workers and auditors else "not ready",
            lean=pool.runtime.version,
            runtime=pool.runtime.name,
            workers=workers,
            auditors=auditors,
        )

    @routes.get("/health", tags=["Kimina Lean Server"])
    @routes.get("/health/", include_in_schema=False)
    @routes.get("/healthz")
    async def healthz() -> Health:
        """That the service answers, and which Lean it judges with."""
        return health()

    @routes.get("/readyz", responses={503: {"model": Health}})
    async def readyz(response: Response) -> Health:
        """Whether Lean is there to judge: 503 until a worker and an auditor have started."""
        found = health()
        if found.status != "ok":
            response.status_code = 503
        return found

    @routes.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Counters, times and memory, for Prometheus."""
        return Response(await service.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return routes


def _explain(app: FastAPI) -> None:
    """Our errors as statuses, each with what to do."""

    @app.exception_handler(PoolClosed)
    @app.exception_handler(LeanUnavailable)
    async def unavailable(_: Request, error: PoolClosed | LeanUnavailable) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=503)

    @app.exception_handler(QueueFull)
    async def full(_: Request, error: QueueFull) -> JSONResponse:
        after = str(max(1, math.ceil(error.retry_after_s)))
        return JSONResponse({"detail": str(error)}, status_code=429, headers={"Retry-After": after})

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # Without what was sent: it can be large, or text that JSON cannot carry back.
        found = [{"loc": each["loc"], "msg": each["msg"], "type": each["type"]} for each in error.errors()]
        return JSONResponse({"detail": found}, status_code=422)


def _complaint(error: Any) -> str:
    field = ".".join(map(str, error["loc"]))
    return f"{field}: {error['msg']}" if field else str(error["msg"])
