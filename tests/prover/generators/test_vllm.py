"""The vLLM generator without vLLM: its rules, and the errors no real server makes on demand.

What a real server answers is in `tests/with_vllm`.
"""

import json
import math
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from transformers import PreTrainedTokenizerFast

from prover.generators.base import SamplingParams
from prover.generators.vllm import engine as vllm
from prover.generators.vllm.engine import ATTEMPTS, VLLMEngine, VLLMGenerator
from prover.generators.vllm.policy import read_policy
from prover.generators.vllm.protocol import (
    AdapterSlots,
    Completions,
    LogprobsMode,
    check_params,
    mode_of,
    samples_of,
    sampling,
)
from prover.generators.vllm.server import (
    PYTHON_VARIABLE,
    EngineStartError,
    EngineUnavailable,
    ServerSettings,
    VLLMServer,
)
from verifier.errors import InvalidInput

PARAMS = SamplingParams(samples=2, max_new_tokens=8)
PROMPTS = ["theorem t : True := ", "theorem t : 1 = 1 := "]
EOS, CONTEXT = 1, 64


def test_seeds_differ_by_prompt_and_by_seed() -> None:
    seeds = {PARAMS.model_copy(update={"seed": s}).seed_of(p) for s in range(3) for p in PROMPTS}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**56 for seed in seeds)
    assert PARAMS.seed_of(PROMPTS[0]) == PARAMS.model_copy().seed_of(PROMPTS[0])


def test_greedy_is_temperature_zero_and_a_completion_has_the_room_there_is() -> None:
    greedy = SamplingParams(samples=1, greedy=True, top_p=0.5, max_new_tokens=8)
    asked = sampling(greedy, seed=5, eos=EOS, room=100)
    assert (asked["temperature"], asked["top_p"], asked["max_tokens"]) == (0.0, 1.0, 8)
    assert sampling(PARAMS, seed=5, eos=EOS, room=3)["max_tokens"] == 3
    assert sampling(PARAMS, seed=5, eos=EOS, room=-7)["max_tokens"] == 1, "vLLM says why it cannot be"


@pytest.mark.parametrize(
    ("mode", "changes", "advice"),
    [
        (LogprobsMode.RAW, {"temperature": 0.7}, "--logprobs-mode processed_logprobs"),
        (LogprobsMode.PROCESSED, {"top_p": 0.9}, "set top_p to 1"),
        (LogprobsMode.PROCESSED, {"samples": 1, "greedy": True, "temperature": 0.7}, "greedy"),
        (LogprobsMode.RAW, {"top_p": 0.9}, None),
        (LogprobsMode.PROCESSED, {"temperature": 0.7}, None),
        (LogprobsMode.PROCESSED, {"samples": 1, "greedy": True, "top_p": 0.9}, None),
        (LogprobsMode.RAW, {"samples": 1, "greedy": True}, None),
    ],
)
def test_only_sampling_with_the_logprobs_it_wants_is_allowed(
    mode: LogprobsMode, changes: dict[str, Any], advice: str | None
) -> None:
    params = SamplingParams.model_validate(PARAMS.model_dump() | changes)
    if advice is None:
        check_params(params, mode)
    else:
        with pytest.raises(InvalidInput, match=advice):
            check_params(params, mode)


@given(st.floats(0, 1))
def test_no_model_looks_as_if_it_reported_processed_logprobs(first: float) -> None:
    raw = (-1e9 if p == 0 else math.log(p) for p in (first, 1 - first))
    assert mode_of(*raw) is LogprobsMode.RAW
    assert mode_of(-1e-4, 0.0) is LogprobsMode.PROCESSED


def choice(index: int, token_ids: list[int] | None, finish: str | None = "stop") -> dict[str, Any]:
    logprobs = {"token_logprobs": [-0.5] * len(token_ids or [1])}
    return {"index": index, "token_ids": token_ids, "finish_reason": finish, "logprobs": logprobs}


