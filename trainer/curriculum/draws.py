"""When a round is learned from, and when more is drawn from the same weights before; pure.

A group whose attempts were all proved or all refuted has no gradient.  Two remedies spend the same attempts
otherwise: to draw on until enough groups have contrast, and to try a theorem with a few attempts first and
with more only where its outcome is open.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, Field, model_validator

from trainer.rollout import Rollout, groups_of, has_contrast
from verifier.settings import Section

__all__ = ["Draws", "DrawsConfig"]


class DrawsConfig(Section):
    """What an update of the weights waits for.  What is drawn meanwhile counts as rounds of the run."""

    contrast_groups: int = Field(default=0, ge=0)
    """Groups with a proof and a failure that an update waits for (dynamic sampling, DAPO, arXiv 2503.14476);
    with 0 every round is learned from."""
    at_most: int = Field(default=4, ge=1)
    """Rounds after which it waits no longer."""
    grow_to: int = Field(default=0, ge=0)
    """Attempts of a group that grows: theorems whose first attempts differ are tried again in the next round,
    by the same weights, until there are so many; 0 for groups as they are."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.contrast_groups and self.grow_to:
            raise ValueError("contrast_groups and grow_to cannot be used together: set one of them")
        return self


class _Kept(BaseModel):
    """What a checkpoint holds of the draws."""

    held: list[Rollout]
    rounds: int
    total: int


class Draws:
    """The rollouts that an update waits for, and how many rounds brought them."""

    def __init__(self, config: DrawsConfig) -> None:
        self._config = config
        self._held: list[Rollout] = []
        self._rounds = 0
        self.total = 0
        """Rounds of the run that were not followed by an update."""

    def add(self, rollouts: Sequence[Rollout]) -> None:
        """Hold the rollouts of one more round."""
        self._held += rollouts
        self._rounds += 1

    def is_due(self, *, last: bool) -> bool:
        """Whether to learn from what is held; always in the `last` round of a run."""
        config = self._config
        if last:
            return True
        if config.grow_to:
            return self._rounds > 1 or not self.growing()
        contrast = sum(has_contrast([each.reward for each in group]) for group in groups_of(self._held))
        return contrast >= config.contrast_groups or self._rounds >= config.at_most

    def hold(self) -> None:
        """The round is over, and was not learned from."""
        self.total += 1

    def take(self) -> list[Rollout]:
        """All that is held, to be learned from now; where groups grow, one group for each theorem."""
        held, self._held, self._rounds = self._held, [], 0
        return _one_group_each(held) if self._config.grow_to else held

    def growing(self) -> dict[str, int]:
        """The theorems whose groups are to grow in the next round, with the attempts that they still get."""
        if self._rounds != 1:
            return {}
        missing = {
            group[0].attempt.theorem: self._config.grow_to - len(group)
            for group in groups_of(self._held)
            if has_contrast([rollout.reward for rollout in group])
        }
        return {theorem: count for theorem, count in missing.items() if count > 0}

    def state(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return _Kept(held=self._held, rounds=self._rounds, total=self.total).model_dump(mode="json")

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        kept = _Kept.model_validate(state)
        self._held, self._rounds, self.total = kept.held, kept.rounds, kept.total


def _one_group_each(rollouts: Sequence[Rollout]) -> list[Rollout]:
    """The rollouts, with those at one theorem in the group that the first of them is in."""
    of_theorem: defaultdict[str, list[Rollout]] = defaultdict(list)
    for rollout in rollouts:
        of_theorem[rollout.attempt.theorem].append(rollout)
    return [
        rollout.model_copy(
            update={
                "attempt": rollout.attempt.model_copy(update={"group": same[0].attempt.group, "index": index})
            }
        )
        for same in of_theorem.values()
        for index, rollout in enumerate(same)
    ]
