"""The routes of Kimina Lean Server, so that its users change a URL: `/api/check`, `/health`, and for older
clients `/verify` and `/one_pass_verify_batch`.

These say what Lean says of a file: no error is `valid` to their client.  That is no verdict on a theorem and
nothing to train on: a file can be silent and prove something else.  `POST /v1/verify` judges.

There are two differences.  Positions count in the whole text that was sent, imports included.  `infotree`
brings the tactics with their goals as `tactics`, and no tree.
"""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request
from pydantic import Field, model_validator

from verifier.errors import NoAnswer
from verifier.judging.protocol import RawMessage, RawSorry, TextReply
from verifier.judging.rules import Source, extract_tactics
from verifier.server.auth import Caller
from verifier.server.dependencies import Service, while_connected
from verifier.server.schemas import REFUSALS, Schema
from verifier.server.service import VerifyService
from verifier.verdict import Status, Tactic

__all__ = ["kimina"]

SNIPPET_LIMIT = 1_000


class Snippet(Schema):
    """A file to check."""

    id: str
    """The name under which the result comes back."""
    code: str
    """The text of the file."""


class CheckRequest(Schema):
    """Files to check, as `kimina-client` sends them."""

    snippets: list[Snippet] = Field(min_length=1, max_length=SNIPPET_LIMIT)
    """The files, with different ids."""
    timeout: int = Field(default=30, ge=0, le=3600)
    """Wall-clock seconds for each; 0 takes the server's default."""
    debug: bool = False
    """Changes nothing here."""
    reuse: bool = True
    """Changes nothing here."""
    infotree: str | None = None
    """Whatever it is, it brings the tactics."""

    @model_validator(mode="after")
    def _different_ids(self) -> "CheckRequest":
        if len({snippet.id for snippet in self.snippets}) < len(self.snippets):
            raise ValueError("`snippets` must have different ids")
        return self


class Code(Schema):
    """A file to check, in the older form."""

    custom_id: str | int
    """The name under which the result comes back."""
    proof: str | None = None
    """The text of the file."""
    code: str | None = None
    """The text of the file, where there is no `proof`."""

    @model_validator(mode="after")
    def _some_text(self) -> "Code":
        if self.proof is None and self.code is None:
            raise ValueError("give `proof` or `code`")
        return self


class BackwardRequest(Schema):
    """Files to check, in the older form."""

    codes: list[Code] = Field(min_length=1, max_length=SNIPPET_LIMIT)
    """The files."""
    timeout: int = Field(default=300, ge=0, le=3600)
    """Wall-clock seconds for each; 0 takes the server's default."""
    infotree_type: str | None = None
    """Whatever it is, it brings the tactics."""
    disable_cache: bool = False
    """Changes nothing here."""


class Position(Schema):
    """A place in the text that was sent."""

    line: int
    """The line, from 1."""
    column: int
    """Code points before it on its line."""


class ReplMessage(Schema):
    """A message of Lean."""

    severity: str
    """`error`, `warning` or `info`."""
    pos: Position
    """Where what it speaks of begins."""
    endPos: Position | None = None
    """Where that ends, if Lean says so."""
    data: str
    """What Lean says."""


class Sorry(Schema):
    """A `sorry` with one goal that it stands for."""

    pos: Position
    """Where it begins."""
    endPos: Position
    """Where it ends."""
    goal: str
    """The goal, as Lean prints it."""


class ReplTactic(Schema):
    """A tactic that Lean ran."""

    pos: int
    """Offset of its first code point in the text."""
    endPos: int
    """Offset behind its last code point."""
    goals: str
    """The goals before it, as Lean prints them."""
    tactic: str
    """Its text."""


class ReplAnswer(Schema):
    """What Lean said of a file."""

    messages: list[ReplMessage]
    """All that it said."""
    sorries: list[Sorry]
    """Every `sorry`, in reading order."""
    tactics: list[ReplTactic] | None = None
    """The tactics in reading order, where they were asked for."""
    env: int = 0
    """Always 0: no environment is kept."""
    time: float | None = None
    """Seconds that Lean took, in the older form."""


