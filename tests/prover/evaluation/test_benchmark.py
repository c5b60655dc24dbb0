"""Benchmarks: nothing of a published set is lost, a set is known by what it asks, bad rows are named."""

import json
from pathlib import Path
from typing import Any

import pytest

from prover.evaluation.benchmark import digest_of_problems, labels_of, load_benchmark
from prover.sources.datasets import CORE_HEADER
from prover.sources.open_answers import with_answer
from prover.theorem import Theorem
from verifier.errors import InvalidInput

ROW = {"split": "test", "header": "import Mathlib\n", "formal_statement": "theorem a (n : ℕ) : n = n := by\n"}


def write(path: Path, *rows: dict[str, Any] | str) -> Path:
    lines = [row if isinstance(row, str) else json.dumps({"name": "a", **ROW, **row}) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("file", "rows", "renamed", "faulty", "variant"),
    [("minif2f.jsonl", 488, 0, 6, "244 valid and 244 test"), ("proofnet.jsonl", 371, 22, 0, "ProofNet")],
)
def test_every_row_of_the_published_sets_is_there_under_a_name_of_its_own(
    shared_data: Path, file: str, rows: int, renamed: int, faulty: int, variant: str
) -> None:
    loaded = load_benchmark(shared_data / file)
    assert (len(loaded.problems), len(loaded.bad), len(loaded.renamed)) == (rows, 0, renamed)
    assert len({each.theorem.name for each in loaded.problems}) == rows
    assert len(loaded.faulty) == faulty
    assert variant in loaded.variant
    published = [json.loads(line) for line in (shared_data / file).read_text("utf-8").splitlines()]
    for row, problem in zip(published, loaded.problems, strict=True):
        said = problem.theorem.statement.split()
        assert row["formal_statement"].split() in ([*said, ":="], [*said, ":=", "by"])
        assert row["header"] == problem.theorem.header
        assert problem.theorem.name.split("~")[0] == row["name"]
        assert problem.informal and problem.informal in row["informal_prefix"]


def test_a_set_is_known_by_what_it_asks_and_not_by_its_order_or_file(
    shared_data: Path, tmp_path: Path
) -> None:
    rows = (shared_data / "minif2f.jsonl").read_text("utf-8").splitlines()
    (tmp_path / "mine.jsonl").write_text("\n".join(reversed(rows)), encoding="utf-8")
    assert "miniF2F" in load_benchmark(tmp_path / "mine.jsonl").variant
    changed = [rows[0].replace("36 := by", "37 := by"), *rows[1:]]
    (tmp_path / "mine.jsonl").write_text("\n".join(changed), encoding="utf-8")
    assert "no published set" in load_benchmark(tmp_path / "mine.jsonl").variant


def test_rows_that_cannot_be_measured_on_are_named_and_the_others_stay(tmp_path: Path) -> None:
    path = write(
        tmp_path / "rows.jsonl",
        {"name": "whole", "informal_prefix": "/-- In words. -/\n"},
        '{"name": "no_statement", "split": "test", "header": ""}',
        "{not json",
        {"name": "whole"},
        {"name": "whole", "formal_statement": "theorem whole : 2 = 2 := by"},
        {"name": "given", "formal_statement": "theorem given : 2 = 2 := by rfl"},
        {"name": "windows", "formal_statement": "theorem windows :\r\n  3 = 3 := by\r\n"},
    )
    loaded = load_benchmark(path)
    assert [each.theorem.name.split("~")[0] for each in loaded.problems] == ["whole", "whole", "windows"]
    assert loaded.problems[0].informal == "In words."
    assert loaded.problems[2].theorem.statement == "theorem windows :\n  3 = 3"
    said = [(each.where.rpartition(":")[2], each.reason) for each in loaded.bad]
    assert [line for line, _ in said] == ["2", "3", "4", "6"]
    assert "formal_statement" in said[0][1] and "JSON" in said[1][1]
    assert "there already" in said[2][1] and "comes with a proof" in said[3][1]
    assert [each.where.rpartition(":")[2] for each in loaded.renamed] == ["5"]


