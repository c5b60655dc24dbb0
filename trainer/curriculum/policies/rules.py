"""Policies of others, to compare with: each a formula that scores every theorem, and a way to draw by it.

Groups are of one size, and nothing is disproved.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.library.features import FeatureTable
from trainer.curriculum.policies.base import Allowed, Pick, PolicyKind, Standing, smallest
from trainer.curriculum.posterior import Floats, Indices, Posteriors, expected_variance

__all__ = [
    "EASIEST_DEPENDENCY_DEPTH",
    "EASIEST_LEMMAS_USED",
    "EASIEST_PROOF_LENGTH",
    "EASIEST_QUANTIFIERS",
    "EASIEST_STATEMENT_SIZE",
    "MATCHMAKER",
    "THOMPSON",
    "UNIFORM",
    "VARIANCE",
    "draw_in_proportion",
]

TARGET_RATE = 0.5
MATCHMAKER_TRIALS = 8
MATCHMAKER_STREAK = 12

Score = Callable[[Posteriors, FeatureTable], NDArray[Any]]
"""Of every theorem."""
Draw = Callable[[NDArray[Any], Posteriors, np.random.Generator], NDArray[Any]]
"""From scores to keys, the smallest of which are chosen."""


class RulePolicy:
    """A rule at work: see `Policy`."""

    def __init__(
        self, score: Score, draw: Draw, posteriors: Posteriors, features: FeatureTable, samples: int
    ) -> None:
        self._score = score
        self._draw = draw
        self._posteriors = posteriors
        self._features = features
        self._samples = samples

    def pick(self, rng: np.random.Generator, count: int, allowed: Allowed) -> list[Pick]:
        keys = self._draw(self._score(self._posteriors, self._features), self._posteriors, rng)
        keys[~allowed] = np.inf
        chosen = smallest(keys, min(count, int(np.count_nonzero(allowed))))
        return [Pick(int(index), self._samples) for index in chosen]

    def observe(self, groups: Sequence[tuple[int, int, int]], tried: Indices) -> None:
        pass

    def standing(self, index: int, allowed: Allowed) -> Standing:
        scores = self._score(self._posteriors, self._features)
        score = float(scores[index])
        posterior = (1.0 + self._posteriors[name][index] for name in ("proved", "refuted"))
        return Standing(score, 1 + int(np.count_nonzero(scores[allowed] > score)), tuple(posterior), {})

    def grow(self, features: FeatureTable) -> None:
        self._features = features

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass


def _take_highest(scores: NDArray[Any], posteriors: Posteriors, rng: np.random.Generator) -> NDArray[Any]:
    # Whole numbers and shares of one: the little that is added decides ties alone.
    keys: NDArray[Any] = rng.random(len(scores)) * 1e-9 - scores
    return keys


def draw_in_proportion(weights: NDArray[Any], rng: np.random.Generator) -> Floats:
    """Keys whose smallest are a sample without replacement in proportion to the weights.

    Exponential variables over the weights (Efraimidis and Spirakis, 2006).
    """
    keys = rng.standard_exponential(len(weights), dtype=np.float32)
    np.divide(keys, weights, out=keys)
    return keys


def _draw_by_score(scores: NDArray[Any], posteriors: Posteriors, rng: np.random.Generator) -> Floats:
    return draw_in_proportion(scores, rng)


def _draw_rates(scores: NDArray[Any], posteriors: Posteriors, rng: np.random.Generator) -> NDArray[Any]:
    rates = rng.beta(1 + posteriors["proved"], 1 + posteriors["refuted"])
    return np.abs(rates - TARGET_RATE)


def _rule(title: str, score: Score, draw: Draw) -> PolicyKind:
    return PolicyKind(
        title,
        lambda config, posteriors, features, samples: RulePolicy(score, draw, posteriors, features, samples),
    )


def _easiest_first(name: str) -> PolicyKind:
    """Curriculum learning (Bengio et al., ICML 2009): all in the order of a feature, then again."""

    def score(posteriors: Posteriors, features: FeatureTable) -> NDArray[Any]:
        column = features.column(name)
        place = np.empty(len(column))
        place[np.argsort(column, kind="stable")] = np.arange(len(column)) / len(column)
        return -posteriors["chosen"] - place

    return _rule(f"Easiest first, {name.replace('_', ' ')}", score, _take_highest)


def _score_untried(posteriors: Posteriors, features: FeatureTable) -> NDArray[Any]:
    """Every theorem once before any a second time."""
    return -posteriors["chosen"].astype(np.float64)


def _score_variance(posteriors: Posteriors, features: FeatureTable) -> Floats:
    """E[p(1 − p)], called learnability (arXiv 2502.12272), under a uniform prior."""
    a, b = 1 + posteriors["proved"], 1 + posteriors["refuted"]
    return expected_variance(a, b)


def _score_nearness(posteriors: Posteriors, features: FeatureTable) -> Floats:
    """−|mean of the posterior − 1/2|; what is taken are those whose rates, drawn, are next to 1/2."""
    a, b = 1 + posteriors["proved"], 1 + posteriors["refuted"]
    nearness: Floats = -np.abs(a / (a + b) - np.float32(TARGET_RATE))
    return nearness


def _score_as_matchmaker(posteriors: Posteriors, features: FeatureTable) -> Floats:
    """AlphaProof (Nature 2025): 1 below 8 trials, .1 unproved after, 1e-3 proved 12 times in a row.

    A trial there is a search, here a group.  Its disproofs, which would cost calls, are left out.
    """
    weights = np.ones(len(posteriors), np.float32)
    tried = posteriors["groups"] >= MATCHMAKER_TRIALS
    weights[tried & (posteriors["proofs"] == 0)] = 0.1
    weights[tried & (posteriors["streak"] >= MATCHMAKER_STREAK)] = 1e-3
    return weights


UNIFORM = _rule("Uniform", _score_untried, _take_highest)
EASIEST_DEPENDENCY_DEPTH = _easiest_first("dependency_depth")
EASIEST_PROOF_LENGTH = _easiest_first("proof_length")
EASIEST_LEMMAS_USED = _easiest_first("lemmas_used")
EASIEST_STATEMENT_SIZE = _easiest_first("statement_size")
EASIEST_QUANTIFIERS = _easiest_first("quantifiers")
VARIANCE = _rule("p(1 − p)", _score_variance, _draw_by_score)
THOMPSON = _rule("Thompson to one half", _score_nearness, _draw_rates)
MATCHMAKER = _rule("Matchmaker", _score_as_matchmaker, _draw_by_score)
