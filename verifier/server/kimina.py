"""The routes of Kimina Lean Server, so that its users change a URL: `/api/check`, `/health`, and for older
clients `/verify` and `/one_pass_verify_batch`.

These say what Lean says of a file: no error is `valid` to their client.  That is no verdict on a theorem and
nothing to train on: a file can be silent and prove something else.  `POST /v1/verify` judges.

Other than there: positions count in the whole text that was sent, imports included; `infotree` brings the
tactics with their goals as `tactics`, and no tree.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, model_validator

from verifier.errors import NoAnswer
from verifier.judging.protocol import RawMessage, RawSorry, TextReply
from verifier.judging.rules import Source, tactics_of
from verifier.server.auth import Access, while_connected
from verifier.server.service import VerifyService
from verifier.verdict import Status, Tactic

__all__ = ["kimina_routes"]

SNIPPET_LIMIT = 1_000


class Snippet(BaseModel):
    id: str
    code: str


class CheckRequest(BaseModel):
    """As `kimina-client` sends it; `debug` and `reuse` change nothing here."""

    snippets: list[Snippet] = Field(min_length=1, max_length=SNIPPET_LIMIT)
    timeout: int = Field(default=30, ge=0, le=3600)
    debug: bool = False
    reuse: bool = True
    infotree: str | None = None

    @model_validator(mode="after")
    def _different_ids(self) -> "CheckRequest":
        if len({each.id for each in self.snippets}) < len(self.snippets):
            raise ValueError("`snippets` must have different ids")
        return self


class Code(BaseModel):
    custom_id: str | int
    proof: str | None = None
    code: str | None = None

    @model_validator(mode="after")
    def _some_text(self) -> "Code":
        if self.proof is None and self.code is None:
            raise ValueError("give `proof` or `code`")
        return self


class BackwardRequest(BaseModel):
    """The older form of the same request."""

    codes: list[Code] = Field(min_length=1, max_length=SNIPPET_LIMIT)
    timeout: int = Field(default=300, ge=0, le=3600)
    infotree_type: str | None = None
    disable_cache: bool = False


class Position(BaseModel):
    line: int
    column: int


class ReplMessage(BaseModel):
    severity: str
    pos: Position
    endPos: Position | None = None
    data: str


class Sorry(BaseModel):
    pos: Position
    endPos: Position
    goal: str


class ReplTactic(BaseModel):
    """`pos` and `endPos` are offsets into the text, in code points."""

    pos: int
    endPos: int
    goals: str
    tactic: str


class ReplAnswer(BaseModel):
    """What Lean said."""

    messages: list[ReplMessage]
    sorries: list[Sorry]
    tactics: list[ReplTactic] | None = None
    env: int = 0
    time: float | None = None


class CheckResult(BaseModel):
    id: str
    time: float
    error: str | None = None
    response: ReplAnswer | None = None


class CheckResponse(BaseModel):
    results: list[CheckResult]


class BackwardResult(BaseModel):
    custom_id: str | int
    error: str | None = None
    response: ReplAnswer | None = None


class BackwardResponse(BaseModel):
    results: list[BackwardResult]


def kimina_routes(
    service: VerifyService, access: Access, refusals: dict[int | str, dict[str, Any]]
) -> APIRouter:
    routes = APIRouter(tags=["Kimina Lean Server"], responses=refusals)
    Caller = Annotated[str, Depends(access)]

    async def check(name: str, code: str, timeout_s: int, with_tactics: bool, caller: str) -> CheckResult:
        # As Lean reads a file: to it the end of a line is a line feed.
        text = code.replace("\r\n", "\n")
        try:
            async with service.admission.place(caller):
                options = service.pool.options.but(tactics=with_tactics, timeout_s=timeout_s or None)
                reply = await service.pool.text(text, options)
        except NoAnswer as error:
            reason = (
                f"Lean timed out: {error}" if error.status is Status.TIMEOUT else f"{error.status}: {error}"
            )
            return CheckResult(id=name, time=error.held_ms / 1e3, error=reason)
        return CheckResult(
            id=name, time=reply.ms / 1e3, response=_answer(text, reply, with_tactics=with_tactics)
        )

    @routes.post("/api/check", response_model_exclude_none=True)
    @routes.post("/api/check/", response_model_exclude_none=True, include_in_schema=False)
    async def api_check(body: CheckRequest, request: Request, caller: Caller) -> CheckResponse:
        """What Lean says of each snippet, in the order in which they were sent."""
        checks = (
            check(each.id, each.code, body.timeout, body.infotree is not None, caller)
            for each in body.snippets
        )
        return CheckResponse(results=await while_connected(request, asyncio.gather(*checks)))

    @routes.post("/verify", response_model_exclude_none=True)
    @routes.post("/verify/", response_model_exclude_none=True, include_in_schema=False)
    @routes.post("/one_pass_verify_batch", response_model_exclude_none=True)
    @routes.post("/one_pass_verify_batch/", response_model_exclude_none=True, include_in_schema=False)
    async def verify(body: BackwardRequest, request: Request, caller: Caller) -> BackwardResponse:
        """The older form of `/api/check`, under the names that older clients call."""

        async def one(code: Code) -> BackwardResult:
            text = code.proof if code.proof is not None else code.code or ""
            found = await check(
                str(code.custom_id), text, body.timeout, body.infotree_type is not None, caller
            )
            response = found.response and found.response.model_copy(update={"time": found.time})
            return BackwardResult(custom_id=code.custom_id, error=found.error, response=response)

        results = await while_connected(request, asyncio.gather(*map(one, body.codes)))
        return BackwardResponse(results=results)

    return routes


def _answer(text: str, reply: TextReply, *, with_tactics: bool) -> ReplAnswer:
    if reply.error is not None:
        failure = RawMessage(severity="error", line=1, column=0, text=reply.error)
        return ReplAnswer(messages=[_message(failure)], sorries=[])
    source = Source(prefix="", submitted=text)
    return ReplAnswer(
        messages=list(map(_message, reply.messages)),
        sorries=_sorries(text, reply.sorries),
        tactics=[_tactic(text, each) for each in tactics_of(source, reply.tactics)] if with_tactics else None,
    )


def _message(raw: RawMessage) -> ReplMessage:
    end = None
    if raw.end_line is not None and raw.end_column is not None:
        end = Position(line=raw.end_line, column=raw.end_column)
    start = Position(line=raw.line, column=raw.column)
    return ReplMessage(severity=raw.severity, pos=start, endPos=end, data=raw.text)


def _tactic(text: str, tactic: Tactic) -> ReplTactic:
    return ReplTactic(
        pos=tactic.start,
        endPos=tactic.stop,
        goals=tactic.goals_before,
        tactic=text[tactic.start : tactic.stop],
    )


def _sorries(text: str, raw: Sequence[RawSorry]) -> list[Sorry]:
    """Each `sorry` in reading order, with its goal, once for every goal that it stands for.

    Lean makes a term of a `sorry` tactic, in the same place: the tactic is what was written.
    """
    written = text.encode()
    tactics = {(each.start, each.stop) for each in raw if each.is_tactic}
    found: dict[tuple[int, int, str], Sorry] = {}
    for each in raw:
        if each.start is None or each.stop is None:
            continue
        if each.is_tactic or (each.start, each.stop) not in tactics:
            pos, end = (_position(written, byte) for byte in (each.start, each.stop))
            goal = each.goal.strip()
            found[each.start, each.stop, goal] = Sorry(pos=pos, endPos=end, goal=goal)
    return [found[key] for key in sorted(found)]


def _position(written: bytes, byte: int) -> Position:
    before = written[:byte]
    return Position(line=before.count(b"\n") + 1, column=len(before[before.rfind(b"\n") + 1 :].decode()))