class CheckResult(Schema):
    """What came of one file."""

    id: str
    """The `id` of the snippet."""
    time: float
    """Seconds that Lean took."""
    error: str | None = None
    """Why Lean gave no answer."""
    response: ReplAnswer | None = None
    """What Lean said."""


class CheckResponse(Schema):
    """What came of all files."""

    results: list[CheckResult]
    """In the order in which the files were sent."""


class BackwardResult(Schema):
    """What came of one file, in the older form."""

    custom_id: str | int
    """The `custom_id` of the file."""
    error: str | None = None
    """Why Lean gave no answer."""
    response: ReplAnswer | None = None
    """What Lean said."""


class BackwardResponse(Schema):
    """What came of all files, in the older form."""

    results: list[BackwardResult]
    """In the order in which the files were sent."""


kimina = APIRouter(tags=["Kimina Lean Server"], responses=REFUSALS)


@kimina.post("/api/check", response_model_exclude_none=True)
@kimina.post("/api/check/", response_model_exclude_none=True, include_in_schema=False)
async def api_check(body: CheckRequest, request: Request, service: Service, caller: Caller) -> CheckResponse:
    """What Lean says of each snippet, in the order in which they were sent."""
    checks = (
        _check(service, snippet.id, snippet.code, body.timeout, body.infotree is not None, caller)
        for snippet in body.snippets
    )
    return CheckResponse(results=await while_connected(request, asyncio.gather(*checks)))


@kimina.post("/verify", response_model_exclude_none=True)
@kimina.post("/verify/", response_model_exclude_none=True, include_in_schema=False)
@kimina.post("/one_pass_verify_batch", response_model_exclude_none=True)
@kimina.post("/one_pass_verify_batch/", response_model_exclude_none=True, include_in_schema=False)
async def verify(
    body: BackwardRequest, request: Request, service: Service, caller: Caller
) -> BackwardResponse:
    """The older form of `/api/check`, under the names that older clients call."""
    with_tactics = body.infotree_type is not None
    checks = (
        _check(
            service,
            str(code.custom_id),
            code.proof if code.proof is not None else code.code or "",
            body.timeout,
            with_tactics,
            caller,
        )
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
    service: VerifyService, name: str, code: str, timeout_s: int, with_tactics: bool, caller: str
) -> CheckResult:
    # As Lean reads a file: to it the end of a line is a line feed.
    text = code.replace("\r\n", "\n")
    options = service.defaults.but(tactics=with_tactics, timeout_s=timeout_s or None)
    try:
        reply = await service.text(text, options, key=caller)
    except NoAnswer as error:
        reason = f"Lean timed out: {error}" if error.status is Status.TIMEOUT else f"{error.status}: {error}"
        return CheckResult(id=name, time=error.held_ms / 1e3, error=reason)
    return CheckResult(id=name, time=reply.ms / 1e3, response=_answer(text, reply, with_tactics=with_tactics))


def _answer(text: str, reply: TextReply, *, with_tactics: bool) -> ReplAnswer:
    if reply.error is not None:
        failure = RawMessage(severity="error", line=1, column=0, text=reply.error)
        return ReplAnswer(messages=[_message(failure)], sorries=[])
    source = Source(prefix="", submitted=text)
    tactics = [_tactic(text, tactic) for tactic in extract_tactics(source, reply.tactics)]
    return ReplAnswer(
        messages=list(map(_message, reply.messages)),
        sorries=_sorries(text, reply.sorries),
        tactics=tactics if with_tactics else None,
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
    tactics = {(sorry.start, sorry.stop) for sorry in raw if sorry.is_tactic}
    found: dict[tuple[int, int, str], Sorry] = {}
    for sorry in raw:
        if sorry.start is None or sorry.stop is None:
            continue
        if sorry.is_tactic or (sorry.start, sorry.stop) not in tactics:
            pos, end = (_position(written, byte) for byte in (sorry.start, sorry.stop))
            goal = sorry.goal.strip()
            found[sorry.start, sorry.stop, goal] = Sorry(pos=pos, endPos=end, goal=goal)
    return [found[key] for key in sorted(found)]


def _position(written: bytes, byte: int) -> Position:
    before = written[:byte]
    return Position(line=before.count(b"\n") + 1, column=len(before[before.rfind(b"\n") + 1 :].decode()))
