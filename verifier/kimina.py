"""The routes of Kimina Lean Server, so that its users change a URL: `/api/check`, `/verify`, `/health`.

These say what Lean says of a file: no error is `valid` to their client.  That is no verdict on a theorem and
nothing to train on: a file can be silent and prove something else.  `POST /v1/verify` judges.

Other than there: positions count in the whole text that was sent, imports included; `infotree` brings the
tactics with their goals as `tactics`, and no tree.
"""

import asyncio
import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, model_validator

from verifier.access import Access, while_connected
from verifier.errors import NoAnswer
from verifier.judge import Source, tactics_of
from verifier.protocol import RawMessage, TextReply
from verifier.service import VerifyService
from verifier.verdict import Status, Tactic

__all__ = ["kimina_routes"]

SNIPPET_LIMIT = 1_000
_SORRY = re.compile("uses [`']sorry'?")
_IMPORT = re.compile(r"\s*(import\s+\S+\s*)?(--.*)?")


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
        header, body = split_imports(code)
        try:
            async with service.admission.place(caller):
                options = service.pool.options.but(
                    tactics=with_tactics or "sorry" in body, timeout_s=timeout_s or None
                )
                reply = await service.pool.text(body, header, options)
        except NoAnswer as error:
            reason = (
                f"Lean timed out: {error}" if error.status is Status.TIMEOUT else f"{error.status}: {error}"
            )
            return CheckResult(id=name, time=error.held_ms / 1e3, error=reason)
        return CheckResult(
            id=name, time=reply.ms / 1e3, response=_answer(body, reply, with_tactics=with_tactics)
        )

    @routes.post("/api/check", response_model_exclude_none=True)
    async def api_check(body: CheckRequest, request: Request, caller: Caller) -> CheckResponse:
        """What Lean says of each snippet, in the order in which they were sent."""
        checks = (
            check(each.id, each.code, body.timeout, body.infotree is not None, caller)
            for each in body.snippets
        )
        return CheckResponse(results=await while_connected(request, asyncio.gather(*checks)))

    @routes.post("/verify", response_model_exclude_none=True)
    async def verify(body: BackwardRequest, request: Request, caller: Caller) -> BackwardResponse:
        """The older form of `/api/check`."""

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


def split_imports(code: str) -> tuple[str, str]:
    """The imports at the start of a file, as a header, and the file with blank lines in their place."""
    lines = code.replace("\r\n", "\n").split("\n")
    leading = list(takewhile(_IMPORT.fullmatch, lines))
    imports = [line.partition("--")[0].strip() for line in leading]
    header = "\n".join(line for line in imports if line)
    return header, "\n".join([""] * len(leading) + lines[len(leading) :])


def _answer(text: str, reply: TextReply, *, with_tactics: bool) -> ReplAnswer:
    if reply.error is not None:
        failure = RawMessage(severity="error", line=1, column=0, text=reply.error)
        return ReplAnswer(messages=[_message(failure)], sorries=[])
    tactics = tactics_of(Source(prefix="", submitted=text), reply.tactics)
    return ReplAnswer(
        messages=list(map(_message, reply.messages)),
        sorries=_sorries(text, tactics, reply.messages),
        tactics=[_tactic(text, each) for each in tactics] if with_tactics else None,
    )


def _message(raw: RawMessage) -> ReplMessage:
    return ReplMessage(severity=raw.severity, pos=Position(line=raw.line, column=raw.column), data=raw.text)


def _tactic(text: str, tactic: Tactic) -> ReplTactic:
    return ReplTactic(
        pos=tactic.start,
        endPos=tactic.stop,
        goals=tactic.goals_before,
        tactic=text[tactic.start : tactic.stop],
    )


def _sorries(text: str, tactics: Sequence[Tactic], messages: Sequence[RawMessage]) -> list[Sorry]:
    """Each `sorry` tactic with its goal; where a `sorry` is a term, the declaration that Lean warns of."""
    found = [
        Sorry(pos=_position(text, each.start), endPos=_position(text, each.stop), goal=each.goals_before)
        for each in tactics
        if text[each.start : each.stop] == "sorry"
    ]
    warned = [
        _message(each).pos for each in messages if each.severity == "warning" and _SORRY.search(each.text)
    ]
    return found or [Sorry(pos=pos, endPos=pos, goal="") for pos in warned]


def _position(text: str, offset: int) -> Position:
    before = text[:offset]
    return Position(line=before.count("\n") + 1, column=len(before) - before.rfind("\n") - 1)
