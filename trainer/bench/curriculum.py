"""`proofmill bench curriculum`: how long choosing among very many theorems takes, and how much memory.

The theorems are in a store, as those of a run are.  It runs in a process of its own, whose memory nothing
else has used.
"""

import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import numpy as np
from pydantic import BaseModel

from prover.library.store import TheoremStore
from prover.library.training_set import TrainingSet
from prover.theorem import Theorem
from trainer.bench.settings import CurriculumBenchSettings
from trainer.curriculum.config import CurriculumConfig
from trainer.curriculum.scheduler import Outcome, Scheduler

__all__ = ["CurriculumBench", "bench_curriculum"]

SAMPLES = 8
FAMILIES = 200


class CurriculumBench(BaseModel):
    """Rounds of choosing and observing."""

    theorems: int
    touched: int
    """Theorems that have an outcome in the end."""
    choose_ms_p50: float
    choose_ms_max: float
    observe_ms_p50: float
    observe_ms_max: float
    state_mb: float
    """Of a checkpoint, as JSON (10^6 bytes)."""
    restore_ms: float
    rss_mb: float
    """Peak resident memory of the process (10^6 bytes)."""
    store_mb: float
    """Of the store's file."""


def bench_curriculum(
    settings: CurriculumBenchSettings, on_added: Callable[[], None] = lambda: None
) -> CurriculumBench:
    """Choose theorems round by round; one in five attempts at whatever is chosen is a proof.

    They are those of `settings.store`, or of a new store, which is removed afterwards unless that names it.

    Args:
        on_added: called after each thousandth theorem of a new store.

    Raises:
        InvalidInput: what is at `settings.store` is none.
    """
    with ExitStack() as stack:
        store = settings.store
        if store is None:
            store = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "theorems.db"
        if not store.exists():
            _fill(store, settings.theorems, on_added)
        spawning = multiprocessing.get_context("spawn")
        process = stack.enter_context(ProcessPoolExecutor(1, mp_context=spawning))
        return process.submit(_bench, store, settings).result()


def _fill(path: Path, count: int, on_added: Callable[[], None]) -> None:
    with TheoremStore(path, create=True) as store:
        for first in range(0, count, 1000):
            with store.batch():
                for number in range(first, min(first + 1000, count)):
                    statement = f"theorem t{number} (a b : Nat) : a + b * {number} = b * {number} + a"
                    family = f"family{number % FAMILIES}"
                    store.add(
                        Theorem(
                            name=f"t{number}",
                            statement=statement,
                            source="bench",
                            split="train",
                            family=family,
                        )
                    )
            on_added()


def _bench(store: Path, settings: CurriculumBenchSettings) -> CurriculumBench:
    rng = np.random.default_rng(0)
    catalogue, config = TrainingSet(TheoremStore(store)), CurriculumConfig(policy=settings.policy)
    scheduler = Scheduler(catalogue, config, samples=SAMPLES, seed=0)
    choose_ms, observe_ms = [], []
    for _ in range(settings.rounds):
        began = time.perf_counter()
        choices = scheduler.choose(settings.count)
        choose_ms.append((time.perf_counter() - began) * 1e3)
        outcomes = []
        for choice in choices:
            proved = int(rng.binomial(choice.samples, 0.2))
            outcomes.append(Outcome(choice.index, proved, choice.samples - proved))
        began = time.perf_counter()
        scheduler.observe(outcomes)
        observe_ms.append((time.perf_counter() - began) * 1e3)
    # Peak memory first: a scheduler is restored into another one only here.
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    state = json.dumps(scheduler.state())
    began = time.perf_counter()
    scheduler.restore(json.loads(state))
    return CurriculumBench(
        theorems=len(catalogue),
        touched=scheduler.touched,
        choose_ms_p50=median(choose_ms),
        choose_ms_max=max(choose_ms),
        observe_ms_p50=median(observe_ms),
        observe_ms_max=max(observe_ms),
        state_mb=len(state) / 1e6,
        restore_ms=(time.perf_counter() - began) * 1e3,
        rss_mb=rss_mb,
        store_mb=store.stat().st_size / 1e6,
    )
