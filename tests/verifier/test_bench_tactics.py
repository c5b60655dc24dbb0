"""The proofs and tactics that `proofmill bench verifier` measures searches by."""

from verifier.cli.bench_tactics import BEGUN, tactic_rates
from verifier.judging.pool import LeanPool


async def test_every_tactic_is_tried_on_a_state_and_as_a_file(pool: LeanPool) -> None:
    assert all(len(tactics) >= 4 for _, tactics in BEGUN)
    on_states, as_files = await tactic_rates(pool, rounds=1)
    assert on_states > 0 and as_files > 0
