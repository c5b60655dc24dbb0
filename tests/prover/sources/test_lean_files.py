"""Theorems in files of Lean: each under a header that makes it say what it says there, or reported."""

import json
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.library.features import Features
from prover.sources.lean_files import lean_theorems
from prover.sources.leandojo import DojoMissing, leandojo_theorems, longest_chains, trace_repository
from prover.sources.rows import RowIssue, SourceRow, SourceTheorem
from prover.syntax.commands import commands_of
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.verdict import Status, Submission

LEAN = """\
/- Two commands in a comment:
theorem no : 1 = 2 := sorry
-/
universe u

section Lists
variable {α : Type u} (xs : List α)

/-- Of a variable of the section. -/
theorem append_nil' : xs ++ [] = xs := by
  simp
end Lists

namespace Toy
open Nat in
/-- A number. -/
@[simp] def two : Nat := succ 1

@[simp]
protected theorem two_eq : two = 2 := by
  -- not a theorem: theorem no : 1 = 2
  rfl

private theorem four : two + two = 4 := by
  have h : two = 2 := Toy.two_eq
  rw [h]

open List in
set_option maxHeartbeats 4000 in
theorem nothing (xs : List Nat) :
    let n := length xs
    n = xs.length := by
  intro n; rfl

local notation "♥" => two

#eval two
example : two = 2 := rfl

theorem heart : ♥ = 2 := Toy.two_eq

theorem unproved : ♥ + 1 = 3 := sorry

section
variable (n : Nat)
theorem bound (h : n < two) :
  n ≤ 1 := by
  simp at h; omega
end
theorem by_cases : ∀ n : Nat, n = n
  | 0 => rfl
  | _ + 1 => rfl
mutual
theorem left : 1 = 1 := rfl
theorem right : 1 = 1 := left
end
theorem _root_.elsewhere : 1 = 1 := rfl
end Toy

theorem _root_.outside : Toy.two = 2 := by simp
"""


def found(rows: list[SourceRow]) -> dict[str, SourceTheorem]:
    assert [row for row in rows if isinstance(row, RowIssue)] == []
    return {row.theorem.name: row for row in rows if isinstance(row, SourceTheorem)}


def features_known(row: SourceTheorem) -> Features:
    assert row.features is not None
    return row.features


async def test_theorems_of_a_file_say_under_their_headers_what_they_say_in_it(
    tmp_path: Path, pool: LeanPool
) -> None:
    path = tmp_path / "Toy.lean"
    path.write_bytes(b"\xef\xbb\xbf" + LEAN.replace("\n", "\r\n").encode())
    rows = list(lean_theorems(path, source="toy"))
    good = found([row for row in rows if isinstance(row, SourceTheorem)])
    assert list(good) == [
        *("append_nil'", "Toy.two_eq", "Toy.four", "Toy.nothing", "Toy.heart", "Toy.unproved", "Toy.bound"),
        "outside",
    ]
    assert {
        row.where.rpartition(":")[2]: row.reason.split("`")[1] for row in rows if isinstance(row, RowIssue)
    } == {
        "50": "by_cases",
        "54": "left",
        "55": "right",
        "57": "_root_.elsewhere",
    }
    # The proofs that stand in the file prove these statements, under these headers.
    submissions = [
        Submission(id=name, statement=row.theorem.statement, header=row.theorem.header, proof=row.proof)
        for name, row in good.items()
        if row.proof is not None
    ]
    verdicts = {each.id: each async for each in pool.verify_many(submissions)}
    assert {
        name: verdict.reason for name, verdict in verdicts.items() if verdict.status is not Status.PROVED
    } == {}
    assert len(verdicts) == 7
    assert good["Toy.unproved"].proof is None


def test_theorems_that_need_the_same_have_the_same_header(tmp_path: Path) -> None:
    (tmp_path / "Toy.lean").write_text(LEAN)
    good = found([row for row in lean_theorems(tmp_path, source="toy") if isinstance(row, SourceTheorem)])
    headers = {name: row.theorem.header for name, row in good.items()}
    assert "append_nil'" not in "".join(headers.values())
    assert "section Lists" not in headers["Toy.heart"]
    assert "#eval" not in headers["Toy.bound"]
    assert "theorem two_eq" in headers["Toy.heart"]  # its proof names it
    assert "theorem two_eq" not in headers["Toy.unproved"]
    assert headers["Toy.unproved"] == headers["Toy.bound"].replace("section\nvariable (n : Nat)\n", "")


