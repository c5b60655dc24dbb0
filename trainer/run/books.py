"""The books of a training run: what was issued, what came of it, what is still owed.

Pure: no stream and no clock.  Every attempt that is issued ends in exactly one account,

    issued = trained + checked + stale + dead_lettered + unknown,

once nothing is owed any more; before that the attempts of open groups are the difference.  Whatever comes
a second time, or for a group that is closed, changes no account.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from prover.generators.messages import Task
from prover.theorem import Attempt
from trainer.rollout import Rollout
from verifier.errors import InvalidInput
from verifier.verdict import Kind, Status, Verdict

__all__ = ["Account", "Books", "Group"]


class Account(StrEnum):
    """What became of an attempt."""

    TRAINED = "trained"
    """Its verdict was learned from, or was there to be: a group that is all proved has no gradient."""
    CHECKED = "checked"
    """It was judged, and nobody sampled it: a fixed proof of a theorem's negation."""
    STALE = "stale"
    """Its policy was too many versions old when its group was complete."""
    DEAD_LETTERED = "dead_lettered"
    """It, or its task, ended whoever worked on it, and was moved away."""
    UNKNOWN = "unknown"
    """The machine could not say, or nothing came in time."""
    LATE = "late"
    """Not one of the five: a verdict for an attempt that was given up before, kept for its proof."""


class Group(BaseModel):
    """The attempts at one theorem: how far they are.  Indices count the samples of its task."""

    number: int
    """Of its order, in the order of issue."""
    task: Task
    attempts: dict[int, Attempt] = {}
    """None where the task brings its proofs along: nobody samples them."""
    verdicts: dict[int, Verdict] = {}
    dead: dict[int, str] = {}
    """Attempts that were moved away, with the reason."""

    @property
    def size(self) -> int:
        return self.task.sampling.samples

    @property
    def owed(self) -> list[int]:
        """The attempts that are not done with."""
        judged = self.verdicts.keys() if self.task.proofs else self.attempts.keys() & self.verdicts.keys()
        done = judged | self.dead.keys()
        return [index for index in range(self.size) if index not in done]

    def account_of(self, index: int, *, stale: bool) -> Account:
        """Where an attempt goes when the group is closed as it is."""
        verdict = self.verdicts.get(index)
        if index in self.dead:
            return Account.DEAD_LETTERED
        if verdict is None or verdict.kind is Kind.UNKNOWN:
            return Account.UNKNOWN
        if self.task.proofs:
            return Account.CHECKED
        if index not in self.attempts:
            return Account.UNKNOWN
        return Account.STALE if stale else Account.TRAINED

    def entries(self, *, stale: bool) -> list[tuple[Rollout, Account]]:
        """The attempts that have come, by sample; where no verdict has, it is that nobody knows."""
        return [
            (
                Rollout(attempt=attempt, verdict=self.verdicts.get(index) or self._nobody_knows(attempt)),
                self.account_of(index, stale=stale),
            )
            for index, attempt in sorted(self.attempts.items())
        ]

    def given(self) -> list[tuple[str, Verdict]]:
        """The proofs nobody sampled that were judged, each with its verdict."""
        return [
            (proof, self.verdicts[index])
            for index, proof in enumerate(self.task.proofs)
            if index in self.verdicts
        ]

    def _nobody_knows(self, attempt: Attempt) -> Verdict:
        reason = self.dead.get(attempt.index, "no verdict came in time: look at the verifier's log")
        return Verdict(id=attempt.id, status=Status.INFRA_ERROR, reason=reason)


