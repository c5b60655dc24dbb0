"""Published data sets: what a row becomes, and what is said of a malformed one."""

import json
from pathlib import Path

import pytest

from prover.sources.jsonl import core_header, core_names, load_jsonl, only_named, parse_rows, with_core_header
from prover.theorem import Theorem
from tests.support.places import SHARED_DATA
from verifier.errors import InvalidInput

needs_shared = pytest.mark.skipif(
    not (SHARED_DATA / "minif2f.jsonl").exists(), reason=f"the data sets are not at {SHARED_DATA}"
)

ROW = {
    "name": "two_and_two",
    "split": "valid",
    "informal_prefix": "/-- Show it. -/",
    "formal_statement": "theorem two_and_two (n : ℕ) (h : n = 2) :\n  n + n = 4 := by\n",
    "goal": "⊢ n + n = 4",
    "header": "import Mathlib\n",
}


def parse(*rows: object) -> list[Theorem]:
    return list(parse_rows((json.dumps(row).encode() for row in rows), source="minif2f"))


def test_statement_ends_before_the_definition_sign() -> None:
    (theorem,) = parse(ROW)
    assert theorem.statement == "theorem two_and_two (n : ℕ) (h : n = 2) :\n  n + n = 4"
    assert (theorem.name, theorem.split, theorem.header) == ("two_and_two", "valid", "import Mathlib\n")


def test_a_byte_order_mark_and_the_line_ends_of_windows_change_nothing(tmp_path: Path) -> None:
    text = {key: value.replace("\n", "\r\n") for key, value in ROW.items()}
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(text).encode() + b"\r\n\r\n")
    assert load_jsonl(path, source="minif2f") == parse(ROW)


def test_statement_that_ends_without_by_is_read_too() -> None:
    (theorem,) = parse({**ROW, "formal_statement": "theorem t : 1 = 1 :="})
    assert theorem.statement == "theorem t : 1 = 1"


def test_a_definition_inside_a_statement_is_kept() -> None:
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
        (json.dumps({**ROW, "formal_statement": "theorem t : 1 = 1"}).encode(), "must end in `:=`"),
    ],
)
def test_malformed_row_is_named_by_its_line(line: bytes, complaint: str) -> None:
    rows = parse_rows([json.dumps(ROW).encode(), b"", line], source="minif2f", origin="data.jsonl")
    assert next(rows).name == "two_and_two"
    with pytest.raises(InvalidInput, match=r"data\.jsonl, line 3") as error:
        next(rows)
    assert complaint in str(error.value)


def test_missing_file_is_invalid_input(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        load_jsonl(tmp_path / "none.jsonl", source="minif2f")


@pytest.mark.parametrize("content", ["[1, 2]", "{", '{"test": []}', '{"test": [1], "valid": []}'])
def test_malformed_list_of_names_is_invalid_input(tmp_path: Path, content: str) -> None:
    path = tmp_path / "core.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match="`test` and `valid`"):
        core_names(path)


def test_a_name_without_a_theorem_is_invalid_input() -> None:
    with pytest.raises(InvalidInput, match="`three`"):
        only_named(parse(ROW), {"two_and_two", "three"})


def test_core_header_replaces_the_row_s_own() -> None:
    (theorem,) = with_core_header(parse(ROW))
    assert theorem.header == core_header()
    assert "ℕ" in core_header()
    assert "import" not in core_header()


@needs_shared
def test_minif2f_has_244_valid_and_244_test_theorems_of_which_121_fit_core_lean() -> None:
    theorems = load_jsonl(SHARED_DATA / "minif2f.jsonl", source="minif2f")
    assert [sum(theorem.split == split for theorem in theorems) for split in ("valid", "test")] == [244, 244]
    assert not any(theorem.statement.endswith((":=", "by")) for theorem in theorems)
    core = only_named(theorems, core_names(SHARED_DATA / "minif2f_core.json"))
    assert (len(core), sum(theorem.split == "test" for theorem in core)) == (121, 67)


@needs_shared
def test_proofnet_has_185_valid_and_186_test_theorems() -> None:
    theorems = load_jsonl(SHARED_DATA / "proofnet.jsonl", source="proofnet")
    assert [sum(theorem.split == split for theorem in theorems) for split in ("valid", "test")] == [185, 186]
