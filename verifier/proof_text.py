"""The text of a proof that was found step by step, as a person would write it; pure.

Independent goals get a bullet each, in the order in which Lean has them, whatever the order in which they
were proved.  Goals that share metavariables stand in the order of their steps, with `rotate_left` before a
step that is not on the first of them, because what is done to one decides another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from verifier.errors import InvalidInput
from verifier.tactic_state import Goal, TacticStep, independent_groups

__all__ = ["MadeStep", "proof_text"]

BULLET = "· "


@dataclass(frozen=True)
class MadeStep:
    """A step with the goals of the state before it and of that after it."""

    step: TacticStep
    before: tuple[Goal, ...]
    after: tuple[Goal, ...]


@dataclass(frozen=True)
class _Made:
    """A step with its goals by name: a metavariable's, which Lean gives to no other goal."""

    place: int
    """When it was made."""
    tactic: str
    new: tuple[str, ...]
    """The goals that it left in the place of its own, in Lean's order."""
    closed: frozenset[str]
    """Other goals that it closed on the way."""


def proof_text(steps: Sequence[MadeStep]) -> str:
    """A proof `by ...` that makes all steps; where they leave goals, so does the text.

    Raises:
        InvalidInput: they do not follow on each other.
    """
    if not steps:
        raise InvalidInput("a proof needs a step")
    made: dict[str, _Made] = {}
    sharing: dict[str, frozenset[str]] = {}
    goals = _names(steps[0].before)
    for place, each in enumerate(steps):
        before, after = _names(each.before), _names(each.after)
        if before != goals or each.step.goal >= len(before):
            raise InvalidInput(f"step {place + 1}, `{each.step.tactic}`, does not follow on that before it")
        own = before[each.step.goal]
        made[own] = _Made(
            place,
            each.step.tactic,
            tuple(name for name in after if name not in before),
            frozenset(before) - frozenset(after) - {own},
        )
        for group in independent_groups(each.after):
            members = frozenset(after[number] for number in group)
            sharing |= {name: members for name in members if len(members) > 1}
        goals = after
    lines = _lines(list(_names(steps[0].before)), made, sharing)
    return "\n".join(["by", *(f"  {line}" for line in lines)])


def _lines(
    goals: list[str], made: Mapping[str, _Made], sharing: Mapping[str, frozenset[str]]
) -> Iterator[str]:
    """The lines that prove `goals`, which are all that is in focus."""
    has_dead = False
    while goals and any(name in made for name in goals):
        if any(sharing.get(name, frozenset()) & set(goals) - {name} for name in goals):
            # The step that was made first is the one that the others may rest on.
            name = min((name for name in goals if name in made), key=lambda name: made[name].place)
            if place := goals.index(name):
                if has_dead:
                    # Goals that were closed on the way still count for `rotate_left`; this forgets them.
                    yield "all_goals skip"
                    has_dead = False
                yield f"rotate_left {place}" if place > 1 else "rotate_left"
                goals = [*goals[place:], *goals[:place]]
            step = made[name]
            yield from step.tactic.splitlines()
            has_dead = has_dead or bool(step.closed)
            goals = [*step.new, *(each for each in goals[1:] if each not in step.closed)]
        elif len(goals) > 1:
            for name in goals:
                first, *rest = _lines([name], made, sharing) if name in made else ["skip"]
                yield BULLET + first
                yield from (f"  {line}" for line in rest)
            return
        else:
            step = made[goals[0]]
            yield from step.tactic.splitlines()
            goals = list(step.new)


def _names(goals: Sequence[Goal]) -> tuple[str, ...]:
    names = tuple(goal.rests_on[0] if goal.rests_on else "" for goal in goals)
    if "" in names or len(set(names)) < len(names):
        raise InvalidInput("goals have no names of their own: give them as the worker sends them")
    return names
