"""Which theorems are tried next."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Protocol

from prover.theorem import Theorem
from verifier.errors import InvalidInput

__all__ = ["Curriculum", "Shuffled"]


class Curriculum(Protocol):
    """Chooses theorems; the same choices follow from the same state."""

    def choose(self, count: int) -> list[Theorem]:
        """The next `count` theorems to try."""
        ...

    def state(self) -> dict[str, Any]:
        """What decides later choices, for JSON."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            InvalidInput: it is that of another curriculum, or of other theorems.
        """
        ...


class Shuffled:
    """Every theorem once before any a second time, in a new order each time round."""

    def __init__(self, theorems: Sequence[Theorem], seed: int) -> None:
        if not theorems:
            raise InvalidInput("there is no theorem to choose from: name a file that has some")
        self._theorems = theorems
        self._seed = seed
        self._rng = Random(seed)
        self._queue: list[Theorem] = []
        self._chosen = 0

    def choose(self, count: int) -> list[Theorem]:
        while len(self._queue) < count:
            self._queue += self._rng.sample(self._theorems, len(self._theorems))
        chosen, self._queue = self._queue[:count], self._queue[count:]
        self._chosen += count
        return chosen

    def state(self) -> dict[str, Any]:
        return {"theorems": len(self._theorems), "chosen": self._chosen}

    def restore(self, state: Mapping[str, Any]) -> None:
        if state.get("theorems") != len(self._theorems):
            raise InvalidInput(
                f"the checkpoint chose from {state.get('theorems')} theorems and there are now "
                f"{len(self._theorems)}: go on with the same data, or start another run from its policy"
            )
        self._rng, self._queue, self._chosen = Random(self._seed), [], 0
        while self._chosen < state["chosen"]:
            self.choose(min(len(self._theorems), state["chosen"] - self._chosen))
