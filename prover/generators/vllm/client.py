"""Requests to one vLLM server, and its failures as types."""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from prover.generators.vllm.protocol import (
    Completions,
    LogprobsMode,
    ModelCard,
    ModelList,
    Request,
    forced_body,
    mode_of,
)
from prover.generators.vllm.server import EngineUnavailable
from verifier.errors import InvalidInput

__all__ = ["VLLMClient"]

CONTROL_TIMEOUT_S = 120.0  # an adapter may have to come from a slow disk

Answer = TypeVar("Answer", bound=BaseModel)


class VLLMClient:
    """Asks the server at `url`.

    Every method raises `EngineUnavailable` where asking again, or a new server, may help, and
    `InvalidInput` where it cannot; both with vLLM's own words.

    Args:
        concurrency: completions asked for at the same time.
        timeout_s: seconds one of them may take.
        transport: what carries requests, in place of the network.
    """

    def __init__(
        self,
        url: str,
        *,
        concurrency: int = 64,
        timeout_s: float = 600.0,
        transport: httpx.MockTransport | None = None,
    ) -> None:
        self.url = url
        self.concurrency = concurrency
        self.timeout_s = timeout_s
        key = os.environ.get("VLLM_API_KEY")
        self._connection: dict[str, Any] = {
            "base_url": url,
            "headers": {"Authorization": f"Bearer {key}"} if key else {},
            "transport": transport,
        }

    def models(self) -> list[ModelCard]:
        """The model it runs and the adapters it holds."""
        with self._control() as http:
            return _read(ModelList, http.get("/v1/models")).data

    def logprobs_mode(self, model: str, tokens: tuple[int, int]) -> LogprobsMode:
        """What its log-probabilities are of, found out with two different tokens of the vocabulary."""
        with self._control() as http:
            answers = [
                _read(Completions, http.post("/v1/completions", json=forced_body(model, token)))
                for token in tokens
            ]
        first, second = [answer.choices[0].logprobs.token_logprobs[0] for answer in answers]
        return mode_of(first, second)

    def load_adapter(self, name: str, directory: Path) -> None:
        """Have it load an adapter; nothing happens when another client has had it do so."""
        with self._control() as http:
            answer = http.post("/v1/load_lora_adapter", json={"lora_name": name, "lora_path": str(directory)})
            if answer.status_code == 200 or name in {model.id for model in self.models()}:
                return
            # A broken adapter is answered as a broken engine is.
            if http.get("/health").status_code != 200:
                raise EngineUnavailable(f"vLLM at {self.url} failed: {_message(answer)}")
        raise InvalidInput(
            f"vLLM cannot load the adapter in {directory}: {_message(answer)}.  If its files are not whole, "
            "publish this version of the policy again; if the server is not started here, start it where it "
            "sees that directory, with --enable-lora, --max-lora-rank at least the adapter's and "
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"
        )

    def unload_adapter(self, name: str) -> None:
        """Have it unload an adapter; nothing happens when another client has had it do so."""
        with self._control() as http:
            http.post("/v1/unload_lora_adapter", json={"lora_name": name})

    def complete(self, requests: Iterable[Request], keep: Callable[[Request, Completions], None]) -> None:
        """Calls `keep` with every answer as it comes; the first error ends all requests.

        Not to be called where an event loop runs.
        """
        asyncio.run(self._complete(requests, keep))

    async def _complete(
        self, requests: Iterable[Request], keep: Callable[[Request, Completions], None]
    ) -> None:
        limits = httpx.Limits(max_connections=self.concurrency)
        timeout = httpx.Timeout(self.timeout_s, pool=None)
        async with httpx.AsyncClient(**self._connection, limits=limits, timeout=timeout) as http:

            async def complete(request: Request) -> None:
                with self._typed():
                    response = await http.post("/v1/completions", json=request.body)
                try:
                    answer = _read(Completions, response)
                except InvalidInput as error:
                    raise InvalidInput(f"{error} (prompt {request.prompt[:80]!r})") from error
                keep(request, answer)

            try:
                async with asyncio.TaskGroup() as tasks:
                    for request in requests:
                        tasks.create_task(complete(request))
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from failed

    @contextmanager
    def _control(self) -> Iterator[httpx.Client]:
        with self._typed(), httpx.Client(**self._connection, timeout=CONTROL_TIMEOUT_S) as http:
            yield http

    @contextmanager
    def _typed(self) -> Iterator[None]:
        """Turns a lost, refused or silent connection into `EngineUnavailable`."""
        try:
            yield
        except httpx.TransportError as error:
            raise EngineUnavailable(
                f"vLLM at {self.url} does not answer: {error or type(error).__name__}; check that it runs "
                "and that its URL is right, or leave the URL out to have one started"
            ) from error


def _read(kind: type[Answer], response: httpx.Response) -> Answer:
    """The answer as a type, or what the server says in place of one, raised."""
    # 404: another client may have had the adapter unloaded.
    if response.status_code in (404, 429) or response.status_code >= 500:
        raise EngineUnavailable(f"vLLM failed: {_message(response)}")
    if response.status_code != 200:
        raise InvalidInput(f"vLLM refuses the request: {_message(response)}")
    try:
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        raise InvalidInput(f"{response.url} does not answer as vLLM does: {error}") from error


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code} {response.text[:1000]}"
