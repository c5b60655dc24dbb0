"""Chooses the theorems that are tried next, with how many samples, and says why; pure.

The same seed and the same outcomes give the same choices.  `state` holds all that decides them, and only of
theorems that were chosen; a scheduler that is restored from it goes on as if it had never stopped.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from prover.library.features import FEATURES
from prover.theorem import Theorem
from trainer.curriculum.catalogue import Catalogue
from trainer.curriculum.config import CurriculumConfig
from trainer.curriculum.policies.base import Pick, policy_kind
from trainer.curriculum.posterior import Posteriors
from verifier.errors import InvalidInput

__all__ = ["Choice", "Disproved", "Explanation", "Outcome", "PastGroup", "Scheduler"]

_PROBED = 16
"""Theorems whose names tell one set from another."""
_EXPLAINED = ("attempts", "proofs", "failures", "pending", "retired")


@dataclass(frozen=True)
class Choice:
    """A theorem to try."""

    index: int
    theorem: Theorem
    samples: int
    disprove: bool
    """Whether its negation is to be tried."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a choice: how many of its attempts were proved and refuted.

    Attempts with an unknown verdict are in neither number; without any known verdict both are 0.
    """

    theorem: int | str
    """Its index or its name."""
    proved: int
    refuted: int
    disproof: bool = False
    """Whether the attempts were at the negation."""


@dataclass(frozen=True)
class Disproved:
    """A theorem whose negation is proved: its statement is faulty, and it is never chosen again."""

    theorem: Theorem
    contradiction: bool
    """Whether it was proved as well: then the judge is wrong, or the way the negation is stated."""


class PastGroup(BaseModel):
    """A group that has come back."""

    round: int
    """The last round of choosing before its outcome."""
    proved: int
    refuted: int
    disproof: bool


class Explanation(BaseModel):
    """What the scheduler thinks of a theorem, and on which grounds."""

    model_config = ConfigDict(frozen=True)

    name: str
    index: int
    policy: str
    round: int
    posterior: tuple[float, float]
    """a and b of Beta(a, b)."""
    rate: float
    """The posterior's mean."""
    attempts: int
    """All attempts with a known verdict."""
    proofs: int
    failures: int
    """Groups in a row without a proof, up to the last."""
    waiting: int
    """How often it was chosen without an outcome so far."""
    retired: bool
    """Whether it is disproved, and so never chosen again."""
    family: str
    features: dict[str, float]
    score: float
    rank: int
    """By the score, among the theorems that may be chosen."""
    of: int
    terms: dict[str, float]
    """What the score is made of."""
    history: tuple[PastGroup, ...]
    """The last groups, oldest first."""