def test_a_benchmark_in_one_file_has_one_header(tmp_path: Path) -> None:
    theorems = "".join(
        f"/-- No {n}. -/\ntheorem p{n} (x : ℝ) :\n  |x| + {n} ≥ {n} := by\n  sorry\n\n" for n in range(9)
    )
    (tmp_path / "Test.lean").write_text(
        f"import Mathlib\nset_option maxHeartbeats 400000\nopen Real\n\n{theorems}"
    )
    good = found(list(lean_theorems(tmp_path, source="bench")))
    assert {row.theorem.header for row in good.values()} == {
        "import Mathlib\nset_option maxHeartbeats 400000\nopen Real\n"
    }
    assert good["p3"].theorem.statement == "theorem p3 (x : ℝ) :\n  |x| + 3 ≥ 3"


def test_an_answer_left_open_before_a_theorem_is_a_fault_of_those_that_name_it(tmp_path: Path) -> None:
    (tmp_path / "a.lean").write_text(
        "noncomputable abbrev answer : Nat := sorry\ndef twice := 2 * answer\n"
        "theorem first : answer = 4 := sorry\ntheorem second : twice = 8 := sorry\n"
        "theorem third : 1 = 1 := rfl\n"
    )
    good = found(list(lean_theorems(tmp_path, source="a")))
    assert [name for name, row in good.items() if row.faulty] == ["first", "second"]


MATHLIB = """\
module

public import Mathlib.Order.Basic -- shake: keep

/-! # A title: theorem none : True := trivial -/

@[expose] public section

open scoped Pointwise in
@[to_additive (attr := simp) "An additive one."]
lemma one_name {α : Type*} [Group α] (a : α) : a * a⁻¹ = 1 := by
  obtain ⟨b, hb⟩ : ∃ b, b = a := ⟨a, rfl⟩
  set_option maxRecDepth 1000 in
  simp

alias ⟨forward, backward⟩ := some_iff
@[deprecated (since := "2025-01-01")] protected alias Foo.old := one_name

variable {α : Type*} (s : Finset α) in
theorem card_bound : #s ≤
    #s + 1 := by
  calc
  #s ≤ #s := le_rfl
  _ ≤ #s + 1 := Nat.le_succ _

instance instFoo : Foo α where
  theorem_like := fun x => by
    cases x with
    | inl h => exact h
    | inr h => exact h

theorem iff_like : a ↔ b where
  mp h := h
  mpr h := h

/-- Docs. -/ theorem same_line (h : ¬ (1 : ℕ) = 2) : |(-1 : ℤ)| = 1 := rfl

@[simp, norm_cast]
private nonrec theorem Foo.«odd name» : let x := 1; x = 1 := rfl
theorem terminates : ∀ n : ℕ, n = n := fun n => match n with
  | 0 => rfl
  | n + 1 => rfl
termination_by n => n

end
"""


def test_mathlib_s_ways_of_writing_are_read(tmp_path: Path) -> None:
    (tmp_path / "M.lean").write_text(MATHLIB)
    rows = list(lean_theorems(tmp_path, source="m"))
    good = found([row for row in rows if isinstance(row, SourceTheorem)])
    assert list(good) == ["one_name", "card_bound", "same_line", "Foo.«odd name»", "terminates"]
    assert [row.reason.split("`")[1] for row in rows if isinstance(row, RowIssue)] == ["iff_like"]
    assert {name: row.theorem.statement for name, row in good.items()} == {
        "one_name": "theorem one_name {α : Type*} [Group α] (a : α) : a * a⁻¹ = 1",
        "card_bound": "theorem card_bound : #s ≤\n    #s + 1",
        "same_line": "theorem same_line (h : ¬ (1 : ℕ) = 2) : |(-1 : ℤ)| = 1",
        "Foo.«odd name»": "theorem Foo.«odd name» : let x := 1; x = 1",
        "terminates": "theorem terminates : ∀ n : ℕ, n = n",
    }
    header = good["card_bound"].theorem.header
    assert header.startswith("module\npublic import Mathlib.Order.Basic\n@[expose] public section\n")
    assert header.endswith("\nvariable {α : Type*} (s : Finset α)\n")
    # The alias names the lemma, so the lemma stays, with what was put before it.
    assert "open scoped Pointwise in\n@[to_additive" in header
    assert (good["one_name"].proof or "").endswith("set_option maxRecDepth 1000 in\n  simp")


