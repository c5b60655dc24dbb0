"""Published data sets as theorems: miniF2F and ProofNet in their JSONL format.

A row has `name`, `split`, `formal_statement` (Lean text that ends in `:=` or
`:= by`) and `header`; what else it has is for people and left aside.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.jsonl import numbered_rows

__all__ = ["core_header", "core_names", "load_jsonl", "only_named", "parse_rows", "with_core_header"]

_ENDING = re.compile(r"\s*:=\s*(?:by\s*)?$")


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    name: str = Field(min_length=1)
    split: Literal["train", "valid", "test"]
    formal_statement: str
    header: str


def load_jsonl(path: Path, *, source: str) -> list[Theorem]:
    """The theorems of a file, in its order; `source` names the data set, such as `minif2f`.

    Raises InvalidInput when the file cannot be read, or with the number of the first malformed row.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}. Give the path of a JSONL file") from error
    return list(parse_rows(content.split(b"\n"), source=source, origin=str(path)))


def parse_rows(lines: Iterable[bytes], *, source: str, origin: str = "rows") -> Iterator[Theorem]:
    """A theorem for each line that is not blank; `origin` stands in messages, lines count from 1.

    Raises InvalidInput at the first malformed row.
    """
    for number, line in numbered_rows(lines):
        try:
            yield _theorem(line, source)
        except ValueError as error:  # UnicodeDecodeError, JSONDecodeError and ValidationError are ValueErrors
            raise InvalidInput(f"{origin}, line {number}: {_reason(error)}") from error


def core_header() -> str:
    """A header under which statements written for Mathlib elaborate in core Lean, as far as they can.

    Without `autoImplicit`, `x : ℝ` is an error; with it, ℝ would be any type, and the statement another one.
    """
    return 'set_option autoImplicit false\nlocal notation "ℕ" => Nat\nlocal notation "ℤ" => Int\n'


def with_core_header(theorems: Iterable[Theorem]) -> list[Theorem]:
    """The same theorems under `core_header` instead of their own."""
    return [theorem.model_copy(update={"header": core_header()}) for theorem in theorems]


def core_names(path: Path) -> frozenset[str]:
    """The names listed in a JSON object with lists `test` and `valid`: statements that fit core Lean.

    Raises InvalidInput when the file cannot be read or is not such an object.
    """
    try:
        listed = json.loads(path.read_bytes())
        lists = [listed["test"], listed["valid"]]
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}. Give the path of a JSON file") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{path} must be a JSON object with lists `test` and `valid`: {error!r}"
        ) from error
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        raise InvalidInput(f"{path}: `test` and `valid` must be lists of names")
    return frozenset(name for names in lists for name in names)


def only_named(theorems: Iterable[Theorem], names: Collection[str]) -> list[Theorem]:
    """The theorems with one of these names, in their order.

    Raises InvalidInput when a name is missing, so that a wrong file is not taken for a small one.
    """
    kept = [theorem for theorem in theorems if theorem.name in names]
    missing = sorted(set(names) - {theorem.name for theorem in kept})
    if missing:
        raise InvalidInput(
            f"{len(missing)} names have no theorem, the first is `{missing[0]}`: are these the right files?"
        )
    return kept


def _theorem(line: bytes, source: str) -> Theorem:
    row = _Row.model_validate(json.loads(line.decode("utf-8")))
    statement = row.formal_statement.replace("\r\n", "\n").rstrip()
    ending = _ENDING.search(statement)
    if ending is None:
        raise ValueError("`formal_statement` must end in `:=` or `:= by`")
    return Theorem(
        name=row.name,
        statement=statement[: ending.start()],
        header=row.header.replace("\r\n", "\n"),
        source=source,
        split=row.split,
    )


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"invalid UTF-8 at byte {error.start}"
    if isinstance(error, json.JSONDecodeError):
        return f"malformed JSON: {error.msg} at column {error.colno}"
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        return f"field `{field}`: {first['msg']}" if field else f"a row must be a JSON object: {first['msg']}"
    return str(error)
