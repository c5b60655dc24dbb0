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

from prover.generators.messages import AttemptMessage, Task
from trainer.rollout import Judged
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
    attempts: dict[int, AttemptMessage] = {}
    verdicts: dict[int, Verdict] = {}
    dead: dict[int, str] = {}
    """Attempts that were moved away, with the reason."""

    @property
    def size(self) -> int:
        return self.task.sampling.samples

    @property
    def owed(self) -> list[int]:
        """The attempts that are not done with."""
        done = (self.attempts.keys() & self.verdicts.keys()) | self.dead.keys()
        return [index for index in range(self.size) if index not in done]

    def account_of(self, index: int, *, stale: bool) -> Account:
        """Where an attempt goes when the group is closed as it is."""
        verdict, message = self.verdicts.get(index), self.attempts.get(index)
        if index in self.dead:
            return Account.DEAD_LETTERED
        if verdict is None or message is None or verdict.kind is Kind.UNKNOWN:
            return Account.UNKNOWN
        if message.attempt is None:
            return Account.CHECKED
        return Account.STALE if stale else Account.TRAINED

    def entries(self, *, stale: bool) -> list[tuple[Judged, Account]]:
        """The attempts that have come, by sample; where no verdict has, it is that nobody knows."""
        return [
            (
                Judged(attempt, self.verdicts.get(index) or self._nobody_knows(index), message.sampling_ms),
                self.account_of(index, stale=stale),
            )
            for index, message in sorted(self.attempts.items())
            if (attempt := message.attempt) is not None
        ]

    def given(self) -> list[tuple[str, Verdict]]:
        """The proofs nobody sampled that were judged, each with its verdict."""
        return [
            (message.submission.proof or "", self.verdicts[index])
            for index, message in sorted(self.attempts.items())
            if message.attempt is None and index in self.verdicts
        ]

    def _nobody_knows(self, index: int) -> Verdict:
        reason = self.dead.get(index, "no verdict came in time: look at the verifier's log")
        return Verdict(id=self.task.attempt_id(index), status=Status.INFRA_ERROR, reason=reason)


class Books:
    """Open groups, by the order of their issue, and the accounts of those that are closed."""

    def __init__(self) -> None:
        self.issued = 0
        self.accounts: Counter[Account] = Counter()
        self._groups: dict[str, Group] = {}
        self._given_up: dict[str, AttemptMessage | None] = {}
        self._late: list[Judged] = []

    def issue(self, number: int, tasks: Sequence[Task]) -> None:
        """Open a group for each task of the order `number`."""
        for task in tasks:
            if task.id in self._groups:
                raise ValueError(f"two tasks are named {task.id}")
            self._groups[task.id] = Group(number=number, task=task)
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

    def attempt(self, message: AttemptMessage) -> bool:
        """An attempt has come; false for one that is known or that nobody waits for."""
        name = message.submission.id
        group, index = self._find(name)
        if group is None and name in self._given_up:
            self._given_up[name] = message
        if group is None or index in group.attempts:
            return False
        group.attempts[index] = message
        return True

    def verdict(self, verdict: Verdict) -> bool:
        """A verdict has come; false for one that is known or that nobody waits for."""
        group, index = self._find(verdict.id)
        if group is None:
            message = self._given_up.get(verdict.id)
            if verdict.kind is Kind.PROVED and message is not None and message.attempt is not None:
                self._late.append(Judged(message.attempt, verdict, message.sampling_ms))
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
        for each in attempt_ids:
            group, index = self._find(each)
            if group is not None and index in group.owed:
                group.dead[index] = reason
                buried += 1
        return buried

    def complete(self, *, overdue: bool = False) -> list[Group]:
        """Groups that can be closed, oldest first: nothing is owed, or their time is over."""
        return [group for group in self._groups.values() if overdue or not group.owed]

    def close(self, group: Group, *, stale: bool) -> None:
        """Enter what became of a group."""
        self.accounts.update(group.account_of(index, stale=stale) for index in range(group.size))
        for index in range(group.size):
            if index not in group.verdicts:
                self._given_up[group.task.attempt_id(index)] = group.attempts.get(index)
        del self._groups[group.task.id]

    def __str__(self) -> str:
        accounts = ", ".join(f"{self.accounts[each]:,} {each.replace('_', '-')}" for each in Account)
        return f"{self.issued:,} attempts issued: {accounts}; {self.owed:,} on their way"

    def take_late(self) -> list[Judged]:
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
            late=[(AttemptMessage.of(each.attempt, each.sampling_ms), each.verdict) for each in self._late],
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
        books._groups = {group.task.id: group for group in kept.groups}
        books._late = [
            Judged(message.attempt, verdict, message.sampling_ms)
            for message, verdict in kept.late
            if message.attempt is not None
        ]
        return books

    def _find(self, attempt_id: str) -> tuple[Group | None, int]:
        """The open group of an attempt, and which of its samples it is."""
        name, _, index = attempt_id.rpartition("/")
        group = self._groups.get(name)
        if group is None or not index.isdecimal() or int(index) >= group.size:
            return None, -1
        return group, int(index)


class _Kept(BaseModel):
    """What a checkpoint holds of the books."""

    issued: int
    accounts: dict[Account, int]
    groups: list[Group]
    given_up: dict[str, AttemptMessage | None]
    late: list[tuple[AttemptMessage, Verdict]]
