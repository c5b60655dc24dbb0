"""The order in which theorems are tried."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.theorem import Theorem
from trainer.curriculum import Shuffled
from verifier.errors import InvalidInput


def theorems(count: int) -> list[Theorem]:
    return [
        Theorem(name=str(i), statement=f"theorem t{i} : {i} = {i}", source="test", split="train")
        for i in range(count)
    ]


def names(chosen: list[Theorem]) -> list[str]:
    return [theorem.name for theorem in chosen]


@given(st.integers(1, 12), st.integers(1, 20), st.integers(0, 5))
def test_every_theorem_comes_once_before_any_comes_again(count: int, size: int, seed: int) -> None:
    curriculum = Shuffled(theorems(count), seed)
    batches = [curriculum.choose(size) for _ in range(8)]
    assert {len(batch) for batch in batches} == {size}
    order = [name for batch in batches for name in names(batch)]
    rounds = [order[i : i + count] for i in range(0, len(order) - count + 1, count)]
    assert all(len(set(each)) == count for each in rounds)


def test_the_order_is_a_function_of_the_seed() -> None:
    def order(seed: int) -> list[str]:
        return names(Shuffled(theorems(50), seed).choose(50))

    assert order(1) == order(1) != order(2)


@given(st.integers(1, 12), st.lists(st.integers(0, 20), max_size=5), st.integers(0, 30), st.integers(0, 5))
def test_a_restored_curriculum_chooses_as_one_that_was_never_stopped(
    count: int, sizes: list[int], later: int, seed: int
) -> None:
    curriculum, restored = Shuffled(theorems(count), seed), Shuffled(theorems(count), seed)
    for size in sizes:
        curriculum.choose(size)
    restored.restore(json.loads(json.dumps(curriculum.state())))
    assert restored.state() == curriculum.state()
    assert names(restored.choose(later)) == names(curriculum.choose(later))


def test_a_state_of_other_theorems_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the same data"):
        Shuffled(theorems(3), 0).restore(Shuffled(theorems(4), 0).state())


def test_no_theorems_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no theorem"):
        Shuffled([], 0)
