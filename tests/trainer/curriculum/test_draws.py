"""What an update waits for: rounds that are held, groups that grow, and that nothing is lost on the way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.theorem import Attempt
from trainer.config import run_config
from trainer.curriculum.draws import Draws, DrawsConfig
from trainer.rollout import Rollout, groups_of
from verifier.errors import InvalidInput
from verifier.verdict import Status, Verdict

P, R, U = Status.PROVED, Status.REJECTED, Status.TIMEOUT
outcomes = st.lists(st.lists(st.sampled_from([P, R, U]), min_size=1, max_size=4), max_size=5)
"""Of each group its statuses."""


def round_of(groups: list[list[Status]], number: int = 0) -> list[Rollout]:
    rollouts = []
    for place, statuses in enumerate(groups):
        for index, status in enumerate(statuses):
            attempt = Attempt(
                group=f"{number}.{place}",
                index=index,
                theorem=f"t{place}",
                policy_version=number,
                proof="rfl",
                prompt_ids=(0,),
                token_ids=(1,),
                logprobs=(-1.0,),
                finished=True,
            )
            rollouts.append(
                Rollout(attempt=attempt, verdict=Verdict(id=attempt.id, status=status, reason=""))
            )
    return rollouts


def ids(rollouts: list[Rollout]) -> list[str]:
    return sorted(rollout.verdict.id for rollout in rollouts)


@given(outcomes)
def test_as_it_is_every_round_is_learned_from_whole(groups: list[list[Status]]) -> None:
    draws = Draws(DrawsConfig())
    draws.add(round_of(groups))
    assert draws.is_due(last=False) and not draws.growing()
    assert draws.take() == round_of(groups)


@given(st.lists(outcomes, min_size=1, max_size=6), st.integers(1, 4), st.integers(1, 4))
def test_what_is_held_is_learned_from_once_whenever_the_run_is_stopped(
    rounds: list[list[list[Status]]], contrast: int, at_most: int
) -> None:
    config = DrawsConfig(contrast_groups=contrast, at_most=at_most)
    draws, learned, waited = Draws(config), [], 0
    for number, groups in enumerate(rounds):
        draws.add(round_of(groups, number))
        if draws.is_due(last=number == len(rounds) - 1):
            learned += draws.take()
            waited = 0
        else:
            draws.hold()
            waited += 1
        assert waited < at_most
        again = Draws(config)
        again.restore(json.loads(json.dumps(draws.state())))
        assert again.state() == draws.state()
        draws = again
    assert ids(learned) == ids([each for n, groups in enumerate(rounds) for each in round_of(groups, n)])


def test_an_update_waits_for_groups_with_a_proof_and_a_failure_that_are_known() -> None:
    draws = Draws(DrawsConfig(contrast_groups=2))
    draws.add(round_of([[P, P], [R, R], [P, U], [R, P]]))
    assert not draws.is_due(last=False) and draws.is_due(last=True)
    draws.add(round_of([[P, R]], 1))
    assert draws.is_due(last=False)


def test_groups_grow_once_and_are_one_group_for_the_learner() -> None:
    draws = Draws(DrawsConfig(grow_to=5))
    draws.add(round_of([[P, R], [R, R], [P, P], [U, P, R]]))
    assert draws.growing() == {"t0": 3, "t3": 2} and not draws.is_due(last=False)
    draws.hold()
    draws.add(round_of([[R, R, P]], 1))
    assert not draws.growing() and draws.is_due(last=False)
    groups = groups_of(draws.take())
    assert sorted(len(group) for group in groups) == [2, 2, 3, 5]
    assert all(len({each.attempt.id for each in group}) == len(group) for group in groups)
    assert draws.growing() == {} and draws.total == 1


@given(outcomes)
def test_without_an_open_outcome_nothing_grows_and_nothing_waits(groups: list[list[Status]]) -> None:
    draws = Draws(DrawsConfig(grow_to=8))
    draws.add(round_of([[status for status in group if status is not R] for group in groups]))
    assert draws.is_due(last=False)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"draws": {"contrast_groups": 2, "grow_to": 8}}, "cannot be used together"),
        ({"draws": {"grow_to": 4}}, "to more attempts"),
        ({"draws": {"grow_to": 16}, "theorems_per_iteration": 2}, "no room"),
        ({"draws": {"grow_to": 16}, "daemon": {"max_staleness": 1}}, "max_staleness"),
    ],
)
def test_draws_that_make_no_sense_are_refused(settings: dict[str, dict[str, int]], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        run_config(settings)