class Books:
    """Open groups, by the order of their issue, and the accounts of those that are closed."""

    def __init__(self) -> None:
        self.issued = 0
        self.accounts: Counter[Account] = Counter()
        self._groups: dict[str, Group] = {}
        self._places: dict[str, tuple[Group, int]] = {}
        """Of the attempts of open groups by their ids: the group, and which of its samples."""
        self._given_up: dict[str, Attempt | None] = {}
        self._late: list[Rollout] = []

    def issue(self, number: int, tasks: Sequence[Task]) -> None:
        """Open a group for each task of the order `number`."""
        for task in tasks:
            if task.id in self._groups:
                raise ValueError(f"two tasks are named {task.id}")
            self._open(Group(number=number, task=task))
            self.issued += task.sampling.samples

    @property
    def open(self) -> list[Group]:
        """Groups that are not closed, oldest first."""
        return list(self._groups.values())

    @property
    def owed(self) -> int:
        """Attempts of open groups."""
        return sum(group.size for group in self._groups.values())

    @property
    def balance(self) -> int:
        """What is issued and in no account and not owed: 0, or something was lost."""
        closed = sum(self.accounts[each] for each in Account if each is not Account.LATE)
        return self.issued - closed - self.owed

    def attempt(self, attempt: Attempt) -> bool:
        """An attempt has come; false for one that is known or that nobody waits for."""
        group, index = self._places.get(attempt.id, (None, -1))
        if group is None and attempt.id in self._given_up:
            self._given_up[attempt.id] = attempt
        if group is None or index in group.attempts:
            return False
        group.attempts[index] = attempt
        return True

    def verdict(self, verdict: Verdict) -> bool:
        """A verdict has come; false for one that is known or that nobody waits for."""
        group, index = self._places.get(verdict.id, (None, -1))
        if group is None:
            attempt = self._given_up.get(verdict.id)
            if verdict.kind is Kind.PROVED and attempt is not None:
                self._late.append(Rollout(attempt=attempt, verdict=verdict))
                del self._given_up[verdict.id]
            return False
        if index in group.verdicts:
            return False
        group.verdicts[index] = verdict
        # It was judged after all, before it was moved away.
        group.dead.pop(index, None)
        return True

    def bury(self, attempt_ids: Iterable[str], reason: str) -> int:
        """Attempts were moved away; returns how many of them somebody waited for."""
        buried = 0
        for group, index in (self._places[name] for name in attempt_ids if name in self._places):
            if index in group.owed:
                group.dead[index] = reason
                buried += 1
        return buried

    def complete(self, *, overdue: bool = False) -> list[Group]:
        """Groups that can be closed, oldest first: nothing is owed, or their time is over."""
        return [group for group in self._groups.values() if overdue or not group.owed]

    def close(self, group: Group, *, stale: bool) -> None:
        """Enter what became of a group."""
        self.accounts.update(group.account_of(index, stale=stale) for index in range(group.size))
        for index, name in enumerate(group.task.attempt_ids):
            del self._places[name]
            if index not in group.verdicts:
                self._given_up[name] = group.attempts.get(index)
        del self._groups[group.task.id]

    def __str__(self) -> str:
        accounts = ", ".join(f"{self.accounts[each]:,} {each.replace('_', '-')}" for each in Account)
        return f"{self.issued:,} attempts issued: {accounts}; {self.owed:,} on their way"

    def take_late(self) -> list[Rollout]:
        """Proofs of attempts that were given up, since this was last asked; they are entered now."""
        late, self._late = self._late, []
        self.accounts[Account.LATE] += len(late)
        return late

    def state(self) -> dict[str, Any]:
        """All of it, for JSON."""
        kept = _Kept(
            issued=self.issued,
            accounts=dict(self.accounts),
            groups=self.open,
            given_up=self._given_up,
            late=self._late,
        )
        return kept.model_dump(mode="json")

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `state`.

        Raises:
            InvalidInput: it is not the state of any books.
        """
        try:
            kept = _Kept.model_validate(state)
        except ValidationError as error:
            raise InvalidInput(f"the books of the checkpoint cannot be read: {error}") from error
        books = cls()
        books.issued, books.accounts, books._given_up = kept.issued, Counter(kept.accounts), kept.given_up
        for group in kept.groups:
            books._open(group)
        books._late = kept.late
        return books

    def _open(self, group: Group) -> None:
        self._groups[group.task.id] = group
        self._places.update({name: (group, index) for index, name in enumerate(group.task.attempt_ids)})


class _Kept(BaseModel):
    """What a checkpoint holds of the books."""

    issued: int
    accounts: dict[Account, int]
    groups: list[Group]
    given_up: dict[str, Attempt | None]
    late: list[Rollout]