def test_lean_files_are_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "Test").mkdir()
    (tmp_path / "Test" / "a.lean").write_text("open Nat\n\ntheorem a (n : Nat) : n = n := by sorry\n")
    (tmp_path / "Test" / "b.lean").write_text("theorem b : 1 = 1 := by\n  sorry\n")
    loaded = load_benchmark(tmp_path / "Test")
    assert [each.theorem.name for each in loaded.problems] == ["a", "b"]
    assert {each.theorem.split for each in loaded.problems} == {"test"}
    (tmp_path / "Valid.lean").write_text("theorem c : 2 = 2 := by sorry\n")
    both = load_benchmark(tmp_path)
    assert [each.theorem.split for each in both.problems] == ["test", "test", "valid"]
    assert [each.theorem.split for each in load_benchmark(tmp_path / "Valid.lean").problems] == ["valid"]


def test_core_lean_reads_the_statements_under_a_header_of_its_own(tmp_path: Path) -> None:
    loaded = load_benchmark(write(tmp_path / "rows.jsonl", {"name": "a"}, {"name": "b", "split": "valid"}))
    core = loaded.of_split("valid").under_core_header()
    assert [(each.theorem.name, each.theorem.header) for each in core.problems] == [("b", CORE_HEADER)]
    assert core.digest == digest_of_problems(core.problems) != loaded.digest
    assert [each.theorem.name for each in loaded.first(1).problems] == ["a"]
    assert loaded.first(1).set_digest == loaded.digest
    with pytest.raises(InvalidInput, match="splits"):
        loaded.of_split("train")


def test_what_has_no_theorem_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nothing at"):
        load_benchmark(tmp_path / "none.jsonl")
    with pytest.raises(InvalidInput, match=r"no theorem to prove.*:1: malformed JSON"):
        load_benchmark(write(tmp_path / "rows.jsonl", "{"))


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (
            "abbrev a_solution : ℕ := sorry\n-- 4\ntheorem a : 2 + 2 = a_solution := sorry",
            "abbrev a_solution : ℕ := 4\ntheorem a : 2 + 2 = a_solution := sorry",
        ),
        (
            "noncomputable abbrev a_solution (n : ℕ) : ℕ :=\n  sorry\n--   if n = 0 then 1\n-- else 2\n"
            "/-- Find it. -/\n"
            "theorem a : a_solution 0 = 1 := sorry",
            "noncomputable abbrev a_solution (n : ℕ) : ℕ :=\n  if n = 0 then 1\n  else 2\n/-- Find it. -/\n"
            "theorem a : a_solution 0 = 1 := sorry",
        ),
        (
            "abbrev a_solution : ℕ := sorry\nabbrev b_solution : ℕ := sorry\n-- 4\ntheorem a : True := sorry",
            "abbrev a_solution : ℕ := sorry\nabbrev b_solution : ℕ := 4\ntheorem a : True := sorry",
        ),
    ],
)
def test_an_answer_that_is_left_open_is_the_one_below_it(asked: str, answered: str) -> None:
    assert with_answer(asked) == answered
    assert with_answer(answered) == answered


def test_putnambench_is_asked_with_its_answers_or_without_and_says_so(tmp_path: Path) -> None:
    statement = "abbrev a_solution : ℕ := sorry\n-- 4\ntheorem a : 2 + 2 = a_solution :=\nsorry"
    path = tmp_path / "putnam.jsonl"
    path.write_text(json.dumps({"name": "a", "lean4_statement": statement}))
    given, left_open = load_benchmark(path), load_benchmark(path, answers=False)
    assert given.answer_given == {"a"} and not given.faulty
    assert given.problems[0].theorem.header == "abbrev a_solution : ℕ := 4\n"
    assert not left_open.answer_given and "a_solution" in left_open.faulty["a"]
    assert given.digest != left_open.digest


