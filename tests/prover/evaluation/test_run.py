"""An evaluation as people run it: on a real Lean, killed and gone on with, with bad data and bad answers."""

import copy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tokenizers.processors import Sequence as InFront

from prover.evaluation.baselines import PortfolioProver
from prover.evaluation.benchmark import Benchmark, load_benchmark
from prover.evaluation.compare import compare_evaluations
from prover.evaluation.export import exported, results_table
from prover.evaluation.files import EvalFiles, EvalPlan, EvalRecord, StatementRow, read_record
from prover.evaluation.page import render_evaluation
from prover.evaluation.provers.base import Prover, Written
from prover.evaluation.provers.best_of import BestOf
from prover.evaluation.provers.model import ModelProver
from prover.evaluation.run import DoesNotElaborate, evaluate
from prover.evaluation.summary import EvalSummary, Evaluated
from prover.formats.base import Answer, Failed, Problem
from prover.formats.prompts import encode_prompt
from prover.formats.registry import format_named
from prover.generators.base import SamplingParams
from prover.generators.transformers import TransformersGenerator
from verifier.client import AsyncClient
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.judging.reward import Verifier
from verifier.verdict import Status

STATEMENTS = {
    "mathd_algebra_1": "theorem mathd_algebra_1 (a b : Nat) (h : a = b) : a + b = 2 * b",
    "mathd_numbertheory_2": "theorem mathd_numbertheory_2 : 2 ^ 10 % 7 = 2",
    "amc12_3": "theorem amc12_3 (n : Nat) : n * n = n * n + 1",
}


class Scripted:
    """Says of each theorem what stands in a list; a complaint is answered with the next."""

    in_order = False
    answers_alone = False
    fingerprint = {"generator": "scripted"}  # noqa: RUF012

    def __init__(self, answers: dict[str, Sequence[str]]) -> None:
        self._answers = answers
        self.failed: list[Failed] = []
        self.asked = 0

    def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
        self.asked += len(problems)
        return [[Written(self._answers[each.theorem.name][0], tokens=2)] * samples for each in problems]

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        self.failed += failed
        return [Written(self._answers[each.problem.theorem.name][round], tokens=2) for each in failed]

    def read(self, text: str) -> Answer:
        if text.startswith("#"):
            return Answer(code=text)
        return Answer(proof=text) if text else Answer(missing="the answer is empty")


class Quiet:
    def __init__(self) -> None:
        self.statements: list[StatementRow] = []
        self.ends: list[Evaluated] = []

    def stated(self, row: StatementRow) -> None:
        self.statements.append(row)

    def attempted(self, last: Evaluated) -> None:
        self.ends.append(last)


def data(directory: Path, statements: dict[str, str] = STATEMENTS, **more: Any) -> Path:
    path = directory / "some.jsonl"
    rows = [
        {"name": name, "split": "test", "header": "", "formal_statement": f"{text} := by\n", **more}
        for name, text in statements.items()
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


async def run(
    benchmark: Benchmark,
    prover: Prover,
    verifier: Verifier,
    directory: Path,
    *,
    samples: int = 1,
    repairs: int = 0,
    leave_out: bool = False,
    watcher: Quiet | None = None,
    unknown_again: bool = False,
) -> EvalSummary:
    plan = EvalPlan(samples, repairs, {"benchmark": benchmark.variant, **prover.fingerprint})
    with EvalFiles(directory, plan, benchmark.problems, unknown_again=unknown_again) as files:
        return await evaluate(
            benchmark, prover, verifier, files, watcher=watcher or Quiet(), leave_out=leave_out
        )


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "trainer.cli", "eval", *map(str, arguments)]


def numbers(directory: Path) -> dict[str, Any]:
    """What a summary says, but for what a clock says."""
    summary = json.loads((directory / "summary.json").read_bytes())
    clocks = {"lean_seconds", "sampling_seconds", "wall_seconds", "per_solved"}
    return {what: value for what, value in summary.items() if what not in clocks}


async def test_every_proof_is_the_verifiers_and_has_a_certificate(pool: LeanPool, tmp_path: Path) -> None:
    summary = await run(load_benchmark(data(tmp_path)), PortfolioProver(), pool, tmp_path / "out", samples=2)
    assert (summary.n, summary.solved, summary.unknown) == (3, 2, 0)
    assert summary.in_order and summary.pass_at_k["2"] == pytest.approx(2 / 3)
    assert summary.lean_calls == summary.answers == 6
    assert set(summary.groups["topic"]) == {"algebra", "number theory", "other"}
    assert {name: group.solved for name, group in summary.groups["source"].items()} == {"AMC": 0, "MATH": 2}
    proved = [row for row in read_record(tmp_path / "out").attempts if row.status is Status.PROVED]
    assert proved and all(row.certificate is not None for row in proved)


