"""`proofmill eval`: measure a prover on a benchmark, and put results beside each other."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from typer.core import TyperGroup

from prover.evaluation.benchmark import Benchmark, load_benchmark
from prover.evaluation.compare import EvalComparison, compare_evaluations
from prover.evaluation.config import EvalConfig
from prover.evaluation.export import EXPORTS, exported, write_parquet
from prover.evaluation.files import EvalFiles, EvalRecord, StatementRow, read_record
from prover.evaluation.page import render_evaluation
from prover.evaluation.provers.base import Prover, open_prover
from prover.evaluation.provers.best_of import BestOf
from prover.evaluation.provers.model import digest_of_model
from prover.evaluation.run import evaluate, plan_of
from prover.evaluation.summary import Evaluated
from verifier.cli.app import confined_runtime, prepare_torch
from verifier.cli.settings import AsJson, takes_settings
from verifier.client import AsyncClient
from verifier.console import progress_bars, say
from verifier.errors import InvalidInput
from verifier.judging.certificate import CertificateStore
from verifier.judging.pool import LeanPool
from verifier.judging.reward import Verifier
from verifier.lean.runtime import LeanRuntime
from verifier.verdict import Kind, Submission, Verdict

__all__ = ["eval_app"]

RUN = "run"
SHOWN = 20


class _RunByDefault(TyperGroup):
    """What is no command is a benchmark."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = [RUN, *args]
        return super().parse_args(context, args)


eval_app = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help="Provers measured on benchmarks; `eval DATA` is `eval run DATA`.",
)

Finished = Annotated[Path, typer.Argument(help="Directory of an evaluation that came to its end.")]


@eval_app.command(RUN)
@takes_settings(file="These settings in TOML; options go before them.")
def run_command(config: EvalConfig) -> None:
    """Measure a prover: pass@k with intervals, every verdict the verifier's; goes on where it stopped."""
    benchmark = _benchmark(config)
    runtime = None if config.url is not None else confined_runtime(config.lean)
    with ExitStack() as stack:
        if config.model is not None:
            prepare_torch()
        prover = stack.enter_context(open_prover(config))
        if config.ranker is not None:
            prover = _ranked(prover, config.ranker, config.candidates, config.device)
        asyncio.run(_measure(config, benchmark, prover, runtime))
    _finish(read_record(config.out))


async def _measure(
    config: EvalConfig, benchmark: Benchmark, prover: Prover, runtime: LeanRuntime | None
) -> None:
    samples, repairs = config.sampling.samples, config.repairs
    limits = {"timeout_s": f"{config.lean.timeout_s:g}", "heartbeats": str(config.lean.heartbeats)}
    judge = {**await _toolchain(config, runtime), **limits}
    plan = plan_of(benchmark, prover, judge, samples=samples, repairs=repairs)
    with (
        EvalFiles(config.out, plan, benchmark.problems, unknown_again=config.unknown_again) as files,
        progress_bars(remaining=True) as progress,
    ):
        watcher = _Bars(progress, len(benchmark.problems), samples)
        async with _verifier(config, runtime) as verifier:
            leave_out = config.leave_out or config.core
            await evaluate(benchmark, prover, verifier, files, watcher=watcher, leave_out=leave_out)


@eval_app.command("report")
def report_command(directory: Finished) -> None:
    """Write report.html and results.parquet again."""
    _finish(read_record(directory))


@eval_app.command("compare")
def compare_command(a: Finished, b: Finished, as_json: AsJson = False) -> None:
    """Put two evaluations beside each other, theorem by theorem."""
    found = compare_evaluations(read_record(a), read_record(b))
    if as_json:
        print(found.model_dump_json(indent=2))
        return
    _print_comparison(found)


