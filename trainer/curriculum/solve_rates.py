"""The solve rate that a theorem's family and features promise before it is tried; pure.

It is a logistic regression on the last `WINDOW` groups, of which later ones count more:

    logit p_i = c + o_{family(i)} + Σ_j β_j x_ij,   o ~ N(0, 2²), β ~ N(0, 1),

where p_i is the share that was proved, and x_ij the place of theorem i in the order by feature j, as a
standard normal score.  So the worth of each feature is learned, and its direction, which for dependency depth
nobody knows.  The maximum a posteriori is found anew from the window each time (Newton's method), so that the
window is all the state there is.
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from prover.library.features import FEATURES, FeatureTable
from trainer.curriculum.packing import pack, unpack
from trainer.curriculum.posterior import Floats
from verifier.errors import InvalidInput

__all__ = ["SolveRates"]

WINDOW = 4096
"""Groups that are remembered."""
HALF_LIFE = 1000
"""Groups after which one counts half: the policy changes."""
_LEVELS = 1024
"""Places in the order by one feature that are told apart."""
_PRIOR = (3.0, 2.0, 1.0)
"""Standard deviations of c, of the families' offsets and of the features' weights."""
_NEWTON_STEPS = 8
_LONGEST_STEP = 3.0

Doubles = NDArray[np.float64]


class SolveRates:
    """The regression, and the window it is fitted to."""

    def __init__(self, features: FeatureTable, fitted_on: int) -> None:
        """The order by a feature is that of the first `fitted_on` theorems, which later ones do not move."""
        self.fitted_on = fitted_on
        self._families = features.families
        self._family = features.family
        self._scores = np.stack([_normal_scores(features.column(name), fitted_on) for name in FEATURES])
        self._indices = np.zeros(0, np.int64)
        self._rates = np.zeros(0)
        self._constant = 0.0
        self._offsets = np.zeros(len(self._families))
        self._weights = np.zeros(len(FEATURES))

    def observe(self, groups: Sequence[tuple[int, float]]) -> None:
        """Fit again with groups of (theorem, share proved) that have come, in their order."""
        self._indices = np.append(self._indices, [index for index, _ in groups])[-WINDOW:].astype(np.int64)
        self._rates = np.append(self._rates, [rate for _, rate in groups])[-WINDOW:]
        self._fit()

    def logits(self) -> Floats:
        """The log-odds of every theorem."""
        logits: Floats = (self._constant + self._offsets).astype(np.float32)[self._family]
        # One by one: a product of matrices would first copy all scores to the precision of the weights.
        for scores, weight in zip(self._scores, self._weights, strict=True):
            logits += scores * np.float32(weight)
        return logits

    def terms(self, index: int) -> dict[str, float]:
        """The terms of the log-odds of a theorem."""
        parts = {"constant": self._constant, "family": float(self._offsets[self._family[index]])}
        weighed = self._weights * self._scores[:, index]
        return parts | {name: float(value) for name, value in zip(FEATURES, weighed, strict=True)}

    def tried_over_share(self) -> Doubles:
        """Each family's share of the groups that are remembered, over its share of the theorems."""
        families = len(self._families)
        theorems = np.bincount(self._family, minlength=families) / len(self._family)
        groups = np.bincount(self._family[self._indices], minlength=families) / max(1, len(self._indices))
        shares: Doubles = groups / np.maximum(theorems, 1e-9)
        return shares

    def state(self) -> dict[str, str]:
        """The window, for JSON."""
        return {"indices": pack(self._indices.astype("<i4")), "rates": pack(self._rates.astype("<f8"))}

    def restore(self, state: Mapping[str, str]) -> None:
        """Go on from a state.

        Raises:
            InvalidInput: it is no state of these theorems.
        """
        self._indices = unpack(state["indices"], np.dtype("<i4")).astype(np.int64)
        self._rates = unpack(state["rates"], np.dtype("<f8"))
        if len(self._indices) != len(self._rates) or self._indices.max(initial=0) >= len(self._family):
            raise InvalidInput("the state of the curriculum is of other theorems: go on with the same data")
        self._fit()

    def _fit(self) -> None:
        """Newton's method; families are eliminated first, since each group is of one (Schur complement)."""
        family = self._family[self._indices]
        families = len(self._families)
        design_ND = np.vstack([np.ones(len(family)), self._scores[:, self._indices]]).T
        age_N = np.arange(len(family))[::-1]
        recency_N = 0.5 ** (age_N / HALF_LIFE)
        of_constant, of_family, of_weight = (1 / deviation**2 for deviation in _PRIOR)
        precision_D = np.array([of_constant] + [of_weight] * len(FEATURES))
        beta_D, offset_F = np.zeros(design_ND.shape[1]), np.zeros(families)
        for _ in range(_NEWTON_STEPS):
            p_N = 1 / (1 + np.exp(-(design_ND @ beta_D + offset_F[family])))
            weight_N = p_N * (1 - p_N) * recency_N
            error_N = (self._rates - p_N) * recency_N
            gradient_D = error_N @ design_ND - precision_D * beta_D
            gradient_F = np.bincount(family, error_N, families) - of_family * offset_F
            curvature_DD = (design_ND.T * weight_N) @ design_ND + np.diag(precision_D)
            curvature_F = np.bincount(family, weight_N, families) + of_family
            shared_FD = np.stack([np.bincount(family, weight_N * x, families) for x in design_ND.T], axis=1)
            schur_DD = curvature_DD - shared_FD.T @ (shared_FD / curvature_F[:, None])
            step_D = np.linalg.solve(schur_DD, gradient_D - (gradient_F / curvature_F) @ shared_FD)
            step_F = (gradient_F - shared_FD @ step_D) / curvature_F
            beta_D += np.clip(step_D, -_LONGEST_STEP, _LONGEST_STEP)
            offset_F += np.clip(step_F, -_LONGEST_STEP, _LONGEST_STEP)
        self._constant, self._weights, self._offsets = float(beta_D[0]), beta_D[1:], offset_F


def _normal_scores(column: Floats, fitted_on: int) -> Floats:
    """Φ⁻¹ of the share of the first `fitted_on` values that are smaller; equal values get the middle."""
    known = column[:fitted_on]
    edges = np.unique(np.quantile(known, np.arange(1, _LEVELS) / _LEVELS))
    level = np.searchsorted(edges, column, side="left")
    counts = np.bincount(level[:fitted_on], minlength=len(edges) + 1)
    middle = (np.cumsum(counts) - counts / 2) / fitted_on
    # A level that no known value has, below the first or above the last, is as far out as one value could be.
    inside = np.clip(middle, 0.5 / fitted_on, 1 - 0.5 / fitted_on)
    scores = np.array([NormalDist().inv_cdf(share) for share in inside], np.float32)
    return scores[level]