@pytest.mark.lean
@pytest.mark.e2e
@pytest.mark.slow
def test_killed_in_the_middle_and_gone_on_with_the_numbers_are_the_same(tmp_path: Path) -> None:
    statements = {
        f"t{n}": f"theorem t{n} (a : Nat) (h : a = {n}) : a * a {'=' if n % 3 else '≠'} {n * n}"
        for n in range(20)
    }
    path = data(tmp_path, statements)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run(command(path, "--samples", "3", "--out", whole), check=True, timeout=300)
    process = subprocess.Popen(command(path, "--samples", "3", "--out", cut), start_new_session=True)
    attempts = cut / "attempts.jsonl"
    deadline = time.monotonic() + 200
    while not attempts.exists() or attempts.read_bytes().count(b"\n") < 10:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with attempts.open("ab") as file:
        file.write(b'{"name": "t9", "sam')  # what a kill in the middle of a write leaves
    done = attempts.read_bytes().count(b"\n")
    assert done < 60
    subprocess.run(command(path, "--samples", "3", "--out", cut), check=True, timeout=300)
    gone_on, at_once = numbers(cut), numbers(whole)
    # What an elaboration is said to take differs by a unit with what its worker did before.
    assert abs(gone_on.pop("heartbeats") - at_once.pop("heartbeats")) <= at_once["attempts"]
    assert gone_on == at_once
    assert numbers(whole)["attempts"] == 60
    assert attempts.read_bytes().count(b"\n") == 60
    page = (cut / "report.html").read_text("utf-8")
    assert f"{numbers(cut)['solved']} of 20 theorems solved" in page
    assert (cut / "results.parquet").is_file()


async def test_an_attempt_may_answer_lean_and_its_last_answer_counts(pool: LeanPool, tmp_path: Path) -> None:
    prover = Scripted(
        {
            "mathd_algebra_1": ["by simp", "by nonsense", "by omega"],
            "mathd_numbertheory_2": ["by rfl"],
            "amc12_3": ["", "by omega", "by grind"],
        }
    )
    watcher = Quiet()
    summary = await run(
        load_benchmark(data(tmp_path)), prover, pool, tmp_path / "out", repairs=2, watcher=watcher
    )
    assert (summary.solved, summary.attempts, summary.answers) == (2, 3, 7)
    assert (summary.lean_calls, summary.unanswered, summary.tokens) == (6, 1, 14)
    assert sorted((row.name, row.round) for row in watcher.ends) == [
        ("amc12_3", 2),
        ("mathd_algebra_1", 2),
        ("mathd_numbertheory_2", 0),
    ]
    first, empty, *_ = prover.failed
    assert first.judged == "by simp" and "simp" in first.errors[0].text
    assert empty.reason == "the answer is empty" and not empty.errors
    # Going on asks nothing again.
    asked = prover.asked
    seen = Quiet()
    again = await run(load_benchmark(data(tmp_path)), prover, pool, tmp_path / "out", repairs=2, watcher=seen)
    assert prover.asked == asked and len(seen.ends) == 3
    assert again.model_dump(exclude={"wall_seconds", "per_solved"}) == summary.model_dump(
        exclude={"wall_seconds", "per_solved"}
    )


@pytest.mark.parametrize(("alone", "asked"), [(True, 1), (False, 3)])
async def test_what_answers_alone_is_asked_for_what_is_missing_and_no_more(
    pool: LeanPool, tmp_path: Path, *, alone: bool, asked: int
) -> None:
    prover = Scripted({name: ["by omega"] for name in STATEMENTS})
    prover.answers_alone = alone
    await run(load_benchmark(data(tmp_path)), prover, pool, tmp_path / "out")
    rows = tmp_path / "out" / "attempts.jsonl"
    rows.write_bytes(b"".join(rows.read_bytes().splitlines(keepends=True)[:-1]))
    prover.asked = 0
    summary = await run(load_benchmark(data(tmp_path)), prover, pool, tmp_path / "out")
    assert prover.asked == asked and summary.attempts == 3


