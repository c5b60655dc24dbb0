"""A round of learning from searches: what is learned of them, mixed with what is known, whole on the disk."""

import json
from pathlib import Path

import pytest
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from prover.evaluation.files import SEARCHES, EvalRecord, read_record
from prover.generators.transformers import load_model
from prover.search.record import SearchRecord
from prover.search.value import VALUE
from tests.support.evaluations import attempt, record_of, write_record
from tests.support.toys import PAIRS
from tests.trainer.search.test_value import node, record
from trainer.learners.supervised import SupervisedConfig
from trainer.model.policy import save_policy
from trainer.run.start import known_pairs, write_pairs
from trainer.search.learning import (
    LearnConfig,
    apart,
    found_pairs,
    learn_from_searches,
    mixture,
    proved_pairs,
)
from trainer.search.value import ValueConfig
from verifier.errors import InvalidInput
from verifier.verdict import Status

CONFIG = LearnConfig(
    policy=SupervisedConfig(learning_rate=1e-3, warmup_steps=0, batch_size=4),
    policy_steps=3,
    value=ValueConfig(steps=5, batch_size=4),
)


@pytest.fixture
def start(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> Path:
    policy = tmp_path / "start"
    save_policy(model, tokenizer, policy)
    write_pairs(policy, PAIRS)
    return policy


def evaluation(directory: Path, *searches: SearchRecord) -> EvalRecord:
    rows = [attempt("a", 0, Status.PROVED, "by omega"), attempt("b", 0, Status.REJECTED)]
    write_record(directory, record_of(rows, samples=1, in_order=True))
    lines = "".join(search.model_dump_json() + "\n" for search in searches)
    (directory / SEARCHES).write_text(lines, "utf-8")
    return read_record(directory)


def test_a_round_learns_from_every_goal_that_is_proved_and_every_proof(start: Path, tmp_path: Path) -> None:
    searches = [
        record(node("⊢ a = a", size=1), node(f"⊢ b = {number}"), name=f"t{number}") for number in range(40)
    ]
    found = evaluation(tmp_path / "searches", *searches)
    assert list(found_pairs(found.searches.values())) == [("⊢ a = a:::", "omega")] * 40
    assert list(proved_pairs(found)) == [(": True := ", "by omega")]
    came = learn_from_searches([found], start, tmp_path / "learned", CONFIG)
    assert came.searches == 40 and came.solved == 0 and came.pairs == 2 and 0 < came.goals < 41
    assert came.calibration and 0 <= came.calibration_error <= 1
    learned = tmp_path / "learned"
    assert json.loads((learned / "learned.json").read_text()) == came.model_dump()
    assert (learned / "policy" / VALUE).is_file() and (learned / "calibration.svg").is_file()
    assert known_pairs(learned / "policy") == [*PAIRS, (": True := ", "by omega"), ("⊢ a = a:::", "omega")]
    before, after = (load_model(path)[0].state_dict() for path in (start, learned / "policy"))
    assert any((before[name] != after[name]).any() for name in before)


def test_a_value_is_trained_alone_where_the_policy_makes_no_step(start: Path, tmp_path: Path) -> None:
    found = evaluation(tmp_path / "searches", record(node("⊢ a = a", size=1), node("⊢ b")))
    alone = CONFIG.model_copy(update={"policy_steps": 0})
    learn_from_searches([found], start, tmp_path / "learned", alone)
    before, after = (load_model(path)[0].state_dict() for path in (start, tmp_path / "learned/policy"))
    assert all((before[name] == after[name]).all() for name in before)
    assert (tmp_path / "learned/policy" / VALUE).is_file()
    assert known_pairs(tmp_path / "learned/policy") == PAIRS, "the policy has not seen what was found"
    with pytest.raises(InvalidInput, match="exists already"):
        learn_from_searches([found], start, tmp_path / "learned", alone)
    nothing = evaluation(tmp_path / "none")
    with pytest.raises(InvalidInput, match="no goals to learn a value from"):
        learn_from_searches([nothing], start, tmp_path / "no-value", alone)


def test_nothing_is_learned_from_nothing(start: Path, tmp_path: Path) -> None:
    rows = [attempt("b", 0, Status.REJECTED)]
    write_record(tmp_path / "none", record_of(rows, samples=1))
    with pytest.raises(InvalidInput, match="no proof was found"):
        learn_from_searches([read_record(tmp_path / "none")], start, tmp_path / "learned", CONFIG)
    assert not (tmp_path / "learned").exists()


@pytest.mark.parametrize("new", [1, 7, 40, 400])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_the_rarer_pairs_are_repeated_until_the_share_is_right(new: int, share: float) -> None:
    found, known = [("n", str(number)) for number in range(new)], [("k", str(number)) for number in range(60)]
    mixed = mixture(found, known, share)
    known_share = sum(prompt == "k" for prompt, _ in mixed) / len(mixed)
    assert set(mixed) == {*found, *known} and known_share == pytest.approx(share, abs=0.17)
    assert mixture(found, known, 0) == found and mixture(found, [], share) == found


def test_a_theorem_is_always_on_the_same_side() -> None:
    records = [record(node("⊢ a"), name=f"t{number}") for number in range(500)]
    learned, left_out = apart(records, 0.2)
    assert len(learned) + len(left_out) == 500 and 60 < len(left_out) < 140
    assert apart(records[::-1], 0.2)[1] == left_out[::-1]
