"""Group advantages (2.12), and what an unknown verdict must not do to them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.theorem import Attempt, Theorem
from trainer.advantages import group_advantages
from trainer.rollout import Rollout, assign_advantages, reward_of
from verifier.verdict import Status, Verdict

rewards = st.floats(-10, 10, allow_nan=False).map(lambda x: round(x, 3))
groups = st.lists(rewards, min_size=1, max_size=16)
groups_with_unknown = st.lists(st.none() | rewards, min_size=1, max_size=16)


def rollout(group: str, status: Status) -> Rollout:
    theorem = Theorem(name="t", statement="theorem t : True", source="test", split="train")
    attempt = Attempt(
        id=f"{group}-{status}",
        group=group,
        theorem=theorem,
        policy_version=0,
        proof="trivial",
        prompt_ids=(0,),
        token_ids=(1,),
        logprobs=(-1.0,),
        finished=True,
    )
    return Rollout.judged(attempt, Verdict(id=attempt.id, status=status, reason=""))


@given(groups)
def test_advantages_are_equation_2_12(group: list[float]) -> None:
    mean = sum(group) / len(group)
    std = math.sqrt(sum((r - mean) ** 2 for r in group) / len(group))
    assert group_advantages(group) == pytest.approx([(r - mean) / (std + 1e-4) for r in group], abs=1e-6)


@given(groups, st.floats(-10, 10))
def test_shifting_all_rewards_changes_nothing(group: list[float], shift: float) -> None:
    assert group_advantages([r + shift for r in group]) == pytest.approx(group_advantages(group), abs=1e-6)


@given(groups_with_unknown)
def test_unknown_verdicts_leave_the_others_as_if_they_were_absent(group: list[float | None]) -> None:
    advantages = group_advantages(group)
    known = [a for a, r in zip(advantages, group, strict=True) if r is not None]
    assert known == group_advantages([r for r in group if r is not None])
    assert all((a is None) == (r is None) for a, r in zip(advantages, group, strict=True))


@given(rewards, st.integers(1, 16))
def test_a_group_of_equal_rewards_gets_exactly_zero(reward: float, size: int) -> None:
    assert group_advantages([reward] * size) == [0.0] * size


def test_no_attempts_no_advantages() -> None:
    assert group_advantages([]) == []
    assert group_advantages([None, None]) == [None, None]


@pytest.mark.parametrize("status", list(Status))
def test_the_reward_is_the_kind_of_the_verdict(status: Status) -> None:
    expected = {"proved": 1.0, "refuted": 0.0, "unknown": None}[status.kind]
    assert reward_of(Verdict(id="a", status=status, reason="")) == expected


def test_advantages_are_within_groups_that_arrive_interleaved() -> None:
    rollouts = [
        rollout("a", Status.PROVED),
        rollout("b", Status.PROVED),
        rollout("a", Status.REJECTED),
        rollout("b", Status.TIMEOUT),
        rollout("a", Status.CRASHED),
        rollout("b", Status.PROVED),
    ]
    assigned = assign_advantages(rollouts)
    assert [r.attempt for r in assigned] == [r.attempt for r in rollouts]
    assert [r.advantage for r in assigned] == pytest.approx([0.9998, 0.0, -0.9998, None, None, 0.0], abs=1e-4)