async def test_a_statement_that_lean_cannot_read_ends_the_evaluation_unless_it_is_left_out_by_name(
    pool: LeanPool, tmp_path: Path
) -> None:
    odd = STATEMENTS | {"odd": "theorem odd : Nat.odd 1 = 1", "even": "theorem even : 0 = 0"}
    benchmark = load_benchmark(data(tmp_path, odd))
    with pytest.raises(DoesNotElaborate, match=r"1 statements here.*\n  odd: "):
        await run(benchmark, PortfolioProver(), pool, tmp_path / "out")
    summary = await run(benchmark, PortfolioProver(), pool, tmp_path / "out", leave_out=True)
    assert summary.n == 4 and list(summary.not_elaborating) == ["odd"]


async def test_without_mathlib_a_statement_over_the_reals_is_not_read_as_one_over_any_type(
    pool: LeanPool, tmp_path: Path
) -> None:
    odd = {"odd": "theorem odd (x : ℝ) : x = x", "even": "theorem even (x : ℕ) : x = x"}
    benchmark = load_benchmark(data(tmp_path, odd)).under_core_header()
    summary = await run(benchmark, PortfolioProver(), pool, tmp_path / "out", leave_out=True)
    assert (summary.n, summary.solved, list(summary.not_elaborating)) == (1, 1, ["odd"])


async def test_without_the_library_of_a_header_nothing_is_counted(pool: LeanPool, tmp_path: Path) -> None:
    benchmark = load_benchmark(data(tmp_path, header="import Mathlib\n"))
    with pytest.raises(DoesNotElaborate, match="3 statements here: pass a --project"):
        await run(benchmark, PortfolioProver(), pool, tmp_path / "out")
    summary = await run(benchmark, PortfolioProver(), pool, tmp_path / "out", leave_out=True)
    assert (summary.n, len(summary.no_answer), summary.not_elaborating) == (0, 3, {})


async def test_what_the_machine_left_undecided_is_in_no_rate_and_can_be_tried_again(
    pool: LeanPool, tmp_path: Path
) -> None:
    sleeps = "#eval (IO.sleep 900000 : IO Unit)"
    prover = Scripted(
        {"mathd_algebra_1": ["by omega"], "mathd_numbertheory_2": [sleeps], "amc12_3": ["by omega"]}
    )
    benchmark = load_benchmark(data(tmp_path))
    async with LeanPool(pool.runtime, options=pool.options.but(timeout_s=3)) as impatient:
        summary = await run(benchmark, prover, impatient, tmp_path / "out")
    assert (summary.n, summary.solved, summary.unknown, summary.left_out) == (3, 1, 1, {"1": 1})
    assert summary.pass_at_k["1"] == 0.5
    bounds = [summary.if_unknown_refuted["1"], summary.if_unknown_proved["1"]]
    assert bounds == pytest.approx([1 / 3, 2 / 3])
    better = Scripted({**prover._answers, "mathd_numbertheory_2": ["by rfl"]})
    kept = await run(benchmark, better, pool, tmp_path / "out")
    assert kept.unknown == 1
    tried = await run(benchmark, better, pool, tmp_path / "out", unknown_again=True)
    assert (tried.unknown, tried.solved) == (0, 2)


async def test_a_policy_is_asked_in_its_format_and_says_the_same_again(
    pool: LeanPool, tmp_path: Path, model: Any, tokenizer: Any, one_thread: None
) -> None:
    generator = TransformersGenerator(model, tokenizer)
    sampling = SamplingParams(max_new_tokens=8, seed=3)
    prover = ModelProver(generator, tokenizer, format_named("completion"), sampling, {"generator": "toy"})
    benchmark = load_benchmark(data(tmp_path))
    first = await run(benchmark, prover, pool, tmp_path / "a", samples=4)
    await run(benchmark, prover, pool, tmp_path / "b", samples=4)
    a, b = (read_record(tmp_path / each).attempts for each in "ab")
    assert [row.answer for row in a] == [row.answer for row in b]
    assert first.tokens == sum(row.tokens for row in a) > 0 and not first.in_order
    with pytest.raises(InvalidInput, match="no template"):
        chat = ModelProver(generator, tokenizer, format_named("kimina"), sampling, {})
        await run(benchmark, chat, pool, tmp_path / "c")


