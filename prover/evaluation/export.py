"""An evaluation's results in files for others: JSONL for leaderboards, a table for analysis."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prover.evaluation.files import EvalRecord
from prover.evaluation.summary import Evaluated
from verifier.errors import InvalidInput
from verifier.verdict import Kind

if TYPE_CHECKING:
    from pyarrow import Table

__all__ = ["EXPORTS", "exported", "results_table", "write_parquet"]

Row = dict[str, Any]


def exported(record: EvalRecord, form: str) -> Iterator[Row]:
    """The rows of a form of export.  Raises InvalidInput when there is none of this name."""
    if form not in EXPORTS:
        raise InvalidInput(f"there is no export `{form}`: choose among {', '.join(EXPORTS)}")
    return EXPORTS[form](record)


def file_of(record: EvalRecord, row: Evaluated) -> str:
    """The Lean file that was judged, header included; empty where there was nothing to judge."""
    theorem = record.problems[row.name].theorem
    if row.code is not None:
        body = row.code
    elif row.proof is not None:
        body = f"{theorem.statement} := {row.proof}"
    else:
        return ""
    header = theorem.header.rstrip()
    return f"{header}\n\n{body}\n" if header else f"{body}\n"


def _attempts(record: EvalRecord) -> Iterator[Row]:
    """Every answer with its verdict."""
    for row in record.attempts:
        yield {
            "name": row.name,
            "split": record.problems[row.name].theorem.split,
            "sample": row.sample,
            "round": row.round,
            "proof": row.proof,
            "code": row.code,
            "verdict": row.kind,
            "status": row.status,
            "reason": row.reason,
        }


def _proofs(record: EvalRecord) -> Iterator[Row]:
    """The first proof of each theorem that was solved."""
    done: set[str] = set()
    for row in record.attempts:
        if row.kind is Kind.PROVED and row.name not in done:
            done.add(row.name)
            yield {"name": row.name, "proof": row.proof, "verdict": row.kind, "file": file_of(record, row)}


def _compiled(record: EvalRecord) -> Iterator[Row]:
    """Every answer as a whole file, with whether it passes, as scripts around Lean's REPL have it."""
    for row in record.attempts:
        proved = row.kind is Kind.PROVED
        errors = [{"line": error.line, "column": error.column, "data": error.text} for error in row.errors]
        yield {
            "name": row.name,
            "code": file_of(record, row),
            "compilation_result": {
                "pass": proved,
                "complete": proved,
                "unknown": row.kind is Kind.UNKNOWN,
                "errors": errors,
            },
        }


EXPORTS: Mapping[str, Callable[[EvalRecord], Iterator[Row]]] = {
    "attempts": _attempts,
    "proofs": _proofs,
    "compiled": _compiled,
}


def results_table(record: EvalRecord) -> "Table":
    """A row for each answer; `pyarrow` has to be there."""
    import pyarrow

    rows = []
    for attempt in record.attempts:
        theorem = record.problems[attempt.name].theorem
        row = attempt.model_dump(mode="json", exclude={"certificate", "errors"})
        row |= {"split": theorem.split, "kind": attempt.kind.value, "statement": theorem.statement}
        row["errors"] = json.dumps([error.text for error in attempt.errors], ensure_ascii=False)
        row["export_sha256"] = attempt.certificate.export_sha256 if attempt.certificate else None
        rows.append(row)
    return pyarrow.Table.from_pylist(rows)


def write_parquet(record: EvalRecord, path: Path) -> bool:
    """Write `results_table`; False, and nothing is written, where pyarrow is not installed."""
    try:
        import pyarrow.parquet
    except ImportError:
        return False
    pyarrow.parquet.write_table(results_table(record), path)
    return True
