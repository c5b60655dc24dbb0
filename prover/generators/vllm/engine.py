"""A generator that samples from a vLLM server, one it starts itself or one that runs already.

    with VLLMEngine() as engine:
        groups = engine.generator(directory, version=12).sample(prompts, params)

A policy is a Hugging Face model directory or a LoRA adapter's.  An adapter is loaded into the running
server, under a name of its own for every version: vLLM's prefix cache knows adapters by name, and would
serve what it computed with the old weights.  For other full weights the server is started anew, if it is
ours to start.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from transformers import PreTrainedTokenizerBase

from prover.formats.prompts import encode_prompt, load_tokenizer
from prover.generators.base import EngineSettings, Sample, SamplingParams
from prover.generators.vllm.client import VLLMClient
from prover.generators.vllm.policy import Policy, VLLMGenerator, read_policy
from prover.generators.vllm.protocol import (
    AdapterSlots,
    Completions,
    LogprobsMode,
    Request,
    check_params,
    completion_body,
    samples_of,
    sampling,
)
from prover.generators.vllm.server import EngineStartError, EngineUnavailable, ServerSettings, VLLMServer
from verifier.errors import InvalidInput

__all__ = [
    "EngineStartError",
    "EngineUnavailable",
    "ServerSettings",
    "VLLMEngine",
    "VLLMGenerator",
    "open_engine",
]

ATTEMPTS = 4
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0


@dataclass(frozen=True, slots=True)
class _Served:
    """What is known of the server that runs."""

    client: VLLMClient
    base: Path
    model: str
    """What the server calls `base`."""
    context: int
    mode: LogprobsMode


class VLLMEngine:
    """A vLLM server and the policies it is asked for; may be used by several threads at once.

    A server of its own is started when the first policy is sampled from, started anew when it is found
    dead or when a policy has other full weights, and ended on the way out.

    Args:
        url: a server that runs already, such as `http://127.0.0.1:8000`, in place of one of its own.  It
            has to see the policies under the same paths, and for adapters to have been started with
            `--enable-lora` and `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`; on a CPU, with
            `--no-enable-chunked-prefill`.  `VLLM_API_KEY` in the environment is its key.
        settings: how to start a server; of these only `max_adapters` is for one that runs already, too.
        concurrency: prompts that are with the server at the same time.
        timeout_s: seconds the completions of one prompt may take.
        transport: what carries requests, in place of the network.
    """

    def __init__(
        self,
        url: str | None = None,
        settings: ServerSettings | None = None,
        *,
        concurrency: int = 64,
        timeout_s: float = 600.0,
        transport: httpx.MockTransport | None = None,
    ) -> None:
        self.url = url
        self.settings = settings or ServerSettings()
        self.concurrency = concurrency
        self.timeout_s = timeout_s
        self._transport = transport
        self._retry = Retrying(
            retry=retry_if_exception(_may_pass),
            wait=wait_random_exponential(min=SHORTEST_PAUSE_S, max=LONGEST_PAUSE_S),
            stop=stop_after_attempt(ATTEMPTS),
            reraise=True,
        )
        # Nobody changes the directory of a policy, and the files of an adapter are read whole.
        self._read_policy = lru_cache(read_policy)
        # A server lives no longer than the thread that starts it, and `sample` may be called from any.
        self._launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vllm-launcher")
        # Guards all below; told when a call has ended.
        self._state = threading.Condition()
        self._tokenizers: dict[Path, PreTrainedTokenizerBase] = {}
        self._users: Counter[bool] = Counter()
        """Calls that sample from adapters (True) and from full weights (False)."""
        self._slots = AdapterSlots(self.settings.max_adapters)
        self._server: VLLMServer | None = None
        self._served: _Served | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server if it is the engine's own."""
        if self._server is not None:
            self._server.stop()
        self._launcher.shutdown()

    def generator(self, directory: Path, version: int) -> VLLMGenerator:
        """A generator for the policy in `directory`: full weights, or a LoRA adapter as peft writes it.

        Raises:
            InvalidInput: there is none, or it is not whole.
        """
        return VLLMGenerator(self, self._read_policy(directory, version))

    def sample(self, policy: Policy, prompts: Sequence[str], params: SamplingParams) -> list[list[Sample]]:
        """As `VLLMGenerator.sample`; not to be called where an event loop runs."""
        tokenizer = self._tokenizer(policy.base)
        prompt_ids = [encode_prompt(tokenizer, prompt) for prompt in prompts]
        groups: dict[int, list[Sample]] = {}

        def keep(request: Request, answer: Completions) -> None:
            groups[request.index] = samples_of(tokenizer, prompt_ids[request.index], answer)

        for attempt in self._retry.copy():
            with attempt, self._serving(policy) as served:
                check_params(params, served.mode)
                requests = []
                for index, (prompt, ids) in enumerate(zip(prompts, prompt_ids, strict=True)):
                    if index not in groups:
                        room, seed = served.context - len(ids), params.seed_of(prompt)
                        how = sampling(params, seed=seed, eos=int(tokenizer.eos_token_id), room=room)
                        body = completion_body(policy.adapter or served.model, ids, how)
                        requests.append(Request(index, prompt, body))
                served.client.complete(requests, keep)
        return [groups[index] for index in range(len(prompts))]

    @contextmanager
    def _serving(self, policy: Policy) -> Iterator[_Served]:
        """Has the server run `policy` until left."""
        is_adapter = policy.adapter is not None
        try:
            with self._state:
                self._state.wait_for(lambda: self._has_room_for(policy))
                served = self._running_on(policy.base)
                if policy.adapter is not None:
                    self._load(served.client, policy.adapter, policy.directory)
                    self._slots.acquire(policy.adapter)
                self._users[is_adapter] += 1
            try:
                yield served
            finally:
                with self._state:
                    self._users[is_adapter] -= 1
                    if policy.adapter is not None:
                        self._slots.release(policy.adapter)
                    self._state.notify_all()
        except EngineUnavailable:
            # To be looked at again: it may be dead, or have been started anew and hold no adapters.
            with self._state:
                self._served = None
            raise

    def _has_room_for(self, policy: Policy) -> bool:
        """Whether what others sample now leaves the server free for `policy`."""
        # vLLM 0.32 on a CPU computes requests without an adapter that share a batch with requests for one as
        # if they were for one too (an index of -1 takes the last slot), and keeps that in its prefix cache.
        if self._users[policy.adapter is None]:
            return False
        return self.url is not None or self._runs(policy.base) or not self._users.total()

    def _running_on(self, base: Path) -> _Served:
        """The server, which is started first where it is ours and does not run, or runs others."""
        if self.url is None and not (self._runs(base) and (self._served or self._is_well())):
            self._start(base)
        if self._served is None or self._served.base != base:
            self._served = self._look(base)
        return self._served

    def _runs(self, base: Path) -> bool:
        return self._server is not None and self._server.model == base

    def _is_well(self) -> bool:
        return self._server is not None and self._server.check()

    def _start(self, base: Path) -> None:
        if self._server is not None:
            self._server.stop()
        self._served = None
        self._server = VLLMServer(base, self.settings)
        self._launcher.submit(self._server.launch).result()
        try:
            self._server.wait_until_ready()
        except EngineStartError:
            self._server.stop()
            self._server = None
            raise

    def _look(self, base: Path) -> _Served:
        """What runs there; raises `InvalidInput` when it is not `base`."""
        url = self.url if self._server is None else self._server.url
        assert url is not None
        client = VLLMClient(
            url, concurrency=self.concurrency, timeout_s=self.timeout_s, transport=self._transport
        )
        models = client.models()
        card = next((model for model in models if model.parent is None), None)
        if card is None or Path(card.root).resolve() != base.resolve():
            raise InvalidInput(
                f"the vLLM server at {url} runs {card.root if card else 'no model'}, not {base}: start it on "
                "that directory, let the trainer publish adapters for the model it runs (set [lora]), or "
                "leave the server's URL out to have one started"
            )
        self._slots.keep({model.id for model in models})
        tokenizer = self._tokenizer(base)
        eos = int(tokenizer.eos_token_id)
        mode = client.logprobs_mode(card.id, (eos, 0 if eos else 1))
        return _Served(client, base, card.id, card.max_model_len or tokenizer.model_max_length, mode)

    def _load(self, client: VLLMClient, adapter: str, directory: Path) -> None:
        """Makes the server hold `adapter`, and no more others than it may."""
        if adapter in self._slots:
            return
        for name in self._slots.leaving_for(adapter):
            client.unload_adapter(name)
            self._slots.drop(name)
        client.load_adapter(adapter, directory)
        self._slots.add(adapter)

    def _tokenizer(self, base: Path) -> PreTrainedTokenizerBase:
        with self._state:
            if base not in self._tokenizers:
                self._tokenizers[base] = load_tokenizer(base)
            return self._tokenizers[base]


def open_engine(settings: EngineSettings) -> VLLMEngine:
    """A vLLM server: the one at `settings.url`, or one of its own."""
    return VLLMEngine(settings.url, ServerSettings(dtype=settings.dtype))


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, EngineUnavailable) and not isinstance(error, EngineStartError)
