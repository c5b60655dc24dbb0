"""Which groups a round learns from, and how many are tried at a time; pure.

With staleness k a round learns from the oldest complete groups, and waits for those that would be too old in
the next.  So nothing that takes its time is left out for it: refusing slow groups would refuse long proofs.
"""

from collections.abc import Collection, Mapping, Sequence

from trainer.run.books import Group

__all__ = ["groups_of_attempts", "groups_to_issue", "is_stale", "round_of", "within"]


def is_stale(group: Group, version: int, max_staleness: int) -> bool:
    """Whether its policy is too old to be learned into `version`."""
    return version - group.task.policy_version > max_staleness


def round_of(
    open_groups: Sequence[Group], complete: Collection[str], *, version: int, max_staleness: int, size: int
) -> list[Group]:
    """The groups to learn from now, oldest first; none where some of them have to be waited for.

    Args:
        open_groups: all that are issued and not closed, oldest first.
        complete: names of those that can be closed.
    """
    due = [each for each in open_groups if is_stale(each, version + 1, max_staleness)]
    done = [each for each in open_groups if each.task.id in complete]
    if not all(each.task.id in complete for each in due) or len(done) < min(size, len(open_groups)):
        return []
    taken = {each.task.id for each in due}
    for each in done:
        if len(taken) < size:
            taken.add(each.task.id)
    return [each for each in done if each.task.id in taken]


def groups_to_issue(open_groups: int, *, rounds_left: int, max_staleness: int, size: int) -> int:
    """How many groups to issue, so that those in flight last for this round and as many as may be ahead."""
    return max(0, min(max_staleness + 1, rounds_left) * size - open_groups)


def groups_of_attempts(count: int, *, samples: int, surplus: int) -> int:
    """How many groups to choose in place of `count` groups of `samples` attempts each.

    A curriculum gives some theorems more attempts than others.  What one round so spends too much or too
    little the next makes up for: a run has as many attempts whatever chooses.

    Args:
        surplus: attempts that were spent too much so far; below 0 where it was too little.
    """
    return max(1, round(count - surplus / samples)) if count else 0


def within(samples: Mapping[str, int], attempts: int) -> dict[str, int]:
    """As many of the theorems, in their order, as get their samples out of `attempts`."""
    taken: dict[str, int] = {}
    for theorem, count in samples.items():
        if count <= attempts:
            taken[theorem] = count
            attempts -= count
    return taken
