"""The command lines of the processes of a run."""

from pathlib import Path

from trainer.config import RunConfig
from trainer.model.compute import Compute

__all__ = ["generator_arguments", "grower_arguments", "verifier_arguments"]

GROW_EVERY_S = 30
GROW_AFTER = 3
"""Groups without a proof after which theorems are made from one."""


def verifier_arguments(config: RunConfig, run: str) -> list[str]:
    """Of `proofmill`, for a verifier of the run `run`."""
    lean = config.lean
    limits = ("--workers", lean.workers, "--timeout", lean.timeout_s, "--heartbeats", lean.heartbeats)
    project = ("--project", lean.project) if lean.project else ()
    unconfined = ("--allow-unconfined",) if lean.allow_unconfined else ()
    tactics = ("--tactics",) if config.needs_tactics else ()
    arguments = ("worker", "verifier", "--run", run, *limits, *project, *unconfined, *tactics)
    return [str(each) for each in arguments]


def grower_arguments(config: RunConfig, store: Path) -> list[str]:
    """Of `proofmill`, for a process that has theorems grow in a store."""
    lean = config.lean
    project = ("--project", lean.project) if lean.project else ()
    unconfined = ("--allow-unconfined",) if lean.allow_unconfined else ()
    how = ("--every", GROW_EVERY_S, "--attempts", GROW_AFTER * config.sampling.samples)
    arguments = ("store", "grow", "--store", store, *how, "--timeout", lean.timeout_s, *project, *unconfined)
    return [str(each) for each in arguments]


def generator_arguments(config: RunConfig, run: str) -> list[str]:
    """Of `proofmill`, for a generator of the run `run`."""
    own = config.generator
    device = str(Compute.of(config.compute).device)
    how = ("--device", device, "--max-backlog", str(own.max_backlog), "--engine", own.engine)
    vllm = ("--vllm-url", own.vllm_url) if own.vllm_url else ("--dtype", own.dtype)
    return ["worker", "generator", "--run", run, *how, *(vllm if own.engine == "vllm" else ())]