def test_samples_are_in_the_order_of_their_seeds_and_know_whether_they_ended(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    answer = {"choices": [choice(1, [70, 71], "length"), choice(0, [72, EOS])]}
    ended, cut = samples_of(tokenizer, [0, 5], Completions.model_validate(answer))
    assert (ended.token_ids, ended.finished, ended.text) == ((72, EOS), True, tokenizer.decode([72]))
    assert (cut.token_ids, cut.finished, cut.prompt_ids) == ((70, 71), False, (0, 5))


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (choice(0, None), InvalidInput),
        (choice(0, [70], "abort"), EngineUnavailable),
        (choice(0, []), ValueError),
        (choice(0, [70]) | {"logprobs": {"token_logprobs": []}}, ValueError),
    ],
)
def test_an_answer_without_samples_is_an_error(
    tokenizer: PreTrainedTokenizerFast, bad: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        samples_of(tokenizer, [0], Completions.model_validate({"choices": [bad]}))


def test_the_least_recently_used_adapter_leaves_and_never_one_in_use() -> None:
    slots = AdapterSlots(2)
    for name in ("a", "b"):
        assert slots.leaving_for(name) == []
        slots.add(name)
    slots.acquire("a")
    slots.acquire("a")
    slots.release("a")
    assert slots.leaving_for("c") == ["b"]
    slots.acquire("b")
    assert slots.leaving_for("c") == [], "both are in use"
    slots.add("c")
    slots.release("a")
    slots.release("b")
    assert slots.leaving_for("d") == ["a", "b"], "as many as are too many"
    assert slots.leaving_for("c") == []


def test_adapters_that_a_new_server_does_not_hold_are_loaded_again() -> None:
    slots = AdapterSlots(2)
    slots.add("a")
    slots.add("b")
    slots.acquire("b")
    slots.keep({"a", "base"})
    assert "a" in slots
    assert "b" not in slots
    slots.release("b")
    assert slots.leaving_for("b") == []


@pytest.fixture
def base(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> Path:
    """What is read of a model directory here: its tokenizer."""
    directory = tmp_path / "base"
    tokenizer.save_pretrained(directory)
    (directory / "config.json").write_text('{"model_type": "llama"}')
    return directory


@pytest.fixture
def adapter(base: Path) -> Path:
    directory = base.with_name("adapter")
    directory.mkdir()
    (directory / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    save_file({"weights": np.zeros(8)}, directory / "adapter_model.safetensors")
    return directory


def test_an_adapter_has_a_name_of_its_own_for_every_version_and_content(base: Path, adapter: Path) -> None:
    policy = read_policy(adapter, 12)
    assert policy.base == base
    assert policy.adapter is not None and policy.adapter.startswith("v0012-")
    assert read_policy(adapter, 13).adapter != policy.adapter
    save_file({"weights": np.ones(8)}, adapter / "adapter_model.safetensors")
    assert read_policy(adapter, 12).adapter != policy.adapter
    assert read_policy(base, 12).adapter is None


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ('{"base_model_name', "publish this version of the policy again"),
        ("[]", "publish this version of the policy again"),
        ("{}", "set base_model_name_or_path"),
        ('{"base_model_name_or_path": "/nowhere"}', "/nowhere"),
    ],
)
def test_a_broken_adapter_is_refused_with_advice(adapter: Path, config: str, advice: str) -> None:
    (adapter / "adapter_config.json").write_text(config)
    with pytest.raises(InvalidInput, match=advice):
        read_policy(adapter, 1)


def test_a_directory_without_whole_weights_is_refused(adapter: Path, tmp_path: Path) -> None:
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(InvalidInput, match="publish this version of the policy again"):
        read_policy(adapter, 1)
    weights.unlink()
    with pytest.raises(InvalidInput, match="publish this version of the policy again"):
        read_policy(adapter, 1)
    with pytest.raises(InvalidInput, match=r"neither config\.json nor adapter_config\.json"):
        read_policy(tmp_path, 1)


class Trouble:
    """A server that is well but for what `wrong` answers in its place; None is the right answer."""

    def __init__(self, base: Path, wrong: Callable[[str, dict[str, Any]], httpx.Response | None]) -> None:
        self.base = base
        self.wrong = wrong
        self.adapters: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, body = request.url.path, json.loads(request.content or b"{}")
        self.asked.append((path, body))
        wrong = self.wrong(path, body)
        return wrong if wrong is not None else httpx.Response(200, json=self._answer(path, body))

    def _answer(self, path: str, body: dict[str, Any]) -> Any:
        if path == "/v1/models":
            cards = [{"id": "base", "root": str(self.base), "max_model_len": CONTEXT}]
            return {"data": cards + [{"id": a, "root": a, "parent": "base"} for a in self.adapters]}
        if path == "/v1/load_lora_adapter":
            self.adapters.append(body["lora_name"])
        if path == "/v1/unload_lora_adapter":
            self.adapters.remove(body["lora_name"])
        if path != "/v1/completions":
            return {}
        if "allowed_token_ids" in body:
            (token,) = body["allowed_token_ids"]
            certain = choice(0, [token], "length") | {"logprobs": {"token_logprobs": [0.0]}}
            return {"choices": [certain]}
        return {"choices": [choice(i, [70 + i, EOS]) for i in range(body["n"])]}

    def engine(self) -> VLLMEngine:
        return VLLMEngine("http://vllm", transport=httpx.MockTransport(self))

    def completions(self) -> list[dict[str, Any]]:
        return [b for path, b in self.asked if path == "/v1/completions" and "allowed_token_ids" not in b]


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "SHORTEST_PAUSE_S", 0.0)
    monkeypatch.setattr(vllm, "LONGEST_PAUSE_S", 0.0)