async def test_a_theorem_too_long_for_the_model_costs_only_itself(
    pool: LeanPool, tmp_path: Path, model: Any, tokenizer: Any, one_thread: None
) -> None:
    long = "theorem long : " + " ∧ ".join(["1 + 1 = 2"] * 60)
    sampling = SamplingParams(max_new_tokens=8)
    prover = ModelProver(
        TransformersGenerator(model, tokenizer), tokenizer, format_named("completion"), sampling, {}
    )
    benchmark = load_benchmark(data(tmp_path, STATEMENTS | {"long": long}))
    summary = await run(benchmark, prover, pool, tmp_path / "out", samples=2)
    (first, second) = (row for row in read_record(tmp_path / "out").attempts if row.name == "long")
    assert first.status is second.status is Status.MISSING_DECLARATION and "leaves no room" in first.reason
    assert (summary.n, summary.attempts, summary.unknown, summary.unanswered) == (4, 8, 0, 2)


def test_equal_complaints_get_different_answers(tokenizer: Any, model: Any, one_thread: None) -> None:
    generator = TransformersGenerator(model, tokenizer)
    sampling = SamplingParams(max_new_tokens=8, temperature=2.0)
    prover = ModelProver(generator, tokenizer, format_named("completion"), sampling, {})
    problem = load_problem("theorem t (n : Nat) : n = n")
    failed = [Failed(problem, "h", "h", "unknown h")] * 3 + [Failed(problem, "x", "x", "unknown x")]
    answers = prover.second_thoughts(failed, 1)
    assert len({each.text for each in answers[:3]}) > 1
    assert [each.text for each in prover.second_thoughts(failed, 1)] == [each.text for each in answers]
    assert [each.text for each in prover.second_thoughts(failed, 2)] != [each.text for each in answers]


@pytest.mark.parametrize("puts_it_in_front", [True, False])
def test_a_chat_begins_with_one_first_token(tokenizer: Any, model: Any, puts_it_in_front: bool) -> None:
    chats = copy.deepcopy(tokenizer)
    chats.split_special_tokens = False
    chats.chat_template = "{{ bos_token }}{{ messages[0].content }}"
    if not puts_it_in_front:
        chats.backend_tokenizer.post_processor = InFront([])
    asked: list[str] = []

    class Recorded(TransformersGenerator):
        def sample(self, prompts: Sequence[str], params: SamplingParams) -> Any:
            asked.extend(prompts)
            return super().sample(prompts, params)

    generator = Recorded(model, chats)
    prover = ModelProver(generator, chats, format_named("deepseek-v2"), SamplingParams(max_new_tokens=1), {})
    prover.answers([load_problem("theorem t : True")], 1)
    (prompt,) = asked
    assert encode_prompt(chats, prompt).count(chats.bos_token_id) == 1


def load_problem(statement: str) -> Problem:
    from prover.theorem import Theorem

    return Problem(Theorem(name="t", statement=statement, source="test", split="test"))


def test_only_the_answers_with_the_highest_scores_are_judged_each_text_once_before_any_twice() -> None:
    texts = ["bad", "good", "good", "fair"]

    class Four(Scripted):
        def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
            assert samples == 4
            return [[Written(text) for text in texts] for _ in problems]

    score = {"bad": 0.0, "fair": 1.0, "good": 2.0}
    best = BestOf(Four({}), lambda _, answers: [score[each] for each in answers], 4, {"ranker": "r"})
    (chosen,) = best.answers([load_problem("theorem t : True")], 3)
    assert [each.text for each in chosen] == ["good", "fair", "bad"]
    assert best.in_order and best.fingerprint["candidates"] == "4"
    with pytest.raises(InvalidInput, match="no 5 can be chosen"):
        best.answers([load_problem("theorem t : True")], 5)


