"""Trains language models to prove theorems of Lean 4, with a verifier that is the only source of reward.

A `RunConfig` has all settings of a run, and `load_config` reads them from a file.  `run_daemon` trains by
them over the streams of a Redis server, and a `Rollout` is what it learns from: an attempt with its verdict
and its reward.

What is named here is the public interface.  The modules below it are its parts and may change.  A name is
imported when it is first asked for: importing the package costs nothing, and does not import torch.
"""

from typing import TYPE_CHECKING

from verifier.faces import face_of

if TYPE_CHECKING:
    from trainer.config import RunConfig, load_config
    from trainer.rollout import Rollout
    from trainer.run.daemon import run_daemon

__all__ = ["Rollout", "RunConfig", "load_config", "run_daemon"]

_HOMES = {
    "Rollout": "trainer.rollout",
    "RunConfig": "trainer.config",
    "load_config": "trainer.config",
    "run_daemon": "trainer.run.daemon",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = face_of(__name__, _HOMES)
