"""Kimina Lean Server's routes, as its published client reads them, on a real Lean."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from verifier.judging.pool import LeanPool
from verifier.server.app import create_app
from verifier.server.auth import KeyRing, hash_of, new_key
from verifier.server.service import VerifyService

IMPORTS = {
    "licence": ("/- Licence.\nimport Nowhere -/\nimport Lean\n\ntheorem t : 1 = 1 := rfl", 5),
    "words": ("/-\nShow that 1 is 1.\n-/\nimport Lean -- all of it\n/- so -/ theorem t : 1 = 1 := rfl", 5),
    "one line": ("import Lean import Init.Data.List\ntheorem t : 1 = 1 := rfl", 2),
    "comments": ("import Lean -- why\n-- and\n/- also -/ import Init\ntheorem t : 1 = 1 := rfl", 4),
    "windows": ("import Lean\r\n\r\ntheorem t : 1 = 1 := by\r\n  rfl\r\n", 3),
    "module": ("module\n\npublic import Lean\n\npublic theorem t : 1 = 1 := rfl", 5),
    "all": (
        "module\nimport all Init\npublic meta import Lean\npublic section\ntheorem t : 1 = 1 := rfl\nend",
        5,
    ),
    "exposed": (
        "module\n@[expose] public section\ndef two := 2\nmeta def one := 1\ntheorem t : two = 2 := rfl",
        5,
    ),
}
"""Files without an error, and the line of the theorem."""

SILENT = (
    "import Lean",
    "import Lean\n",
    "-- nothing",
    "/- nothing -/\n",
    "",
    "\n\n",
    "module\n",
    "import Init\n\n-- x",
)


async def checked(pool: LeanPool, *codes: str, path: str = "/api/check") -> list[dict[str, Any]]:
    """The responses to snippets, in their order."""
    named = {str(place): code for place, code in enumerate(codes)}
    return [each["response"] for each in await results_of(pool, named, path=path)]


async def results_of(
    pool: LeanPool, codes: Mapping[str, str], *, path: str = "/api/check", **more: Any
) -> list[dict[str, Any]]:
    """The results of snippets by their ids, in their order."""
    transport = httpx.ASGITransport(create_app(VerifyService(pool)))
    snippets = [{"id": name, "code": code} for name, code in codes.items()]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        reply = await http.post(path, json={"snippets": snippets, "timeout": 30, **more})
    assert reply.status_code == 200
    results: list[dict[str, Any]] = reply.json()["results"]
    return results


async def test_what_lean_takes_for_imports_is_imported_and_lines_stay_where_they_were(pool: LeanPool) -> None:
    codes = [f"{code}\n#check Nat\n#check nosuch" for code, _ in IMPORTS.values()]
    for (name, (code, _)), said in zip(IMPORTS.items(), await checked(pool, *codes), strict=True):
        line = code.count("\n") + 2
        found = [(each["severity"], each["pos"]["line"]) for each in said["messages"]]
        assert found == [("info", line), ("error", line + 1)], name


async def test_files_that_say_nothing_are_no_error(pool: LeanPool) -> None:
    assert [said["messages"] for said in await checked(pool, *SILENT)] == [[] for _ in SILENT]


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import Lean\nimport\n", "expected identifier"),
        ("public import Lean\n", "without `module`"),
        ("open Nat\nimport Lean\n", "invalid 'import' command"),
    ],
)
async def test_imports_that_lean_refuses_are_refused_with_its_words(
    pool: LeanPool, code: str, complaint: str
) -> None:
    ((error, *_),) = [said["messages"] for said in await checked(pool, code)]
    assert error["severity"] == "error" and complaint in error["data"]


async def test_every_sorry_comes_with_its_goal_and_its_place(pool: LeanPool) -> None:
    code = """theorem tactic (n : Nat) : n = 2 := by
  sorry
theorem term (α : Type) (x y : α) : x = y := sorry
theorem exactly : 1 = 2 := by exact sorry
theorem both (n : Nat) : n = 2 ∧ n = 3 := by
  constructor <;> sorry
theorem parts : 1 = 1 ∧ 2 = 3 := ⟨rfl, sorry⟩
theorem inner (n : Nat) : n = n := by
  have h : n = 5 := by sorry
  admit
