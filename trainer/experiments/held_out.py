"""How a run is measured: evaluations of policies and of a portfolio, on theorems that are not trained on.

    DIR/evaluations/before/                 8 samples at each held-out theorem of the families in training
    DIR/evaluations/before-greedy/          the likeliest answer to each of them
    DIR/evaluations/before-new-families/    8 samples at theorems of the families that are held out whole
    DIR/evaluations/after.../, control.../  the same of the other policies
    DIR/evaluations/candidates/             what a portfolio could hold, at some training theorems
    DIR/evaluations/portfolio/              the portfolio that was chosen, at each held-out theorem

Each is a directory as `proofmill eval` writes it.  One that was stopped goes on, and one that has come to its
end costs nothing again; what was measured is read from these files alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from prover.evaluation.baselines import FAMILY_TACTICS, PortfolioProver, greedy_portfolio
from prover.evaluation.benchmark import Benchmark
from prover.evaluation.compare import paired_pass_at_k
from prover.evaluation.files import EvalFiles, EvalRecord, StatementRow, read_record
from prover.evaluation.provers.base import Prover
from prover.evaluation.provers.model import ModelProver, digest_of_model
from prover.evaluation.run import evaluate, plan_of
from prover.evaluation.statistics import Estimate
from prover.evaluation.summary import Evaluated
from prover.families import Dataset
from prover.formats.prompts import load_tokenizer
from prover.formats.registry import format_named
from prover.generators.base import Generator, SamplingParams
from prover.generators.registry import open_engine
from trainer.config import RunConfig
from trainer.model.compute import device_named
from trainer.run.alarm import Tally, tallies_of
from trainer.run.directory import EVALUATIONS, SUMMARY
from trainer.run.start import progress_bar
from verifier.judging.reward import Verifier
from verifier.lean.runtime import resolve_runtime
from verifier.verdict import Kind

__all__ = [
    "CHOSEN_ON",
    "HELD_OUT",
    "SAMPLES",
    "Arm",
    "HeldOut",
    "families_of",
    "generator_of",
    "held_out_figures",
    "measure",
    "measure_policy",
    "measure_portfolio",
    "portfolio_of",
]

SAMPLES = 8
"""Attempts at a theorem, of a policy; no portfolio is longer."""
CANDIDATES, PORTFOLIO = "candidates", "portfolio"
HELD_OUT = "held-out theorems of the families"
NEW_FAMILIES = "theorems of families held out whole"
CHOSEN_ON = "training theorems of the families"


async def measure_policy(
    config: RunConfig, directory: Path, arm: str, data: Dataset, policy: Path, verifier: Verifier
) -> None:
    """Sample on both kinds of held-out theorems, decode greedily on the first, and have everything judged."""
    evaluations = directory / EVALUATIONS
    if all((evaluations / name / SUMMARY).is_file() for name in _names(arm)):
        return
    sampling = config.sampling.model_copy(update={"samples": SAMPLES})
    greedy = SamplingParams(samples=1, greedy=True, max_new_tokens=sampling.max_new_tokens)
    held_out = Benchmark.of(HELD_OUT, data.held_out)
    new_families = Benchmark.of(NEW_FAMILIES, data.held_out_family)
    model = {
        "generator": config.generator.engine,
        "model": f"{policy.parent.name}/{policy.name}",
        "model_sha256": digest_of_model(policy),
    }
    asked = zip(_names(arm), (held_out, held_out, new_families), (sampling, greedy, sampling), strict=True)
    with generator_of(config, policy) as generator:
        for name, benchmark, how in asked:
            prover = ModelProver(generator, load_tokenizer(policy), format_named("completion"), how, model)
            await measure(config, evaluations / name, name, benchmark, prover, how.samples, verifier)


async def measure_portfolio(config: RunConfig, directory: Path, data: Dataset, verifier: Verifier) -> None:
    """Choose a portfolio on training theorems, and try it on the held-out ones if it holds anything."""
    training = Benchmark.of(CHOSEN_ON, data.train[: config.measure.portfolio_theorems])
    every, samples = PortfolioProver(FAMILY_TACTICS), len(FAMILY_TACTICS)
    evaluations = directory / EVALUATIONS
    candidates = await measure(
        config, evaluations / CANDIDATES, CANDIDATES, training, every, samples, verifier
    )
    if portfolio := portfolio_of(candidates):
        held_out, prover = Benchmark.of(HELD_OUT, data.held_out), PortfolioProver(portfolio)
        await measure(config, evaluations / PORTFOLIO, PORTFOLIO, held_out, prover, len(portfolio), verifier)


@dataclass(frozen=True)
class Arm:
    """What was measured of one policy."""

    sampled: EvalRecord
    """`SAMPLES` attempts at every held-out theorem."""
    greedy: EvalRecord
    """The likeliest attempt at each of them."""
    new_families: EvalRecord
    """`SAMPLES` attempts at every theorem of the families that are held out whole."""


@dataclass(frozen=True)
class HeldOut:
    """What has been measured in a run."""

    evaluations: Mapping[str, EvalRecord]
    """Those that have come to their end, by the names of their directories."""
    over_control: Estimate | None = None
    """Pass@1 of the trained model minus its control's, theorem by theorem."""
    over_portfolio: Estimate | None = None
    """The same over the portfolio, at `SAMPLES` attempts."""

    def arm(self, name: str) -> Arm | None:
        """The policy that was measured under this name, as soon as all of it was."""
        sampled, greedy, new_families = map(self.evaluations.get, _names(name))
        return Arm(sampled, greedy, new_families) if sampled and greedy and new_families else None

    @property
    def portfolio(self) -> EvalRecord | None:
        return self.evaluations.get(PORTFOLIO)

    @property
    def tactics(self) -> tuple[str, ...] | None:
        """The portfolio that was chosen; None before it was, empty where no tactic proved anything."""
        candidates = self.evaluations.get(CANDIDATES)
        return portfolio_of(candidates) if candidates is not None else None