def never(_path: str, _body: dict[str, Any]) -> None:
    return None


@pytest.mark.usefixtures("no_pauses")
def test_what_passes_is_asked_again_and_what_came_is_not(base: Path) -> None:
    failures = iter(
        [httpx.Response(503), httpx.Response(500, json={"error": {"message": "EngineCore is dead"}})]
    )

    def second_prompt_fails(path: str, body: dict[str, Any]) -> httpx.Response | None:
        if path == "/v1/completions" and body["prompt"] == second:
            return next(failures, None)
        return None

    server = Trouble(base, second_prompt_fails)
    with server.engine() as engine:
        generator = engine.generator(base, 0)
        second = engine._tokenizer(base).encode(PROMPTS[1])
        # One at a time, so that the first prompt's samples are there when the second fails.
        engine.concurrency = 1
        groups = generator.sample(PROMPTS, PARAMS)
    assert [len(group) for group in groups] == [2, 2]
    assert sum(body["prompt"] == second for body in server.completions()) == 3
    assert len(server.completions()) == 4


@pytest.mark.usefixtures("no_pauses")
def test_a_server_that_stays_away_is_an_engine_that_is_unavailable(base: Path) -> None:
    def refuse(path: str, _body: dict[str, Any]) -> httpx.Response | None:
        raise httpx.ConnectError("refused")

    server = Trouble(base, refuse)
    with (
        server.engine() as engine,
        pytest.raises(EngineUnavailable, match=r"http://vllm.*check that it runs"),
    ):
        engine.generator(base, 0).sample(PROMPTS, PARAMS)
    assert len(server.asked) == ATTEMPTS


def test_a_running_server_is_not_asked_for_other_weights(base: Path, tmp_path: Path) -> None:
    server = Trouble(tmp_path / "others", never)
    with server.engine() as engine, pytest.raises(InvalidInput, match=r"others, not .*\[lora\]"):
        engine.generator(base, 0).sample(PROMPTS, PARAMS)
    assert not server.completions()


