"""Searches by a model, measured and learned from by the commands that people run, on a real Lean."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prover.evaluation.files import read_record
from prover.evaluation.provers.model import digest_of_model
from prover.search.value import VALUE
from tests.support.evaluations import attempt
from tests.support.places import ROOT
from trainer.experiments.searches import ARMS, ArmName, Measured, Spent, StudyConfig, spent_within, table_of
from trainer.learners.supervised import SupervisedConfig, train_supervised
from trainer.model.policy import PolicyConfig, build_policy, save_policy
from trainer.model.tokenizer import train_tokenizer
from trainer.run.start import write_pairs
from verifier.lean.runtime import LeanRuntime
from verifier.verdict import Status

STEPS = [
    ("p q : Prop\nhp : p\nhq : q\n⊢ p ∧ q:::", "constructor"),
    ("p q : Prop\nhp : p\nhq : q\n⊢ p:::", "assumption"),
    ("p q : Prop\nhp : p\nhq : q\n⊢ q:::", "assumption"),
    ("a b : Nat\n⊢ a + b = b + a:::", "omega"),
]
THEOREMS = {
    "both": "(p q : Prop) (hp : p) (hq : q) : p ∧ q",
    "sum": "(a b : Nat) : a + b = b + a",
    "false": "(p q : Prop) : p ∧ q",
}


def proofmill(*arguments: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "trainer.cli", *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned four steps by heart."""
    config = PolicyConfig(layers=2, width=64, heads=2, ffn=128, vocab_size=300, max_length=256)
    tokenizer = train_tokenizer([prompt + tactic for prompt, tactic in STEPS], config.vocab_size)
    model = build_policy(config, tokenizer, seed=0)
    train_supervised(model, tokenizer, STEPS, SupervisedConfig(steps=120, batch_size=4))
    directory = tmp_path_factory.mktemp("policy") / "policy"
    save_policy(model, tokenizer, directory)
    write_pairs(directory, STEPS)
    return directory


@pytest.mark.e2e
@pytest.mark.slow
def test_a_model_searches_learns_from_it_and_searches_by_what_it_learned(
    policy: Path, tmp_path: Path, lean_runtime: LeanRuntime
) -> None:
    data = tmp_path / "theorems.jsonl"
    rows = [
        {"name": name, "split": "test", "formal_statement": f"theorem {name} {rest} := by", "header": ""}
        for name, rest in THEOREMS.items()
    ]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    search = ("--generator", "transformers", "--samples", 1, "--search-tactics", 60)
    first = tmp_path / "first"
    proofmill("eval", data, "--out", first, "--strategy", "best_first", "--model", policy, *search)
    record = read_record(first)
    assert {row.name for row in record.attempts if row.status is Status.PROVED} == {"both", "sum"}
    assert record.searches["both"].nodes[0].size == 3 and record.searches["false"].proof is None
    assert record.summary.tokens > 0 and record.summary.heartbeats > 0
    assert record.summary.fingerprint["model_sha256"] == digest_of_model(policy)
    page = (first / "report.html").read_text("utf-8")
    assert page.count("<svg") >= 3 and "constructor" in page

    learned = tmp_path / "learned"
    proofmill("learn", first, "--start", policy, "--out", learned, "--policy-steps", 2)
    assert (learned / "policy" / VALUE).is_file()

    second = tmp_path / "second"
    by_value = ("--strategy", "mcts", "--search-value", "learned", "--model", learned / "policy")
    proofmill("eval", data, "--out", second, *by_value, *search)
    again = read_record(second)
    assert again.summary.solved == 2 and json.loads(again.summary.fingerprint["search"])["order"] == "mcts"
    assert any(node.value is not None for node in again.searches["both"].nodes)


@pytest.mark.e2e
@pytest.mark.slow
def test_a_comparison_of_searches_goes_on_where_it_is(tmp_path: Path, lean_runtime: LeanRuntime) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(
        "[study]\ntheorems = 4\nheld_out = 4\nsamples = 4\narms = ['whole', 'mcts_value']\n"
        "[study.learn]\npolicy_steps = 2\n[study.learn.value]\nsteps = 5\n"
        "[supervised]\nsteps = 40\n[data]\nsupervised_pairs = 24\nrare_pairs = 7\n"
    )
    out = tmp_path / "out"
    command = ("compare-search", "--config", settings, "--out", out, "--seeds", 1)
    proofmill(*command)
    table = (out / "comparison.md").read_text("utf-8")
    assert (
        "| Whole proofs |" in table and "| MCTS, learned value |" in table and "4 held-out theorems" in table
    )
    files = {path: path.stat().st_mtime_ns for path in out.rglob("*.jsonl")}
    again = proofmill(*command)
    assert "attempts judged" not in again.stderr
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.jsonl")} == files
    assert (out / "comparison.md").read_text("utf-8") == table


def spent(*rows: tuple[Status, str, int, int]) -> tuple[bool, bool, int]:
    """Attempts with such statuses, answers, tokens and heartbeats, within (100, 1000)."""
    attempts = [
        attempt("t", number, status, answer).model_copy(update={"tokens": tokens, "heartbeats": heartbeats})
        for number, (status, answer, tokens, heartbeats) in enumerate(rows)
    ]
    found = spent_within(attempts, tokens=100, heartbeats=1000)
    return found.is_proved, found.is_broken_off, found.attempts


def test_a_proof_counts_within_both_budgets_and_equal_answers_are_judged_once() -> None:
    failed, proved = Status.REJECTED, Status.PROVED
    assert spent((failed, "a", 50, 500), (proved, "b", 50, 500), (failed, "c", 1, 1)) == (True, False, 2)
    assert spent((failed, "a", 50, 500), (proved, "b", 51, 1)) == (False, True, 1)
    assert spent((failed, "a", 1, 900), (failed, "a", 1, 900), (proved, "b", 1, 100)) == (True, False, 3)
    assert spent((failed, "a", 1, 900), (failed, "c", 1, 90), (proved, "b", 1, 11)) == (False, True, 2)
    assert spent((failed, "a", 1, 1)) == (False, False, 1) and spent() == (False, False, 0)


def test_a_search_that_its_own_budget_ended_is_broken_off() -> None:
    row = attempt("t", 0, Status.MISSING_DECLARATION, reason="no proof after 9 tactics: the budget is spent")
    assert spent_within([row], tokens=100, heartbeats=1000).is_broken_off
    over = attempt(
        "t", 0, Status.MISSING_DECLARATION, reason="no proof after 9 tactics: nothing more can be tried"
    )
    assert not spent_within([over], tokens=100, heartbeats=1000).is_broken_off


def test_the_table_pairs_theorems_and_seeds_by_name() -> None:
    def outcome(proved: str) -> dict[str, Spent]:
        return {name: Spent(name in proved, name == "d", 1, 10, 20) for name in "abcd"}

    arms: dict[ArmName, Measured] = {
        "whole": Measured(outcome("a"), outcome("ab")),
        "mcts": Measured({**outcome("abc"), "e": Spent(True, False, 1, 10, 20)}, None),
    }
    table = table_of({0: arms, 3: arms}, StudyConfig(arms=("whole", "mcts")))
    cells = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()]
    rows = {row[1]: row for row in cells if len(row) > 4}
    whole, mcts = rows[ARMS["whole"]], rows[ARMS["mcts"]]
    assert mcts[2].startswith("80.0 [") and mcts[3].startswith("+50.0 [") and mcts[4:6] == ["", ""]
    assert whole[3] == "" and whole[5].startswith("+25.0 [") and whole[6:9] == ["10", "20", "33%"]
    assert "Seeds 0, 3" in table