def free : Nat := sorry + 1"""
    ((*found,),) = [said["sorries"] for said in await checked(pool, code)]
    lines = code.split("\n")
    for each in found:
        assert each["pos"]["line"] == each["endPos"]["line"]
        line = lines[each["pos"]["line"] - 1]
        assert line[each["pos"]["column"] : each["endPos"]["column"]] in ("sorry", "admit")
    assert [(each["pos"]["line"], each["goal"]) for each in found] == [
        (2, "n : Nat\n⊢ n = 2"),
        (3, "α : Type\nx y : α\n⊢ x = y"),
        (4, "⊢ 1 = 2"),
        (6, "case left\nn : Nat\n⊢ n = 2"),
        (6, "case right\nn : Nat\n⊢ n = 3"),
        (7, "⊢ 2 = 3"),
        (9, "n : Nat\n⊢ n = 5"),
        (10, "n : Nat\nh : n = 5\n⊢ n = n"),
        (11, "⊢ Nat"),
    ]


async def test_theorems_of_the_library_are_no_axioms(pool: LeanPool) -> None:
    code = """axiom own : 1 = 2
theorem a (a b : Nat) (h : a < b) : a + 1 ≤ b := by omega
theorem b : 1 = 2 ∧ 3 + 4 = 4 + 3 := ⟨own, Nat.add_comm 3 4⟩
theorem c : 1 = 1 := rfl
theorem d : 1 = 2 := own
#print axioms a
#print axioms b
#print axioms c
#print axioms d"""
    ((a, b, c, d, _),) = [said["messages"] for said in await checked(pool, code)]
    assert a["data"].startswith("'a' depends on axioms: [propext")
    named = [set(re.findall(r"\[(.*?)\]", each["data"])[0].split(", ")) for each in (a, b)]
    three = {"propext", "Classical.choice", "Quot.sound"}
    assert named[0] <= three and named[1] <= three | {"own"} and "own" in named[1]
    assert c["data"] == "'c' does not depend on any axioms"
    assert d["data"] == "'d' depends on axioms: [own]"


