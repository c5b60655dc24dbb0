"""The commands of the theorem store: `import`, `check`, `grow`, `conjectures`, `list`, `show`, `trace`."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import Field

from prover.conjectures.base import Proposer
from prover.conjectures.check import Fate
from prover.conjectures.conjecturer import Conjecturer
from prover.conjectures.grow import Growth, conjecturer_pairs
from prover.conjectures.grow import grow as grow_store
from prover.conjectures.variations import Variations
from prover.generators.base import Generator, SamplingParams
from prover.library.elaboration import check_store
from prover.library.features import FEATURES
from prover.library.store import TheoremStore
from prover.sources.into_library import ImportReport, import_rows
from prover.sources.leandojo import trace_repository
from prover.sources.registry import AUTO, SOURCE_FORMATS, read_source
from prover.sources.rows import RowIssue, Source
from verifier.cli.app import confined_runtime, prepare_torch
from verifier.cli.settings import takes_settings
from verifier.console import progress_bars, say
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.options import ConfinedLean
from verifier.settings import Section

__all__ = ["GrowSettings", "run_grower", "store_app"]

store_app = typer.Typer(no_args_is_help=True, help="The theorems there are, and what is known of them.")

Store = Annotated[Path, typer.Option(help="The file of the theorem store.")]
_SHOWN = 20


class ImportSettings(Section):
    """What `proofmill store import` takes in."""

    format: str = Field(
        default=AUTO,
        description=f"{', '.join(SOURCE_FORMATS)}; or `{AUTO}`, to see from its name what a source is.",
    )
    evaluation: bool = False
    """They are to measure with: nothing trains on them."""
    repository: Path | None = None
    """For LeanDojo's JSON, a checkout of the repository that it was made from."""
    seed: int = Field(default=0, ge=0)
    """The seed of `families`."""
    count: int = Field(default=2000, ge=10)
    """How many theorems of `families` there are to train on; a tenth of it of each held-out kind."""
    report: Path | None = None
    """Where all that is said of rows goes, as JSON."""


class GrowSettings(Section):
    """How `proofmill store grow` makes theorems."""

    attempts: int = Field(default=16, ge=1)
    """Attempts without a proof after which a theorem is unsolved."""
    limit: int = Field(default=32, ge=1)
    """Unsolved theorems to grow from at a time."""
    every: float | None = Field(default=None, ge=0)
    """Look again after so many seconds, until this is ended."""
    policy: Path | None = None
    """Directory of a model that writes conjectures, beside the rules."""
    conjectures: int = Field(default=8, ge=1)
    """Conjectures that the model writes for each theorem."""


@store_app.command("import")
@takes_settings()
def import_command(
    sources: Annotated[
        list[str],
        typer.Argument(help="Files or directories; or `families` for theorems that the project makes."),
    ],
    store: Store,
    settings: ImportSettings,
) -> None:
    """Take in theorems; a row that is wrong costs only itself.  Exit 2 when there are such rows."""
    total = ImportReport()
    try:
        with TheoremStore(store, create=True) as opened, progress_bars() as progress:
            for location in sources:
                source = Source(location, settings.repository, settings.seed, settings.count)
                rows = read_source(source, settings.format)
                if settings.evaluation:
                    opened.register_evaluation(source.name)
                bar = progress.add_task(location, total=None)
                total.merge(import_rows(opened, rows, on_row=partial(progress.advance, bar)))
            there = len(opened)
    finally:
        # What was imported before a source that cannot be read stays, and so does what is said of it.
        _say_report(total)
    say(f"{total.added:,} of {total.rows:,} rows are new; {store} has {there:,} theorems")
    if settings.report is not None:
        _write(settings.report, total.model_dump_json(indent=2))
    if total.malformed:
        raise typer.Exit(2)


