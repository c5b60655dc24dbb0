"""A toy curriculum policy: the theorem that was added last comes first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.library.features import FeatureTable
from trainer.curriculum.policies.rules import rule_kind
from trainer.curriculum.posterior import Posteriors

__all__ = ["LAST_FIRST"]


def _score(posteriors: Posteriors, features: FeatureTable) -> NDArray[Any]:
    return np.arange(len(posteriors), dtype=np.float64)


def _draw(scores: NDArray[Any], posteriors: Posteriors, rng: np.random.Generator) -> NDArray[Any]:
    return -scores


LAST_FIRST = rule_kind("Last first", _score, _draw)
