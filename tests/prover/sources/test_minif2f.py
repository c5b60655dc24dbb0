"""Real problems that core Lean can state."""

from pathlib import Path

from prover.sources.jsonl import core_names, load_jsonl, only_named, with_core_header
from verifier.judging.pool import LeanPool
from verifier.verdict import Status, Submission


async def test_every_minif2f_statement_that_fits_core_lean_elaborates(
    pool: LeanPool, shared_data: Path
) -> None:
    theorems = load_jsonl(shared_data / "minif2f.jsonl", source="minif2f")
    core = with_core_header(only_named(theorems, core_names(shared_data / "minif2f_core.json")))
    assert len(core) == 121
    submissions = [
        Submission(id=each.name, statement=each.statement, header=each.header, proof="by sorry")
        for each in core
    ]
    # Incomplete and nothing else: the statement was read, the name declared, the type the same.
    verdicts = {each.id: each async for each in pool.verify_many(submissions)}
    assert {name: v.reason for name, v in verdicts.items() if v.status is not Status.INCOMPLETE} == {}
