"""Group advantages, what an unknown verdict must not do to them, and how rollouts become examples."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.theorem import Attempt
from trainer.learners.policy_gradient import PolicyGradientConfig, examples_of
from trainer.objectives.advantages import (
    BASELINES,
    AdvantageConfig,
    Baseline,
    group_advantages,
    overlong_penalty,
    reward_the_unlikely,
    solve_rate,
    weigh_negatives,
)
from trainer.rollout import Rollout, has_contrast, reward_of
from verifier.verdict import Status, Verdict

SHIFT_FREE: tuple[Baseline, ...] = ("standardised", "centred", "leave_one_out")
COMPARING: tuple[Baseline, ...] = (*SHIFT_FREE, "maxrl")
rewards = st.floats(-10, 10, allow_nan=False).map(lambda x: round(x, 3))
groups = st.lists(rewards, min_size=1, max_size=16)
groups_with_unknown = st.lists(st.none() | rewards, min_size=1, max_size=16)
binary_groups = st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=16)
all_baselines = st.sampled_from(list(BASELINES))


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
    standardised, centred, others = (group_advantages(group, each) for each in SHIFT_FREE)
    assert standardised == pytest.approx([(r - mean) / (std + 1e-4) for r in group], abs=1e-6)
    assert centred == pytest.approx([r - mean for r in group], abs=1e-6)
    if len(group) > 1:
        rest = [r - (sum(group) - r) / (len(group) - 1) for r in group]
        assert others == pytest.approx(rest, abs=1e-6)


@given(groups, st.floats(-10, 10), st.sampled_from(SHIFT_FREE))
def test_shifting_all_rewards_changes_nothing(group: list[float], shift: float, baseline: Baseline) -> None:
    shifted = group_advantages([r + shift for r in group], baseline)
    assert shifted == pytest.approx(group_advantages(group, baseline), abs=1e-6)


@given(groups_with_unknown, all_baselines)
def test_unknown_verdicts_leave_the_others_as_if_they_were_absent(
    group: list[float | None], baseline: Baseline
) -> None:
    advantages = group_advantages(group, baseline)
    known = [a for a, r in zip(advantages, group, strict=True) if r is not None]
    assert known == group_advantages([r for r in group if r is not None], baseline)
    assert all((a is None) == (r is None) for a, r in zip(advantages, group, strict=True))


@given(rewards, st.integers(1, 16), st.sampled_from(COMPARING))
def test_a_group_of_equal_rewards_gets_exactly_zero(reward: float, size: int, baseline: Baseline) -> None:
    assert group_advantages([reward] * size, baseline) == [0.0] * size
    assert not has_contrast([reward] * size)


@given(binary_groups)
def test_maxrl_is_the_gradient_of_the_log_of_the_pass_rate(group: list[float]) -> None:
    """Of Σ_i w_i R_i / Σ_i w_i at w = 1, the pass rate where attempt i is made w_i times as often."""
    found = group_advantages(group, "maxrl")
    if not sum(group):
        assert found == [0.0] * len(group)
        return

    def log_rate(weights: list[float]) -> float:
        return math.log(sum(w * r for w, r in zip(weights, group, strict=True)) / sum(weights))

    for i in range(len(group)):
        up, down = ([1.0 + (j == i) * step for j in range(len(group))] for step in (1e-5, -1e-5))
        slope = (log_rate(up) - log_rate(down)) / 2e-5
        assert found[i] == pytest.approx(len(group) * slope, abs=1e-4)


@given(binary_groups)
def test_a_sign_teaches_from_every_attempt_and_no_baseline_from_what_was_proved(group: list[float]) -> None:
    assert group_advantages(group, "sign") == [1.0 if r else -1.0 for r in group]
    assert group_advantages(group, "none") == group


@given(groups_with_unknown, st.floats(0, 2), all_baselines)
def test_only_what_is_below_zero_is_weighed(
    group: list[float | None], weight: float, baseline: Baseline
) -> None:
    advantages = group_advantages(group, baseline)
    weighed = weigh_negatives(advantages, weight)
    assert weigh_negatives(advantages, 1.0) == advantages
    for before, after in zip(advantages, weighed, strict=True):
        assert after == (before if before is None or before >= 0 else before * weight)


@given(
    st.lists(st.tuples(st.none() | rewards, st.floats(-50, 0)), min_size=1, max_size=12), st.floats(0, 0.99)
)
def test_of_several_proofs_the_least_expected_is_rewarded_most(
    group: list[tuple[float | None, float]], beta: float
) -> None:
    given_rewards, logprobs = [reward for reward, _ in group], [logprob for _, logprob in group]
    found = reward_the_unlikely(given_rewards, logprobs, beta)
    assert reward_the_unlikely(given_rewards, logprobs, 0.0) == given_rewards
    known = [(r, lp, f) for r, lp, f in zip(given_rewards, logprobs, found, strict=True) if r is not None]
    size = len(known)
    for reward, logprob, shaped in known:
        # Written out: by sorting, with the mean of the ranks of those that are alike.
        places = [
            i + 1
            for i, each in enumerate(sorted((lp for _, lp, _ in known), reverse=True))
            if each == logprob
        ]
        rank = sum(places) / len(places)
        assert shaped == pytest.approx(reward * (1 - beta * (size - rank) / size), abs=1e-6)
    assert [f is None for f in found] == [r is None for r in given_rewards]


def test_solve_rates_are_of_what_is_known() -> None:
    assert solve_rate([1.0, 0.0, None, 0.0, 1.0]) == 0.5
    assert solve_rate([]) == solve_rate([None]) == 0.0


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"baseline": "sign", "drop_one_sided": True}, "groups of one outcome"),
        ({"baseline": "none", "drop_one_sided": True}, "groups of one outcome"),
        ({"baseline": "none", "negative_weight": 0.5}, "no advantage is below 0"),
    ],
)
def test_combinations_that_make_no_sense_are_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        AdvantageConfig(**settings)
    with pytest.raises(ValueError, match="PPO has a critic"):
        PolicyGradientConfig(algorithm="ppo", advantage={"baseline": "centred"})


def test_how_groups_are_compared_can_be_set_beside_the_algorithm() -> None:
    rollouts = [
        *(rollout("solved", Status.PROVED) for _ in range(2)),
        *(rollout("open", status) for status in (Status.PROVED, Status.REJECTED, Status.REJECTED)),
        *(rollout("failed", Status.REJECTED) for _ in range(2)),
    ]

    def found(**advantage: object) -> list[float]:
        config = PolicyGradientConfig(algorithm="dr_grpo", advantage=advantage)
        return [round(each.advantages[0], 3) for each in examples_of(rollouts, config)]

    assert found() == [0, 0, 0.667, -0.333, -0.333, 0, 0]
    assert found(drop_one_sided=True) == [0.667, -0.333, -0.333]
    assert found(baseline="maxrl") == [0, 0, 2, -1, -1, 0, 0]
    assert found(baseline="sign", solved_at_most=0.5) == [1, -1, -1, -1, -1]
    assert found(negative_weight=0.0) == [0, 0, 0.667, 0, 0, 0, 0]
    assert found(baseline="none") == [1, 1, 1, 0, 0, 0, 0]


def test_no_attempts_no_advantages() -> None:
    assert group_advantages([]) == []
    assert group_advantages([None, None]) == [None, None]
    assert not has_contrast([None, 1.0, None])


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
