"""What a ranker saves on a run's own samples: nothing is judged for it, unknown verdicts are in no figure."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from prover.evaluation.provers.base import Written
from prover.evaluation.provers.best_of import BestOf
from prover.formats.base import Answer, Failed, Problem
from prover.theorem import Theorem
from tests.support.evaluations import attempt, record_of, write_arm
from tests.support.toys import CONFIG, PAIRS
from trainer.cli.app import app
from trainer.experiments.best_of_n import load_scorer, ordered_calls, preferences_of, rank_run
from trainer.experiments.held_out import Arm
from trainer.learners.ranker import RankerConfig
from trainer.model.policy import build_policy, save_policy
from trainer.model.tokenizer import train_tokenizer
from trainer.run.directory import AttemptRow, LeanBuild, Summary
from verifier.errors import InvalidInput
from verifier.verdict import Status

GOOD, BAD = "by simp", "by omega"


def row(theorem: int, proof: str, status: Status | None = None) -> AttemptRow:
    return AttemptRow(
        phase="train",
        theorem=f"t{theorem}",
        family="f",
        statement=statement(theorem),
        proof=proof,
        status=status or (Status.PROVED if proof == GOOD else Status.REJECTED),
    )


def statement(theorem: int) -> str:
    return f"theorem t{theorem} (a b : Nat) : a + b = b + {theorem}"


def a_run(directory: Path, rows: list[AttemptRow], **measured: Mapping[int, Sequence[str]]) -> Path:
    """A run with these attempts in training, and with such samples of the named policies."""
    directory.mkdir()
    summary = Summary(algorithm="grpo", lean=LeanBuild(version="4", runtime="embedded"), seed=0)
    (directory / "summary.json").write_text(summary.model_dump_json(by_alias=True))
    (directory / "attempts.jsonl").write_text("".join(each.model_dump_json() + "\n" for each in rows))
    for name, proofs in measured.items():
        # A verdict more of each theorem, which is unknown, and a greedy proof, which is no sample.
        theorems = [Theorem(name=f"t{n}", statement=statement(n), source="f", split="test") for n in proofs]
        samples = [
            attempt(f"t{n}", place, Status.PROVED if proof == GOOD else Status.REJECTED, proof)
            for n, of_theorem in proofs.items()
            for place, proof in enumerate(of_theorem)
        ]
        unknown = [attempt(f"t{n}", len(each), Status.TIMEOUT, GOOD) for n, each in proofs.items()]
        greedy = [attempt(f"t{n}", 0, Status.PROVED, GOOD) for n in proofs]
        sampled = record_of([*samples, *unknown], theorems, samples=9)
        write_arm(directory, name, Arm(sampled, record_of(greedy, theorems, samples=1), record_of([])))
    tokenizer = train_tokenizer([a + b for a, b in PAIRS], CONFIG.vocab_size)
    save_policy(
        build_policy(CONFIG, tokenizer), tokenizer, directory / "training" / "versions" / "v0003" / "policy"
    )
    return directory


class Says:
    """A prover whose answers to every theorem are the same."""

    in_order = False
    answers_alone = False
    fingerprint = {"generator": "says"}  # noqa: RUF012

    def __init__(self, *texts: str) -> None:
        self._texts = texts

    def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
        return [[Written(text) for text in self._texts[:samples]] for _ in problems]

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        return [Written(self._texts[0]) for _ in failed]

    def read(self, text: str) -> Answer:
        return Answer(proof=text)


def test_a_ranker_finds_the_proofs_of_theorems_it_never_saw(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = [row(theorem, proof) for theorem in range(40) for proof in (GOOD, BAD)]
    after = {
        theorem: rng.sample([GOOD, *[BAD] * 7] if theorem % 4 else [BAD] * 8, 8)
        for theorem in range(100, 120)
    }
    run = a_run(tmp_path / "run", rows, after=after, before={theorem: [GOOD] for theorem in after})
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = rank_run(run, RankerConfig(learning_rate=3e-3, epochs=15, batch_size=8))
    torch.set_num_threads(threads)
    assert (found.pairs, found.theorems, found.samples) == (40, 20, 8)
    assert found.pass_at_1 == pytest.approx(15 / 160)
    assert found.best_of_n == found.pass_at_n == 0.75
    assert found.gain == pytest.approx(0.75 - 15 / 160)
    assert found.gain_ci[0] > 0.4
    assert (found.calls_by_score, found.calls_in_random_order) == (1, 4.5)
    best = BestOf(Says(BAD, GOOD, BAD), load_scorer(run / "ranker"), 3, {})
    other = Theorem(name="t9", statement=statement(9), source="f", split="test")
    ((first, second),) = best.answers([Problem(other)], 2)
    assert (first.text, second.text) == (GOOD, BAD)
    with pytest.raises(InvalidInput, match="exists already"):
        rank_run(run, RankerConfig())


def test_preferences_from_a_file_are_learned_from_as_well(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", [row(1, GOOD), row(1, BAD)], after={2: [GOOD]})
    file = tmp_path / "preferences.jsonl"
    file.write_text('{"prompt": "x := ", "chosen": "by simp", "rejected": "by omega"}\n{"prompt": "y"}\n')
    said = CliRunner().invoke(app, ["rank", str(run), "--preferences", str(file), "--json"])
    assert json.loads(said.stdout)["pairs"] == 2
    assert "preferences.jsonl:2: field `chosen`" in said.stderr.replace("\n", "")


def test_a_run_that_cannot_be_ranked_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="both proved and refuted"):
        rank_run(a_run(tmp_path / "easy", [row(1, GOOD)], after={2: [GOOD]}), RankerConfig())
    rows = [row(1, GOOD), row(1, BAD)]
    with pytest.raises(InvalidInput, match="not measured"):
        rank_run(a_run(tmp_path / "stopped", rows), RankerConfig())
    versions = tmp_path / "stopped" / "training" / "versions"
    (versions / "v0003").rename(versions / "v0000")
    with pytest.raises(InvalidInput, match="no trained policy"):
        rank_run(tmp_path / "stopped", RankerConfig())


def test_pairs_are_of_one_theorem_each_text_once_and_no_more_than_asked() -> None:
    rows = [row(1, GOOD), row(1, f"{GOOD}  "), row(2, BAD)]
    rows += [row(1, f"by omega{i}") for i in range(6)]
    rows += [row(1, "by decide", Status.TIMEOUT), row(1, " ", Status.REJECTED)]
    pairs = preferences_of(rows, per_theorem=4, seed=0)
    assert len({each.rejected for each in pairs}) == len(pairs) == 4
    assert {each.chosen for each in pairs} == {GOOD}
    assert not {each.rejected for each in pairs} & {"by decide", BAD}
    assert all("b + 1 := " in each.prompt for each in pairs)


@given(st.lists(st.tuples(st.floats(-9, 9), st.booleans()), min_size=1, max_size=8))
def test_the_number_of_calls_is_one_more_than_the_refuted_that_score_as_high_as_the_best_proof(
    samples: list[tuple[float, bool]],
) -> None:
    scores, proved = [s for s, _ in samples], [p for _, p in samples]
    if not any(proved):
        with pytest.raises(InvalidInput):
            ordered_calls(scores, proved)
        return
    best = max(s for s, p in samples if p)
    assert ordered_calls(scores, proved) == 1 + sum(s >= best and not p for s, p in samples)
