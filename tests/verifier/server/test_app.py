"""The HTTP API, in process, on a real Lean."""

import asyncio
import io
import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import verifier
from verifier.client import AsyncClient
from verifier.errors import NoAnswer
from verifier.judging.pool import LeanPool
from verifier.lean.runtime import LeanRuntime
from verifier.server.app import create_app
from verifier.server.auth import KeyRing, hash_of, new_key
from verifier.server.serve import json_formatter
from verifier.server.service import VerifyService
from verifier.tactic_state import TacticStep
from verifier.verdict import Status

GOOD = {"statement": "theorem t : 1 + 1 = 2", "proof": "rfl"}


def client(pool: LeanPool) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(VerifyService(pool))), base_url="http://test"
    )


async def test_verify_answers_with_the_verdict(pool: LeanPool) -> None:
    async with client(pool) as http:
        proved = await http.post("/v1/verify", json=GOOD | {"id": "mine", "tactics": True})
        refuted = await http.post("/v1/verify", json=GOOD | {"proof": "by sorry"})
    assert proved.status_code == refuted.status_code == 200
    assert (proved.json()["id"], proved.json()["status"], proved.json()["kind"]) == (
        "mine",
        "proved",
        "proved",
    )
    assert proved.json()["tactics"] == []
    assert (refuted.json()["status"], refuted.json()["kind"]) == ("incomplete", "refuted")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"proof": "rfl"}, "statement"),
        (GOOD | {"code": "x"}, "exactly one"),
        (GOOD | {"surprise": 1}, "surprise"),
        (GOOD | {"timeout": 0}, "timeout"),
        (GOOD | {"heartbeats": -1}, "heartbeats"),
    ],
)
async def test_a_bad_request_is_refused_with_the_field_that_is_wrong(
    pool: LeanPool, body: dict[str, object], field: str
) -> None:
    async with client(pool) as http:
        reply = await http.post("/v1/verify", json=body)
    assert reply.status_code == 422
    assert field in reply.text


async def test_a_request_says_which_axioms_it_allows_and_gets_a_certificate(pool: LeanPool) -> None:
    body = {"statement": "theorem t : 1 = 2", "code": "axiom magic : 1 = 2\ntheorem t : 1 = 2 := magic"}
    async with client(pool) as http:
        refused = (await http.post("/v1/verify", json=body)).json()
        allowed = (await http.post("/v1/verify", json=body | {"allowed_axioms": ["magic"]})).json()
        iff = {"statement": "theorem t (p q : Prop) (h : p ↔ q) : p = q", "proof": "propext h"}
        none = (await http.post("/v1/verify", json=iff | {"allowed_axioms": []})).json()
    assert (refused["status"], refused["certificate"]) == ("disallowed_axiom", None)
    assert "magic" in refused["reason"]
    assert (allowed["status"], allowed["certificate"]["axioms"]) == ("proved", ["magic"])
    assert none["status"] == "disallowed_axiom"


async def test_healthz_says_which_lean_judges_and_readyz_when_it_can(pool: LeanPool) -> None:
    async with client(pool) as http:
        replies = [await http.get(path) for path in ("/healthz", "/health", "/readyz")]
        toolchain = (await http.get("/v1/toolchain")).json()
    assert {reply.status_code for reply in replies} == {200}
    assert replies[0].json() == {
        "status": "ok",
        "lean": pool.runtime.version,
        "runtime": "embedded",
        "workers": 1,
        "auditors": 1,
    }
    assert "lean4#14807" in toolchain["advisories"]
    assert (toolchain["lean"], toolchain["allowed_axioms"]) == (
        pool.runtime.version,
        ["Classical.choice", "Quot.sound", "propext"],
    )


async def test_a_batch_streams_a_row_for_each_item_and_a_bad_item_touches_no_other(pool: LeanPool) -> None:
    items = [
        GOOD | {"id": "right"},
        {"proof": "rfl"},
        GOOD | {"id": "wrong", "proof": "by simp_arith_nonsense"},
        GOOD | {"id": "slow", "proof": "by sleep 60000", "timeout": 0.001},
        GOOD | {"id": "again"},
    ]
    async with client(pool) as http:
        reply = await http.post("/v1/verify/batch", json={"items": items})
        empty = await http.post("/v1/verify/batch", json={"items": []})
    assert reply.headers["content-type"].startswith("application/x-ndjson")
    rows = {row["index"]: row for row in map(json.loads, reply.text.splitlines())}
    kinds = {index: row["verdict"] and row["verdict"]["kind"] for index, row in rows.items()}
    assert kinds == {0: "proved", 1: None, 2: "refuted", 3: "unknown", 4: "proved"}
    assert rows[1]["status"] == 422 and "statement" in rows[1]["error"]
    assert rows[4]["verdict"]["id"] == "again"
    assert empty.status_code == 422


