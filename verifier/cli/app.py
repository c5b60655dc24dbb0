"""The verifier's commands: `doctor`, `lean`, `verify`, `audit`, `serve`, `bench verifier`."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from pydantic import BaseModel, Field

from verifier.cli.project import lean_project
from verifier.cli.settings import AsJson, Project, takes_settings
from verifier.console import progress_bars, say
from verifier.doctor.checks import doubts_about
from verifier.errors import InvalidInput
from verifier.jsonl import BadRow, Row, read_rows
from verifier.judging.certificate import CertificateStore, audit_all, stored_proofs
from verifier.judging.pool import LeanPool
from verifier.lean.runtime import LeanRuntime, resolve_runtime
from verifier.options import ConfinedLean, LeanSettings, Options
from verifier.server.admission import DEFAULT_QUEUE
from verifier.settings import Cli, Section, meaning_of
from verifier.verdict import Kind, Verdict
from verifier.version import __version__

__all__ = ["app", "bench_app", "confined_runtime", "prepare_torch", "print_figures"]

app = typer.Typer(no_args_is_help=True)
lean_app = typer.Typer(no_args_is_help=True, help="The embedded Lean, and projects of another.")
app.add_typer(lean_app, name="lean")

bench_app = typer.Typer(no_args_is_help=True, help="Measured figures of this machine.")
app.add_typer(bench_app, name="bench")

Unconfined = Annotated[bool, typer.Option(help=meaning_of(ConfinedLean, "allow_unconfined"))]
Timeout = Annotated[float, typer.Option(help=meaning_of(LeanSettings, "timeout_s"))]


class VerifySettings(Section):
    """What `proofmill verify` does."""

    file: Annotated[Path, Cli(is_argument=True)]
    """Rows {id, statement, header?, proof or code}."""
    out: Path | None = None
    """Where verdicts go, a line each; none for stdout."""
    lean: LeanSettings = LeanSettings()
    tactics: bool = False
    """Add each tactic's span and goals."""
    keep_certificates: Path | None = None
    """A directory for the certificates of what is proved."""
    allow_axiom: list[str] = Field(default=[])
    """An axiom that proofs may use beside propext, Classical.choice and Quot.sound; repeatable."""


class ServeSettings(Section):
    """How `proofmill serve` serves the HTTP verify API."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8000, ge=1, le=65535)
    """Port to listen on."""
    lean: ConfinedLean = ConfinedLean()
    keys: Path | None = None
    """TOML of API keys (`proofmill key`); needed beyond this machine."""
    spares: int = Field(default=1, ge=0)
    """Workers that stand ready for those killed."""
    queue: int = Field(default=DEFAULT_QUEUE, ge=1)
    """Submissions that may wait; more get 429."""
    cache_redis: str | None = None
    """URL of a Redis to keep verdicts in, as safe from others as this process."""


class SoakSettings(Section):
    """What `proofmill bench soak` sends."""

    submissions: int = Field(default=20_000, ge=100)
    """How many to send."""
    clients: int = Field(default=64, ge=1)
    """How many wait for a verdict at a time."""
    workers: int = Field(default=2, ge=1)
    """Lean processes at a time."""


def _say_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def proofmill(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Judge proofs of Lean 4, and train models that write them."""


@app.command()
def doctor(
    project: Project = None,
    *,
    full: Annotated[bool, typer.Option(help="Judge proofs and cheats too, which takes minutes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as one JSON object.")] = False,
    allow_unconfined: Unconfined = False,
) -> None:
    """Examine this machine and its Lean; exit 0 when proofs can be judged and models trained."""
    from verifier.cli.doctor import run_doctor

    if not run_doctor(project, full=full, as_json=as_json, allow_unconfined=allow_unconfined):
        raise typer.Exit(1)


@app.command()
def tactic(
    statement: Annotated[str, typer.Argument(help="Lean text up to, not including, `:=`.")],
    header: Annotated[Path | None, typer.Option(help="A file that it is read under.")] = None,
    project: Project = None,
    *,
    heartbeats: Annotated[int | None, typer.Option(min=1, help="The most that a tactic gets.")] = None,
    allow_unconfined: Unconfined = False,
) -> None:
    """Prove a theorem tactic by tactic, and see the goals after each; exit 0 when it is proved."""
    from verifier.cli.tactic import prove_by_hand

    lean = ConfinedLean(project=project, heartbeats=heartbeats, allow_unconfined=allow_unconfined)
    pool = LeanPool(confined_runtime(lean), options=lean.options())
    verdict = prove_by_hand(pool, statement, header.read_text("utf-8") if header is not None else "")
    if verdict is None or verdict.kind is not Kind.PROVED:
        raise typer.Exit(1)


