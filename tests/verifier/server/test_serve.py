"""`proofmill serve` as a process on a port: what its document promises, and how it ends."""

import concurrent.futures
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.serving import serving
from verifier.lean.runtime import LeanRuntime

pytestmark = pytest.mark.e2e

POSTS = (
    "/v1/verify",
    "/v1/verify/batch",
    "/v1/statements",
    "/v1/tactics",
    "/api/check",
    "/verify",
    "/one_pass_verify_batch",
)
GETS = ("/v1/toolchain", "/health", "/healthz", "/readyz", "/metrics")  # take nothing that could be wrong
REQUESTS = (
    *(("get", path, GenerationMode.POSITIVE) for path in GETS),
    *(("post", path, mode) for path in POSTS for mode in GenerationMode),
)
PROMISES = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
QUICK = {"statement": "theorem t : 1 = 1", "proof": "rfl"}


@pytest.fixture(scope="module")
def schema(lean_runtime: LeanRuntime) -> Iterator[schemathesis.BaseSchema]:
    with serving() as server:
        yield schemathesis.openapi.from_url(f"{server.url}/openapi.json")


@pytest.mark.parametrize(("method", "path", "mode"), REQUESTS)
def test_whatever_is_sent_gets_an_answer_that_the_document_describes(
    schema: schemathesis.BaseSchema, method: str, path: str, mode: GenerationMode
) -> None:
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=40, suppress_health_check=list(HealthCheck), database=None)
    def check(case: schemathesis.Case[Any]) -> None:
        # The first asks for a header that no worker has read, and the machine may have others to serve.
        case.call_and_validate(checks=PROMISES, timeout=90)

    check()


def test_every_operation_of_the_document_is_tried(schema: schemathesis.BaseSchema) -> None:
    operations = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    found = {(operation.method, operation.path) for operation in operations}
    assert found == {(method, path) for method, path, _ in REQUESTS}


def test_a_server_that_is_stopped_finishes_what_runs_and_sends_away_what_waits(
    lean_runtime: LeanRuntime,
) -> None:
    with (
        serving() as server,
        httpx.Client(base_url=server.url, timeout=60) as http,
        concurrent.futures.ThreadPoolExecutor() as threads,
    ):

        def submissions(state: str) -> int:
            found = re.search(rf'proofmill_submissions{{state="{state}"}} (\d+)', http.get("/metrics").text)
            return int(found[1]) if found else 0

        # Two are let in, for one worker and its auditor; the others wait.
        slow = [QUICK | {"proof": f"by sleep {ms}; rfl"} for ms in range(3000, 3005)]
        answers = [threads.submit(http.post, "/v1/verify", json=each) for each in slow]
        while (submissions("running"), submissions("waiting")) != (2, 3):
            time.sleep(0.05)
        server.process.send_signal(signal.SIGTERM)
        found = sorted((each.result() for each in answers), key=lambda answer: answer.status_code)
        assert [each.status_code for each in found] == [200, 200, 503, 503, 503]
        assert [each.json()["status"] for each in found[:2]] == ["proved", "proved"]
        assert all("stopping" in each.json()["detail"] for each in found[2:])
        assert server.process.wait(timeout=30) == -signal.SIGTERM
