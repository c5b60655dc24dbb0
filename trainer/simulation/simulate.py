"""Policies compared on synthetic learners and on recorded runs: what is solved for a number of Lean calls.

Every policy faces the same theorems and the same learner of a seed, through the same scheduler that real runs
use.  An attempt is a Lean call, at a theorem or at its negation; a theorem is solved once it was proved.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

import numpy as np
from pydantic import BaseModel, Field

from prover.evaluation.statistics import bootstrap_interval
from trainer.curriculum.catalogue import Catalogue, ListedTheorems
from trainer.curriculum.config import CurriculumConfig
from trainer.curriculum.policies.registry import POLICIES, PolicyName
from trainer.curriculum.scheduler import Outcome, Scheduler
from trainer.simulation.learners import (
    LearnsFrom,
    Mix,
    NumberedTheorems,
    SimulatedLearner,
    draw_world,
)
from trainer.simulation.recorded import RecordedLearner, RecordedRun
from verifier.errors import InvalidInput

__all__ = ["Comparison", "Course", "Figure", "PolicyFigures", "Setting", "simulate", "simulate_policy"]

SAMPLES = 8
"""Of a usual group."""
GROUPS = 64
"""In a round."""
POINTS = 50
"""Of a curve."""


class Learner(Protocol):
    """What tries theorems, and may learn from it."""

    def attempt(self, index: int, samples: int, *, disprove: bool) -> tuple[int, int]:
        """Try a theorem, or its negation; of `samples` attempts, the numbers that are proved and refuted."""
        ...

    def learn(self, groups: Sequence[tuple[int, int, int]]) -> None:
        """Learn from the groups of a round, each of them (theorem, proved, refuted)."""
        ...

    def ability(self) -> float | None:
        """The mean rate at which it would prove the provable theorems now, where that is known."""
        ...


@dataclass(frozen=True)
class Setting:
    """What policies are compared on."""

    source: Mix | RecordedRun
    """Synthetic theorems of this mix, or those of a recorded run."""
    theorems: int
    calls: int
    learns_from: LearnsFrom = "informative"
    guidance: float = 1.0
    """How well features tell difficulties apart, beside `simulated_learners.CORRELATIONS`."""

    @property
    def title(self) -> str:
        return self.source if isinstance(self.source, str) else self.source.name

    def draw(self, seed: int) -> tuple[Catalogue, Callable[[], Learner]]:
        """The theorems of a seed, and how their learner begins."""
        if not isinstance(self.source, str):
            run = self.source
            return ListedTheorems(run.theorems), lambda: RecordedLearner(run, seed)
        world = draw_world(self.source, self.theorems, seed, self.guidance)
        return NumberedTheorems(world.features), lambda: SimulatedLearner(world, self.learns_from, seed)


class Course(BaseModel):
    """How one policy fared with one seed."""

    solved: list[float]
    """After each of `POINTS` equal parts of the calls."""
    informative: float
    """Of groups, those that had both a proof and a refuted attempt."""
    disproved: int
    ability: float | None


class Figure(BaseModel):
    """A mean over seeds with its 95% bootstrap interval."""

    value: float
    ci: tuple[float, float]


class PolicyFigures(BaseModel):
    """One policy over all seeds; figures over another policy are of one seed each, then averaged."""

    solved: Figure
    solved_per_call_over_uniform: Figure
    share_of_best: Figure
    """Solved, over what the best policy solves."""
    ability: Figure | None
    """The mean rate at which the learner would in the end prove the provable theorems, solved or not."""
    informative: float
    disproved: float
    curve: list[float] = Field(exclude=True)
    """Solved, on average, after equal parts of the calls."""


class Comparison(BaseModel):
    """All policies on one setting."""

    title: str
    theorems: int
    calls: int
    seeds: int
    samples: int = SAMPLES
    policies: dict[PolicyName, PolicyFigures]


def simulate(
    settings: Sequence[Setting], seeds: int, on_done: Callable[[], None] = lambda: None
) -> list[Comparison]:
    """Compare all policies on each setting with the seeds 0, 1, 2 ...; `on_done` comes after each seed.

    Raises:
        InvalidInput: so few calls were given that uniform solved nothing.
    """
    courses: dict[tuple[int, int], dict[PolicyName, Course]] = {}
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = {
            pool.submit(_all_policies, setting, seed): (place, seed)
            for place, setting in enumerate(settings)
            for seed in range(seeds)
        }
        for job in as_completed(jobs):
            courses[jobs[job]] = job.result()
            on_done()
    return [
        _comparison(setting, [courses[place, seed] for seed in range(seeds)])
        for place, setting in enumerate(settings)
    ]


def simulate_policy(
    catalogue: Catalogue, learner: Learner, config: CurriculumConfig, calls: int, seed: int
) -> Course:
    """Rounds of choosing, attempting and learning until so many Lean calls are spent."""
    scheduler = Scheduler(catalogue, config, samples=SAMPLES, seed=seed)
    spent, solved = [0], [0]
    groups = informative = 0
    while spent[-1] < calls:
        choices = scheduler.choose(GROUPS)
        outcomes = [
            Outcome(
                each.index, *learner.attempt(each.index, each.samples, disprove=each.disprove), each.disprove
            )
            for each in choices
        ]
        tried = [
            (choice.index, outcome.proved, outcome.refuted)
            for choice, outcome in zip(choices, outcomes, strict=True)
            if not choice.disprove
        ]
        learner.learn(tried)
        scheduler.observe(outcomes)
        groups += len(outcomes)
        informative += sum(proved > 0 and refuted > 0 for _, proved, refuted in tried)
        spent.append(spent[-1] + sum(each.samples for each in choices))
        solved.append(len(scheduler.proved))
    at = np.linspace(0, calls, POINTS + 1)[1:]
    return Course(
        solved=np.interp(at, spent, solved).tolist(),
        informative=informative / groups,
        disproved=len(scheduler.retired),
        ability=learner.ability(),
    )


def _all_policies(setting: Setting, seed: int) -> dict[PolicyName, Course]:
    catalogue, begin = setting.draw(seed)
    return {
        policy: simulate_policy(catalogue, begin(), CurriculumConfig(policy=policy), setting.calls, seed)
        for policy in POLICIES
    }


def _comparison(setting: Setting, of_seeds: Sequence[dict[PolicyName, Course]]) -> Comparison:
    solved = {policy: [each[policy].solved[-1] for each in of_seeds] for policy in POLICIES}
    best = max(POLICIES, key=lambda policy: fmean(solved[policy]))
    if not all(solved["uniform"]):
        raise InvalidInput(
            f"{setting.title}: uniform solved nothing in {setting.calls} calls; give more --calls"
        )
    return Comparison(
        title=setting.title,
        theorems=setting.theorems,
        calls=setting.calls,
        seeds=len(of_seeds),
        policies={
            policy: PolicyFigures(
                solved=_figure(solved[policy]),
                solved_per_call_over_uniform=_figure(_ratios(solved[policy], solved["uniform"])),
                share_of_best=_figure(_ratios(solved[policy], solved[best])),
                ability=_ability([each[policy].ability for each in of_seeds]),
                informative=fmean(each[policy].informative for each in of_seeds),
                disproved=fmean(each[policy].disproved for each in of_seeds),
                curve=[fmean(at) for at in zip(*(each[policy].solved for each in of_seeds), strict=True)],
            )
            for policy in POLICIES
        },
    )


def _ratios(values: Iterable[float], others: Iterable[float]) -> list[float]:
    return [value / other for value, other in zip(values, others, strict=True)]


def _ability(values: Sequence[float | None]) -> Figure | None:
    known = [value for value in values if value is not None]
    return _figure(known) if known else None


def _figure(values: Sequence[float]) -> Figure:
    return Figure(value=fmean(values), ci=bootstrap_interval(values))