@lean_app.command("install")
def lean_install() -> None:
    """Fetch and check the embedded Lean and compile the worker; does nothing when they are there."""
    from verifier.lean.build import compiled_worker
    from verifier.lean.install import find_embedded_lean, install_embedded_lean

    there = find_embedded_lean()
    lean = there or install_embedded_lean()
    compiled_worker(lean)
    say(f"Lean {lean.version} {'is already' if there else 'is now'} in {lean.root}")


lean_app.command("project")(lean_project)


@app.command()
@takes_settings()
def verify(settings: VerifySettings) -> None:
    """Judge every row of a JSONL file.

    Exit 0 whatever the verdicts; 2 when a line is no submission, after all others are judged.
    """
    file, out, lean = settings.file, settings.out, settings.lean
    if out is not None and out.resolve() == file.resolve():
        raise InvalidInput(f"--out is {file} itself: name another file for the verdicts")
    rows, bad = _read(file)
    for line in bad:
        say(f"{file}:{line.line}: {line.reason}", "red")
    kept = settings.keep_certificates
    axioms = Options.allowed_axioms.union(settings.allow_axiom)
    with _sink(out) as sink:
        pool = LeanPool(
            resolve_runtime(lean.project),
            workers=lean.workers,
            options=lean.options(tactics=settings.tactics, allowed_axioms=axioms),
            certificates=CertificateStore(kept) if kept is not None else None,
        )
        verdicts = asyncio.run(_judge_all(pool, rows, sink))
    _summarise(rows, verdicts)
    if bad:
        raise typer.Exit(2)


@app.command()
def audit(
    directory: Annotated[Path, typer.Argument(help="What `verify --keep-certificates` kept.")],
    timeout: Timeout = Options.timeout_s,
    project: Project = None,
) -> None:
    """Audit kept proofs again, each from its certificate and export alone; exit 1 when one does not hold."""
    proofs = list(stored_proofs(directory))
    runtime = resolve_runtime(project)
    with progress_bars() as progress:
        bar = progress.add_task("auditing", total=len(proofs))
        results = asyncio.run(audit_all(proofs, runtime, timeout, on_audited=lambda: progress.advance(bar)))
    failed = [(file, faults) for file, faults in results if faults]
    for file, faults in failed:
        say(f"{file}: {'; '.join(faults)}", "red")
    say(f"{len(proofs) - len(failed)} of {len(proofs)} certificates hold")
    if failed:
        raise typer.Exit(1)


@app.command()
@takes_settings(file="These settings in TOML; options go before them.")
def serve(settings: ServeSettings) -> None:
    """Serve the HTTP verify API."""
    from verifier.server.app import create_app
    from verifier.server.auth import KeyRing
    from verifier.server.serve import log_as_json
    from verifier.server.serve import serve as serve_until_stopped
    from verifier.server.service import VerifyService
    from verifier.streams.verdict_store import RedisVerdicts

    keys, lean = settings.keys, settings.lean
    if keys is None and settings.host not in ("127.0.0.1", "::1", "localhost"):
        raise InvalidInput(
            f"whoever reaches {settings.host} could run Lean here: make a key with `proofmill key NAME`, "
            "pass --keys"
        )
    ring = KeyRing.read(keys) if keys is not None else None
    runtime = confined_runtime(lean)
    log_as_json()
    pool = LeanPool(runtime, workers=lean.workers, options=lean.options(), spares=settings.spares)

    async def serve_pool() -> None:
        cache = settings.cache_redis
        store = RedisVerdicts(cache) if cache is not None else None
        service = VerifyService(pool, queue_limit=settings.queue, store=store)
        async with pool:
            app = create_app(service, keys=ring, log_requests=True)
            await serve_until_stopped(app, service, settings.host, settings.port)

    asyncio.run(serve_pool())


def confined_runtime(lean: ConfinedLean) -> LeanRuntime:
    """The Lean that judges what others send; of one that was not examined or is not well, that is said.

    Raises:
        InvalidInput: nothing confines its workers here, and `allow_unconfined` is false.
        LeanNotFound: there is none.
    """
    runtime = resolve_runtime(lean.project)
    if not (runtime.is_confined or lean.allow_unconfined):
        missing = "; ".join(f"{absent.name}: {absent.detail}" for absent in runtime.protections)
        raise InvalidInput(
            f"nothing confines the Lean workers here, so a proof could read this user's files ({missing}). "
            "Mend that, or pass --allow-unconfined where everyone who may send proofs is trusted."
        )
    if doubts := doubts_about(runtime):
        say(doubts, "yellow")
    return runtime


