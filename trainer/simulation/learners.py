"""Learners that are formulas, to compare policies on before a GPU is asked: theorems, and a skill that grows.

Item response theory: a learner of skill θ proves theorem i of family f with probability

    p_i = σ(θ + s_f + m_i − d_i)   (0 for what is hopeless or false),

where d_i is the latent difficulty, θ the skill in all families, s_f that in one, m_i what was practised of
this one theorem.  Skills grow by the expected gradient of a logistic policy, Σ (attempts)·p̂(1 − p̂), so only
groups that have both a proof and a refuted attempt teach anything; or, for expert iteration, from proofs,
each proof of one theorem half as much as the one before.  What is gained is harder to gain again (gains
shrink as 1/(1 + gained/`EASE`)), and fades.

What it leaves out: a learner here never gets worse by what it learns, families help each other only through
θ, difficulty is one number that the learner cannot reorder, verdicts come in the round they were asked for,
and features are as good a guide in the tail as anywhere.  It says which policies waste Lean calls, not how
many a real run needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from prover.library.features import FEATURES, FeatureTable
from prover.theorem import Theorem
from verifier.errors import InvalidInput

__all__ = ["MIXES", "LearnsFrom", "Mix", "NumberedTheorems", "SimulatedLearner", "World", "draw_world"]

Floats = NDArray[np.float64]
LearnsFrom = Literal["informative", "proofs"]
Mix = Literal["heavy_tailed", "easy", "uniform"]
MIXES: tuple[Mix, ...] = get_args(Mix)

CORRELATIONS: dict[str, float] = {
    "dependency_depth": 0.3,
    "proof_length": 0.4,
    "lemmas_used": 0.3,
    "statement_size": 0.2,
    "quantifiers": 0.1,
}
"""Of each feature with the order of latent difficulties, before it is rounded."""
SHARED_NOISE = 0.6
"""Of the rest of each feature, what all features of a theorem have in common: long statements have long
proofs, whether hard or not."""
FAMILIES = 20
FAMILY_SHARE = 0.5
"""Of the variance of difficulty, what is between families; of solve rates in a run of the demo it is 0.7."""
EASE = 2.0
"""Logits gained after which the next are half as easy to gain."""
UNKNOWN_SHARE = 0.01
"""Of attempts, those the machine cannot judge."""


SHARES: dict[Mix, tuple[float, float]] = {
    "heavy_tailed": (0.10, 0.03),
    "easy": (0.01, 0.01),
    "uniform": (0.05, 0.03),
}
"""Of theorems, those that are true and hopeless, and those that are false."""
GAIN_FAMILY, GAIN_OVERALL, GAIN_THEOREM = 0.03, 0.001, 0.3
"""Logits that a unit of gradient adds to the skill in the family, in all, and at the theorem."""
FADING_SKILL, FADING_THEOREM = 0.002, 0.02
"""Shares of what was gained that a round of 64 groups takes."""


class NumberedTheorems:
    """A catalogue of statements that say nothing, with given features; holds no theorem."""

    def __init__(self, features: FeatureTable) -> None:
        self._features = features

    def __len__(self) -> int:
        return len(self._features)

    def theorem(self, index: int) -> Theorem:
        family = self._features.families[self._features.family[index]]
        return Theorem(
            name=f"t{index}",
            statement=f"theorem t{index} : True",
            source="simulated",
            split="train",
            family=family,
        )

    def theorems(self, indices: Sequence[int]) -> list[Theorem]:
        return [self.theorem(index) for index in indices]

    def index_of(self, name: str) -> int:
        number = name.removeprefix("t")
        if not number.isdecimal() or int(number) >= len(self):
            raise InvalidInput(f"no theorem is named `{name}`")
        return int(number)

    def features(self) -> FeatureTable:
        return self._features

    def retired(self) -> NDArray[np.int64]:
        return np.zeros(0, np.int64)


@dataclass(frozen=True)
class World:
    """Theorems, and what is hidden from whoever chooses among them."""

    features: FeatureTable
    difficulty: Floats
    """Logits of skill at which half of the attempts are proofs; of a false statement, at its negation."""
    provable: NDArray[np.bool_]
    false: NDArray[np.bool_]


def draw_world(mix: Mix, count: int, seed: int, guidance: float = 1.0) -> World:
    """So many theorems; their features guide as well as `CORRELATIONS` times `guidance` say."""
    rng = np.random.default_rng([seed, 1])
    family = rng.choice(FAMILIES, count, p=_zipf(FAMILIES))
    hardness = np.sqrt(FAMILY_SHARE) * rng.normal(size=FAMILIES)[family]
    hardness += np.sqrt(1 - FAMILY_SHARE) * rng.normal(size=count)
    place = (np.argsort(np.argsort(hardness, kind="stable"), kind="stable") + 0.5) / count
    normal = np.array([NormalDist().inv_cdf(each) for each in place])
    match mix:
        case "heavy_tailed":
            # A fortieth is within reach at first; the median needs eight logits more, a tenth twenty-six.
            difficulty = 10 * np.exp(0.8 * normal) - 2
        case "easy":
            difficulty = 1.5 * normal - 1
        case "uniform":
            difficulty = 12 * place - 3
    hopeless_share, false_share = SHARES[mix]
    fate = rng.random(count)
    false = fate < false_share
    provable = fate >= false_share + hopeless_share
    features = _features(normal, family, guidance, rng)
    return World(features, np.where(false, difficulty / 2, difficulty), provable, false)


def _features(
    hardness: Floats, family: NDArray[np.int64], guidance: float, rng: np.random.Generator
) -> FeatureTable:
    count = len(hardness)
    shared = rng.normal(size=count)
    columns = {}
    for name in FEATURES:
        rho = guidance * CORRELATIONS[name]
        noise = SHARED_NOISE * shared + np.sqrt(1 - SHARED_NOISE**2) * rng.normal(size=count)
        # Sizes of text are about log-normal, and whole numbers.
        seen = rho * hardness + np.sqrt(1 - rho**2) * noise
        columns[name] = np.floor(8 * np.exp(0.6 * seen)).astype(np.float32)
    return FeatureTable(
        **columns, family=family.astype(np.int32), families=tuple(f"family{i}" for i in range(FAMILIES))
    )


def _zipf(count: int) -> Floats:
    weights = 1 / np.arange(1, count + 1)
    shares: Floats = weights / weights.sum()
    return shares


class SimulatedLearner:
    """A policy that samples attempts and learns from their verdicts."""

    def __init__(self, world: World, learns_from: LearnsFrom, seed: int) -> None:
        self._world = world
        self._learns_from = learns_from
        self._rng = np.random.default_rng([seed, 2])
        self._family = world.features.family
        self._overall = 0.0
        self._by_family = np.zeros(len(world.features.families))
        self._by_theorem = np.zeros(len(world.difficulty))
        self._proved_groups = np.zeros(len(world.difficulty))

    def rates(self) -> Floats:
        """p of each theorem, now."""
        skill = self._overall + self._by_family[self._family] + self._by_theorem
        return np.where(self._world.provable, _sigmoid(skill - self._world.difficulty), 0.0)

    def ability(self) -> float:
        """The mean of p over the theorems that can be proved."""
        return float(self.rates()[self._world.provable].mean())

    def attempt(self, index: int, samples: int, *, disprove: bool) -> tuple[int, int]:
        """How many of so many attempts are proved, and refuted; of the rest nobody knows."""
        skill = self._overall + self._by_family[self._family[index]] + self._by_theorem[index]
        possible = self._world.false[index] if disprove else self._world.provable[index]
        rate = float(_sigmoid(skill - self._world.difficulty[index])) if possible else 0.0
        known = self._rng.binomial(samples, 1 - UNKNOWN_SHARE)
        proved = self._rng.binomial(known, rate)
        return int(proved), int(known - proved)

    def learn(self, groups: Sequence[tuple[int, int, int]]) -> None:
        """From a round of (theorem, proved, refuted)."""
        fading = len(groups) / 64
        self._overall *= 1 - FADING_SKILL * fading
        self._by_family *= 1 - FADING_SKILL * fading
        self._by_theorem *= 1 - FADING_THEOREM * fading
        for index, proved, refuted in groups:
            if not proved:
                continue
            family = self._family[index]
            gradient = self._gradient(index, proved, refuted)
            self._overall += GAIN_OVERALL * gradient / (1 + self._overall / EASE)
            self._by_family[family] += GAIN_FAMILY * gradient / (1 + self._by_family[family] / EASE)
            self._by_theorem[index] += GAIN_THEOREM * gradient / (1 + self._by_theorem[index] / EASE)

    def _gradient(self, index: int, proved: int, refuted: int) -> float:
        if self._learns_from == "informative":
            return proved * refuted / (proved + refuted)
        # The less likely a proof was, the more its likelihood can grow; a group all of proofs is not certain.
        self._proved_groups[index] += 1
        surprise = (refuted + 0.5) / (proved + refuted + 1)
        return float(4 * surprise * 0.5 ** (self._proved_groups[index] - 1))


def _sigmoid(x: Floats) -> Floats:
    rates: Floats = 1 / (1 + np.exp(-np.clip(x, -30, 30)))
    return rates
