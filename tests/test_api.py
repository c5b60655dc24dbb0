"""The HTTP API, in process, on a real Lean."""

import httpx
import pytest

from verifier.api import create_app
from verifier.lean.runtime import LeanRuntime
from verifier.pool import LeanPool

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD = {"statement": "theorem t : 1 + 1 = 2", "proof": "rfl"}


def client(pool: LeanPool) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_app(pool)), base_url="http://test")


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


async def test_healthz_says_which_lean_judges(pool: LeanPool) -> None:
    async with client(pool) as http:
        reply = await http.get("/healthz")
    assert reply.json() == {
        "status": "ok",
        "lean": pool.runtime.version,
        "runtime": "embedded",
        "workers": 1,
    }


async def test_a_pool_that_is_closed_is_a_service_that_is_unavailable(lean_runtime: LeanRuntime) -> None:
    pool = LeanPool(lean_runtime)
    await pool.close()
    async with client(pool) as http:
        reply = await http.post("/v1/verify", json=GOOD)
    assert reply.status_code == 503
    assert "closed" in reply.json()["detail"]