class Scheduler:
    """Chooses among the theorems of a catalogue, and learns from the outcomes."""

    def __init__(self, catalogue: Catalogue, config: CurriculumConfig, *, samples: int, seed: int) -> None:
        """`samples`: usual size of a group.  Raises InvalidInput when there is no theorem."""
        if not len(catalogue):
            raise InvalidInput("there is no theorem to choose from: name a file that has some")
        self._catalogue = catalogue
        self._config = config
        self._seed = seed
        self._round = 0
        self._posteriors = Posteriors(len(catalogue), forgetting=config.forgetting)
        self._posteriors.retire(catalogue.retired())
        kind = policy_kind(config.policy)
        self._policy = kind.make(config, self._posteriors, catalogue.features(), samples)

    def choose(self, count: int) -> list[Choice]:
        """Choose the next `count` theorems to try.

        As long as there are others, none is chosen that waits for an outcome, and none twice.

        Raises:
            InvalidInput: all theorems are disproved.
        """
        self._round += 1
        rng = np.random.default_rng([self._seed, self._round])
        picks: list[Pick] = []
        allowed = self._posteriors.free
        while (missing := count - len(picks)) > 0:
            if picks or not allowed.any():
                # Fewer than asked for: what waits for an outcome is chosen once more.
                allowed = ~self._posteriors["retired"]
            if not allowed.any():
                raise InvalidInput("every theorem is disproved: there is none to choose; look at the data")
            picks += self._policy.pick(rng, missing, allowed)
        # Those with as many samples stand together, since generators batch what is alike and adjacent.
        picks.sort(key=lambda pick: (pick.disprove, pick.samples))
        self._posteriors.choose((pick.index, pick.disprove) for pick in picks)
        theorems = self._catalogue.theorems([pick.index for pick in picks])
        return [
            Choice(pick.index, theorem, pick.samples, pick.disprove)
            for pick, theorem in zip(picks, theorems, strict=True)
        ]

    def choose_again(self, samples: Mapping[str, int]) -> list[Choice]:
        """Choose theorems that have come back already, each with so many samples more.

        Raises:
            InvalidInput: there is none of a name.
        """
        indices = {name: self._catalogue.index_of(name) for name in samples}
        self._posteriors.choose((index, False) for index in indices.values())
        theorems = self._catalogue.theorems(list(indices.values()))
        return [
            Choice(index, theorem, samples[name], disprove=False)
            for (name, index), theorem in zip(indices.items(), theorems, strict=True)
        ]

    def observe(self, outcomes: Sequence[Outcome]) -> list[Disproved]:
        """Learn from outcomes of choices, and return the theorems that these have disproved.

        Raises:
            InvalidInput: an outcome is of no theorem, or of one that waits for none; then nothing is learned
                from any of them.
        """
        indices = [
            self._catalogue.index_of(outcome.theorem) if isinstance(outcome.theorem, str) else outcome.theorem
            for outcome in outcomes
        ]
        for index, count in Counter(indices).items():
            if not 0 <= index < len(self._posteriors) or self._posteriors["pending"][index] < count:
                raise InvalidInput(f"{count} outcomes of theorem {index}, which was not chosen so often")
        retired_before = set(self.retired)
        for index, outcome in zip(indices, outcomes, strict=True):
            self._posteriors.observe(
                index, outcome.proved, outcome.refuted, disproof=outcome.disproof, round=self._round
            )
        groups = [
            (index, outcome.proved, outcome.refuted)
            for index, outcome in zip(indices, outcomes, strict=True)
            if outcome.proved + outcome.refuted and not outcome.disproof
        ]
        self._policy.observe(groups, np.array(indices, np.int64))
        return [
            Disproved(self._catalogue.theorem(index), bool(self._posteriors["proofs"][index] > 0))
            for index in self.retired
            if index not in retired_before
        ]

    @property
    def retired(self) -> list[int]:
        """Theorems that are disproved."""
        touched = self._posteriors.touched
        return [int(index) for index in touched[self._posteriors["retired"][touched]]]

    @property
    def touched(self) -> int:
        """The number of theorems of which something is known."""
        return len(self._posteriors.touched)

    @property
    def proved(self) -> list[int]:
        """Theorems that were proved."""
        touched = self._posteriors.touched
        return [int(index) for index in touched[self._posteriors["proofs"][touched] > 0]]

    def grow(self) -> None:
        """Choose also among the theorems that were added to the catalogue."""
        self._posteriors.grow(len(self._catalogue))
        self._policy.grow(self._catalogue.features())

    def why(self, name: str) -> Explanation:
        """Explain what decides whether a theorem is chosen now.

        Raises:
            InvalidInput: there is none of this name.
        """
        index = self._catalogue.index_of(name)
        row = {name: self._posteriors[name][index].item() for name in _EXPLAINED}
        features = self._catalogue.features()
        standing = self._policy.standing(index, self._posteriors.free)
        a, b = standing.posterior
        return Explanation(
            name=name,
            index=index,
            policy=self._config.policy,
            round=self._round,
            posterior=standing.posterior,
            rate=a / (a + b),
            waiting=row.pop("pending"),
            **row,
            family=features.families[features.family[index]],
            features={name: float(features.column(name)[index]) for name in FEATURES},
            score=standing.score,
            rank=standing.rank,
            of=int(np.count_nonzero(self._posteriors.free)),
            terms=standing.terms,
            history=tuple(
                PastGroup(round=at, proved=proved, refuted=refuted, disproof=disproof)
                for at, proved, refuted, disproof in self._posteriors.history(index)
            ),
        )

    def state(self) -> dict[str, Any]:
        """What decides later choices, for JSON; it grows with the theorems that were chosen, not with all."""
        return {
            "policy": self._config.policy,
            "theorems": len(self._posteriors),
            "names": self._names(len(self._posteriors)),
            "round": self._round,
            "posteriors": self._posteriors.state(),
            "of_policy": self._policy.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; theorems may have been added since.

        Raises:
            InvalidInput: it is that of another policy, or of other theorems.
        """
        if (policy := state.get("policy")) != self._config.policy:
            raise InvalidInput(
                f"the checkpoint chose by the policy `{policy}` and the settings say "
                f"`{self._config.policy}`: go on with the same, or start another run from its model"
            )
        if (count := state["theorems"]) > len(self._posteriors) or state["names"] != self._names(count):
            raise InvalidInput(
                f"the checkpoint chose from {count} theorems that are not those there are now: go on with "
                "the same data, to which theorems may be added, or start another run from its model"
            )
        self._round = state["round"]
        self._posteriors.restore(state["posteriors"])
        self._policy.restore(state["of_policy"])

    def _names(self, count: int) -> str:
        """A digest of the names of some of the first `count` theorems."""
        places = np.linspace(0, count - 1, min(count, _PROBED)).astype(int)
        names = "\n".join(theorem.name for theorem in self._catalogue.theorems(places.tolist()))
        return hashlib.sha256(names.encode()).hexdigest()
