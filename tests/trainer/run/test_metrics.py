"""What a run says of who waits for whom."""

import pytest

from trainer.run.metrics import bottleneck_of, busy_shares

IDLE = {"sampling": 0.1, "lean": 0.9, "learning": 0.2}


@pytest.mark.parametrize(
    ("waiting", "stage"),
    [
        ({"tasks": 8.0, "submissions": 20.0}, "sampling"),
        ({"tasks": 1.2, "submissions": 400.0}, "lean"),  # the orders of a round that has just begun
        ({"tasks": 0.0, "submissions": 0.5}, "lean"),
    ],
)
def test_the_bottleneck_is_where_attempts_wait_longest(waiting: dict[str, float], stage: str) -> None:
    assert bottleneck_of(IDLE, waiting, order_size=128) == stage


def test_a_trainer_that_learns_most_of_the_time_is_the_bottleneck() -> None:
    shares = busy_shares({"wall_s": 10.0, "learning_s": 6.0, "sampling_s": 4.0})
    assert shares == {"sampling": 0.4, "lean": 0.0, "learning": 0.6}
    assert bottleneck_of(shares, {"tasks": 9.0, "submissions": 0.0}, order_size=128) == "learning"
