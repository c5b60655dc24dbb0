"""A value head: what it learns, that the trunk stays as it is, how far what it says is right."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from prover.search.record import EdgeRow, NodeRow, SearchRecord
from prover.search.value import HeadOfValue, ModelValue, hidden_states, value_prompt
from tests.support.toys import unchanged, weights
from trainer.model.policy import save_policy
from trainer.search.value import (
    ValueConfig,
    ValueExample,
    expected_error,
    reliability,
    train_value,
    value_examples,
)
from verifier.errors import InvalidInput
from verifier.tactic_state import Goal

EASY = [f"n : Nat\n⊢ n + {number} = {number} + n:::" for number in range(12)]
HARD = [f"xs : List Nat\n⊢ xs.length = {number}:::" for number in range(12)]


def node(goal: str, *, size: int = 0, tried: int = 8) -> NodeRow:
    edge = EdgeRow(tactic="omega", number=0, logprob=-1.0, visits=0, below=(), is_proof=True)
    return NodeRow(
        goals=(goal,),
        depth=0,
        tried=tried,
        visits=0,
        value=None,
        size=size,
        is_lost=False,
        edges=(edge,) if size else (),
    )


def record(*nodes: NodeRow, name: str = "t") -> SearchRecord:
    return SearchRecord(name=name, proof=None, reason="", cost={}, nodes=nodes)


def test_targets_are_the_tactics_left_and_nothing_where_nothing_was_tried() -> None:
    records = [
        record(node("⊢ a", size=3), node("⊢ b"), node("⊢ c", tried=0)),
        record(node("⊢ b", size=1), node("⊢ a")),
    ]
    every = ValueConfig(discount=0.5, counts="all")
    assert value_examples(records, every) == [ValueExample("⊢ a:::", 0.125), ValueExample("⊢ b:::", 0.5)]


def test_where_the_hardest_goal_counts_the_longest_branch_does() -> None:
    def closed(goal: str) -> NodeRow:
        return node(goal, size=1)

    first = EdgeRow(tactic="constructor", number=0, logprob=-1.0, visits=0, below=(1, 2, 3), is_proof=True)
    other = first.model_copy(update={"tactic": "left", "below": (4,), "is_proof": False})
    root = node("⊢ root").model_copy(update={"size": 4, "edges": (other, first)})
    found = record(root, closed("⊢ a"), closed("⊢ b"), closed("⊢ c"), node("⊢ d", tried=0))
    assert value_examples([found], ValueConfig(discount=0.5))[0] == ValueExample("⊢ root:::", 0.25)
    assert value_examples([found], ValueConfig(discount=0.5, counts="all"))[0].target == 0.5**4


def test_what_was_open_when_the_proof_was_found_elsewhere_is_no_failure() -> None:
    nodes = (node("⊢ a", size=1), node("⊢ open"), node("⊢ lost").model_copy(update={"is_lost": True}))
    proved = record(*nodes).model_copy(update={"proof": "by omega"})
    prompts = [example.prompt for example in value_examples([proved], ValueConfig())]
    assert prompts == ["⊢ a:::", "⊢ lost:::"]
    assert len(value_examples([record(*nodes)], ValueConfig())) == 3


def test_a_head_learns_what_goals_are_worth_and_leaves_the_trunk_alone(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    before = weights(model)
    examples = [*(ValueExample(goal, 0.9) for goal in EASY), *(ValueExample(goal, 0.0) for goal in HARD)]
    config = ValueConfig(steps=300, batch_size=16)
    head = train_value(model, tokenizer, examples, config)
    hidden_ND, _ = hidden_states(model, tokenizer, [*EASY, *HARD])
    with torch.no_grad():
        said = torch.sigmoid(head(hidden_ND))
    assert said[: len(EASY)].mean() > 0.8 and said[len(EASY) :].mean() < 0.1
    assert unchanged(model, before)
    again = train_value(model, tokenizer, examples, config)
    assert all(torch.equal(a, b) for a, b in zip(head.parameters(), again.parameters(), strict=True))


def test_hidden_states_do_not_depend_on_what_stands_beside_them(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    prompts = [*EASY, HARD[0], "⊢ " + " + ".join(["n"] * 500)]
    together, read = hidden_states(model, tokenizer, prompts)
    assert read == [True] * 13 + [False] and len(together) == 13
    for place in (0, 12):
        alone, _ = hidden_states(model, tokenizer, [prompts[place]])
        torch.testing.assert_close(together[place], alone[0], atol=1e-5, rtol=1e-5)


async def test_a_value_stands_beside_its_policy(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    policy = tmp_path / "policy"
    save_policy(model, tokenizer, policy)
    with pytest.raises(InvalidInput, match="proofmill learn"):
        ModelValue.open(policy)
    head = HeadOfValue(int(model.config.hidden_size))
    head.save(policy)
    goals = [[Goal(text="case a\nn : Nat\n⊢ n = n")], [Goal(text="⊢ a"), Goal(text="⊢ b")]]
    long = [Goal(text="⊢ " + " + ".join(["n"] * 500))]
    said = await ModelValue.open(policy).of([goals[0], long, goals[1]])
    hidden_ND, _ = hidden_states(
        model, tokenizer, [value_prompt(["n : Nat\n⊢ n = n"]), value_prompt(["⊢ a", "⊢ b"])]
    )
    with torch.no_grad():
        expected = torch.sigmoid(head(hidden_ND)).tolist()
    assert said == [pytest.approx(expected[0], abs=1e-5), 0.0, pytest.approx(expected[1], abs=1e-5)]


def test_there_is_nothing_to_learn_a_value_from_without_goals(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(InvalidInput, match="search first"):
        train_value(model, tokenizer, [], ValueConfig())


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=60))
def test_a_calibration_counts_every_goal_and_keeps_both_means(pairs: list[tuple[float, float]]) -> None:
    said, came = [one for one, _ in pairs], [other for _, other in pairs]
    bins = reliability(said, came)
    assert sum(each.count for each in bins) == len(pairs)
    assert math.isclose(sum(each.said * each.count for each in bins), sum(said), abs_tol=1e-9)
    assert math.isclose(sum(each.came * each.count for each in bins), sum(came), abs_tol=1e-9)
    assert [each.said for each in bins] == sorted(each.said for each in bins)
    assert 0 <= expected_error(bins) <= 1


def test_the_calibration_error_is_the_distance_from_the_diagonal() -> None:
    assert expected_error(reliability([0.9, 0.9, 0.1, 0.1], [1.0, 0.8, 0.1, 0.1])) == pytest.approx(0.0)
    assert expected_error(reliability([0.9, 0.9, 0.1, 0.1], [0.0, 0.0, 0.1, 0.1])) == pytest.approx(0.45)
    assert expected_error([]) == 0