@store_app.command()
@takes_settings()
def check(store: Store, lean: ConfinedLean) -> None:
    """Ask Lean about each statement that it was not asked about; exit 1 when one does not elaborate."""
    pool = LeanPool(confined_runtime(lean), workers=lean.workers, options=lean.options())

    async def checking() -> bool:
        with TheoremStore(store) as opened, progress_bars() as progress:
            bar = progress.add_task("checking", total=len(opened.unchecked()))
            async with pool:
                result = await check_store(opened, pool, on_checked=lambda: progress.advance(bar))
            for index, message in result.refused:
                say(f"{opened.theorem(index).name}: {message}", "red")
        for reason, times in result.unknown.most_common(_SHOWN):
            say(f"{times:,} times no answer: {reason}", "yellow")
        say(
            f"{result.checked:,} statements checked: {len(result.refused):,} do not elaborate, of "
            f"{result.unknown.total():,} Lean said nothing"
        )
        return bool(result.refused)

    if asyncio.run(checking()):
        raise typer.Exit(1)


@store_app.command()
@takes_settings()
def grow(store: Store, settings: GrowSettings, lean: ConfinedLean) -> None:
    """Make theorems from those that stay unsolved: what Lean finds neither trivial nor false comes in."""
    run_grower(store, settings, lean)


def run_grower(store: Path, settings: GrowSettings, lean: ConfinedLean) -> None:
    """Grow a store once, or again and again."""
    runtime = confined_runtime(lean)
    rules = Variations()
    generator = None if settings.policy is None else _generator(settings.policy)

    async def growing() -> None:
        async with LeanPool(runtime, workers=lean.workers, options=lean.options()) as pool:
            for look in itertools.count():
                proposers: list[Proposer] = [rules]
                if generator is not None:
                    sampling = SamplingParams(samples=settings.conjectures, seed=look)
                    proposers.append(Conjecturer(generator, sampling))
                with TheoremStore(store) as opened:
                    growth = await grow_store(
                        opened, pool, proposers, attempts=settings.attempts, limit=settings.limit
                    )
                _say_growth(growth)
                if settings.every is None:
                    break
                await asyncio.sleep(settings.every)

    asyncio.run(growing())


@store_app.command()
def conjectures(
    store: Store,
    out: Annotated[Path, typer.Option(help="A JSONL file of `prompt` and `completion`.")],
) -> None:
    """Write the conjectures that are seldom proved, for the next conjecturer to learn from."""
    with TheoremStore(store) as opened:
        pairs = conjecturer_pairs(opened)
    if not pairs:
        raise InvalidInput(
            f"no conjecture in {store} was proved, and that seldom: there is nothing to learn from"
        )
    _write(out, "\n".join(json.dumps({"prompt": prompt, "completion": said}) for prompt, said in pairs))
    say(f"{len(pairs):,} hard conjectures are in {out}")


@store_app.command("list")
def list_command(store: Store) -> None:
    """Say what there is, by source and split, and with which theorems something is wrong."""
    with TheoremStore(store) as opened:
        for each in opened.counts():
            wrong = [
                f"{number:,} {what}"
                for number, what in (
                    (each.faulty, "faulty"),
                    (each.not_elaborating, "not elaborating"),
                    (each.retired, "retired"),
                )
                if number
            ]
            use = "for evaluation" if each.evaluation else "to train on"
            print(
                f"{each.source} {each.split}: {each.theorems:,} theorems {use}, {each.proved:,} proved"
                + "".join(f", {part}" for part in wrong)
            )
        contaminated = ((each.name, f"contaminated by `{each.by}`") for each in opened.contaminated())
        for listed in (opened.faults(), contaminated):
            _print_some(f"{name}: {what}" for name, what in listed)


