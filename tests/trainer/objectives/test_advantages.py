"""Group advantages, what an unknown verdict must not do to them, and how rollouts become examples."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.theorem import Attempt
from trainer.learners.policy_gradient import PolicyGradientConfig, examples_of
from trainer.objectives.advantages import Baseline, group_advantages, is_informative, overlong_penalty
from trainer.rollout import Rollout, reward_of
from verifier.verdict import Status, Verdict

BASELINES: tuple[Baseline, ...] = ("standardised", "centred", "leave_one_out")
rewards = st.floats(-10, 10, allow_nan=False).map(lambda x: round(x, 3))
groups = st.lists(rewards, min_size=1, max_size=16)
groups_with_unknown = st.lists(st.none() | rewards, min_size=1, max_size=16)
baselines = st.sampled_from(BASELINES)


def rollout(group: str, status: Status, *, tokens: int = 1, finished: bool = True) -> Rollout:
    attempt = Attempt(
        group=group,
        index=0,
        theorem="t",
        policy_version=0,
        proof="trivial",
        prompt_ids=(0,),
        token_ids=(1,) * tokens,
        logprobs=(-1.0,) * tokens,
        finished=finished,
    )
    return Rollout(attempt=attempt, verdict=Verdict(id=attempt.id, status=status, reason=""))


@given(groups)
def test_advantages_are_their_formulas(group: list[float]) -> None:
    mean = sum(group) / len(group)
    std = math.sqrt(sum((r - mean) ** 2 for r in group) / len(group))
    standardised, centred, others = (group_advantages(group, each) for each in BASELINES)
    assert standardised == pytest.approx([(r - mean) / (std + 1e-4) for r in group], abs=1e-6)
    assert centred == pytest.approx([r - mean for r in group], abs=1e-6)
    if len(group) > 1:
        rest = [r - (sum(group) - r) / (len(group) - 1) for r in group]
        assert others == pytest.approx(rest, abs=1e-6)


@given(groups, st.floats(-10, 10), baselines)
def test_shifting_all_rewards_changes_nothing(group: list[float], shift: float, baseline: Baseline) -> None:
    shifted = group_advantages([r + shift for r in group], baseline)
    assert shifted == pytest.approx(group_advantages(group, baseline), abs=1e-6)


@given(groups_with_unknown, baselines)
def test_unknown_verdicts_leave_the_others_as_if_they_were_absent(
    group: list[float | None], baseline: Baseline
) -> None:
    advantages = group_advantages(group, baseline)
    known = [a for a, r in zip(advantages, group, strict=True) if r is not None]
    assert known == group_advantages([r for r in group if r is not None], baseline)
    assert all((a is None) == (r is None) for a, r in zip(advantages, group, strict=True))


@given(rewards, st.integers(1, 16), baselines)
def test_a_group_of_equal_rewards_gets_exactly_zero(reward: float, size: int, baseline: Baseline) -> None:
    assert group_advantages([reward] * size, baseline) == [0.0] * size
    assert not is_informative([reward] * size)


def test_no_attempts_no_advantages() -> None:
    assert group_advantages([]) == []
    assert group_advantages([None, None]) == [None, None]
    assert not is_informative([None, 1.0, None])


@given(st.integers(0, 200), st.integers(1, 100), st.integers(1, 50))
def test_a_response_is_penalised_as_it_nears_the_limit(tokens: int, longest: int, buffer: int) -> None:
    found = overlong_penalty(tokens, longest=longest, buffer=buffer)
    if tokens <= longest - buffer:
        assert found == 0
    elif tokens >= longest:
        assert found == -1
    else:
        assert found == pytest.approx((longest - buffer - tokens) / buffer)


@pytest.mark.parametrize("status", list(Status))
def test_the_reward_is_the_kind_of_the_verdict(status: Status) -> None:
    expected = {"proved": 1.0, "refuted": 0.0, "unknown": None}[status.kind]
    assert reward_of(Verdict(id="a", status=status, reason="")) == expected


def test_advantages_are_within_groups_that_arrive_interleaved_and_of_every_token() -> None:
    rollouts = [
        rollout("a", Status.PROVED, tokens=2),
        rollout("b", Status.PROVED),
        rollout("a", Status.REJECTED),
        rollout("b", Status.TIMEOUT),
        rollout("a", Status.CRASHED),
        rollout("b", Status.PROVED),
    ]
    examples = examples_of(rollouts, PolicyGradientConfig(algorithm="dr_grpo"))
    assert [each.advantages for each in examples] == [(0.5, 0.5), (-0.5,), (0.0,), (0.0,)]


def test_dapo_drops_groups_without_contrast_and_penalises_what_hits_the_limit() -> None:
    config = PolicyGradientConfig(algorithm="dapo", longest_response=40)
    rollouts = [
        *(rollout("a", Status.PROVED) for _ in range(2)),
        rollout("b", Status.PROVED, tokens=40, finished=False),
        rollout("b", Status.PROVED, tokens=10),
        rollout("b", Status.REJECTED, tokens=10),
    ]
    examples = examples_of(rollouts, config)
    long, right, wrong = (each.advantages[0] for each in examples)
    # Its reward is 1 − 1, that of one that was refuted.
    assert long == wrong < right
