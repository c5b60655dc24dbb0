"""The verifier's commands: `doctor`, `lean install`, `verify`, `serve`."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from verifier.errors import InvalidInput
from verifier.jsonl import BadRow, Row, read_rows
from verifier.lean.runtime import resolve_runtime
from verifier.pool import DEFAULT_HEARTBEATS, DEFAULT_TIMEOUT_S, LeanPool
from verifier.verdict import Verdict

__all__ = ["app", "stderr"]

app = typer.Typer(no_args_is_help=True)
lean_app = typer.Typer(no_args_is_help=True, help="The embedded Lean.")
app.add_typer(lean_app, name="lean")

stderr = Console(stderr=True)

Workers = Annotated[int, typer.Option(min=1, help="Lean worker processes, about 2 GB each when embedded.")]
Timeout = Annotated[float, typer.Option(min=0.001, help="Wall-clock seconds for one submission.")]
Heartbeats = Annotated[int, typer.Option(min=1, help="Budget of each declaration, as maxHeartbeats.")]
Project = Annotated[Path | None, typer.Option(help="A Lake project to judge in; default: the embedded Lean.")]


@app.command()
def doctor() -> None:
    """Say what is here; exit 0 when proofs can be judged and models trained."""
    from verifier.doctor import diagnose

    checks = diagnose()
    for check in checks:
        mark = (
            "[green]ok[/]     " if check.ok else "[red]missing[/]" if check.required else "[yellow]absent[/] "
        )
        stderr.print(f"{mark} [bold]{check.name}[/]: {escape(check.detail)}", highlight=False)
    if not all(check.ok for check in checks if check.required):
        raise typer.Exit(1)


@lean_app.command("install")
def lean_install() -> None:
    """Fetch and check the embedded Lean; does nothing when it is there."""
    from verifier.lean.install import find_embedded_lean, install_embedded_lean

    there = find_embedded_lean()
    lean = there or install_embedded_lean()
    stderr.print(f"Lean {lean.version} {'is already' if there else 'is now'} in {lean.root}", highlight=False)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="Rows {id, statement, header?, proof or code}.")],
    out: Annotated[Path | None, typer.Option(help="Where verdicts go, a line each; default: stdout.")] = None,
    workers: Workers = 1,
    timeout: Timeout = DEFAULT_TIMEOUT_S,
    heartbeats: Heartbeats = DEFAULT_HEARTBEATS,
    tactics: Annotated[bool, typer.Option(help="Add each tactic's span and goals.")] = False,
    project: Project = None,
) -> None:
    """Judge every row of a JSONL file.

    Exit 0 whatever the verdicts; 2 when a line is no submission, after all others are judged.
    """
    rows, bad = _read(file)
    for each in bad:
        stderr.print(f"{file}:{each.line}: {each.reason}", style="red", highlight=False, markup=False)
    pool = LeanPool(resolve_runtime(project), workers=workers, timeout_s=timeout, heartbeats=heartbeats)
    if out is None:
        verdicts = asyncio.run(_judge_all(pool, rows, sys.stdout, tactics))
    else:
        try:
            with out.open("w", encoding="utf-8") as sink:
                verdicts = asyncio.run(_judge_all(pool, rows, sink, tactics))
        except OSError as error:
            raise InvalidInput(f"cannot write {out}: {error.strerror}") from error
    _summarise(rows, verdicts)
    if bad:
        raise typer.Exit(2)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Workers = 1,
    timeout: Timeout = DEFAULT_TIMEOUT_S,
    heartbeats: Heartbeats = DEFAULT_HEARTBEATS,
    project: Project = None,
) -> None:
    """Serve the HTTP verify API."""
    import uvicorn

    from verifier.api import create_app

    pool = LeanPool(resolve_runtime(project), workers=workers, timeout_s=timeout, heartbeats=heartbeats)
    uvicorn.run(create_app(pool), host=host, port=port)


def _read(file: Path) -> tuple[list[Row], list[BadRow]]:
    try:
        with file.open("rb") as lines:
            found = list(read_rows(lines))
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from error
    return [each for each in found if isinstance(each, Row)], [
        each for each in found if isinstance(each, BadRow)
    ]


async def _judge_all(pool: LeanPool, rows: Sequence[Row], sink: IO[str], tactics: bool) -> dict[str, Verdict]:
    """Judge `rows`, writing each verdict as it comes, so that what is finished survives an interrupt."""
    verdicts: dict[str, Verdict] = {}
    must = {row.id: row.must for row in rows}
    if not rows:
        return verdicts
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr) as progress:
        bar = progress.add_task("starting Lean", total=len(rows))
        async with pool:
            progress.update(bar, description="judging")
            async for verdict in pool.verify_many(rows, tactics=tactics):
                verdicts[verdict.id] = verdict
                line = verdict.model_dump(mode="json")
                expected = must[verdict.id]
                if expected is not None:
                    line["as_expected"] = verdict.status in expected
                sink.write(json.dumps(line, ensure_ascii=False) + "\n")
                sink.flush()
                progress.advance(bar)
    return verdicts


def _summarise(rows: Sequence[Row], verdicts: dict[str, Verdict]) -> None:
    counts = Counter(verdict.status for verdict in verdicts.values())
    stderr.print(
        f"{len(verdicts)} judged: "
        + ", ".join(f"{count} {status}" for status, count in counts.most_common()),
        highlight=False,
    )
    expecting = [row for row in rows if row.must is not None]
    if not expecting:
        return
    wrong = [row for row in expecting if verdicts[row.id].status not in (row.must or ())]
    stderr.print(f"{len(expecting) - len(wrong)} of {len(expecting)} as expected", highlight=False)
    for row in wrong:
        stderr.print(
            f"  {row.id}: {verdicts[row.id].status}, expected {' or '.join(row.must or ())}",
            style="red",
            highlight=False,
            markup=False,
        )
