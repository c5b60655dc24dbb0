"""Reads submissions from JSONL; a bad row is reported and leaves the others as they are."""

import json
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from verifier.verdict import Status, Submission

__all__ = ["BadRow", "Row", "numbered_rows", "read_rows", "reason_of"]


class Row(Submission):
    """A submission and, optionally, what its author expects of it."""

    must: tuple[Status, ...] | None = None
    """The statuses that are right; `proofmill verify` says where a verdict has another one."""
    note: str = ""
    """Words for people."""


@dataclass(frozen=True)
class BadRow:
    """A line that is no submission."""

    line: int
    """Its number, from 1."""
    reason: str
    """Why it is none."""


def numbered_rows(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers from 1, without a byte order mark before the first.

    Programs on Windows write such a mark, and end lines with a carriage return, which is a blank to JSON.
    """
    for number, line in enumerate(lines, start=1):
        row = line.removeprefix(BOM_UTF8) if number == 1 else line
        if row.strip():
            yield number, row


def read_rows(lines: Iterable[bytes]) -> Iterator[Row | BadRow]:
    """A row, or why there is none, for each line that is not blank."""
    line_of: dict[str, int] = {}
    for number, line in numbered_rows(lines):
        try:
            row = _row(line)
        # ValidationError, JSONDecodeError and UnicodeDecodeError are ValueErrors.
        except (ValueError, RecursionError) as error:
            yield BadRow(number, reason_of(error))
            continue
        if row.id in line_of:
            yield BadRow(number, f"id {row.id!r} is already that of line {line_of[row.id]}")
            continue
        line_of[row.id] = number
        yield row


def _row(line: bytes) -> Row:
    value: Any = json.loads(line.decode("utf-8"))
    if not isinstance(value, dict):
        raise ValueError("a row must be a JSON object")
    return Row.model_validate(value)


def reason_of(error: ValueError | RecursionError) -> str:
    """What is wrong with a line, by the error that reading it raised."""
    if isinstance(error, RecursionError):
        return "malformed JSON: nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"invalid UTF-8 at byte {error.start}"
    if isinstance(error, json.JSONDecodeError):
        return f"malformed JSON: {error.msg} at column {error.colno}"
    if isinstance(error, ValidationError):
        return "; ".join(_complaint(dict(fault)) for fault in error.errors(include_url=False))
    return str(error)


def _complaint(error: dict[str, Any]) -> str:
    field = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"unknown field `{field}`"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"field `{field}`: {message}" if field else message