def prepare_torch() -> None:
    """Settle what has to be settled before torch is first imported.

    Raises:
        InvalidInput: the training packages are not installed.
    """
    # Idle threads of OpenMP spin by default, which takes the cores from Lean.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise InvalidInput(
            f"{error}: install the training packages, pip install 'proofmill[train]'"
        ) from error
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]


@app.command()
def key(name: Annotated[str, typer.Argument(help="Whose key it is.")]) -> None:
    """Make an API key: show it, once, and print the line for the file that `serve --keys` reads."""
    from verifier.server.auth import hash_of, new_key

    made = new_key()
    say(f"the key of {name}, which is kept nowhere: {made}")
    print(f'{json.dumps(name, ensure_ascii=False)} = "{hash_of(made)}"')


@bench_app.command("verifier")
def bench_verifier_command(
    checks: Annotated[int, typer.Option(min=100, help="Small proofs to judge.")] = 2000,
    as_json: AsJson = False,
    project: Project = None,
) -> None:
    """Measure start, throughput, latency, memory and the audit's cost; takes memory for twelve workers."""
    from verifier.cli.bench import bench_verifier

    runtime = resolve_runtime(project)
    with progress_bars() as progress:
        bar = progress.add_task("small checks", total=checks)
        result = asyncio.run(bench_verifier(runtime, checks, on_check=lambda: progress.advance(bar)))
    print_figures(result, as_json)


@bench_app.command("soak")
@takes_settings()
def bench_soak_command(settings: SoakSettings, as_json: AsJson = False, project: Project = None) -> None:
    """Send a server much at once, some of it bad for its workers; exit 1 when a verdict is lost or wrong."""
    from verifier.cli.soak import soak

    runtime = resolve_runtime(project)
    with progress_bars() as progress:
        bar = progress.add_task("submissions", total=settings.submissions)
        asked = soak(runtime, **settings.model_dump(), on_verdict=lambda: progress.advance(bar))
        result = asyncio.run(asked)
    print_figures(result, as_json)
    if result.lost or result.wrong:
        raise typer.Exit(1)


def print_figures(result: BaseModel, as_json: bool) -> None:
    """Print what was measured, as JSON or as a name and a value on each line."""
    if as_json:
        print(result.model_dump_json(indent=2))
        return
    for name, value in result.model_dump().items():
        print(f"{name:22} {value}")


def _read(file: Path) -> tuple[list[Row], list[BadRow]]:
    try:
        with file.open("rb") as lines:
            found = list(read_rows(lines))
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from error
    return (
        [row for row in found if isinstance(row, Row)],
        [row for row in found if isinstance(row, BadRow)],
    )


@contextmanager
def _sink(out: Path | None) -> Iterator[IO[str]]:
    """Where verdicts go: stdout, or `out`, opened before Lean starts so that a bad path shows at once."""
    if out is None:
        yield sys.stdout
        return
    try:
        sink = out.open("w", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot write {out}: {error.strerror}") from error
    with sink:
        yield sink


async def _judge_all(pool: LeanPool, rows: Sequence[Row], sink: IO[str]) -> dict[str, Verdict]:
    """Judge `rows` and write each verdict as it comes, so that an interrupt loses none that is finished."""
    verdicts: dict[str, Verdict] = {}
    must = {row.id: row.must for row in rows}
    if not rows:
        return verdicts
    with progress_bars() as progress:
        bar = progress.add_task("starting Lean", total=len(rows))
        async with pool:
            progress.update(bar, description="judging")
            async for verdict in pool.verify_many(rows):
                verdicts[verdict.id] = verdict
                line = verdict.model_dump(mode="json")
                expected = must[verdict.id]
                if expected is not None:
                    line["as_expected"] = verdict.status in expected
                try:
                    sink.write(json.dumps(line, ensure_ascii=False) + "\n")
                    sink.flush()
                except OSError as error:
                    raise InvalidInput(f"cannot write the verdicts: {error.strerror}") from error
                progress.advance(bar)
    return verdicts


def _summarise(rows: Sequence[Row], verdicts: dict[str, Verdict]) -> None:
    counts = Counter(verdict.status for verdict in verdicts.values())
    listed = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    say(f"{len(verdicts)} judged: {listed or 'nothing'}")
    expecting = [row for row in rows if row.must is not None]
    if not expecting:
        return
    wrong = [row for row in expecting if verdicts[row.id].status not in (row.must or ())]
    say(f"{len(expecting) - len(wrong)} of {len(expecting)} as expected")
    for row in wrong:
        say(f"  {row.id}: {verdicts[row.id].status}, expected {' or '.join(row.must or ())}", "red")