def test_a_server_that_reports_raw_logprobs_samples_at_temperature_1_only(base: Path) -> None:
    def raw(path: str, body: dict[str, Any]) -> httpx.Response | None:
        if "allowed_token_ids" not in body:
            return None
        return httpx.Response(200, json={"choices": [choice(0, body["allowed_token_ids"], "length")]})

    server = Trouble(base, raw)
    with server.engine() as engine:
        generator = engine.generator(base, 0)
        with pytest.raises(InvalidInput, match="--logprobs-mode processed_logprobs"):
            generator.sample(PROMPTS, PARAMS.model_copy(update={"temperature": 0.7}))
        assert len(generator.sample(PROMPTS, PARAMS.model_copy(update={"top_p": 0.9}))) == 2


@pytest.mark.usefixtures("no_pauses")
def test_an_adapter_that_another_client_unloaded_is_loaded_again(base: Path, adapter: Path) -> None:
    def not_loaded(path: str, body: dict[str, Any]) -> httpx.Response | None:
        if path == "/v1/completions" and body["model"] not in ["base", *server.adapters]:
            return httpx.Response(404, json={"error": {"message": "does not exist"}})
        return None

    server = Trouble(base, not_loaded)
    with server.engine() as engine:
        generator = engine.generator(adapter, 1)
        generator.sample(PROMPTS, PARAMS)
        server.adapters.clear()
        assert len(generator.sample(PROMPTS, PARAMS)) == 2
    assert len(server.adapters) == 1


def test_an_adapter_that_another_client_loaded_is_used(base: Path, adapter: Path) -> None:
    def refused(path: str, _body: dict[str, Any]) -> httpx.Response | None:
        loaded = {"error": {"message": "The lora adapter has already been loaded."}}
        return httpx.Response(400, json=loaded) if path == "/v1/load_lora_adapter" else None

    server = Trouble(base, refused)
    with server.engine() as engine:
        generator = engine.generator(adapter, 1)
        with pytest.raises(InvalidInput, match="has already been loaded"):
            generator.sample(PROMPTS, PARAMS)
        server.adapters.append(str(generator.policy.adapter))
        assert len(generator.sample(PROMPTS, PARAMS)) == 2


def test_full_weights_and_adapters_are_never_with_a_server_at_once(base: Path, adapter: Path) -> None:
    lock, at_work, together = threading.Lock(), Counter[str](), []

    def slow(path: str, body: dict[str, Any]) -> None:
        if path == "/v1/completions" and "allowed_token_ids" not in body:
            with lock:
                at_work[body["model"]] += 1
                together.append(set(+at_work))
            time.sleep(0.02)
            with lock:
                at_work[body["model"]] -= 1

    with Trouble(base, slow).engine() as engine:
        generators = [engine.generator(adapter, 1), engine.generator(adapter, 2), engine.generator(base, 0)]

        def ask(generator: VLLMGenerator) -> None:
            for _ in range(5):
                generator.sample(PROMPTS, PARAMS)

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(ask, generators))
    first, second, _ = (each.policy.adapter for each in generators)
    assert {first, second} in together, "adapters may be"
    assert not any("base" in models and len(models) > 1 for models in together)


def test_a_server_that_is_no_vllm_is_refused(base: Path) -> None:
    server = Trouble(base, lambda *_: httpx.Response(200, json={"hello": "world"}))
    with server.engine() as engine, pytest.raises(InvalidInput, match="does not answer as vLLM does"):
        engine.generator(base, 0).sample(PROMPTS, PARAMS)


@pytest.mark.parametrize(
    ("python", "log"), [(sys.executable, "No module named"), ("/nowhere/python", "cannot be run")]
)
def test_a_python_without_vllm_is_named(base: Path, python: str, log: str) -> None:
    server = VLLMServer(base, ServerSettings(python=python))
    with pytest.raises(EngineStartError, match=rf"{python}(.|\n)*{PYTHON_VARIABLE}(.|\n)*{log}"):
        server.__enter__()
    assert not server.alive
