"""A search that goes on for long: what it keeps stays small, and can be written down and looked at."""

import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest

from prover.evaluation.trees import draw
from prover.search.config import OrderName, SearchConfig
from prover.search.record import SearchRecord
from prover.search.search import search_proof
from prover.search.tactics import FixedTactics
from prover.theorem import Theorem
from verifier.tactic_state import Goal, TacticState, TacticStep, TriedTactic

NODES = 10_000
MOST_BYTES = 200_000_000
LONG = "\n".join(f"h{number} : x{number} + y{number} ≤ {number} * (x{number} + 1)" for number in range(20))


class Endless:
    """In place of Lean: every tactic leaves a new goal as long as those of real proofs, or two."""

    def __init__(self) -> None:
        self.made = 0

    async def tactics(
        self,
        statement: str,
        tactics: Sequence[str] = (),
        *,
        path: Sequence[TacticStep] = (),
        **rest: Any,
    ) -> TacticState:
        before = (Goal(text=f"{LONG}\n⊢ 0 = {len(path)}", rests_on=("?0",)),)
        tried = [TriedTactic(goals=self.left(), heartbeats=1) for _ in tactics]
        return TacticState(goals=before, tried=tuple(tried))

    def left(self) -> tuple[Goal, ...]:
        self.made += 1
        return tuple(
            Goal(text=f"{LONG}\n⊢ {self.made} = {place}", rests_on=(f"?{self.made}.{place}",))
            for place in range(1 + self.made % 2)
        )


@pytest.mark.parametrize("order", ["best_first", "mcts"])
async def test_a_tree_of_ten_thousand_nodes_stays_small_and_can_be_drawn(order: OrderName) -> None:
    theorem = Theorem(name="t", statement="theorem t : 0 = 1", source="test", split="test")
    config = SearchConfig(order=order, tactics=NODES, total_heartbeats=10**9)
    tracemalloc.start()
    try:
        outcome = await search_proof(Endless(), FixedTactics(), theorem, config)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome.tree is not None and len(outcome.tree.nodes) >= NODES
    assert held < MOST_BYTES
    record = SearchRecord.of("t", outcome)
    picture = draw(record)
    assert picture.left_out > NODES * 0.9 and len(picture.dots) < 400
