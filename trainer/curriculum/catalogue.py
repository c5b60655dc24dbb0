"""A set of theorems as choosing needs it, whatever holds them."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from prover.library.features import Features, FeatureTable, features_of
from prover.theorem import Theorem
from verifier.errors import InvalidInput

__all__ = ["Catalogue", "ListedTheorems"]


class Catalogue(Protocol):
    """Theorems by index 0 .. len − 1.  The order never changes; what is added comes last."""

    def __len__(self) -> int: ...

    def theorem(self, index: int) -> Theorem:
        """The theorem at an index."""
        ...

    def theorems(self, indices: Sequence[int]) -> list[Theorem]:
        """The theorems at these indices, in their order."""
        ...

    def index_of(self, name: str) -> int:
        """Where a theorem stands.

        Raises:
            InvalidInput: none has this name.
        """
        ...

    def features(self) -> FeatureTable:
        """The features that make theorems hard, as columns by index."""
        ...

    def retired(self) -> NDArray[np.int64]:
        """The indices of those that are known to be false before anything is tried."""
        ...


class ListedTheorems:
    """A catalogue in memory, for as many theorems as a file is read for."""

    def __init__(self, theorems: Sequence[Theorem], features: Sequence[Features] | None = None) -> None:
        """Features are estimated unless given, one for each theorem.

        Raises InvalidInput when there is no theorem, or two have one name.
        """
        if not theorems:
            raise InvalidInput("there is no theorem to choose from: name a file that has some")
        self._theorems = theorems
        self._index_of = {theorem.name: index for index, theorem in enumerate(theorems)}
        if len(self._index_of) < len(theorems):
            twice = next(
                theorem.name for i, theorem in enumerate(theorems) if self._index_of[theorem.name] != i
            )
            raise InvalidInput(f"two theorems are named `{twice}`: give each a name of its own")
        self._features = None if features is None else FeatureTable.of(features)

    def __len__(self) -> int:
        return len(self._theorems)

    def theorem(self, index: int) -> Theorem:
        return self._theorems[index]

    def theorems(self, indices: Sequence[int]) -> list[Theorem]:
        return [self._theorems[index] for index in indices]

    def index_of(self, name: str) -> int:
        index = self._index_of.get(name)
        if index is None:
            raise InvalidInput(f"no theorem is named `{name}`: is this the right data?")
        return index

    def features(self) -> FeatureTable:
        if self._features is None:
            self._features = FeatureTable.of(features_of(theorem) for theorem in self._theorems)
        return self._features

    def retired(self) -> NDArray[np.int64]:
        return np.zeros(0, np.int64)
