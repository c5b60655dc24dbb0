"""Rows of submissions: a bad one costs only itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.jsonl import BadRow, Row, read_rows

GOOD = {"id": "a", "statement": "theorem t : 1 = 1", "proof": "rfl"}


def line(**changes: object) -> bytes:
    return json.dumps({name: value for name, value in (GOOD | changes).items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        (b'{"id": ', "malformed JSON"),
        (b"[1]", "JSON object"),
        (b"\xff", "invalid UTF-8 at byte 0"),
        (line(foo=1), "unknown field `foo`"),
        (line(statement=None), "`statement`"),
        (line(statement=""), "`statement`"),
        (line(code="x"), "exactly one of `proof` and `code`"),
        (line(proof=None), "exactly one of `proof` and `code`"),
        (line(id=3), "`id`"),
        (line(id=""), "`id`"),
        (line(id="\ud800"), "`id`"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (line(must=["fine"]), "`must"),
    ],
)
def test_a_bad_row_is_named_by_line_and_cause_and_its_neighbours_are_read(bad: bytes, cause: str) -> None:
    first, complaint, last = read_rows([line(id="first"), bad, line(id="last")])
    assert isinstance(first, Row) and isinstance(last, Row)
    assert isinstance(complaint, BadRow)
    assert complaint.line == 2
    assert cause in complaint.reason


def test_a_repeated_id_is_refused_because_verdicts_could_not_be_told_apart() -> None:
    _, again = read_rows([line(), line()])
    assert again == BadRow(2, "id 'a' is already that of line 1")


def test_blank_lines_are_no_rows_but_count() -> None:
    rows = list(read_rows([b"\n", line(), b"  \n", b"x"]))
    assert isinstance(rows[1], BadRow) and rows[1].line == 4


MARK = b"\xef\xbb\xbf"


def test_a_byte_order_mark_and_the_line_ends_of_windows_change_nothing() -> None:
    file = MARK + line(id="a") + b"\r\n\r\n" + line(id="b") + b"\r\n"
    rows = list(read_rows(file.splitlines(keepends=True)))
    assert rows == list(read_rows([line(id="a"), line(id="b")]))
    assert list(read_rows([MARK + b"\r\n", line()])) == list(read_rows([line()]))


def test_a_byte_order_mark_further_down_is_a_bad_row() -> None:
    _, complaint = read_rows([line(), MARK + line(id="b")])
    assert isinstance(complaint, BadRow) and complaint.line == 2


@given(st.binary())
def test_no_bytes_whatsoever_make_reading_fail(junk: bytes) -> None:
    assert len(list(read_rows([junk.replace(b"\n", b"")]))) <= 1
