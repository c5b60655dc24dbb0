"""Policies that choose theorems, behind one interface; those of others, each in a few lines.

A rule scores every theorem, and draws what comes next by the scores.  How the policy of this project does it
is in `trainer/curriculum/informative.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from prover.library.features import FEATURES, FeatureTable
from trainer.curriculum.posterior import Floats, Indices, Posteriors, expected_variance

__all__ = [
    "RULES",
    "Pick",
    "Policy",
    "Rule",
    "RulePolicy",
    "Standing",
    "drawn_in_proportion",
    "policy_title",
    "smallest",
]

Allowed = NDArray[np.bool_]
TARGET_RATE = 0.5
MATCHMAKER_TRIALS = 8
MATCHMAKER_STREAK = 12
_STRIDE = 64
"""Of the keys that a bound of the smallest is taken from, one in so many."""


@dataclass(frozen=True)
class Pick:
    """A theorem to try."""

    index: int
    samples: int
    disprove: bool = False
    """Whether its negation is to be tried."""


@dataclass(frozen=True)
class Standing:
    """What a policy thinks of a theorem now."""

    score: float
    rank: int
    """Among those that may be chosen, 1 for the highest score."""
    posterior: tuple[float, float]
    """a and b of Beta(a, b)."""
    terms: dict[str, float]
    """What the score is made of."""


class Policy(Protocol):
    """Chooses by the posteriors it was made with; the same choices follow from the same numbers."""

    def pick(self, rng: np.random.Generator, count: int, allowed: Allowed) -> list[Pick]:
        """So many different theorems among those `allowed`, or all of them where there are fewer."""
        ...

    def observe(self, groups: Sequence[tuple[int, int, int]], tried: Indices) -> None:
        """Groups of (theorem, proved, refuted) are in the posteriors now; `tried` are all that came back."""
        ...

    def standing(self, index: int, allowed: Allowed) -> Standing:
        """What it thinks of a theorem."""
        ...

    def grow(self, features: FeatureTable) -> None:
        """Theorems were added; the posteriors have them already."""
        ...

    def state(self) -> dict[str, Any]:
        """What decides later choices beside the posteriors, for JSON."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; the posteriors are restored already."""
        ...


Scores = Callable[[Posteriors, FeatureTable], NDArray[Any]]


@dataclass(frozen=True)
class Rule:
    """A policy that is a formula: groups of one size, no disproofs."""

    title: str
    source: str
    scores: Scores
    draws: Literal["highest", "in_proportion", "thompson"]


def _untried_first(posteriors: Posteriors, features: FeatureTable) -> NDArray[Any]:
    return -posteriors["chosen"].astype(np.float64)


def _easiest(name: str) -> Scores:
    def scores(posteriors: Posteriors, features: FeatureTable) -> NDArray[Any]:
        column = features.column(name)
        place = np.empty(len(column))
        place[np.argsort(column, kind="stable")] = np.arange(len(column)) / len(column)
        return -posteriors["chosen"] - place

    return scores


def _variance(posteriors: Posteriors, features: FeatureTable) -> Floats:
    a, b = 1 + posteriors["proved"], 1 + posteriors["refuted"]
    return expected_variance(a, b)


def _nearness(posteriors: Posteriors, features: FeatureTable) -> Floats:
    a, b = 1 + posteriors["proved"], 1 + posteriors["refuted"]
    nearness: Floats = -np.abs(a / (a + b) - np.float32(TARGET_RATE))
    return nearness


def _matchmaker(posteriors: Posteriors, features: FeatureTable) -> Floats:
    weights = np.ones(len(posteriors), np.float32)
    tried = posteriors["groups"] >= MATCHMAKER_TRIALS
    weights[tried & (posteriors["proofs"] == 0)] = 0.1
    weights[tried & (posteriors["streak"] >= MATCHMAKER_STREAK)] = 1e-3
    return weights


