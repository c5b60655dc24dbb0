"""The pool on a real Lean: what it judges, and what a bad submission can and cannot do to it."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.processes import ends, is_running
from verifier.errors import PoolClosed, WorkerStartError
from verifier.judging.lean_process import LeanProcess
from verifier.judging.pool import LeanPool
from verifier.judging.worker_set import WorkerSet
from verifier.lean.runtime import LeanRuntime
from verifier.options import Options
from verifier.verdict import Kind, Status, Submission, Verdict

EXIT = "theorem t : 1 = 1 := rfl\n#eval (IO.Process.exit 3 : IO Unit)"

# A task writes to the real stdout, not to the message that `#eval` shows.
PRINT = """#eval show IO Unit from do
  let task ← IO.asTask (do (← IO.getStdout).putStr "abc"; (← IO.getStdout).flush)
  let _ ← IO.wait task"""


def of(proof: str, statement: str = "theorem t : 1 = 1", header: str = "") -> Submission:
    return Submission(id=proof[:20], statement=statement, proof=proof, header=header)


def endless() -> Submission:
    """A file that would keep its worker for a quarter of an hour, whatever the heartbeat budget."""
    code = "#eval (IO.sleep 900000 : IO Unit)\ntheorem t : 1 = 1 := rfl"
    return Submission(id="endless", statement="theorem t : 1 = 1", code=code)


async def test_a_proof_is_proved_and_a_wrong_one_rejected_with_leans_words(pool: LeanPool) -> None:
    proved = await pool.verify(of("by omega", "theorem t (a b : Nat) : a + b = b + a"))
    assert proved.status is Status.PROVED
    assert proved.heartbeats and proved.lean_ms > 0
    rejected = await pool.verify(of("by omega", "theorem t (a b : Nat) : a + b = b"))
    assert rejected.status is Status.REJECTED
    assert "omega could not prove the goal" in rejected.reason


async def test_tactics_carry_their_goals_when_asked(pool: LeanPool) -> None:
    proof = "by\n  constructor\n  · exact hp\n  · exact hq"
    submission = of(proof, "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q")
    verdict = await pool.verify(submission, Options(tactics=True))
    bare = await pool.verify(submission, Options(tactics=True, goals=False))
    assert verdict.tactics is not None
    spans = {proof[each.start : each.stop]: each for each in verdict.tactics}
    assert set(spans) == {"constructor", "exact hp", "exact hq"}
    assert spans["exact hp"].goals_before.endswith("⊢ p")
    assert spans["exact hq"].goals_after == "no goals"
    assert bare.tactics is not None
    assert [(each.start, each.stop) for each in bare.tactics] == [
        (each.start, each.stop) for each in verdict.tactics
    ]
    assert {each.goals_before for each in bare.tactics} == {""}


async def test_an_error_in_the_text_is_placed_in_the_text(pool: LeanPool) -> None:
    proof = "by\n  have h : 1 = 1 := rfl\n  exact foo"
    verdict = await pool.verify(of(proof))
    assert proof[verdict.messages[0].start :] == "foo"
    assert (verdict.messages[0].line, verdict.messages[0].column) == (3, 8)


@pytest.mark.parametrize("proof", ["rfl )", "by rfl\n]", "rfl\nand more"])
async def test_text_that_does_not_parse_after_a_complete_proof_is_rejected(
    pool: LeanPool, proof: str
) -> None:
    assert (await pool.verify(of(proof))).status is Status.REJECTED


async def test_headers_are_kept_apart(pool: LeanPool) -> None:
    one, two = "def k : Nat := 1", "def k : Nat := 2"
    statement = "theorem t : k = 1"
    assert (await pool.verify(of("rfl", statement, one))).status is Status.PROVED
    assert (await pool.verify(of("rfl", statement, two))).status is Status.REJECTED
    assert (await pool.verify(of("rfl", statement, one))).status is Status.PROVED
    missing = await pool.verify(of("rfl", statement, "import Mathlib"))
    assert missing.kind is Kind.UNKNOWN and "Mathlib" in missing.reason


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("def f (n : Nat) := n + 1\ntheorem t (n : Nat) : f n = n", "it declares 2 names; give one theorem"),
        ("theorem a : True := trivial\ntheorem b : 1 = 2", "it declares 2 names; give one theorem"),
        ("example : True", "it declares 0 names; give one theorem"),
        ("instance : Inhabited Nat := ⟨7⟩\ntheorem t : True", "it has more than one command"),
    ],
)
async def test_a_statement_is_one_declaration_and_nothing_else(
    pool: LeanPool, statement: str, reason: str
) -> None:
    verdict = await pool.verify(of("by sorry", statement))
    assert verdict.status is Status.REJECTED
    assert verdict.reason.startswith(f"the statement does not elaborate: {reason}")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("theorem h : 1 = 2 := sorry", Status.INCOMPLETE),
        ("axiom h : 1 = 2", Status.DISALLOWED_AXIOM),
        ("def one : Nat := 2\ntheorem h : one = 2 := by decide", Status.PROVED),
    ],
)
async def test_what_the_header_declares_is_audited_like_the_proof(
    pool: LeanPool, header: str, status: Status
) -> None:
    statement = "theorem t : one = 2" if "one" in header else "theorem t : 1 = 2"
    assert (await pool.verify(of("h", statement, header))).status is status


async def test_carriage_returns_before_line_feeds_change_nothing(pool: LeanPool) -> None:
    header = "def k : Nat := 1\r\ndef l : Nat := k\r\n"
    verdict = await pool.verify(of("by\r\n  skip\r\n  rfl", "theorem t :\r\n  k = l", header))
    assert verdict.status is Status.PROVED, verdict.reason


async def test_a_flood_of_messages_is_cut_and_the_error_is_kept(pool: LeanPool) -> None:
    code = "#check 1\n" * 300 + "theorem t : 1 = 1 := nonsense"
    verdict = await pool.verify(Submission(id="x", statement="theorem t : 1 = 1", code=code))
    assert len(verdict.messages) == 101
    assert "nonsense" in verdict.reason


async def test_what_a_candidate_prints_without_a_line_feed_does_not_hide_the_reply(pool: LeanPool) -> None:
    code = PRINT + "\ntheorem t : 1 = 2 := rfl"
    verdict = await pool.verify(Submission(id="x", statement="theorem t : 1 = 2", code=code))
    assert verdict.status is Status.REJECTED


async def test_a_long_reply_arrives_whole_however_late_it_is_read(pool: LeanPool) -> None:
    """A pipe holds 64 KB unless told otherwise, and nobody reads while this process is busy."""
    steps = [f"have h{n} : {'0 + ' * 9}{n} = {n} := by simp" for n in range(30)]
    proof = "\n  ".join(["by", *steps, "rfl"])
    options = Options(tactics=True, goals=True, timeout_s=120)
    asyncio.get_running_loop().call_later(0.3, time.sleep, 8)
    verdict = await pool.verify(of(proof), options)
    assert verdict.status is Status.PROVED and verdict.tactics is not None
    assert sum(len(each.goals_before) + len(each.goals_after) for each in verdict.tactics) > 2**15


async def test_a_small_budget_is_not_the_statements(pool: LeanPool) -> None:
    asked = of("by grind", "theorem t (a b c d e f g h : Nat) : (a+b+c+d+e+f+g+h)^2 = (h+g+f+e+d+c+b+a)^2")
    before = await pool.verify(asked, Options(heartbeats=1))
    await pool.verify(asked)
    after = await pool.verify(asked, Options(heartbeats=1))
    assert before.reason == after.reason
    assert "the statement does not elaborate" not in before.reason
    assert "maximum number of heartbeats (1)" in before.reason


async def test_the_heartbeat_budget_decides_and_the_same_way_every_time(pool: LeanPool) -> None:
    hard = of("by grind", "theorem t (a b c d e : Nat) : (a+b+c+d+e)^4 = (e+d+c+b+a)^4")
    few = [await pool.verify(hard, Options(heartbeats=10)) for _ in range(2)]
    assert {each.status for each in few} == {Status.REJECTED}
    assert "maximum number of heartbeats (10)" in few[0].reason
    enough = [await pool.verify(hard) for _ in range(2)]
    assert {each.status for each in enough} == {Status.PROVED}
    assert enough[0].heartbeats == enough[1].heartbeats


async def test_a_deadline_and_a_crash_cost_nobody_but_themselves(lean_runtime: LeanRuntime) -> None:
    good = [of("rfl").model_copy(update={"id": f"good{i}"}) for i in range(6)]
    crash = Submission(id="crash", statement="theorem t : 1 = 1", code=EXIT)
    mixed = [good[0], endless(), good[1], crash, *good[2:]]
    async with LeanPool(lean_runtime, options=Options(timeout_s=3)) as pool:
        verdicts = {each.id: each async for each in pool.verify_many(mixed)}
    assert {verdicts[each.id].status for each in good} == {Status.PROVED}
    assert verdicts["endless"].status is Status.TIMEOUT
    assert verdicts["crash"].status is Status.CRASHED
    assert verdicts["endless"].kind is verdicts["crash"].kind is Kind.UNKNOWN


async def test_a_worker_killed_from_outside_is_replaced_and_costs_no_verdict(
    lean_runtime: LeanRuntime,
) -> None:
    async with LeanPool(lean_runtime) as pool:
        await pool.verify(of("rfl"))
        (pid,) = pool.worker_pids
        os.kill(pid, signal.SIGKILL)
        verdicts = [await pool.verify(of("rfl")) for _ in range(2)]
    assert [each.status for each in verdicts] == [Status.PROVED, Status.PROVED]


async def test_closing_ends_the_workers_and_refuses_more(lean_runtime: LeanRuntime) -> None:
    async with LeanPool(lean_runtime) as pool:
        (pid,) = pool.worker_pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(PoolClosed):
        await pool.verify(of("rfl"))


async def test_a_lean_that_does_not_start_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    broken = LeanRuntime(
        name="embedded",
        command=("/bin/sh", "-c", "echo no such luck >&2; exit 7"),
        env={},
        cwd=tmp_path,
        version="none",
    )
    with pytest.raises(WorkerStartError, match="no such luck"):
        async with LeanPool(broken):
            pass


async def test_a_lean_that_cannot_be_run_is_an_error_and_no_endless_wait(tmp_path: Path) -> None:
    nowhere = LeanRuntime(
        name="embedded", command=("/bin/true",), env={}, cwd=tmp_path / "gone", version="none"
    )
    async with asyncio.timeout(20):
        with pytest.raises(WorkerStartError, match="cannot be run"):
            async with LeanPool(nowhere):
                pass


async def test_killing_a_worker_ends_what_it_started(tmp_path: Path) -> None:
    script = """sleep 600 & echo $! >child; echo '{"ready": true, "lean": "none"}'; wait"""
    parent = LeanRuntime(
        name="project", command=("/bin/sh", "-c", script), env={}, cwd=tmp_path, version="none"
    )
    worker = await LeanProcess.start(parent)
    child = await asyncio.to_thread((tmp_path / "child").read_text)
    assert is_running(int(child))
    await worker.kill()
    assert await asyncio.to_thread(ends, int(child))


async def test_a_waiter_that_is_cancelled_as_its_turn_comes_passes_the_turn_on(
    pool: LeanPool, screeners: WorkerSet
) -> None:
    worker = await screeners._borrow("")
    first, second = (asyncio.create_task(pool.verify(of("rfl"))) for _ in range(2))
    await asyncio.sleep(0.1)
    await screeners._give_back(worker)
    first.cancel()
    async with asyncio.timeout(20):
        assert (await second).status is Status.PROVED
    assert first.cancelled()


@pytest.mark.parametrize("name", ["controls", "exploits"])
async def test_every_shared_submission_gets_a_verdict_its_author_accepts(
    pool: LeanPool, shared_data: Path, name: str
) -> None:
    rows = [json.loads(line) for line in (shared_data / f"{name}.jsonl").read_text("utf-8").splitlines()]
    # These take the worker down, as others above do; here they would slow every other test.
    rows = [row for row in rows if row["id"] not in ("process-exit", "heartbeats-off")]

    async def judged(row: dict[str, object]) -> Verdict:
        fields = {key: row[key] for key in ("id", "statement", "proof", "code") if key in row}
        return await pool.verify(Submission.model_validate(fields))

    verdicts = await asyncio.gather(*map(judged, rows))
    wrong = {
        row["id"]: v.status for row, v in zip(rows, verdicts, strict=True) if v.status not in row["must"]
    }
    assert wrong == {}


async def test_a_pool_that_is_told_of_no_lean_has_the_embedded_one(lean_runtime: LeanRuntime) -> None:
    assert LeanPool().runtime == lean_runtime
