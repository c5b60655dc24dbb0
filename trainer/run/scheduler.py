"""The scheduler of a run, as its newest version left it."""

from pathlib import Path

from trainer.config import run_config
from trainer.curriculum.scheduler import Scheduler
from trainer.run.checkpoints import Versions
from trainer.run.start import catalogue_of, curriculum_of
from verifier.errors import InvalidInput

__all__ = ["scheduler_of_run"]


def scheduler_of_run(run_dir: Path) -> Scheduler:
    """What chooses the theorems of a run of the daemon.

    Raises:
        BrokenDirectory: the newest version is not as it was written.
        InvalidInput: there is no version, or its theorems are not there any more.
    """
    version = Versions(run_dir / "versions").newest
    if version is None:
        raise InvalidInput(f"{run_dir} holds no version: give the directory of a run of `proofmill train`")
    kept = version.run()
    config = run_config(kept["config"], f"the settings in {version.directory}")
    scheduler = curriculum_of(config, catalogue_of(config))
    scheduler.restore(kept["curriculum"])
    return scheduler
