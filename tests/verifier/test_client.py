"""The Python client, and Kimina's own, against a real server on a real port."""

import asyncio
import typing

import httpx
import pytest
import typing_extensions

from verifier.client import AsyncClient, Client
from verifier.errors import ServiceError
from verifier.judging.pool import LeanPool
from verifier.server.app import create_app
from verifier.server.service import VerifyService
from verifier.verdict import Status, Submission

# Before Python 3.12 pydantic refuses the kind of TypedDict that the published client asks for.
with pytest.MonkeyPatch.context() as patch:
    patch.setattr(typing, "TypedDict", typing_extensions.TypedDict)
    from kimina_client import AsyncKiminaClient, Infotree, KiminaClient, Snippet
    from kimina_client.models import SnippetStatus, VerifyResponse
    from kimina_client.proof_utils import has_error_response, parse_client_response

PROOFS = {"right": "rfl", "wrong": "by simp_nonsense", "same": "rfl", "incomplete": "sorry"}
SUBMISSIONS = [
    Submission(id=name, statement="theorem t : 1 = 1", proof=proof) for name, proof in PROOFS.items()
]
STATUSES = {
    "right": Status.PROVED,
    "wrong": Status.REJECTED,
    "same": Status.PROVED,
    "incomplete": Status.INCOMPLETE,
}


async def test_both_clients_give_typed_verdicts_one_by_one_and_in_batches(url: str) -> None:
    def ask() -> dict[str, Status]:
        with Client(url) as client:
            assert client.verify(SUBMISSIONS[0], tactics=True).tactics == ()
            return {each.id: each.status for each in client.verify_many(SUBMISSIONS)}

    assert await asyncio.to_thread(ask) == STATUSES
    async with AsyncClient(url) as client:
        assert (await client.verify(SUBMISSIONS[1])).status is Status.REJECTED
        assert {each.id: each.status async for each in client.verify_many(SUBMISSIONS)} == STATUSES


class Flaky(httpx.AsyncBaseTransport):
    """A server in process that fails some requests and breaks off some answers."""

    def __init__(self, pool: LeanPool, failures: list[str]) -> None:
        self._server = httpx.ASGITransport(create_app(VerifyService(pool)))
        self._failures = failures
        self.items: list[int] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        failure = self._failures.pop(0) if self._failures else ""
        if failure == "unreachable":
            raise httpx.ConnectError("refused")
        if failure.isdigit():
            return httpx.Response(int(failure), headers={"Retry-After": "0"}, json={"detail": "try again"})
        self.items.append(request.content.count(b'"id"'))
        response = await self._server.handle_async_request(request)
        if failure == "broken off":
            lines = (await response.aread()).splitlines(keepends=True)
            return httpx.Response(200, content=lines[0])
        return response


async def test_what_may_pass_is_tried_again_and_what_came_is_not_asked_for_twice(pool: LeanPool) -> None:
    transport = Flaky(pool, ["503", "unreachable", "broken off", "429"])
    async with AsyncClient("http://test", transport=transport) as client:
        verdicts = [each async for each in client.verify_many(SUBMISSIONS)]
    assert {each.id: each.status for each in verdicts} == STATUSES and len(verdicts) == len(STATUSES)
    assert transport.items == [4, 3]


async def test_what_will_not_pass_is_an_error_at_once_and_patience_has_an_end(pool: LeanPool) -> None:
    transport = Flaky(pool, ["503", "503", "503"])
    async with AsyncClient("http://test", transport=transport, attempts=2) as client:
        with pytest.raises(ServiceError, match="503"):
            await client.verify(SUBMISSIONS[0])
        transport._failures.clear()
        with pytest.raises(ServiceError, match="heartbeats") as refused:
            await client.verify(SUBMISSIONS[0], heartbeats=-1)
    assert refused.value.status == 422


async def test_a_client_that_goes_away_frees_its_place_and_the_worker(
    url: str, service: VerifyService
) -> None:
    endless = Submission(
        id="endless", statement="theorem t : 1 = 1", code="#eval (IO.sleep 900000 : IO Unit)"
    )
    async with httpx.AsyncClient(base_url=url, timeout=0.5) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post("/v1/verify", json=endless.model_dump(exclude_none=True))
    async with AsyncClient(url) as client:
        assert (await client.verify(SUBMISSIONS[0], heartbeats=199_999)).status is Status.PROVED
    assert (service.admission.running, service.admission.waiting) == (0, 0)