@store_app.command()
def show(name: Annotated[str, typer.Argument(help="Of a theorem.")], store: Store) -> None:
    """Say what is known of a theorem."""
    with TheoremStore(store) as opened:
        index = opened.index_of(name)
        theorem, state, features = opened.theorem(index), opened.state(index), opened.features_at(index)
        print(f"{theorem.header}\n{theorem.statement}\n")
        use = "for evaluation" if state.evaluation else "to train on"
        print(f"index {index}, from {theorem.source}, split {theorem.split}, {use}")
        for reason in ("faulty", "not_elaborating", "retired"):
            if (text := getattr(state, reason)) is not None:
                print(f"{reason.replace('_', ' ')}: {text}")
        if not state.evaluation:
            found = [each for each in opened.contaminated() if each.index == index]
            print("".join(f"contaminated by `{each.by}`: not trained on\n" for each in found), end="")
        for each in FEATURES:
            guessed = " (estimated)" if each in features.estimated else ""
            print(f"{each.replace('_', ' ')}: {getattr(features, each)}{guessed}")
        parent = opened.parent_of(index)
        if parent is not None:
            print(f"made from `{opened.theorem(parent[0]).name}`: {parent[1]}")
        for child, how in opened.children_of(index):
            print(f"`{opened.theorem(child).name}` was made from it: {how}")
        attempts = list(opened.attempts(index))
        for attempt in attempts[-_SHOWN:]:
            tried = "its negation" if attempt.disproof else "it"
            print(
                f"attempt {attempt.id}, policy version {attempt.policy_version}, at {tried}: {attempt.status}"
            )
        print(f"{len(attempts)} attempts")
        for title, proof in (
            ("best", opened.best_proof(index)),
            ("its source's", opened.source_proof(index)),
        ):
            if proof is not None:
                print(f"\n{title} proof:\n{proof}")


@store_app.command()
def trace(
    url: Annotated[str, typer.Argument(help="Of a repository of Lean 4.")],
    commit: Annotated[str, typer.Argument(help="Its commit hash.")],
    out: Annotated[Path, typer.Option(help="A JSON file for its theorems.")],
) -> None:
    """Have LeanDojo trace a repository; needs the extra `dojo`, and a Lean beside the embedded one."""
    traced = trace_repository(url, commit, out)
    say(f"now `proofmill store import {traced.benchmark} --format leandojo --repository {traced.repository}`")


def _generator(policy: Path) -> Generator:
    """Raises InvalidInput without the packages that it needs, or where there is no model."""
    prepare_torch()
    from prover.generators.transformers import TransformersGenerator

    return TransformersGenerator.load(policy)


def _say_growth(growth: Growth) -> None:
    fates = Counter(each.fate for each in growth.results)
    calls = sum(each.lean_calls for each in growth.results)
    say(
        f"{growth.unsolved:,} unsolved theorems, {len(growth.results):,} proposals, {calls:,} Lean calls: "
        + ", ".join(f"{fates[fate]:,} {fate.replace('_', ' ')}" for fate in Fate if fates[fate])
    )
    for name in growth.added[:_SHOWN]:
        say(f"  new: {name}")
    if len(growth.added) > _SHOWN:
        say(f"  and {len(growth.added) - _SHOWN:,} more")


def _say_report(report: ImportReport) -> None:
    for title, rows, style in (
        ("not read", report.malformed, "red"),
        ("left out as duplicates", report.duplicates, "yellow"),
        ("renamed", report.renamed, "yellow"),
        ("flagged as faulty", report.faulty, "yellow"),
        ("contaminated", report.contaminated, "red"),
    ):
        _say_some(title, rows, style)


def _say_some(title: str, rows: list[RowIssue], style: str) -> None:
    if rows:
        say(f"{len(rows):,} rows {title}:", style)
    for row in rows[:_SHOWN]:
        say(f"  {row.where}: {f'{row.name}: ' if row.name else ''}{row.reason}", style)
    if len(rows) > _SHOWN:
        say(f"  and {len(rows) - _SHOWN:,} more: pass --report to have all of them in a file", style)


def _print_some(lines: Iterable[str]) -> None:
    remaining = iter(lines)
    for line in itertools.islice(remaining, _SHOWN):
        print(line)
    if more := sum(1 for _ in remaining):
        print(f"and {more:,} more")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from error
