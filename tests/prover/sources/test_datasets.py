"""Published data sets: what a row becomes, what is said of a malformed one, and how one is added."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from prover.sources.datasets import CORE_HEADER, FORMATS, RowFormat, load_theorems, read_dataset
from prover.sources.rows import RowIssue, SourceTheorem
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.verdict import Status, Submission

ROW = {
    "name": "two_and_two",
    "split": "valid",
    "informal_prefix": "/-- Show it. -/",
    "formal_statement": "theorem two_and_two (n : ℕ) (h : n = 2) :\n  n + n = 4 := by\n",
    "goal": "⊢ n + n = 4",
    "header": "import Mathlib\n",
}


Parse = Callable[..., list[Theorem]]


@pytest.fixture
def parse(tmp_path: Path) -> Parse:
    def parse(*rows: object) -> list[Theorem]:
        path = tmp_path / "data.jsonl"
        path.write_bytes(
            b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
        )
        return load_theorems(path, source="minif2f")

    return parse


def test_statement_ends_before_the_definition_sign(parse: Parse) -> None:
    (theorem,) = parse(ROW)
    assert theorem.statement == "theorem two_and_two (n : ℕ) (h : n = 2) :\n  n + n = 4"
    assert (theorem.name, theorem.split, theorem.header) == ("two_and_two", "valid", "import Mathlib\n")


def test_a_byte_order_mark_and_the_line_ends_of_windows_change_nothing(tmp_path: Path, parse: Parse) -> None:
    text = {key: value.replace("\n", "\r\n") for key, value in ROW.items()}
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(text).encode() + b"\r\n\r\n")
    assert load_theorems(path, source="minif2f") == parse(ROW)


def test_statement_that_ends_without_by_is_read_too(parse: Parse) -> None:
    (theorem,) = parse({**ROW, "formal_statement": "theorem t : 1 = 1 :="})
    assert theorem.statement == "theorem t : 1 = 1"


def test_a_definition_inside_a_statement_is_kept(parse: Parse) -> None:
    (theorem,) = parse({**ROW, "formal_statement": "theorem t (f := fun n : ℕ => n) : f 1 = 1 :="})
    assert theorem.statement == "theorem t (f := fun n : ℕ => n) : f 1 = 1"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{", "malformed JSON"),
        (b"[]", "a row must be a JSON object"),
        (b'{"name": "\xff"}', "invalid UTF-8 at byte 10"),
        (json.dumps({**ROW, "split": "dev"}).encode(), "field `split`"),
        (json.dumps({**ROW, "name": ""}).encode(), "field `name`"),
        (json.dumps({k: v for k, v in ROW.items() if k != "header"}).encode(), "field `header`"),
        (json.dumps({**ROW, "formal_statement": "theorem t : 1 = 1"}).encode(), "has no `:=`"),
    ],
)
def test_malformed_row_is_named_by_its_line(parse: Parse, line: bytes, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=r"data\.jsonl:3") as error:
        parse(ROW, b"", line)
    assert complaint in str(error.value)


def test_missing_file_is_invalid_input(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        load_theorems(tmp_path / "none.jsonl", source="minif2f")


def test_a_data_set_with_fields_of_its_own_is_one_more_format(tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl"
    toy = {"id": "one", "lean": "open Nat\ntheorem one : 1 = 1 := by rfl", "says": "One is one."}
    path.write_text(f"{json.dumps(toy)}\n{json.dumps(ROW)}\n")
    formats = (*FORMATS, RowFormat("lean", name=("id",), informal="says"))
    one, two = read_dataset(path, source="toy", formats=formats)
    assert isinstance(one, SourceTheorem)
    assert one.theorem == Theorem(
        name="one", statement="theorem one : 1 = 1", header="open Nat\n", source="toy", split="test"
    )
    assert (one.proof, one.informal) == ("by rfl", "One is one.")
    assert isinstance(two, SourceTheorem)
    assert (two.theorem.name, two.informal) == ("two_and_two", "Show it.")
    unknown, _ = read_dataset(path, source="toy")
    assert isinstance(unknown, RowIssue)
    assert unknown.reason.startswith("a row has one of `formal_statement`")


def test_minif2f_has_244_valid_and_244_test_theorems(shared_data: Path) -> None:
    theorems = load_theorems(shared_data / "minif2f.jsonl", source="minif2f")
    assert [sum(theorem.split == split for theorem in theorems) for split in ("valid", "test")] == [244, 244]
    assert not any(theorem.statement.endswith((":=", "by")) for theorem in theorems)


async def test_the_121_statements_of_minif2f_that_fit_core_lean_elaborate(
    pool: LeanPool, shared_data: Path
) -> None:
    theorems = load_theorems(shared_data / "minif2f.jsonl", source="minif2f")
    listed = json.loads((shared_data / "minif2f_core.json").read_bytes())
    names = {*listed["test"], *listed["valid"]}
    core = [theorem for theorem in theorems if theorem.name in names]
    assert (len(core), sum(theorem.split == "test" for theorem in core)) == (121, 67)
    submissions = [
        Submission(id=theorem.name, statement=theorem.statement, header=CORE_HEADER, proof="by sorry")
        for theorem in core
    ]
    # Incomplete and nothing else: the statement was read, the name declared, the type the same.
    verdicts = {verdict.id: verdict async for verdict in pool.verify_many(submissions)}
    assert {name: v.reason for name, v in verdicts.items() if v.status is not Status.INCOMPLETE} == {}


def test_proofnet_has_185_valid_and_186_test_theorems(shared_data: Path) -> None:
    theorems = load_theorems(shared_data / "proofnet.jsonl", source="proofnet")
    assert [sum(theorem.split == split for theorem in theorems) for split in ("valid", "test")] == [185, 186]