def test_files_are_read_in_the_order_of_their_paths_without_what_was_built(tmp_path: Path) -> None:
    for name in ("b/Two.lean", "a/One.lean", ".lake/packages/x/Not.lean", "a/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"theorem {path.stem} : 1 = 1 := rfl\n")
    (tmp_path / "a" / "Zero.lean").write_bytes(b"theorem zero : \xff")
    rows = list(lean_theorems(tmp_path, source="many"))
    assert [row.theorem.name if isinstance(row, SourceTheorem) else row.reason for row in rows] == [
        "One",
        "is no UTF-8 at byte 15: save it as UTF-8",
        "Two",
    ]
    with pytest.raises(InvalidInput, match="no Lean file"):
        list(lean_theorems(tmp_path / "a" / "empty", source="none"))


@given(
    st.lists(
        st.sampled_from([*LEAN.splitlines(), "/-", "-/", "|", "@[", "open Nat in", "theorem", "end", '"'])
    )
)
def test_no_text_is_too_broken_to_be_read(lines: list[str]) -> None:
    text = "\n".join(lines)
    commands = commands_of(text)
    assert all(text[each.start : each.stop] == each.text and each.text for each in commands)
    assert all(before.stop <= after.start for before, after in pairwise(commands))


# LeanDojo


def dojo_row(
    name: str, lines: tuple[int, int], *premises: str, tactics: int = 1, file: str = "Toy.lean"
) -> dict[str, Any]:
    return {
        "url": "https://example.org/toy",
        "commit": "abc",
        "file_path": file,
        "full_name": name,
        "start": [lines[0], 1],
        "end": [lines[1], 10],
        "traced_tactics": [
            {
                "tactic": "simp",
                "annotated_tactic": [
                    "simp",
                    [
                        {"full_name": each, "def_path": "X.lean", "def_pos": [1, 2], "def_end_pos": [1, 3]}
                        for each in premises
                    ],
                ],
                "state_before": "⊢ True",
                "state_after": "no goals",
            }
        ]
        * tactics,
    }


@pytest.fixture
def benchmark(tmp_path: Path) -> Callable[..., Path]:
    """Writes the three files of a benchmark about a repository in `toy`."""
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "Toy.lean").write_text(LEAN)

    def write(train: list[Any], val: list[Any], test: list[Any]) -> Path:
        for name, rows in (("train", train), ("val", val), ("test", test)):
            (tmp_path / f"{name}.json").write_text(json.dumps(rows))
        return tmp_path

    return write


def test_theorems_of_a_benchmark_have_their_statements_from_the_repository(
    benchmark: Callable[..., Path],
) -> None:
    directory = benchmark(
        [dojo_row("Toy.four", (24, 26), "Toy.two_eq", "Toy.two")],
        [dojo_row("Toy.two_eq", (19, 22), "Toy.two", "rfl")],
        [dojo_row("Toy.heart", (40, 40), tactics=0)],
    )
    rows = found(list(leandojo_theorems(directory, directory / "toy", source="dojo")))
    assert {name: row.theorem.split for name, row in rows.items()} == {
        "Toy.four": "train",
        "Toy.two_eq": "valid",
        "Toy.heart": "test",
    }
    four = rows["Toy.four"]
    assert four.theorem.statement == "theorem four : two + two = 4"
    assert "namespace Toy" in four.theorem.header
    assert four.where.endswith("train.json:1")
    features = features_known(four)
    assert (features.lemmas_used, features.dependency_depth, features.estimated) == (2, 2, frozenset())
    # A proof that is a term was not traced: nothing is known of its premises.
    assert features_known(rows["Toy.heart"]).estimated == {"dependency_depth"}


