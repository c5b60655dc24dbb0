"""`proofmill eval`: measure a prover on a benchmark, and put results beside each other."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import Progress
from typer.core import TyperGroup

from prover.evaluation.baselines import PortfolioProver
from prover.evaluation.benchmark import Benchmark, load_benchmark
from prover.evaluation.compare import EvalComparison, compare_evaluations
from prover.evaluation.export import EXPORTS, exported, write_parquet
from prover.evaluation.files import EvalFiles, EvalRecord, StatementRow, read_record
from prover.evaluation.page import render_evaluation
from prover.evaluation.provers import BestOf, ModelProver, Prover, digest_of_model
from prover.evaluation.run import evaluate, plan_of
from prover.evaluation.summary import Evaluated
from prover.formats.registry import FORMATS, format_named
from prover.generators.base import Generator, SamplingParams
from verifier.cli.app import (
    AllowUnconfined,
    Heartbeats,
    Project,
    Timeout,
    Workers,
    confined_runtime,
    prepare_torch,
)
from verifier.client import AsyncClient
from verifier.console import progress_bars, say
from verifier.errors import InvalidInput
from verifier.judging.certificate import CertificateStore
from verifier.judging.pool import LeanPool
from verifier.judging.reward import Verifier
from verifier.lean.runtime import LeanRuntime
from verifier.options import Options
from verifier.verdict import Kind, Submission, Verdict

__all__ = ["eval_app"]

RUN = "run"
SHOWN = 20


class _RunByDefault(TyperGroup):
    """`eval DATA` is `eval run DATA`: what is no command is a benchmark."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = [RUN, *args]
        return super().parse_args(context, args)


eval_app = typer.Typer(cls=_RunByDefault, no_args_is_help=True, help="Provers measured on benchmarks.")

GeneratorName = Literal["portfolio", "transformers", "vllm"]
Split = Literal["train", "valid", "test"]
Finished = Annotated[Path, typer.Argument(help="Directory of an evaluation that came to its end.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


@eval_app.command(RUN)
def run_command(
    data: Annotated[Path, typer.Argument(help="JSONL, a Lean file, or a directory of Lean files.")],
    out: Annotated[Path, typer.Option(help="Directory; one that holds a part of this is gone on with.")],
    generator: Annotated[GeneratorName, typer.Option(help="What answers.")] = "portfolio",
    samples: Annotated[int, typer.Option(min=1, help="Attempts at each theorem.")] = 8,
    repairs: Annotated[
        int, typer.Option(min=0, help="Answers to Lean's complaints within an attempt, a Lean call each.")
    ] = 0,
    model: Annotated[Path | None, typer.Option(help="Directory of the model, or of an adapter.")] = None,
    prompt: Annotated[
        str, typer.Option("--format", help=f"How it is asked: {', '.join(FORMATS)}.")
    ] = "completion",
    temperature: Annotated[float, typer.Option(min=0.01, help="Of sampling.")] = 1.0,
    top_p: Annotated[float, typer.Option(min=0.01, max=1, help="Of sampling.")] = 1.0,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Most tokens of an answer.")] = 2048,
    seed: Annotated[int, typer.Option(min=0, help="Of sampling.")] = 0,
    ranker: Annotated[
        Path | None, typer.Option(help="Directory of a ranker (`proofmill rank`) that chooses the attempts.")
    ] = None,
    candidates: Annotated[int, typer.Option(min=1, help="That it chooses among.")] = 32,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")] = "cpu",
    vllm_url: Annotated[str | None, typer.Option(help="A vLLM that runs; none starts one.")] = None,
    split: Annotated[Split | None, typer.Option(help="Only theorems of this split.")] = None,
    first: Annotated[int | None, typer.Option(min=1, help="Only so many theorems of the set.")] = None,
    core: Annotated[
        bool, typer.Option("--core", help="Those that fit a Lean without Mathlib, under a header for it.")
    ] = False,
    answers: Annotated[
        bool,
        typer.Option(help="Put in PutnamBench's published answers; else its theorems rest on sorry."),
    ] = True,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Go on without statements that Lean cannot read here.")
    ] = False,
    unknown_again: Annotated[
        bool, typer.Option("--unknown-again", help="Try again what the machine left undecided.")
    ] = False,
    url: Annotated[str | None, typer.Option(help="Of a `proofmill serve` that judges.")] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="PROOFMILL_API_KEY", help="For that server.", show_default=False)
    ] = None,
    workers: Workers = 1,
    timeout: Timeout = Options.timeout_s,
    heartbeats: Heartbeats = Options.heartbeats,
    project: Project = None,
    allow_unconfined: AllowUnconfined = False,
) -> None:
    """Measure a prover: pass@k with intervals, every verdict the verifier's; goes on where it stopped."""
    benchmark = load_benchmark(data, answers=answers)
    _say_what(benchmark)
    if split is not None:
        benchmark = benchmark.of_split(split)
    if core:
        benchmark = benchmark.under_core_header()
    if first is not None:
        benchmark = benchmark.first(first)
    sampling = SamplingParams(temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, seed=seed)
    options = Options(timeout_s=timeout, heartbeats=heartbeats)
    runtime = None if url is not None else confined_runtime(project, allow_unconfined)
    with ExitStack() as stack:
        chosen = stack.enter_context(
            _prover(generator, model, prompt, sampling, device=device, vllm_url=vllm_url)
        )
        if ranker is not None:
            chosen = _ranked(chosen, ranker, candidates, device)

        async def measure() -> None:
            limits = {"timeout_s": f"{timeout:g}", "heartbeats": str(heartbeats)}
            judge = {**await _toolchain(runtime, url, api_key), **limits}
            plan = plan_of(benchmark, chosen, judge, samples=samples, repairs=repairs)
            with (
                EvalFiles(out, plan, benchmark.problems, unknown_again=unknown_again) as files,
                progress_bars(remaining=True) as progress,
            ):
                watcher = _Bars(progress, len(benchmark.problems), samples)
                async with _verifier(runtime, url, api_key, workers, options, out) as verifier:
                    await evaluate(
                        benchmark, chosen, verifier, files, watcher=watcher, leave_out=leave_out or core
                    )

        asyncio.run(measure())
    _finish(read_record(out))


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


