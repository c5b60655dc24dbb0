"""The theorems of a store that training may see, as a `Catalogue`.

Theorems for evaluation are not among them, nor theorems with the statement of one, under whatever header, nor
what grew from these.  Whoever trains on a `TrainingSet` cannot meet them by accident.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.library.features import FEATURES, FeatureTable
from prover.library.records import Contaminated
from prover.library.store import TheoremStore
from prover.theorem import Theorem
from verifier.errors import InvalidInput

__all__ = ["TrainingSet"]

_NAMED = 5
"""How many contaminated theorems a set names when it is shown."""


class TrainingSet:
    """Theorems to train on, numbered from 0 in the order of the store.

    The set stays as it is during a run: a theorem that is retired, flagged or contaminated later keeps its
    place, and what the store gains comes behind with `grow`.  Equal sets have equal digests.
    """

    def __init__(self, store: TheoremStore, *, allow_contaminated: bool = False) -> None:
        """The set of what `store` holds now.

        Args:
            allow_contaminated: take theorems with the statement of an evaluation theorem as well; then
                measurements on that evaluation set do not say what they seem to.

        Raises:
            InvalidInput: there is nothing to train on.
        """
        self.store = store
        self.allow_contaminated = allow_contaminated
        self.contaminated: tuple[Contaminated, ...] = tuple(store.contaminated())
        """The contaminated theorems, which are left out unless they are allowed."""
        self._seen = len(store)
        self.indices: NDArray[np.int64] = store.training_indices(allow_contaminated=allow_contaminated)
        """The theorems' indices in the store, ascending."""
        if not len(self.indices):
            raise InvalidInput(
                f"{store.path} has {self._seen} theorems and none to train on: import some whose split is "
                "`train` and whose statements are not those of an evaluation set"
            )

    def __len__(self) -> int:
        return len(self.indices)

    def theorem(self, index: int) -> Theorem:
        return self.theorems([index])[0]

    def theorems(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> list[Theorem]:
        """The theorems at these indices of the set, in their order.  Raises IndexError."""
        return self.store.theorems(self.indices[np.asarray(indices, np.int64)])

    def index_of(self, name: str) -> int:
        """Where a theorem stands in the set.

        Raises:
            InvalidInput: the store has none of this name, or training may not see it.
        """
        wanted = self.store.index_of(name)
        index = int(np.searchsorted(self.indices, wanted))
        if index == len(self) or self.indices[index] != wanted:
            raise InvalidInput(f"`{name}` is not to be trained on: see `proofmill store show {name}`")
        return index

    def features(self) -> FeatureTable:
        table = self.store.features()
        return FeatureTable(
            **{name: table.column(name)[self.indices] for name in FEATURES},
            family=table.family[self.indices],
            families=table.families,
        )

    def retired(self) -> NDArray[np.int64]:
        """The indices of the theorems that are retired."""
        return np.flatnonzero(np.isin(self.indices, self.store.retired(), assume_unique=True))

    def grow(self) -> int:
        """Take in the theorems that the store gained since; returns how many."""
        seen = len(self.store)
        gained = self.store.training_indices(allow_contaminated=self.allow_contaminated, first=self._seen)
        gained = gained[gained < seen]  # another process may have added more in between
        self._seen = seen
        self.indices = np.concatenate([self.indices, gained])
        return len(gained)

    @property
    def digest(self) -> str:
        """The same for sets of the same theorems of a store, in the same order."""
        return hashlib.sha256(self.indices.tobytes()).hexdigest()

    def __str__(self) -> str:
        text = f"{len(self):,} theorems to train on"
        if not self.contaminated:
            return text
        listed = [f"{theorem.name} ({theorem.by})" for theorem in self.contaminated[:_NAMED]]
        more = len(self.contaminated) - len(listed)
        what = "among them" if self.allow_contaminated else "refused besides"
        return (
            f"{text}; {what} {len(self.contaminated):,} with the statements of evaluation theorems: "
            f"{', '.join(listed)}{f' and {more:,} more' if more else ''}"
        )
