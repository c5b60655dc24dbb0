"""Schedulers over made-up features, and rounds of them."""

from typing import Any

import numpy as np

from prover.library.features import FEATURES, FeatureTable
from trainer.curriculum.config import CurriculumConfig
from trainer.curriculum.policies.registry import PolicyName
from trainer.curriculum.scheduler import Choice, Outcome, Scheduler
from trainer.simulation.learners import NumberedTheorems

__all__ = ["ONLY_DISPROOFS", "answered", "indices", "scheduler", "table"]

ONLY_DISPROOFS: dict[str, Any] = {"disproof_share": 1.0, "replay_share": 0.0, "uniform_share": 0.0}


def table(count: int, *, seed: int = 0, families: int = 3, **columns: Any) -> FeatureTable:
    """Features drawn at random, but for the columns that are given."""
    rng = np.random.default_rng(seed)
    drawn = {name: np.floor(rng.lognormal(2, 0.5, count)).astype(np.float32) for name in FEATURES}
    drawn |= {name: np.asarray(values, np.float32) for name, values in columns.items() if name != "family"}
    family = np.asarray(columns.get("family", rng.integers(families, size=count)), np.int32)
    return FeatureTable(**drawn, family=family, families=tuple(f"f{i}" for i in range(families)))


def scheduler(
    features: FeatureTable, policy: PolicyName = "informative", seed: int = 0, **config: Any
) -> Scheduler:
    settings = CurriculumConfig(policy=policy, **config)
    return Scheduler(NumberedTheorems(features), settings, samples=8, seed=seed)


def indices(choices: list[Choice]) -> list[int]:
    return [choice.index for choice in choices]


def answered(chooser: Scheduler, count: int, rates: dict[int, float] | None = None) -> list[Choice]:
    """One round in which theorems are proved at given rates, and others never."""
    choices = chooser.choose(count)
    outcomes = []
    for choice in choices:
        proved = 0 if choice.disprove else round((rates or {}).get(choice.index, 0) * choice.samples)
        outcomes.append(Outcome(choice.index, proved, choice.samples - proved, choice.disprove))
    chooser.observe(outcomes)
    return choices
