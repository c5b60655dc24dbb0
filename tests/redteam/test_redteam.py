"""The red team: no cheat of the project's own corpus is proved, no honest proof beside them is refused."""

from collections import Counter
from pathlib import Path

import pytest

from tests.redteam.honest import honest_cases
from tests.redteam.run import Judged, all_cases, judge_corpus
from verifier.doctor.corpus import read_cases
from verifier.judging import worker_set as workers
from verifier.judging.pool import LeanPool
from verifier.lean.runtime import LeanRuntime
from verifier.options import Options
from verifier.verdict import Kind, Status, Submission

# Written by the cheats of `host_access`, should they be able to.
PLANTED = "redteam-was-here.txt"

THIEF = """#eval (do
  let _ ← IO.asTask (do
    let line ← (← IO.getStdin).getLine
    IO.println line) : IO Unit)
theorem t : 1 = 1 := rfl"""

# The parser's own tokens, which every header that is read from now on starts with.
POISON = """elab "poison" : command => do Lean.Parser.builtinTokenTable.set {}
poison
theorem t : 1 = 1 := rfl"""

LEAN = "import Lean\nopen Lean Elab Meta Command Term Tactic"


@pytest.fixture(scope="module")
def planted(lean_runtime: LeanRuntime) -> list[Path]:
    """Where a file would appear that a candidate managed to write."""
    return [lean_runtime.cwd / PLANTED, Path.cwd() / PLANTED]


def test_the_corpus_is_large_enough_and_no_cheat_may_be_proved() -> None:
    cheats, controls, honest = read_cases("cheats"), read_cases("controls"), honest_cases()
    assert len(cheats) >= 70 and len(controls) >= 80 and len(honest) >= 200
    assert [case.submission.id for case in cheats if Status.PROVED in case.must] == []
    assert [case.submission.id for case in (*controls, *honest) if not case.is_honest] == []
    assert {case.group for case in cheats} == {case.group for case in controls}
    assert [case.submission.id for case in cheats if not case.note] == []
    for cases in (cheats, controls, honest):
        texts = Counter(
            (case.submission.header, case.submission.statement, case.submission.text) for case in cases
        )
        assert [text for text, count in texts.items() if count > 1] == []


@pytest.mark.slow
async def test_no_cheat_is_proved_and_no_honest_proof_is_refused(
    lean_runtime: LeanRuntime, planted: list[Path]
) -> None:
    judged = await judge_corpus(lean_runtime, all_cases())
    assert _named(judged, "is_false_accept") == []
    assert _named(judged, "is_false_reject") == []
    assert [str(each) for each in judged if not each.is_as_it_must_be] == []
    assert [path for path in planted if path.exists()] == []
    # What `read-a-file` and `include-a-file` are after.
    assert [each.case.submission.id for each in judged if "root:x:" in each.verdict.model_dump_json()] == []


@pytest.mark.parametrize(("header", "code"), [("", THIEF), (LEAN, POISON)], ids=["thief", "poison"])
async def test_a_candidate_that_sabotages_its_worker_refutes_nobody_elses_proof(
    lean_runtime: LeanRuntime, header: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The thief may get a header's request, which is then waited for as long as an import may take.
    monkeypatch.setattr(workers, "HEADER_TIMEOUT_S", 20.0)
    saboteur = Submission(id="saboteur", statement="theorem t : 1 = 1", header=header, code=code)
    # Headers that are read after it: one without a command, one with.
    later = [
        Submission(id="right", statement="theorem t : 2 = 2", header="-- another", proof="rfl"),
        Submission(id="own", statement="theorem t : k = 1", header="def k : Nat := 1", proof="rfl"),
        Submission(id="false", statement="theorem t : 1 = 2", header="-- a third", proof="rfl"),
    ]
    async with LeanPool(lean_runtime, options=Options(timeout_s=15)) as pool:
        await pool.verify(saboteur)
        right, own, false = [await pool.verify(each) for each in later]
    assert right.kind is not Kind.REFUTED, right.reason
    assert own.kind is not Kind.REFUTED, own.reason
    assert false.kind is not Kind.PROVED, false.reason


def _named(judged: list[Judged], attribute: str) -> list[str]:
    return [str(each) for each in judged if getattr(each, attribute)]