PUTNAM = {
    "putnam_0000_a1": """import Mathlib

open Nat

abbrev putnam_0000_a1_solution : ℕ := sorry
-- 4
/--
Find $2 + 2$.
-/
theorem putnam_0000_a1 : 2 + 2 = putnam_0000_a1_solution :=
sorry
""",
    "putnam_0000_a2": """import Mathlib

-- Of a helper, two lines of an answer, and no line feed at the end.
def double (n : ℕ) : ℕ := 2 * n
noncomputable abbrev putnam_0000_a2_solution : ℕ → ℕ := sorry
-- fun n =>
--   double n
theorem putnam_0000_a2 (n : ℕ) : double n = putnam_0000_a2_solution n :=
sorry""",
    "putnam_0000_b1": "import Mathlib\n/-- Show that $1 = 1$. -/\ntheorem putnam_0000_b1 : 1 = 1 :=\nsorry\n",
}
"""Files as PutnamBench has them in `lean4/src`."""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_putnambench_as_a_directory_is_that_of_its_rows(tmp_path: Path, ends: str) -> None:
    root = tmp_path / "lean4" / "src"
    root.mkdir(parents=True)
    for name, text in PUTNAM.items():
        (root / f"{name}.lean").write_text(text, newline=ends)
    rows = tmp_path / "putnam.jsonl"
    rows.write_text(
        "".join(json.dumps({"name": name, "lean4_statement": text}) + "\n" for name, text in PUTNAM.items())
    )
    for answers in (True, False):
        files, lines = (load_benchmark(path, answers=answers) for path in (root, rows))
        assert not files.bad and files.digest == lines.digest
        assert files.answer_given == lines.answer_given
        assert files.faulty == lines.faulty
        assert set(files.faulty) == (set() if answers else {"putnam_0000_a1", "putnam_0000_a2"})
    given = load_benchmark(root)
    assert given.answer_given == {"putnam_0000_a1", "putnam_0000_a2"}
    a1, a2, b1 = given.problems
    assert "abbrev putnam_0000_a1_solution : ℕ := 4\n" in a1.theorem.header
    assert "putnam_0000_a2_solution : ℕ → ℕ := fun n =>\n  double n\n" in a2.theorem.header
    assert (a1.informal, a2.informal, b1.informal) == ("Find $2 + 2$.", "", "Show that $1 = 1$.")


def test_an_answer_is_given_to_the_theorem_that_asks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "Both.lean"
    path.write_text(
        "abbrev a_solution : Nat := sorry\n-- 4\ntheorem a : 2 + 2 = a_solution := sorry\n\n"
        "theorem b : 1 = 1 := sorry\n\ntheorem c : 1 = nosuch := by cases x\n| a => rfl\n"
    )
    found = load_benchmark(path)
    assert found.answer_given == {"a"}
    assert [each.where.rpartition(":")[2] for each in found.bad] == ["7"]


def test_a_part_of_a_set_still_says_which_set_it_is_of(shared_data: Path) -> None:
    whole = load_benchmark(shared_data / "minif2f.jsonl")
    part = whole.of_split("test").under_core_header()
    assert len(part.problems) == 244
    assert part.set_digest == whole.digest != part.digest
    assert part.variant == whole.variant


@pytest.mark.parametrize(
    ("name", "source", "topic"),
    [
        ("mathd_algebra_478", "MATH", "algebra"),
        ("mathd_numbertheory_1", "MATH", "number theory"),
        ("amc12a_2019_p21", "AMC", "other"),
        ("aime_1983_p1", "AIME", "other"),
        ("aimeII_2001_p3", "AIME", "other"),
        ("imosl_2007_algebra_p6", "IMO", "algebra"),
        ("induction_12dvd4expnp1p20", "custom", "induction"),
        ("numbertheory_4x3m7y3neq2003", "custom", "number theory"),
    ],
)
def test_names_of_minif2f_say_source_and_topic(name: str, source: str, topic: str) -> None:
    theorem = Theorem(name=name, statement="theorem a : True", source="minif2f", split="test")
    assert labels_of(theorem) == {"split": "test", "source": source, "topic": topic}
