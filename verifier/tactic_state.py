"""Tactic states: the goals of a proof in progress, and what came of the tactics that were tried on them.

A state is named by its path, the theorem and the steps from its start, so that any worker can come to it.  A
path at whose end no goal is left is the beginning of a proof and no verdict: only the audit of the whole text
says `proved`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Goal", "Hypothesis", "TacticState", "TacticStep", "TriedTactic", "independent_groups"]

_CASE = "case "
_TARGET = "⊢ "
_NAMES = re.compile(r"(?P<names>\S+(?: \S+)*?) :\s+(?P<type>.*)", re.DOTALL)


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)


class TacticStep(_Record):
    """A tactic, and the goal of the state before it that it was tried on."""

    tactic: str = Field(min_length=1)
    """One tactic of any size, without `by`."""
    goal: int = Field(default=0, ge=0)
    """Number of the goal, from 0."""


@dataclass(frozen=True)
class Hypothesis:
    """What stands before the turnstile in one line: names of one type."""

    names: tuple[str, ...]
    """A name with a dagger cannot be written in a proof."""
    type: str
    value: str | None = None
    """Of a `let`."""


class Goal(_Record):
    """What is left to be proved."""

    text: str
    """As Lean prints it, with its hypotheses; cut after 8,000 bytes."""
    rests_on: tuple[str, ...] = ()
    """Metavariables of the goal, its own first: goals that share one are not independent."""
    hash: str = ""
    """Tells apart goals that are printed alike; goals that differ in names alone have the same."""

    @property
    def key(self) -> str:
        """What makes two goals the same: their text, without the tag of a case, and what it means to Lean."""
        return f"{self.untagged}\n{self.hash}"

    @property
    def untagged(self) -> str:
        """Its text without the tag of a case."""
        lines = self._lines
        return "\n".join(lines[1:] if self.case is not None else lines)

    @property
    def case(self) -> str | None:
        """Its tag, by which `case` finds it."""
        lines = self._lines
        return lines[0].removeprefix(_CASE) if lines and lines[0].startswith(_CASE) else None

    @property
    def target(self) -> str:
        """What stands behind the turnstile."""
        _, found, target = f"\n{self.text}".partition(f"\n{_TARGET}")
        return target if found else self.text.strip()

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """What stands before the turnstile; a type that takes several lines keeps them."""
        before, found, _ = f"\n{self.text}".partition(f"\n{_TARGET}")
        entries: list[str] = []
        for line in before.splitlines() if found else ():
            if line.startswith(" ") and entries:
                entries[-1] += f"\n{line}"
            elif line.strip() and not line.startswith(_CASE):
                entries.append(line)
        return tuple(_hypothesis(entry) for entry in entries)

    @property
    def _lines(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.strip()]


class TriedTactic(_Record):
    """What came of a tactic: the goals after it, or Lean's error."""

    error: str | None = None
    """What Lean says against it; null where there are goals."""
    goals: tuple[Goal, ...] | None = None
    """All goals of the state after it, in its order; None where there is an error."""
    heartbeats: int = Field(default=0, ge=0)
    """What it took, in thousands of small allocations as Lean's `maxHeartbeats`."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.error is None) == (self.goals is None):
            raise ValueError("a tactic has goals or an error")
        return self

    @property
    def closes_all(self) -> bool:
        """Whether no goal is left: the text of the path is worth a verdict."""
        return self.goals == ()


class TacticState(_Record):
    """A state, and the tactics that were tried on one of its goals, in the order in which they were given."""

    name: str = ""
    """Of the theorem."""
    goals: tuple[Goal, ...] = ()
    """What is left to be proved."""
    tried: tuple[TriedTactic, ...] = ()
    """What came of each tactic."""
    error: str | None = None
    """Why there is no such state: the statement or a step of the path does not elaborate."""


def independent_groups(goals: Sequence[Goal]) -> list[tuple[int, ...]]:
    """Numbers of the goals that share metavariables, at any remove; groups by the first of each."""
    groups: list[tuple[set[str], list[int]]] = []
    for number, goal in enumerate(goals):
        names, members = set(goal.rests_on), [number]
        apart = []
        for group in groups:
            if group[0] & names:
                names |= group[0]
                members = [*group[1], *members]
            else:
                apart.append(group)
        groups = [*apart, (names, sorted(members))]
    return sorted(tuple(members) for _, members in groups)


def _hypothesis(entry: str) -> Hypothesis:
    found = _NAMES.fullmatch(entry)
    if found is None:
        return Hypothesis((), entry)
    type_, is_let, value = found["type"].partition(" := ")
    return Hypothesis(tuple(found["names"].split(" ")), type_, value if is_let else None)
