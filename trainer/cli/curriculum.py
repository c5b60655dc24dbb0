"""`proofmill curriculum`: what the scheduler thinks of a theorem, and policies compared in simulation."""

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import Field

from trainer.curriculum.scheduler import Explanation
from trainer.simulation.learners import MIXES, LearnsFrom, Mix
from verifier.cli.app import prepare_torch
from verifier.cli.settings import AsJson, takes_settings
from verifier.console import progress_bars, say
from verifier.errors import InvalidInput
from verifier.settings import Section

__all__ = ["curriculum_app"]

curriculum_app = typer.Typer(no_args_is_help=True, help="Which theorems are tried next, and why.")


class SimulationSettings(Section):
    """What `proofmill curriculum simulate` compares policies on."""

    mix: str = ",".join(MIXES)
    """Mixes of difficulties, with commas."""
    run: list[Path] = Field(default=[])
    """A recorded run in place of the mixes; repeatable."""
    seeds: int = Field(default=20, ge=2)
    """Worlds to average over."""
    calls: int | None = Field(default=None, ge=512)
    """Lean calls; by default 8 for a quarter of the theorems."""
    theorems: int = Field(default=10_000, ge=64)
    """Theorems in each mix."""
    learns_from: LearnsFrom = "informative"
    """What teaches: groups with proof and failure, or proofs."""
    guidance: float = Field(default=1.0, ge=0, le=2)
    """How well features tell difficulty; 1 is usual, 0 not at all."""
    out: Path | None = None
    """Directory for the table and the plot."""


@curriculum_app.command("simulate")
@takes_settings()
def simulate_command(settings: SimulationSettings, as_json: AsJson = False) -> None:
    """Compare policies on synthetic learners or recorded runs: theorems solved for a number of Lean calls."""
    prepare_torch()
    from trainer.simulation.recorded import read_recorded_run
    from trainer.simulation.report import table_of, write_simulation
    from trainer.simulation.simulate import SAMPLES, Setting, simulate

    worlds = []
    mixes = map(_mix, settings.mix.split(","))
    for source in map(read_recorded_run, settings.run) if settings.run else mixes:
        count = settings.theorems if isinstance(source, str) else len(source.theorems)
        calls = settings.calls or SAMPLES * count // 4
        worlds.append(Setting(source, count, calls, settings.learns_from, settings.guidance))
    with progress_bars() as progress:
        bar = progress.add_task("seeds", total=settings.seeds * len(worlds))
        comparisons = simulate(worlds, settings.seeds, on_done=lambda: progress.advance(bar))
    if settings.out is not None:
        say(f"table and plot: {write_simulation(settings.out, comparisons)}")
    if as_json:
        ours = {
            each.title: each.policies["informative"].solved_per_call_over_uniform.model_dump()
            for each in comparisons
        }
        of_all = {each.title: each.model_dump(mode="json", exclude={"title"}) for each in comparisons}
        print(json.dumps({"solved_per_call_over_uniform": ours, "comparisons": of_all}, indent=2))
    else:
        print(table_of(comparisons))


@curriculum_app.command("why")
def why_command(
    name: Annotated[str, typer.Argument(help="Name of a theorem.")],
    run: Annotated[Path, typer.Option(help="Directory of a run of `proofmill train`.")],
    as_json: AsJson = False,
) -> None:
    """Say what decides whether a theorem is chosen next in a run, as of its newest version."""
    prepare_torch()
    from trainer.run.start import scheduler_of_run

    explanation = scheduler_of_run(run).why(name)
    print(explanation.model_dump_json(indent=2) if as_json else explained(explanation))


def _mix(name: str) -> Mix:
    for mix in MIXES:
        if mix == name:
            return mix
    raise InvalidInput(f"there is no mix `{name}`: choose among {', '.join(MIXES)}")


def explained(why: Explanation) -> str:
    """An explanation in lines for people."""
    a, b = why.posterior
    lines = [
        f"{why.name} ({why.family or 'no family'}), policy {why.policy}, after {why.round} rounds",
        f"  posterior   Beta({a:.2f}, {b:.2f}), mean {why.rate:.3f}",
        f"  attempts    {why.attempts}, {why.proofs} of them proofs; groups without one, up to the last: "
        f"{why.failures}",
        f"  features    {', '.join(f'{feature} {value:g}' for feature, value in why.features.items())}",
        f"  score       {why.score:.4g}, rank {why.rank:,} of {why.of:,} that may be chosen",
        *(f"    {term:30} {value:+.4g}" for term, value in why.terms.items()),
        "  history" if why.history else "  history     none: it was never tried",
        *(
            f"    round {group.round}: {group.proved} proved, {group.refuted} refuted"
            f"{', of the negation' if group.disproof else ''}"
            for group in why.history
        ),
    ]
    if why.waiting:
        lines.append("  is being tried now")
    if why.retired:
        lines.append("  RETIRED: its negation was proved" + (", and so was it" if why.proofs else ""))
    return "\n".join(lines)