def test_depth_is_known_only_where_the_whole_benchmark_is_read(benchmark: Callable[..., Path]) -> None:
    directory = benchmark([dojo_row("Toy.four", (24, 26), "Toy.two_eq")], [], [])
    (row,) = found(
        list(leandojo_theorems(directory / "train.json", directory / "toy", source="dojo"))
    ).values()
    assert features_known(row).estimated == {"dependency_depth"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**dojo_row("Toy.four", (24, 26)), "full_name": None}, "field `full_name`"),
        ({**dojo_row("Toy.four", (24, 26)), "start": [1]}, "field `start"),
        ({**dojo_row("Toy.four", (24, 26)), "file_path": "a\0b"}, "`Toy.four`"),
        ({**dojo_row("Toy.four", (24, 26)), "full_name": "\ud800"}, "unicode"),
        (7, "valid dictionary"),
        (dojo_row("Toy.four", (1, 5)), "is the repository at commit abc?"),
        (dojo_row("Toy.other", (24, 26)), "is the repository at commit abc?"),
        (dojo_row("Toy.four", (24, 26), file="../secret.lean"), "not in the repository"),
        (dojo_row("Toy.four", (24, 26), file="Gone.lean"), "cannot be read"),
        (dojo_row("Toy.by_cases", (50, 52)), "proved by cases"),
    ],
)
def test_a_row_of_a_benchmark_that_is_wrong_costs_only_itself(
    benchmark: Callable[..., Path], row: Any, reason: str
) -> None:
    directory = benchmark([row, dojo_row("Toy.two_eq", (19, 22))], [], [])
    rows = list(leandojo_theorems(directory, directory / "toy", source="dojo"))
    (bad,) = (each for each in rows if isinstance(each, RowIssue))
    assert bad.where.endswith("train.json:1")
    assert reason in bad.reason
    assert [each.theorem.name for each in rows if isinstance(each, SourceTheorem)] == ["Toy.two_eq"]


def test_a_benchmark_that_is_cut_off_gives_what_stands_before(
    tmp_path: Path, benchmark: Callable[..., Path]
) -> None:
    directory = benchmark([dojo_row("Toy.four", (24, 26)), dojo_row("Toy.two_eq", (19, 22))], [], [])
    path = directory / "train.json"
    path.write_text(path.read_text()[:-200])
    good, bad = sorted(
        leandojo_theorems(path, directory / "toy", source="dojo"), key=lambda row: isinstance(row, RowIssue)
    )
    assert isinstance(good, SourceTheorem)
    assert isinstance(bad, RowIssue)
    assert bad.where.endswith("train.json:2")
    assert "malformed JSON" in bad.reason
    path.write_text("{}")
    (bad,) = leandojo_theorems(path, directory / "toy", source="dojo")
    assert isinstance(bad, RowIssue)
    assert "no JSON list" in bad.reason


def test_a_benchmark_larger_than_what_is_read_at_once_is_read_whole(benchmark: Callable[..., Path]) -> None:
    rows = [
        dojo_row("Toy.four", (24, 26), *(f"lemma{n}" for n in range(9_000)), tactics=n) for n in (1, 3, 1)
    ]
    path = benchmark(rows, [], []) / "train.json"
    assert path.stat().st_size > 3 << 20
    assert len(list(leandojo_theorems(path, path.parent / "toy", source="dojo"))) == 3


def test_no_repository_is_invalid_input(tmp_path: Path, benchmark: Callable[..., Path]) -> None:
    directory = benchmark([], [], [])
    with pytest.raises(InvalidInput, match="checkout of the repository"):
        list(leandojo_theorems(directory, directory / "none", source="dojo"))
    with pytest.raises(InvalidInput, match="no rows of LeanDojo"):
        list(leandojo_theorems(directory / "toy", directory / "toy", source="dojo"))


@given(st.dictionaries(st.integers(0, 12), st.frozensets(st.integers(0, 15), max_size=4), max_size=13))
def test_a_chain_without_circles_is_as_long_as_the_longest_way_down(graph: dict[int, frozenset[int]]) -> None:
    below = {
        name: frozenset(str(each) for each in premises if each > name) for name, premises in graph.items()
    }
    premises = {str(name): below[name] for name in graph}

    def longest(name: str) -> int:
        return max((1 + longest(each) for each in premises.get(name, ())), default=0)

    assert longest_chains(premises) == {name: longest(name) for name in premises}


def test_a_circle_of_premises_ends() -> None:
    circle = {"a": frozenset({"b"}), "b": frozenset({"a"}), "self": frozenset({"self"})}
    assert longest_chains(circle) == {"a": 2, "b": 1, "self": 1}


def test_a_long_chain_is_no_recursion() -> None:
    chain = {str(number): frozenset({str(number + 1)}) for number in range(50_000)}
    assert longest_chains(chain)["0"] == 50_000


def test_tracing_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lean_dojo", None)
    with pytest.raises(DojoMissing, match=r"proofmill\[dojo\]"):
        trace_repository("https://example.org/toy", "abc", tmp_path / "toy.json")
    monkeypatch.setitem(sys.modules, "lean_dojo", ModuleType("lean_dojo"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DojoMissing, match="no `lake` on the path"):
        trace_repository("https://example.org/toy", "abc", tmp_path / "toy.json")
