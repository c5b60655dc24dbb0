"""A client of the HTTP API, to be used with and without `async`.

    with Client("http://127.0.0.1:8000") as client:
        verdict = client.verify(Submission(id="a", statement="theorem t : 1 = 1", proof="rfl"))

A server that is busy (429), starting or stopping (503), or cannot be reached is asked again: after the time
that it names in Retry-After, or else after growing pauses with jitter.
"""

import json
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Self

import httpx
from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from verifier.errors import NoAnswer, ServiceError
from verifier.tactic_state import TacticState, TacticStep
from verifier.verdict import Status, Submission, Verdict

__all__ = ["AsyncClient", "Client"]

ATTEMPTS = 6
LONGEST_PAUSE_S = 30.0
TIMEOUT_S = 600.0
BATCH = 500
"""Submissions sent in one request; the server takes up to a thousand."""


class Client:
    """Asks a server for verdicts.

    Args:
        url: where the server is.
        api_key: sent as a bearer token.
        attempts: how often a request is sent at most.
        timeout_s: seconds of silence after which a request has failed.
        transport: carries requests in place of the network, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        attempts: int = ATTEMPTS,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(transport=transport, **_connection(url, api_key, timeout_s))
        self._retry = Retrying(**_retrying(attempts))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def verify(self, submission: Submission, **options: Any) -> Verdict:
        """The verdict on one submission; `options` are the other fields of the request.

        Raises:
            ServiceError: the server refused it, or could not be reached.
        """
        body = _body(submission, options)
        return Verdict.model_validate(self._retry(self._ask, "/v1/verify", body))

    def verify_many(self, submissions: Iterable[Submission], **options: Any) -> Iterator[Verdict]:
        """Verdicts as they finish.  Those that came before a request broke off are not asked for again.

        Raises:
            ServiceError: the server refused a submission, or could not be reached.
        """
        for batch in _batches(submissions):
            left = dict(enumerate(batch))
            for attempt in self._retry.copy():
                with attempt:
                    yield from self._stream(left, options)

    def tactics(self, statement: str, tactics: Sequence[str] = (), **options: Any) -> TacticState:
        """What `tactics` make of a state of a proof; `options` are the other fields of the request.

        Raises:
            NoAnswer: no Lean worker could tell.
            ServiceError: the server refused it, or could not be reached.
        """
        return _state(self._retry(self._ask, "/v1/tactics", _tactics_body(statement, tactics, options)))

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        return _check_answer(self._http.post(path, json=body)).json()

    def _stream(self, left: dict[int, Submission], options: dict[str, Any]) -> Iterator[Verdict]:
        places = list(left)
        with self._http.stream("POST", "/v1/verify/batch", json=_batch_body(left, options)) as response:
            if response.status_code != 200:
                response.read()
            for line in _check_answer(response).iter_lines():
                place, verdict = _row(line, places)
                del left[place]
                yield verdict
        _check_complete(left)


class AsyncClient:
    """`Client` for asyncio; it takes the same arguments, with an asynchronous `transport`."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        attempts: int = ATTEMPTS,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(transport=transport, **_connection(url, api_key, timeout_s))
        self._retry = AsyncRetrying(**_retrying(attempts))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def verify(self, submission: Submission, **options: Any) -> Verdict:
        """As `Client.verify`."""
        return Verdict.model_validate(await self._retry(self._ask, "/v1/verify", _body(submission, options)))

    async def verify_many(self, submissions: Iterable[Submission], **options: Any) -> AsyncIterator[Verdict]:
        """As `Client.verify_many`."""
        for batch in _batches(submissions):
            left = dict(enumerate(batch))
            async for attempt in self._retry.copy():
                with attempt:
                    async for verdict in self._stream(left, options):
                        yield verdict

    async def tactics(self, statement: str, tactics: Sequence[str] = (), **options: Any) -> TacticState:
        """As `Client.tactics`."""
        body = _tactics_body(statement, tactics, options)
        return _state(await self._retry(self._ask, "/v1/tactics", body))

    async def toolchain(self) -> dict[str, Any]:
        """Which Lean the server judges with, and its defaults, as `GET /v1/toolchain` says.

        Raises:
            ServiceError: the server refused, or could not be reached.
        """
        return dict(await self._retry(self._get, "/v1/toolchain"))

    async def _get(self, path: str) -> Any:
        return _check_answer(await self._http.get(path)).json()

    async def _ask(self, path: str, body: dict[str, Any]) -> Any:
        return _check_answer(await self._http.post(path, json=body)).json()

    async def _stream(self, left: dict[int, Submission], options: dict[str, Any]) -> AsyncIterator[Verdict]:
        places = list(left)
        body = _batch_body(left, options)
        async with self._http.stream("POST", "/v1/verify/batch", json=body) as response:
            if response.status_code != 200:
                await response.aread()
            async for line in _check_answer(response).aiter_lines():
                place, verdict = _row(line, places)
                del left[place]
                yield verdict
        _check_complete(left)


def _connection(url: str, api_key: str | None, timeout_s: float) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    return {"base_url": url, "headers": headers, "timeout": timeout_s}


def _body(submission: Submission, options: dict[str, Any]) -> dict[str, Any]:
    return submission.model_dump(exclude_none=True) | options


def _tactics_body(statement: str, tactics: Sequence[str], options: dict[str, Any]) -> dict[str, Any]:
    path = [TacticStep.model_validate(step).model_dump() for step in options.pop("path", ())]
    return {"statement": statement, "tactics": list(tactics), "path": path, **options}


def _state(answer: dict[str, Any]) -> TacticState:
    if (unknown := answer.pop("unknown")) is not None:
        raise NoAnswer(Status(unknown), answer["error"])
    return TacticState.model_validate(answer)


def _batch_body(left: dict[int, Submission], options: dict[str, Any]) -> dict[str, Any]:
    return {"items": [_body(submission, options) for submission in left.values()]}


def _batches(submissions: Iterable[Submission]) -> Iterator[Sequence[Submission]]:
    batch: list[Submission] = []
    for submission in submissions:
        batch.append(submission)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _row(line: str, places: Sequence[int]) -> tuple[int, Verdict]:
    """The place of the submission that a line is about, and the verdict on it."""
    row = json.loads(line)
    if row["verdict"] is None:
        raise ServiceError(row["error"], status=row["status"])
    return places[row["index"]], Verdict.model_validate(row["verdict"])


def _check_complete(left: dict[int, Submission]) -> None:
    if left:
        raise ServiceError(f"the answer broke off before {len(left)} verdicts", status=503)


def _check_answer(response: httpx.Response) -> httpx.Response:
    if response.status_code == 200:
        return response
    after = response.headers.get("Retry-After", "")
    raise ServiceError(
        f"the server answered {response.status_code}: {response.text[:1000]}",
        status=response.status_code,
        retry_after_s=float(after) if after.isascii() and after.isdigit() else None,
    )


def _retrying(attempts: int) -> dict[str, Any]:
    return {
        "retry": retry_if_exception(_may_pass),
        "wait": _pause,
        "stop": stop_after_attempt(attempts),
        "reraise": True,
    }


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, ServiceError):
        return error.status in (429, 503)
    return isinstance(error, httpx.TransportError)


def _pause(state: RetryCallState) -> float:
    """Seconds until the next attempt, with full jitter, and never before the server wants it."""
    error = state.outcome.exception() if state.outcome else None
    wanted = error.retry_after_s if isinstance(error, ServiceError) else None
    return (wanted or 0.0) + random.uniform(0, min(LONGEST_PAUSE_S, 0.25 * 2**state.attempt_number))