@eval_app.command("export")
def export_command(
    directory: Finished,
    out: Annotated[Path, typer.Option(help="A JSONL file.")],
    form: Annotated[str, typer.Option("--format", help=f"What of it: {', '.join(EXPORTS)}.")] = "attempts",
) -> None:
    """Write an evaluation's results for others to read."""
    rows = list(exported(read_record(directory), form))
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    try:
        out.write_text(lines, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot write {out}: {error.strerror}; choose another --out") from error
    say(f"{len(rows):,} rows are in {out}")


class _Bars:
    """The progress of an evaluation: statements that Lean was asked about, then attempts."""

    def __init__(self, progress: Progress, theorems: int, samples: int) -> None:
        self._progress = progress
        self._samples = samples
        self._readable = 0
        self._solved: set[str] = set()
        self._statements = progress.add_task("statements that Lean reads", total=theorems)
        self._attempts = progress.add_task("attempts", total=theorems * samples, visible=False)

    def stated(self, row: StatementRow) -> None:
        self._progress.advance(self._statements)
        self._readable += bool(row.elaborates)

    def attempted(self, last: Evaluated) -> None:
        if last.kind is Kind.PROVED:
            self._solved.add(last.name)
        self._progress.update(
            self._attempts,
            description=f"attempts, {len(self._solved)} solved",
            total=self._readable * self._samples,
            visible=True,
            advance=1,
        )


def _benchmark(config: EvalConfig) -> Benchmark:
    """The theorems to measure on; what is wrong with the others is said."""
    benchmark = load_benchmark(config.data, answers=config.answers)
    _say_what(benchmark)
    if config.split is not None:
        benchmark = benchmark.of_split(config.split)
    if config.core:
        benchmark = benchmark.under_core_header()
    return benchmark if config.first is None else benchmark.first(config.first)


def _say_what(benchmark: Benchmark) -> None:
    for row in benchmark.bad:
        say(f"{row.where}: {row.name + ': ' if row.name else ''}{row.reason}", "red")
    for row in benchmark.renamed[:SHOWN]:
        say(f"{row.where}: {row.reason}", "yellow")
    if len(benchmark.renamed) > SHOWN:
        say(f"and {len(benchmark.renamed) - SHOWN} more have another name", "yellow")
    say(
        f"{benchmark.name}: {len(benchmark.problems)} theorems, {benchmark.variant} ({benchmark.digest[:12]})"
    )


def _ranked(prover: Prover, ranker: Path, candidates: int, device: str) -> Prover:
    if prover.in_order:
        raise InvalidInput("this prover has an order of its own: a --ranker is for a model's answers")
    prepare_torch()
    from trainer.experiments.best_of_n import load_scorer

    named = {"ranker": ranker.name, "ranker_sha256": digest_of_model(ranker)}
    return BestOf(prover, load_scorer(ranker, device), candidates, named)


async def _toolchain(config: EvalConfig, runtime: LeanRuntime | None) -> dict[str, str]:
    """Which Lean judges: this machine's, or that of a server."""
    if runtime is not None:
        return {"lean": runtime.version, "runtime": runtime.name, "library": runtime.library}
    async with _client(config) as client:
        found = await client.toolchain()
    return {"lean": str(found["lean"]), "runtime": f"{found['runtime']} at {config.url}"}


@asynccontextmanager
async def _verifier(config: EvalConfig, runtime: LeanRuntime | None) -> AsyncIterator[Verifier]:
    """What judges."""
    lean = config.lean
    if runtime is None:
        async with _client(config) as client:
            yield _Remote(client, {"timeout": lean.timeout_s, "heartbeats": lean.heartbeats})
        return
    certificates = CertificateStore(config.out / "certificates")
    pool = LeanPool(runtime, workers=lean.workers, options=lean.options(), certificates=certificates)
    async with pool:
        yield pool


def _client(config: EvalConfig) -> AsyncClient:
    return AsyncClient(config.url or "", api_key=config.api_key)


def _finish(record: EvalRecord) -> None:
    """Write the page and the table, and say what came out."""
    summary, directory = record.summary, record.directory
    page = render_evaluation(record)
    try:
        (directory / "report.html").write_text(page, encoding="utf-8")
        has_table = write_parquet(record, directory / "results.parquet")
    except OSError as error:
        raise InvalidInput(f"cannot write to {directory}: {error.strerror}; make room") from error
    if not has_table:
        say("results.parquet is left out: it needs pyarrow, pip install 'proofmill[parquet]'", "yellow")
    if summary.not_elaborating:
        say(
            f"left out, since this Lean cannot read them: {len(summary.not_elaborating)} statements", "yellow"
        )
    if summary.no_answer:
        say(f"left out, since Lean did not say whether it reads them: {len(summary.no_answer)}", "yellow")
    low, high = summary.solved_ci
    say(
        f"{summary.solved} of {summary.n} theorems solved ({100 * summary.solved / max(summary.n, 1):.1f}%, "
        f"95% [{100 * low:.1f}, {100 * high:.1f}]), unknown attempts: {summary.unknown}; "
        f"{directory / 'report.html'}"
    )


def _print_comparison(found: EvalComparison) -> None:
    print(f"theorems in both: {found.n}; A solves {found.solved_a}, B solves {found.solved_b}")
    print(f"Lean calls: A {found.lean_calls_a:,}, B {found.lean_calls_b:,}")
    print(f"McNemar, exact: p = {found.mcnemar_p:.4g}; undecided by the machine: {found.undecided}")
    for k, paired in found.pass_at_k.items():
        low, high = (100 * bound for bound in paired.ci)
        by = f"{100 * paired.difference:+.1f} [{low:+.1f}, {high:+.1f}] points"
        print(f"pass@{k}, B over A: {by}, {paired.n} theorems")
    for who, names in (("A", found.only_a), ("B", found.only_b)):
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        print(f"only {who} solves {len(names)}: {', '.join(names[:SHOWN])}{more}")
    if found.in_one_only:
        print(f"left out by one of them: {len(found.in_one_only)}")
    for what, (of_a, of_b) in found.other.items():
        print(f"{what}: {of_a or '-'} | {of_b or '-'}")


class _Remote:
    """A server as a `Verifier`, asked with the same limits every time."""

    def __init__(self, client: AsyncClient, limits: dict[str, Any]) -> None:
        self._client = client
        self._limits = limits

    def verify_many(self, submissions: Iterable[Submission]) -> AsyncIterator[Verdict]:
        return self._client.verify_many(submissions, **self._limits)
