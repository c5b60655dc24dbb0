"""Kimina Lean Server's routes, as its published client reads them, on a real Lean."""

import httpx

from verifier.api import create_app
from verifier.kimina import split_imports
from verifier.pool import LeanPool
from verifier.service import VerifyService


def test_imports_go_to_the_header_and_lines_stay_where_they_were() -> None:
    code = "import Lean\n-- a comment\n\nimport Init.Data.List -- why\nopen Lean\ntheorem t : 1 = 1 := rfl"
    header, body = split_imports(code)
    assert header == "import Lean\nimport Init.Data.List"
    assert body == "\n\n\n\nopen Lean\ntheorem t : 1 = 1 := rfl"
    assert split_imports("theorem t : 1 = 1 := rfl") == ("", "theorem t : 1 = 1 := rfl")


async def test_check_answers_in_order_with_what_lean_says(pool: LeanPool) -> None:
    codes = {
        "valid": "import Lean\ntheorem t : 1 = 1 := rfl\n#check t",
        "error": "\ntheorem t : 1 = 2 := rfl",
        "sorry": "theorem t (a : Nat) : a = a := by\n  sorry",
        "term": "theorem t : 1 = 2 := sorry",
        "slow": "#eval (IO.sleep 900000 : IO Unit)",
        "header": "import Nowhere",
    }
    snippets = [{"id": name, "code": code} for name, code in codes.items()]
    transport = httpx.ASGITransport(create_app(VerifyService(pool)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        reply = await http.post(
            "/api/check", json={"snippets": snippets, "timeout": 5, "infotree": "tactics"}
        )
        backward = await http.post("/verify", json={"codes": [{"custom_id": 7, "proof": codes["error"]}]})
    results = {each["id"]: each for each in reply.json()["results"]}
    assert list(results) == list(codes)
    assert results["valid"]["response"]["messages"][0] == {
        "severity": "info",
        "pos": {"line": 3, "column": 0},
        "data": "t : 1 = 1",
    }
    error, *_ = results["error"]["response"]["messages"]
    assert (error["severity"], error["pos"]["line"]) == ("error", 2)
    (sorry,) = results["sorry"]["response"]["sorries"]
    assert sorry == {
        "pos": {"line": 2, "column": 2},
        "endPos": {"line": 2, "column": 7},
        "goal": "a : Nat\n⊢ a = a",
    }
    assert results["sorry"]["response"]["tactics"][0]["tactic"] == "sorry"
    assert len(results["term"]["response"]["sorries"]) == 1
    assert "timed out" in results["slow"]["error"] and "response" not in results["slow"]
    assert "Nowhere" in results["header"]["error"]
    (old,) = backward.json()["results"]
    assert old["custom_id"] == 7 and old["response"]["messages"][0]["severity"] == "error"
    assert old["response"]["time"] > 0
