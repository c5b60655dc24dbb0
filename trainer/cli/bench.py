"""`proofmill bench`: measured figures of training on this machine."""

import typer

from trainer.bench.settings import CurriculumBenchSettings, PipelineBenchSettings, StepBenchSettings
from verifier.cli.app import prepare_torch, print_figures
from verifier.cli.settings import AsJson, takes_settings
from verifier.console import progress_bars

__all__ = ["training_bench_app"]

training_bench_app = typer.Typer()


@training_bench_app.command("trainer")
@takes_settings()
def bench_trainer_command(settings: StepBenchSettings, as_json: AsJson = False) -> None:
    """Time a GRPO step and the same step by trl, if that is installed."""
    prepare_torch()
    from trainer.bench.step import bench_trainer

    with progress_bars() as progress:
        bar = progress.add_task("trainers", total=2)
        result = bench_trainer(settings, on_done=lambda: progress.advance(bar))
    print_figures(result, as_json)


@training_bench_app.command("curriculum")
@takes_settings()
def bench_curriculum_command(settings: CurriculumBenchSettings, as_json: AsJson = False) -> None:
    """Time choosing among a store's very many theorems, and measure the memory that it takes."""
    from trainer.bench.curriculum import bench_curriculum

    with progress_bars() as progress:
        bar = progress.add_task("thousands of theorems", total=-(-settings.theorems // 1000))
        result = bench_curriculum(settings, on_added=lambda: progress.advance(bar))
    print_figures(result, as_json)


@training_bench_app.command("pipeline")
@takes_settings()
def bench_pipeline_command(settings: PipelineBenchSettings, as_json: AsJson = False) -> None:
    """Measure what the streams cost, how verifiers add up, and who waits for whom in a run."""
    prepare_torch()
    from trainer.bench.pipeline import bench_pipeline

    with progress_bars() as progress:
        bar = progress.add_task("pipeline", total=7)
        result = bench_pipeline(settings, on_done=lambda: progress.advance(bar))
    print_figures(result, as_json)
