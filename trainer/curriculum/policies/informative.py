"""The policy of this project: it prefers groups that are likely to teach something, per Lean call; pure.

The rate p of a theorem has the posterior

    Beta(κ·m + s, κ·(1 − m) + f),

where s and f are its own verdicts, forgetting, and m is what its family and its features promise
(`solve_rates.py`, fitted to what other theorems have shown), worth κ = `prior_weight` attempts.  A group of G
samples scores, with P(informative) = 1 − E[p^G] − E[(1 − p)^G] and G₀ the usual samples,

    (P(informative) + `NEWS`·E[p^G]) · G₀/G     where the theorem was never proved,
    `REPEAT`·P(informative) · G₀/G              where it was,

and a batch is drawn without replacement in proportion to score⁴/(1 + r), with r how many times as often as
by uniform choice the family was tried of late.  A failed theorem comes back when others like it are
proved, since m rises: that is how the frontier moves.

In the simulator (`proofmill curriculum simulate`) all that is solved beyond uniform choice is due to m: by
each theorem's own verdicts alone no policy does better than uniform while most theorems are untried.
Forgetting, growing budgets, replays and disproofs cost and gain almost nothing there.  These were tried and
left out: a bonus for features near where rates cross one half (fewer are solved, because P(informative) peaks
there already); bins of family and difficulty in place of the regression (a tenth fewer are solved); first
groups of half the samples (no more are solved, and less is learned); own evidence that fades with time and
not with groups (no difference).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from prover.library.features import FeatureTable
from trainer.curriculum.config import CurriculumConfig
from trainer.curriculum.policies.base import Allowed, Pick, PolicyKind, Standing, smallest
from trainer.curriculum.posterior import Floats, Indices, Posteriors, all_proved, all_refuted, informative
from trainer.curriculum.solve_rates import SolveRates

__all__ = ["INFORMATIVE", "NEWS", "REPEAT", "Informative", "score"]

NEWS = 0.25
"""The worth of a first proof where the whole group is proved, beside an informative group.  With 1 the
sure proofs come first: where difficulties are mixed evenly, more is solved and less is learned."""
REPEAT = 0.25
"""The worth of an informative group of a theorem that was proved before, beside one of another theorem.
With 1 the heavy tail's learner can prove a sixth more in the end, having solved a third less on the way."""
RESCORED = 16_384
"""Theorems tried before whose scores one round brings up to date with the regression, in turn."""
_DRAWN = 64
"""How many theorems are looked at for one that is chosen for its failures, or whatever its score."""
_DOUBTED = 64
"""Failed attempts beyond which more of them say nothing new."""
_LEAST = 1e-9
"""No score is below this, so that where nothing is better everything can still be drawn."""
_LARGEST_LOGIT = 12.0
_STEPS = 4096
"""Entries of the table of scores of untried theorems, whose log-odds are 0.006 apart."""


def score(a: Floats, b: Floats, size: ArrayLike, proved_before: ArrayLike) -> Floats:
    """The score of a group of `size` = G samples under Beta(a, b), but for the factor G₀/G."""
    both = informative(a, b, size)
    scores: Floats = np.where(proved_before, np.float32(REPEAT) * both, both + NEWS * all_proved(a, b, size))
    return scores


