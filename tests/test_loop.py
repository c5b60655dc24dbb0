"""The training loop's pure parts."""

from itertools import islice
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from prover.theorem import Theorem
from trainer.loop import batches_of


def theorems(count: int) -> list[Theorem]:
    return [
        Theorem(name=str(i), statement=f"theorem t{i} : {i} = {i}", source="test", split="train")
        for i in range(count)
    ]


@given(st.integers(1, 12), st.integers(1, 20), st.integers(0, 5))
def test_every_theorem_comes_once_before_any_comes_again(count: int, size: int, seed: int) -> None:
    batches = list(islice(batches_of(theorems(count), size, Random(seed)), 8))
    assert {len(batch) for batch in batches} == {size}
    names = [theorem.name for batch in batches for theorem in batch]
    rounds = [names[i : i + count] for i in range(0, len(names) - count + 1, count)]
    assert all(len(set(each)) == count for each in rounds)


def test_the_order_is_a_function_of_the_seed() -> None:
    def order(seed: int) -> list[str]:
        return [theorem.name for theorem in next(batches_of(theorems(50), 50, Random(seed)))]

    assert order(1) == order(1) != order(2)