RULES: dict[str, Rule] = {
    "uniform": Rule("Uniform", "every theorem once before any a second time", _untried_first, "highest"),
    **{
        f"easiest_{name}": Rule(
            f"Easiest first, {name.replace('_', ' ')}",
            "curriculum learning (Bengio et al., ICML 2009): all in this order, then again",
            _easiest(name),
            "highest",
        )
        for name in FEATURES
    },
    "variance": Rule(
        "p(1 − p)", "learnability (arXiv 2502.12272), under a uniform prior", _variance, "in_proportion"
    ),
    "thompson": Rule(
        "Thompson to one half",
        "rates drawn from the posteriors, those next to 1/2 taken",
        _nearness,
        "thompson",
    ),
    "matchmaker": Rule(
        "Matchmaker",
        "AlphaProof (Nature 2025): 1 below 8 trials, .1 unproved after, 1e-3 proved 12 times in a row; a "
        "trial there is a search, here a group; without its disproofs, which would cost calls",
        _matchmaker,
        "in_proportion",
    ),
}


def policy_title(name: str) -> str:
    """What people call the policy of a name."""
    return RULES[name].title if name in RULES else name.capitalize()


class RulePolicy:
    """A rule at work."""

    def __init__(self, rule: Rule, posteriors: Posteriors, features: FeatureTable, samples: int) -> None:
        self._rule = rule
        self._posteriors = posteriors
        self._features = features
        self._samples = samples

    def pick(self, rng: np.random.Generator, count: int, allowed: Allowed) -> list[Pick]:
        keys = self._keys(rng)
        keys[~allowed] = np.inf
        chosen = smallest(keys, min(count, int(np.count_nonzero(allowed))))
        return [Pick(int(index), self._samples) for index in chosen]

    def _keys(self, rng: np.random.Generator) -> NDArray[Any]:
        scores = self._rule.scores(self._posteriors, self._features)
        match self._rule.draws:
            case "highest":
                # Whole numbers and shares of one: the little that is added decides ties alone.
                return rng.random(len(scores)) * 1e-9 - scores
            case "in_proportion":
                return drawn_in_proportion(scores, rng)
            case "thompson":
                drawn = rng.beta(1 + self._posteriors["proved"], 1 + self._posteriors["refuted"])
                return np.abs(drawn - TARGET_RATE)

    def observe(self, groups: Sequence[tuple[int, int, int]], tried: Indices) -> None:
        pass

    def standing(self, index: int, allowed: Allowed) -> Standing:
        scores = self._rule.scores(self._posteriors, self._features)
        score = float(scores[index])
        posterior = (1.0 + self._posteriors[name][index] for name in ("proved", "refuted"))
        return Standing(score, 1 + int(np.count_nonzero(scores[allowed] > score)), tuple(posterior), {})

    def grow(self, features: FeatureTable) -> None:
        self._features = features

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass


def drawn_in_proportion(weights: NDArray[Any], rng: np.random.Generator) -> Floats:
    """Keys whose smallest are a sample without replacement in proportion to the weights.

    Exponential variables over the weights (Efraimidis and Spirakis, 2006).
    """
    keys = rng.standard_exponential(len(weights), dtype=np.float32)
    np.divide(keys, weights, out=keys)
    return keys


def smallest(keys: NDArray[Any], count: int) -> Indices:
    """Where the smallest `count` keys are, in their order."""
    within = _likely_smallest(keys, count)
    among = keys[within]
    if count < len(among):
        chosen = np.argpartition(among, count)[:count]
        within, among = within[chosen], among[chosen]
    return within[np.argsort(among, kind="stable")]


def _likely_smallest(keys: NDArray[Any], count: int) -> Indices:
    """Where all keys are that are at most some bound, at least `count`; of many keys only a small part."""
    sample = keys[::_STRIDE]
    place = 2 * count // _STRIDE + 16  # so that it would take rare luck for fewer to be below
    if place < len(sample):
        within = np.flatnonzero(keys <= np.partition(sample, place)[place])
        if len(within) >= count:
            return within
    return np.arange(len(keys))