async def test_a_statement_gets_its_type_and_goal_or_what_is_wrong_with_it(pool: LeanPool) -> None:
    async def ask(http: httpx.AsyncClient, **body: str) -> Any:
        return (await http.post("/v1/statements", json=body)).json()

    async with client(pool) as http:
        good = await ask(http, statement="theorem t (a b : Nat) (h : a < b) : a + 1 ≤ b")
        bad = await ask(http, statement="theorem t : 1 = ")
        two = await ask(http, statement="def k := 1\ntheorem t : k = 1")
        unknown = await ask(http, statement="theorem t : 1 = 1", header="import Nowhere")
    assert good == {
        "elaborates": True,
        "reason": "",
        "name": "t",
        "declared_as": "theorem",
        "type": "∀ (a b : Nat), a < b → a + 1 ≤ b",
        "goal": "a b : Nat\nh : a < b\n⊢ a + 1 ≤ b",
    }
    assert bad["elaborates"] is False and "unexpected" in str(bad["reason"])
    assert two["elaborates"] is False and "one theorem" in str(two["reason"])
    assert unknown["elaborates"] is None and "Nowhere" in str(unknown["reason"])


async def test_tactics_are_tried_on_a_state_over_http_and_counted(pool: LeanPool) -> None:
    statement = "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q"
    app = create_app(VerifyService(pool))
    transport = httpx.ASGITransport(app)
    async with AsyncClient("http://verifier", transport=transport) as asked:
        start = await asked.tactics(statement)
        state = await asked.tactics(
            statement, ["exact hp", "exact hq"], path=[TacticStep(tactic="constructor")], heartbeats=1000
        )
        nothing = await asked.tactics("theorem t : nonsense", ["rfl"])
        with pytest.raises(NoAnswer, match="Nowhere") as unknown:
            await asked.tactics(statement, ["rfl"], header="import Nowhere")
    assert [goal.target for goal in start.goals] == ["p ∧ q"] and not start.tried
    assert [goal.target for goal in state.goals] == ["p", "q"]
    first, second = state.tried
    assert first.goals is not None and [goal.target for goal in first.goals] == ["q"]
    assert second.goals is None and "mismatch" in str(second.error)
    assert nothing.error is not None and not nothing.tried
    assert unknown.value.status is Status.INFRA_ERROR
    async with httpx.AsyncClient(transport=transport, base_url="http://verifier") as http:
        counted = (await http.get("/metrics")).text
        wrong = await http.post("/v1/tactics", json={"statement": statement, "tactics": [""]})
    assert 'proofmill_tactics_total{outcome="goals"} 1.0' in counted
    assert 'proofmill_tactics_total{outcome="error"} 1.0' in counted
    assert wrong.status_code == 422


async def test_the_document_describes_every_field_and_names_the_version(pool: LeanPool) -> None:
    async with client(pool) as http:
        document = (await http.get("/openapi.json")).json()
    assert document["info"]["version"] == verifier.__version__
    schemas = document["components"]["schemas"]
    assert {"VerifyRequest", "Verdict", "Message", "Tactic", "Certificate", "CheckRequest"} <= schemas.keys()
    undescribed = [
        f"{schema}.{name}"
        for schema, found in schemas.items()
        for name, field in found.get("properties", {}).items()
        if not field.get("description")
    ]
    assert not undescribed


async def test_without_a_key_nobody_asks_and_health_is_open(pool: LeanPool) -> None:
    key = new_key()
    app = create_app(VerifyService(pool), keys=KeyRing({"alice": hash_of(key), "bob": hash_of(new_key())}))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        statuses = [
            (await http.post("/v1/verify", json=GOOD, headers=headers)).status_code
            for headers in (
                {},
                {"Authorization": "Bearer wrong"},
                {"Authorization": f"Basic {key}"},
                {"Authorization": f"Bearer {key}"},
                {"X-API-Key": key},
            )
        ]
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/v1/toolchain")).status_code == 401
    assert statuses == [401, 401, 401, 200, 200]


