"""A family that was proved and is no longer: named once, and not for a bad round."""

import json

from hypothesis import given
from hypothesis import strategies as st

from trainer.run.alarm import ForgettingAlarm, Tally

tallies = st.lists(
    st.integers(0, 20).flatmap(lambda known: st.tuples(st.integers(0, known), st.just(known))), max_size=12
)


def test_a_family_that_is_forgotten_is_named_once_and_again_after_it_came_back() -> None:
    alarm = ForgettingAlarm()
    said = [alarm.see({"parity": (proved, 16), "gcd": (3, 16)}) for proved in (12, 12, 12, 2, 1, 0, 0)]
    assert [each for each in said if each] == [["parity"]] and not said[3]
    assert alarm.forgotten == {"parity"}
    back = [alarm.see({"parity": (15, 16)}) for _ in range(3)]
    assert not any(back) and not alarm.forgotten
    assert [alarm.see({"parity": (0, 16)}) for _ in range(3)].count(["parity"]) == 1


@given(tallies)
def test_a_rate_that_never_falls_below_half_of_its_best_is_no_alarm(rounds: list[Tally]) -> None:
    alarm = ForgettingAlarm()
    for _, known in rounds:
        assert alarm.see({"f": ((known + 1) // 2, known)}) == []


def test_few_attempts_say_nothing() -> None:
    alarm = ForgettingAlarm()
    alarm.see({"f": (16, 16)})
    alarm.see({"f": (16, 16)})
    assert ForgettingAlarm().see({"f": (0, 4)}) == []
    assert alarm.see({"f": (0, 2)}) == []


@given(tallies, tallies)
def test_a_watch_that_was_cut_goes_on_as_if_it_never_was(before: list[Tally], after: list[Tally]) -> None:
    whole, cut = ForgettingAlarm(), ForgettingAlarm()
    for tally in before:
        whole.see({"f": tally})
        cut.see({"f": tally})
    resumed = ForgettingAlarm()
    resumed.restore(json.loads(json.dumps(cut.state())))
    assert [resumed.see({"f": tally}) for tally in after] == [whole.see({"f": tally}) for tally in after]
    assert resumed.state() == whole.state()