async def test_two_evaluations_are_compared_theorem_by_theorem(pool: LeanPool, tmp_path: Path) -> None:
    benchmark = load_benchmark(data(tmp_path))
    wrong: dict[str, Sequence[str]] = {name: ["by skip"] for name in STATEMENTS}
    a = Scripted(wrong | {"mathd_algebra_1": ["by omega"]})
    b = Scripted(wrong | {"mathd_numbertheory_2": ["by rfl"]})
    b.fingerprint = {"generator": "another"}
    await run(benchmark, a, pool, tmp_path / "a")
    await run(benchmark, b, pool, tmp_path / "b")
    found = compare_evaluations(read_record(tmp_path / "a"), read_record(tmp_path / "b"))
    assert (found.only_a, found.only_b) == (["mathd_algebra_1"], ["mathd_numbertheory_2"])
    assert (found.solved_a, found.solved_b, found.mcnemar_p, found.undecided) == (1, 1, 1.0, 0)
    assert found.pass_at_k["1"].difference == 0.0
    assert found.other == {"generator": ("scripted", "another")}
    other = STATEMENTS | {"amc12_3": "theorem amc12_3 (n : Nat) : n = n + 1"}
    await run(load_benchmark(data(tmp_path, other)), a, pool, tmp_path / "c")
    with pytest.raises(InvalidInput, match="`amc12_3`: only evaluations of the same set"):
        compare_evaluations(read_record(tmp_path / "a"), read_record(tmp_path / "c"))


async def test_results_go_out_as_people_read_them(pool: LeanPool, tmp_path: Path) -> None:
    await run(load_benchmark(data(tmp_path)), PortfolioProver(), pool, tmp_path / "out", samples=2)
    record = read_record(tmp_path / "out")
    attempts = list(exported(record, "attempts"))
    assert [(row["name"], row["verdict"]) for row in attempts[:2]] == [
        ("mathd_algebra_1", "proved"),
        ("mathd_algebra_1", "proved"),
    ]
    (first, second) = exported(record, "proofs")
    assert first["file"] == f"{STATEMENTS['mathd_algebra_1']} := by grind\n"
    assert second["name"] == "mathd_numbertheory_2"
    passes = [row["compilation_result"]["pass"] for row in exported(record, "compiled")]
    assert passes.count(True) == sum(row["verdict"] == "proved" for row in attempts)
    with pytest.raises(InvalidInput, match="choose among attempts, proofs, compiled"):
        list(exported(record, "leaderboard"))
    table = results_table(record)
    assert table.num_rows == 6 and {"name", "kind", "export_sha256"} <= set(table.column_names)


async def test_the_page_says_what_was_measured_and_nothing_comes_from_elsewhere(
    pool: LeanPool, tmp_path: Path
) -> None:
    odd = STATEMENTS | {"odd": "theorem odd : Nat.odd 1 = 1"}
    await run(load_benchmark(data(tmp_path, odd)), PortfolioProver(), pool, tmp_path / "out", leave_out=True)
    record = read_record(tmp_path / "out")
    page = render_evaluation(record)
    for said in ("2 of 3 theorems solved", "1 statement cannot be read", "by grind", "number theory"):
        assert said in page
    assert "<script" not in page and "http" not in page
    assert "What others report" not in page
    as_minif2f = record.summary.model_copy(update={"fingerprint": {"benchmark": "miniF2F", "generator": "x"}})
    named = EvalRecord(record.directory, record.plan, record.problems, record.attempts, as_minif2f)
    assert "Goedel-Prover-V2" in render_evaluation(named)


async def test_a_server_judges_as_the_pool_does(pool: LeanPool, tmp_path: Path, url: str) -> None:
    async with AsyncClient(url) as client:
        summary = await run(load_benchmark(data(tmp_path)), PortfolioProver(), client, tmp_path / "out")
        assert (await client.toolchain())["lean"] == pool.runtime.version
    assert (summary.solved, summary.unknown) == (2, 0)


def test_a_directory_goes_on_with_the_same_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = EvalPlan(4, 0, {"lean": "4"})
    with EvalFiles(out, plan, []), pytest.raises(InvalidInput, match="another evalu"):
        EvalFiles(out, plan, [])
    with pytest.raises(InvalidInput, match="an evaluation with another samples"):
        EvalFiles(out, EvalPlan(8, 0, {"lean": "4"}), [])
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").touch()
    with pytest.raises(InvalidInput, match="holds something else"):
        EvalFiles(tmp_path / "notes", plan, [])
    with pytest.raises(InvalidInput, match="has come to its end"):
        read_record(out)


@pytest.mark.lean
@pytest.mark.e2e
def test_the_command_says_what_is_wrong_in_a_line(tmp_path: Path) -> None:
    path = data(tmp_path)
    out = str(tmp_path / "out")
    for arguments, message in (
        (("--generator", "transformers"), "needs a model: name its directory as --model"),
        (("--samples", "99"), "the portfolio has"),
        (("--ranker", tmp_path), "has an order of its own"),
    ):
        done = subprocess.run(
            command(path, "--out", out, *arguments), capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 2 and message in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