class Informative:
    """The policy at work: see `Policy`.

    The scores of theorems that were tried stand in the posteriors; they are brought up to date when an
    outcome comes, and in turn.  Those of all others follow the regression.  Beside the theorems that score
    high, shares of a batch go to negations, to theorems that were proved before, and to those that were
    chosen least often.
    """

    def __init__(
        self, config: CurriculumConfig, posteriors: Posteriors, features: FeatureTable, samples: int
    ) -> None:
        self._config = config
        self._posteriors = posteriors
        self._features = features
        self._samples = samples
        self._half = max(min(2, samples), samples // 2)
        self._turn = 0
        self._rates = SolveRates(features, len(features))
        logits = np.linspace(-_LARGEST_LOGIT, _LARGEST_LOGIT, _STEPS, dtype=np.float32)
        a, b = self._beta(logits, *np.zeros((2, _STEPS), np.float32))
        self._of_untried = score(a, b, samples, np.False_)
        self._score_all()

    def pick(self, rng: np.random.Generator, count: int, allowed: Allowed) -> list[Pick]:
        shares = self._config.disproof_share, self._config.uniform_share, self._config.replay_share
        disproofs, at_random, replays = rng.multinomial(count, [*shares, max(0, 1 - sum(shares))])[:3]
        left = allowed.copy()
        doubtful = self._take_doubtful(rng, disproofs, left)
        best = self._take_best(rng, count - len(doubtful) - at_random, left)
        already = int(np.count_nonzero(self._posteriors["proofs"][best]))
        replayed = self._take_proved(rng, replays - already, left)
        # What was ranked last makes room.
        best, spare = np.split(best, [max(0, len(best) - len(replayed))])
        left[spare] = True
        others = self._take_least_tried(rng, count - len(doubtful) - len(best) - len(replayed), left)
        tried = np.concatenate([best, others])
        return [
            *(Pick(int(index), int(size)) for index, size in zip(tried, self._sizes(tried), strict=True)),
            *(Pick(int(index), self._half) for index in replayed),
            *(Pick(int(index), self._half, disprove=True) for index in doubtful),
        ]

    def _take_doubtful(self, rng: np.random.Generator, count: int, left: Allowed) -> Indices:
        """Take, of theorems that may be false, those whose failures are least likely if they are true."""
        touched = self._posteriors.touched
        failed = touched[
            left[touched] & (self._posteriors["failures"][touched] >= self._config.disprove_after)
        ]
        names = ("logit", "attempts", "proofs", "disproofs", "failures")
        logit, attempts, proofs, disproofs, failures = (self._posteriors[name][failed] for name in names)
        due = self._config.disprove_after * (disproofs + 1)
        may_be = (proofs == 0) & (disproofs < self._config.disproofs) & (failures >= due)
        drawn = rng.permutation(np.flatnonzero(may_be))[: _DRAWN * count]
        a, b = self._beta(logit[drawn], np.float32(0), np.float32(0))
        likelihood = all_refuted(a, b, np.minimum(attempts[drawn], _DOUBTED))
        taken: Indices = failed[drawn[smallest(likelihood, min(count, len(drawn)))]]
        left[taken] = False
        return taken

    def _take_best(self, rng: np.random.Generator, count: int, left: Allowed) -> Indices:
        keys = self._keys(rng)
        # Whatever may not be chosen was chosen before: no need to look at all theorems.
        touched = self._posteriors.touched
        barred = touched[~left[touched]]
        keys[barred] = np.inf
        taken = smallest(keys, min(count, len(keys) - len(barred)))
        left[taken] = False
        return taken

    def _take_proved(self, rng: np.random.Generator, count: int, left: Allowed) -> Indices:
        touched = self._posteriors.touched
        proved = touched[left[touched] & (self._posteriors["proofs"][touched] > 0)]
        taken = rng.permutation(proved)[: max(0, count)]
        left[taken] = False
        return taken

    def _take_least_tried(self, rng: np.random.Generator, count: int, left: Allowed) -> Indices:
        """Take, of some theorems drawn uniformly, those that were chosen least often."""
        drawn = rng.choice(len(left), min(len(left), _DRAWN * count), replace=False)
        drawn = drawn[left[drawn]]
        if len(drawn) < count:
            drawn = rng.permutation(np.flatnonzero(left))
        return drawn[np.argsort(self._posteriors["chosen"][drawn], kind="stable")[:count]]

    def _keys(self, rng: np.random.Generator) -> Floats:
        """Keys whose smallest are a sample in proportion to score⁴; the fourth root leaves their order."""
        keys = rng.standard_exponential(len(self._scores), dtype=np.float32)
        for _ in range(2):
            np.sqrt(keys, out=keys)
        np.divide(keys, self._scores, out=keys)
        return keys

    def _sizes(self, rows: Indices) -> NDArray[np.int64]:
        """G of each theorem's next group."""
        # Failures beyond some dozens say no more, and their power would overflow.
        failures = np.minimum(self._posteriors["failures"][rows], 64)
        growth = np.minimum(self._config.budget_growth**failures, self._config.budget_cap)
        sizes: NDArray[np.int64] = np.rint(self._samples * growth).astype(np.int64)
        return sizes

    def observe(self, groups: Sequence[tuple[int, int, int]], tried: Indices) -> None:
        self._rates.observe([(index, proved / (proved + refuted)) for index, proved, refuted in groups])
        touched = self._posteriors.touched
        places = np.arange(self._turn, self._turn + min(RESCORED, len(touched))) % max(1, len(touched))
        self._turn = int(places[-1] + 1) % len(touched) if len(places) else 0
        logits = self._rates.logits()
        rows = np.concatenate([tried, touched[places]])
        self._posteriors["logit"][rows] = np.clip(logits[rows], -_LARGEST_LOGIT, _LARGEST_LOGIT)
        self._posteriors["score"][rows] = self._scores_of(rows)
        self._score_all(logits)

    def _scores_of(self, rows: Indices) -> Floats:
        columns = (self._posteriors[name][rows] for name in ("logit", "proved", "refuted"))
        a, b = self._beta(*columns)
        sizes = self._sizes(rows)
        per_call = np.float32(self._samples) / sizes.astype(np.float32)
        scores = score(a, b, sizes, self._posteriors["proofs"][rows] > 0) * per_call
        return np.maximum(scores, np.float32(_LEAST))

    def _beta(self, logits: Any, proved: Any, refuted: Any) -> tuple[Any, Any]:
        """a and b of the posterior, of one theorem or of many."""
        promised = 1 / (1 + np.exp(-logits))
        weight = np.float32(self._config.prior_weight)
        return weight * promised + proved, weight * (1 - promised) + refuted

    def _score_all(self, logits: Floats | None = None) -> None:
        places = self._rates.logits() if logits is None else logits
        places += np.float32(_LARGEST_LOGIT)
        places *= np.float32((_STEPS - 1) / (2 * _LARGEST_LOGIT))
        np.clip(places, 0, _STEPS - 1, out=places)
        self._scores = self._of_untried[places.astype(np.int32)]
        touched = self._posteriors.touched
        mine = self._posteriors["score"][touched]
        # What was chosen for the first time and has not come back has none of its own yet.
        self._scores[touched] = np.where(mine > 0, mine, self._scores[touched])
        self._scores *= self._balance().astype(np.float32)[self._features.family]
        np.maximum(self._scores, np.float32(_LEAST), out=self._scores)

    def _balance(self) -> NDArray[np.float64]:
        """The factor (2/(1 + r))^¼ of each family's scores: 1 where it was tried as by uniform choice."""
        factors: NDArray[np.float64] = ((1 + self._rates.tried_over_share()) / 2) ** -0.25
        return factors

    def standing(self, index: int, allowed: Allowed) -> Standing:
        mine = self._scores[index]
        logit = np.float32(sum(self._rates.terms(index).values()))
        a, b = self._beta(logit, *(self._posteriors[name][index] for name in ("proved", "refuted")))
        size = self._sizes(np.array([index]))[0]
        terms = {
            "promised rate": 1 / (1 + np.exp(-logit)),
            **{f"log-odds: {name}": value for name, value in self._rates.terms(index).items()},
            "P(a proof)": 1 - all_refuted(a, b, size),
            "P(informative)": informative(a, b, size),
            "usual samples over G": self._samples / size,
            "balance of families": self._balance()[self._features.family[index]],
        }
        return Standing(
            score=float(mine),
            rank=1 + int(np.count_nonzero(self._scores[allowed] > mine)),
            posterior=(float(a), float(b)),
            terms={name: float(value) for name, value in terms.items()},
        )

    def grow(self, features: FeatureTable) -> None:
        self._regress(features, self._rates.fitted_on, self._rates.state())

    def state(self) -> dict[str, Any]:
        return {"fitted_on": self._rates.fitted_on, "turn": self._turn, "rates": self._rates.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._turn = state["turn"]
        self._regress(self._features, state["fitted_on"], state["rates"])

    def _regress(self, features: FeatureTable, fitted_on: int, window: Mapping[str, str]) -> None:
        self._features = features
        self._rates = SolveRates(features, fitted_on)
        self._rates.restore(window)
        self._score_all()


INFORMATIVE = PolicyKind("Informative", Informative)
