"""The routes of Kimina Lean Server, so that its users change a URL: `/api/check`, and for older clients
`/verify` and `/one_pass_verify_batch`.

They say what Lean says of a file.  If that is nothing bad, each theorem of the file is audited, and one that
is not proved is an error, so that it is not `valid` to their client.  That is no verdict on a statement: a
file can prove something else than was asked for.  `POST /v1/verify` judges that.
"""

import asyncio
import uuid

from fastapi import APIRouter, Request

from verifier.errors import NoAnswer
from verifier.server.auth import Caller
from verifier.server.dependencies import Service, while_connected
from verifier.server.kimina.answers import answer_of, too_long
from verifier.server.kimina.header import header_of
from verifier.server.kimina.schemas import (
    BackwardRequest,
    BackwardResponse,
    BackwardResult,
    CheckRequest,
    CheckResponse,
    CheckResult,
    Diagnostics,
    InfotreeLevel,
    ReplAnswer,
)
from verifier.server.schemas import REFUSALS
from verifier.server.service import VerifyService
from verifier.verdict import Kind, Status

__all__ = ["kimina"]

kimina = APIRouter(tags=["Kimina Lean Server"], responses=REFUSALS)


@kimina.post("/api/check", response_model_exclude_none=True)
@kimina.post("/api/check/", response_model_exclude_none=True, include_in_schema=False)
async def api_check(body: CheckRequest, request: Request, service: Service, caller: Caller) -> CheckResponse:
    """What Lean says of each snippet, in the order in which they were sent."""
    checks = (
        _check(service, snippet.id, snippet.code, body.timeout, body.infotree, caller)
        for snippet in body.snippets
    )
    results = await while_connected(request, asyncio.gather(*checks))
    if body.debug:
        # Each file is read in a copy of its own of what it imports.
        results = [
            each.model_copy(update={"diagnostics": Diagnostics(repl_uuid=str(uuid.uuid4()))})
            for each in results
        ]
    return CheckResponse(results=results)


@kimina.post("/verify", response_model_exclude_none=True)
@kimina.post("/verify/", response_model_exclude_none=True, include_in_schema=False)
@kimina.post("/one_pass_verify_batch", response_model_exclude_none=True)
@kimina.post("/one_pass_verify_batch/", response_model_exclude_none=True, include_in_schema=False)
async def verify(
    body: BackwardRequest, request: Request, service: Service, caller: Caller
) -> BackwardResponse:
    """The older form of `/api/check`, under the names that older clients call."""
    checks = (
        _check(service, str(code.custom_id), code.text, body.timeout, body.infotree_type, caller)
        for code in body.codes
    )
    found = await while_connected(request, asyncio.gather(*checks))
    results = [
        BackwardResult(
            custom_id=code.custom_id,
            error=result.error,
            response=result.response and result.response.model_copy(update={"time": result.time}),
        )
        for code, result in zip(body.codes, found, strict=True)
    ]
    return BackwardResponse(results=results)


async def _check(
    service: VerifyService, name: str, code: str, timeout_s: int, level: InfotreeLevel | None, caller: str
) -> CheckResult:
    # As Lean reads a file: to it the end of a line is a line feed.
    text = code.replace("\r\n", "\n")
    refusal = too_long(text)
    if refusal is not None:
        return CheckResult(id=name, time=0.0, error=refusal)
    options = service.defaults.but(tactics=level is not None, timeout_s=timeout_s or None)
    try:
        reply, finding = await service.text(text, options, key=caller, header_of=header_of)
        if finding is not None and finding.status.kind is Kind.UNKNOWN:
            raise NoAnswer(finding.status, finding.reason, reply.ms)
    except NoAnswer as error:
        # Not a `response` with a `message`: their older helpers take that for a proof.
        reason = f"Lean timed out: {error}" if error.status is Status.TIMEOUT else f"{error.status}: {error}"
        return CheckResult(id=name, time=error.held_ms / 1e3, error=reason)
    answer: ReplAnswer = answer_of(text, reply, finding, level)
    return CheckResult(id=name, time=reply.ms / 1e3, response=answer)