async def test_a_body_over_the_limit_is_refused_however_it_is_sent(pool: LeanPool) -> None:
    app = create_app(VerifyService(pool), body_limit=1000)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        whole = await http.post("/v1/verify", content=b" " * 2000)
        streamed = await http.post("/v1/verify", content=pieces())
        small = await http.post("/v1/verify", json=GOOD)
    assert (whole.status_code, streamed.status_code, small.status_code) == (413, 413, 200)
    assert "1,000 bytes" in whole.json()["detail"]


async def test_a_full_queue_answers_429_with_when_to_come_back(pool: LeanPool) -> None:
    service = VerifyService(pool, queue_limit=1)
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(create_app(service)), base_url="http://test") as http,
        service.admission.place(),
        service.admission.place(),
    ):
        assert service.admission.running == service.admission.places
        waiting = asyncio.create_task(http.post("/v1/verify", json=GOOD))
        await asyncio.sleep(0.1)
        full = await http.post("/v1/verify", json=GOOD | {"proof": "by rfl"})
        waiting.cancel()
        await asyncio.wait((waiting,))
        await asyncio.sleep(0.1)
    assert full.status_code == 429 and int(full.headers["Retry-After"]) >= 1
    assert (service.admission.running, service.admission.waiting) == (0, 0)


async def test_metrics_count_verdicts_by_status_and_cached_ones_apart(pool: LeanPool) -> None:
    async with client(pool) as http:
        for proof in ("rfl", "rfl", "by simp_nonsense"):
            await http.post("/v1/verify", json=GOOD | {"proof": proof})
        text = (await http.get("/metrics")).text
    for line in (
        'proofmill_verdicts_total{kind="proved",status="proved"} 2.0',
        'proofmill_verdicts_total{kind="refuted",status="rejected"} 1.0',
        "proofmill_cache_hits_total 1.0",
        'proofmill_workers{role="screen",state="idle"} 1.0',
        "proofmill_queue_seconds_count 2.0",
        'proofmill_submissions{state="running"} 0.0',
    ):
        assert line in text
    assert re.search(r'proofmill_worker_resident_bytes\{role="audit"\} \d\.\d+e\+0[89]', text)


async def test_a_request_keeps_its_id_and_gets_one_if_it_has_none(pool: LeanPool) -> None:
    async with client(pool) as http:
        own = await http.get("/healthz", headers={"X-Request-ID": "mine-1"})
        evil = await http.get("/healthz", headers={"X-Request-ID": "a b\tc"})
    assert own.headers["X-Request-ID"] == "mine-1"
    assert re.fullmatch("[0-9a-f]{32}", evil.headers["X-Request-ID"])


async def test_requests_are_logged_as_lines_of_json(
    pool: LeanPool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(VerifyService(pool), log_requests=True)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(json_formatter())
    log = logging.getLogger("verifier.server.middleware")
    monkeypatch.setattr(log, "handlers", [handler])
    caplog.set_level(logging.INFO, log.name)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        await http.get("/healthz", headers={"X-Request-ID": "mine-1"})
    line = json.loads(written.getvalue())
    assert line.pop("ms") >= 0 and line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "path": "/healthz",
        "status": 200,
        "request_id": "mine-1",
    }


async def test_a_pool_that_is_closed_is_a_service_that_is_unavailable(lean_runtime: LeanRuntime) -> None:
    pool = LeanPool(lean_runtime)
    await pool.close()
    async with client(pool) as http:
        reply = await http.post("/v1/verify", json=GOOD)
    assert reply.status_code == 503
    assert "closed" in reply.json()["detail"]


async def test_a_lean_that_does_not_start_is_503_with_what_to_do(tmp_path: Path) -> None:
    broken = LeanRuntime(
        name="embedded", command=("/bin/sh", "-c", "exit 7"), env={}, cwd=tmp_path, version="none"
    )
    pool = LeanPool(broken)
    async with client(pool) as http:
        replies = [await http.post("/v1/verify", json=GOOD) for _ in range(2)]
        batch = await http.post("/v1/verify/batch", json={"items": [GOOD]})
        ready = await http.get("/readyz")
    assert [reply.status_code for reply in (*replies, ready)] == [503, 503, 503]
    assert "proofmill doctor" in replies[0].json()["detail"]
    assert batch.json()["status"] == 503
    await pool.close()