def held_out_figures(directory: Path) -> HeldOut:
    """What has been measured in a run directory, from the evaluations that have come to their end.

    Raises:
        InvalidInput: a file of theirs cannot be read.
    """
    ended = sorted((directory / EVALUATIONS).glob("*/summary.json"))
    evaluations = {path.parent.name: read_record(path.parent) for path in ended}
    after, control, portfolio = (evaluations.get(name) for name in ("after", "control", PORTFOLIO))
    return HeldOut(
        evaluations,
        over_control=paired_pass_at_k(control, after, 1) if after and control else None,
        over_portfolio=paired_pass_at_k(portfolio, after, SAMPLES) if after and portfolio else None,
    )


def families_of(arms: Sequence[Arm]) -> dict[str, Tally]:
    """Proofs and known verdicts of samples at held-out theorems of both kinds, by family."""
    return tallies_of(
        (family, row.kind)
        for arm in arms
        for record in (arm.sampled, arm.new_families)
        for row in record.attempts
        if (family := record.problems[row.name].theorem.family)
    )


def portfolio_of(candidates: EvalRecord) -> tuple[str, ...]:
    """At most `SAMPLES` of the candidates that were tried, chosen greedily by the theorems they proved."""
    solved: dict[str, set[str]] = {}
    for row in candidates.attempts:
        solved.setdefault(row.answer, set()).update({row.name} if row.kind is Kind.PROVED else ())
    return tuple(greedy_portfolio(solved, SAMPLES))


def _names(arm: str) -> tuple[str, str, str]:
    """Of the evaluations of a policy, in the order of `Arm`."""
    return arm, f"{arm}-greedy", f"{arm}-new-families"


@contextmanager
def generator_of(config: RunConfig, policy: Path) -> Iterator[Generator]:
    """What samples from a policy: the engine that `generator.engine` names, for as long as this is open.

    Raises:
        InvalidInput: there is no policy, or it cannot be sampled from on this machine.
    """
    own, threads = config.generator, torch.get_num_threads()
    try:
        with open_engine(own.engine, own.on(str(device_named(config.compute.device)))) as engine:
            yield engine.generator(policy, version=0)
    finally:
        # An engine in this process takes a part of the threads, and learning wants all again.
        torch.set_num_threads(threads)


async def measure(
    config: RunConfig,
    directory: Path,
    what: str,
    benchmark: Benchmark,
    prover: Prover,
    samples: int,
    verifier: Verifier,
) -> EvalRecord:
    """Do what is left of one evaluation; a statement that Lean cannot read is in none of its numbers.

    Args:
        directory: of the evaluation.
        what: is measured, for the progress bar.
    """
    runtime = resolve_runtime(config.lean.project)
    judge = {
        "lean": runtime.version,
        "runtime": runtime.name,
        "library": runtime.library,
        "timeout_s": f"{config.lean.timeout_s:g}",
        "heartbeats": str(config.lean.heartbeats),
    }
    plan = plan_of(benchmark, prover, judge, samples=samples)
    attempts = len(benchmark.problems) * samples
    with (
        EvalFiles(directory, plan, benchmark.problems) as files,
        progress_bar(what, "attempts judged", attempts) as advance,
    ):
        await evaluate(benchmark, prover, verifier, files, watcher=_Bar(advance), leave_out=True)
    return read_record(files.directory)


@dataclass(frozen=True)
class _Bar:
    """Tells a progress bar of every attempt."""

    advance: Callable[[], None]

    def stated(self, row: StatementRow) -> None:
        """Statements are not counted."""

    def attempted(self, last: Evaluated) -> None:
        self.advance()