@contextmanager
def _prover(
    generator: GeneratorName,
    model: Path | None,
    style: str,
    sampling: SamplingParams,
    *,
    device: str,
    vllm_url: str | None,
) -> Iterator[Prover]:
    if generator == "portfolio":
        yield PortfolioProver()
        return
    if model is None:
        raise InvalidInput(f"--generator {generator} needs a model: name its directory as --model")
    prepare_torch()
    from prover.formats.prompts import load_tokenizer
    from prover.generators.transformers import TransformersGenerator

    asked = format_named(style)
    named = {"generator": generator, "model": model.name, "model_sha256": digest_of_model(model)}
    if generator == "transformers":
        loaded = TransformersGenerator.load(model, device)
        yield ModelProver(loaded, loaded.tokenizer, asked, sampling, named)
        return
    from prover.generators.vllm.engine import VLLMEngine

    with VLLMEngine(vllm_url) as engine:
        served: Generator = engine.generator(model, version=0)
        yield ModelProver(served, load_tokenizer(model), asked, sampling, named)


def _ranked(prover: Prover, ranker: Path, candidates: int, device: str) -> Prover:
    if isinstance(prover, PortfolioProver):
        raise InvalidInput("the portfolio has an order of its own: a --ranker is for a model's answers")
    prepare_torch()
    from trainer.experiments.best_of_n import load_scorer

    named = {"ranker": ranker.name, "ranker_sha256": digest_of_model(ranker)}
    return BestOf(prover, load_scorer(ranker, device), candidates, named)


async def _toolchain(runtime: LeanRuntime | None, url: str | None, api_key: str | None) -> dict[str, str]:
    """Which Lean judges: this machine's, or that of a server."""
    if runtime is not None:
        return {"lean": runtime.version, "runtime": runtime.name, "library": runtime.library}
    async with AsyncClient(url or "", api_key=api_key) as client:
        found = await client.toolchain()
    return {"lean": str(found["lean"]), "runtime": f"{found['runtime']} at {url}"}


@asynccontextmanager
async def _verifier(
    runtime: LeanRuntime | None,
    url: str | None,
    api_key: str | None,
    workers: int,
    options: Options,
    out: Path,
) -> AsyncIterator[Verifier]:
    """What judges."""
    if runtime is None:
        limits = {"timeout": options.timeout_s, "heartbeats": options.heartbeats}
        async with AsyncClient(url or "", api_key=api_key) as client:
            yield _Remote(client, limits)
        return
    certificates = CertificateStore(out / "certificates")
    async with LeanPool(runtime, workers=workers, options=options, certificates=certificates) as pool:
        yield pool


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
