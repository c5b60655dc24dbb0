"""What a policy is: it chooses theorems by what is known of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from prover.library.features import FeatureTable
from prover.registry import choose
from trainer.curriculum.config import CurriculumConfig
from trainer.curriculum.policies.registry import POLICIES
from trainer.curriculum.posterior import Indices, Posteriors

__all__ = ["Allowed", "Pick", "Policy", "PolicyKind", "Standing", "policy_kind", "smallest"]

Allowed = NDArray[np.bool_]
"""Of each theorem, whether it may be chosen."""
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
        """Choose so many different theorems among those `allowed`, or all of them where there are fewer."""
        ...

    def observe(self, groups: Sequence[tuple[int, int, int]], tried: Indices) -> None:
        """Take note of groups of (theorem, proved, refuted), which are in the posteriors now.

        Args:
            tried: the theorems of all groups that came back, those without a known verdict as well.
        """
        ...

    def standing(self, index: int, allowed: Allowed) -> Standing:
        """What it thinks of a theorem."""
        ...

    def grow(self, features: FeatureTable) -> None:
        """Take in theorems that were added; the posteriors have them already."""
        ...

    def state(self) -> dict[str, Any]:
        """What decides later choices beside the posteriors, for JSON."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; the posteriors are restored already."""
        ...


@dataclass(frozen=True)
class PolicyKind:
    """What the rest of the project knows of a policy; `registry.py` of this folder lists them."""

    title: str
    """What people call it."""
    make: Callable[[CurriculumConfig, Posteriors, FeatureTable, int], Policy]
    """From the settings, what is known of the theorems, their features, and the usual samples of a group."""


def policy_kind(name: str) -> PolicyKind:
    """What there is to know of the policy of a name.

    Raises:
        InvalidInput: there is none of this name.
    """
    kind: PolicyKind = choose("curriculum policy", POLICIES, name)
    return kind


def smallest(keys: NDArray[Any], count: int) -> Indices:
    """The places of the smallest `count` keys, in their order."""
    within = _likely_smallest(keys, count)
    among = keys[within]
    if count < len(among):
        chosen = np.argpartition(among, count)[:count]
        within, among = within[chosen], among[chosen]
    return within[np.argsort(among, kind="stable")]


def _likely_smallest(keys: NDArray[Any], count: int) -> Indices:
    """The places of all keys up to some bound, at least `count`; of many keys only a small part."""
    sample = keys[::_STRIDE]
    place = 2 * count // _STRIDE + 16  # so that it would take rare luck for fewer to be below
    if place < len(sample):
        within = np.flatnonzero(keys <= np.partition(sample, place)[place])
        if len(within) >= count:
            return within
    return np.arange(len(keys))