KIMINA = {
    "theorem t : 1 = 1 := rfl": SnippetStatus.valid,
    "import Lean\n#check Nat": SnippetStatus.valid,
    "theorem t : 1 = 2 := rfl": SnippetStatus.lean_error,
    "theorem t : 1 = 2 := sorry": SnippetStatus.sorry,
    "theorem t : 1 = 2 := by sorry": SnippetStatus.sorry,
    "theorem t : 1 = 2 := sorryAx _ false": SnippetStatus.lean_error,
    "axiom own : 1 = 2\ntheorem t : 1 = 2 := own": SnippetStatus.lean_error,
    "import Nowhere": SnippetStatus.server_error,
}


async def test_kiminas_own_client_reads_our_answers(url: str) -> None:
    def check() -> list[SnippetStatus]:
        client = KiminaClient(api_url=url, n_retries=1)
        assert client.health()["status"] == "ok"
        results = [client.check(code, show_progress=False).results[0] for code in KIMINA]
        return [each.analyze().status for each in results]

    assert await asyncio.to_thread(check) == list(KIMINA.values())


async def test_kiminas_client_passes_its_own_test_and_gets_all_that_it_can_ask_for(url: str) -> None:
    def check() -> None:
        client = KiminaClient(api_url=url, api_key="any, since the server has none", n_retries=1)
        client.test()
        snippets = [Snippet(id="a", code="theorem t : 1 = 1 := by rfl"), Snippet(id="b", code="#eval 1")]
        answer = client.api_check(snippets, debug=True, reuse=False, infotree=Infotree.original)
        assert [each.id for each in answer.results] == ["a", "b"]
        for each in answer.results:
            assert each.diagnostics is not None and each.diagnostics["repl_uuid"]
        proof = answer.results[0].model_dump()["response"]
        assert proof["infotree"][0]["node"]["goalsBefore"] == ["⊢ 1 = 1"]

    await asyncio.to_thread(check)


async def test_what_older_clients_ask_is_answered_as_their_helpers_read_it(url: str) -> None:
    """The client that came before `kimina-client` sent these requests; it is on no package index."""
    headers = {"Accept": "application/json", "Authorization": "Bearer None"}
    codes = {
        "valid": "theorem t : 1 = 1 := rfl",
        "sorry": "theorem t : 1 = 2 := by sorry",
        "error": "theorem t : 1 = 2 := rfl",
        "cheat": "theorem t : 1 = 2 := sorryAx _ false",
        "import": "import Nowhere\ntheorem t : 1 = 1 := rfl",
    }
    body = {
        "codes": [{"custom_id": name, "proof": code} for name, code in codes.items()],
        "timeout": 60,
        "infotree_type": None,
        "disable_cache": False,
    }
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
        assert (await http.get("/")).json()["status"] == "ok"
        answer = VerifyResponse.model_validate((await http.post("/verify", json=body)).json())
    read = {each["custom_id"]: parse_client_response(each) for each in answer.results}
    assert list(read) == list(codes)
    assert [name for name, each in read.items() if each["is_valid_no_sorry"]] == ["valid"]
    assert [name for name, each in read.items() if each["is_valid_with_sorry"]] == ["valid", "sorry"]
    assert [name for name, each in read.items() if each["has_error"]] == ["error", "cheat", "import"]
    assert not has_error_response(answer.results[1].get("response"))


@pytest.mark.slow
async def test_kiminas_client_gets_timeouts_and_many_answers_at_once(url: str) -> None:
    def slow() -> SnippetStatus:
        client = KiminaClient(api_url=url, n_retries=1)
        code = "#eval (IO.sleep 900000 : IO Unit)"
        return client.check(code, timeout=1, show_progress=False).results[0].analyze().status

    assert await asyncio.to_thread(slow) is SnippetStatus.timeout_error
    many = [f"theorem t : {n} + 0 = {n} := rfl" for n in range(60)]
    client = AsyncKiminaClient(api_url=url, n_retries=1)
    answers = await client.check(many, show_progress=False)
    await client.close()
    assert {each.analyze().status for each in answers.results} == {SnippetStatus.valid}
    assert len(answers.results) == len(many)
