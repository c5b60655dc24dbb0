"""How likely goals are to be proved, for a search that asks."""

from collections.abc import Sequence
from typing import Protocol

from verifier.tactic_state import Goal

__all__ = ["UniformValue", "Value"]


class Value(Protocol):
    """Thinks of goals that stand together how likely they are to be proved."""

    @property
    def fingerprint(self) -> dict[str, str]:
        """What it is."""
        ...

    async def of(self, nodes: Sequence[Sequence[Goal]]) -> list[float]:
        """A number between 0 and 1 for each."""
        ...


class UniformValue:
    """The same number for all: what a search knows then is what it has tried."""

    def __init__(self, value: float) -> None:
        self._value = value

    @property
    def fingerprint(self) -> dict[str, str]:
        return {"value": str(self._value)}

    async def of(self, nodes: Sequence[Sequence[Goal]]) -> list[float]:
        """As `Value.of`."""
        return [self._value] * len(nodes)