@pytest.mark.parametrize("path", ["/verify", "/verify/", "/one_pass_verify_batch", "/one_pass_verify_batch/"])
async def test_older_clients_are_answered(pool: LeanPool, path: str) -> None:
    body = {
        "codes": [
            {"custom_id": "a", "code": "theorem t : 1 = 1 := rfl"},
            {"custom_id": 7, "proof": "#eval 1"},
        ],
        "timeout": 30,
        "infotree_type": "original",
    }
    transport = httpx.ASGITransport(create_app(VerifyService(pool)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        reply = await http.post(path, json=body)
    assert [(each["custom_id"], each.get("error")) for each in reply.json()["results"]] == [
        ("a", None),
        (7, None),
    ]


async def test_the_path_with_a_slash_behind_it_answers_too(pool: LeanPool) -> None:
    (said,) = await checked(pool, "#eval 2 + 2", path="/api/check/")
    assert said["messages"][0]["data"] == "4"


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
        "endPos": {"line": 3, "column": 6},
        "data": "t : 1 = 1",
    }
    error, *_ = results["error"]["response"]["messages"]
    assert (error["severity"], error["pos"]["line"]) == ("error", 2)
    assert error["endPos"]["line"] == 2 and error["endPos"]["column"] > error["pos"]["column"]
    (sorry,) = results["sorry"]["response"]["sorries"]
    assert sorry == {
        "pos": {"line": 2, "column": 2},
        "endPos": {"line": 2, "column": 7},
        "goal": "a : Nat\n⊢ a = a",
    }
    assert results["sorry"]["response"]["tactics"][0]["tactic"] == "sorry"
    assert results["sorry"]["response"]["infotree"][0]["node"]["goalsBefore"] == ["a : Nat\n⊢ a = a"]
    assert len(results["term"]["response"]["sorries"]) == 1
    assert "timed out" in results["slow"]["error"] and "response" not in results["slow"]
    assert "Nowhere" in results["header"]["error"]
    (old,) = backward.json()["results"]
    assert old["custom_id"] == 7 and old["response"]["messages"][0]["severity"] == "error"
    assert old["response"]["time"] > 0


async def test_the_tree_of_a_proof_has_its_tactics_with_goals_before_and_after(pool: LeanPool) -> None:
    code = """import Lean

theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  constructor
  · exact hp
  · rw [eq_true hq]"""
    trees = {}
    for level in ("full", "tactics", "original", "substantive"):
        (result,) = await results_of(pool, {"a": code}, infotree=level)
        trees[level] = list(nodes(result["response"]["infotree"]))
    assert trees["full"] == trees["tactics"]
    assert len(trees["full"]) > len(trees["original"]) > 0
    assert not any(node["stx"]["range"]["synthetic"] for node in trees["original"])
    (constructor,) = [node for node in trees["original"] if node["stx"]["pp"] == "constructor"]
    hypotheses = "p q : Prop\nhp : p\nhq : q\n"
    assert constructor == {
        "name": "Lean.Parser.Tactic.constructor",
        "stx": {
            "pp": "constructor",
            "range": {
                "synthetic": False,
                "start": {"line": 4, "column": 2},
                "finish": {"line": 4, "column": 13},
            },
        },
        "goalsBefore": [f"{hypotheses}⊢ p ∧ q"],
        "goalsAfter": [f"case left\n{hypotheses}⊢ p", f"case right\n{hypotheses}⊢ q"],
    }
    written = [node["stx"]["pp"] for node in trees["substantive"] if not node["stx"]["range"]["synthetic"]]
    assert written[:2] == ["constructor", "exact hp"] and "rw [eq_true hq]" in written


async def test_a_level_of_detail_that_is_none_is_refused_by_name(pool: LeanPool) -> None:
    transport = httpx.ASGITransport(create_app(VerifyService(pool)))
    body = {"snippets": [{"id": "a", "code": "#eval 1"}], "infotree": "everything"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        refused = await http.post("/api/check", json=body)
    assert refused.status_code == 422 and "substantive" in str(refused.json()["detail"])


def nodes(trees: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The nodes of trees, each before those below it."""
    for tree in trees:
        assert tree["kind"] == "TacticInfo"
        yield tree["node"]
        yield from nodes(tree["children"])


async def test_a_key_is_asked_for_as_their_client_sends_it_and_health_is_open(pool: LeanPool) -> None:
    key = new_key()
    app = create_app(VerifyService(pool), keys=KeyRing({"alice": hash_of(key)}))
    snippets, codes = [{"id": "a", "code": "#eval 1"}], [{"custom_id": "a", "code": "#eval 1"}]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        statuses = [
            [
                (await http.post("/api/check", json={"snippets": snippets}, headers=headers)).status_code,
                (await http.post("/verify", json={"codes": codes}, headers=headers)).status_code,
            ]
            for headers in ({}, {"Authorization": "Bearer None"}, {"Authorization": f"Bearer {key}"})
        ]
        assert [(await http.get(path)).json()["status"] for path in ("/", "/health", "/health/")] == [
            "ok"
        ] * 3
    assert statuses == [[401, 401], [401, 401], [200, 200]]


async def test_a_debugged_check_names_itself_and_no_other_does(pool: LeanPool) -> None:
    codes = dict.fromkeys("ab", "#eval 1")
    asked = await results_of(pool, codes, debug=True, reuse=False)
    assert len({each["diagnostics"]["repl_uuid"] for each in asked}) == 2
    assert all("diagnostics" not in each for each in await results_of(pool, codes))


async def test_a_sorry_is_said_in_the_words_that_their_helpers_look_for(pool: LeanPool) -> None:
    (said,) = await checked(pool, "theorem t : 1 = 2 := sorry")
    assert [each["data"] for each in said["messages"]] == ["declaration uses 'sorry'"]


async def test_a_text_that_is_too_long_is_refused_unread_and_touches_no_other(pool: LeanPool) -> None:
    long, short = await results_of(pool, {"long": "-" * 1_000_001, "short": "#eval 1"})
    assert "1,000,000" in long["error"] and short["response"]["messages"][0]["data"] == "1"
