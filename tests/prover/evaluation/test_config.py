"""What an evaluation is told that it does not do."""

from pathlib import Path
from typing import Any

import pytest

from prover.evaluation.config import EvalConfig
from prover.evaluation.provers.base import open_prover
from prover.search.config import SearchConfig
from verifier.errors import InvalidInput
from verifier.settings import settings_from


def config(**given: Any) -> EvalConfig:
    return settings_from(EvalConfig, {"data": "x.jsonl", "out": "out", **given})


@pytest.mark.parametrize(("name", "value"), [("model", Path("policy")), ("format", "kimina")])
def test_a_portfolio_is_not_measured_in_place_of_the_model_that_was_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"{name}: .*--generator, one of transformers, vllm"):
        open_prover(config(**{name: value})).__enter__()
    with open_prover(config()) as prover:
        assert prover.fingerprint["generator"] == "portfolio"


@pytest.mark.parametrize("generator", ["portfolio", "transformers"])
def test_a_format_that_nobody_knows_is_refused_by_every_prover(generator: str) -> None:
    with pytest.raises(InvalidInput, match=r"format: .*'kimina'"):
        config(generator=generator, format="nope")


def test_an_order_may_be_named_as_the_strategy() -> None:
    assert config(strategy="mcts").search.order == "mcts"
    assert config(strategy="search").search.order == "best_first"
    assert config(strategy="search", search={"order": "mcts"}).search.order == "mcts"
    assert config(strategy="mcts", search={"tactics": 7}).search.tactics == 7
    assert config(strategy="mcts", search=SearchConfig(tactics=7)).search == SearchConfig(
        order="mcts", tactics=7
    )
    with pytest.raises(InvalidInput, match="cannot differ from the strategy"):
        config(strategy="mcts", search={"order": "best_first"})
    with pytest.raises(InvalidInput, match="set --strategy search"):
        config(search={"tactics": 7})
    with pytest.raises(InvalidInput, match="for the order mcts"):
        config(strategy="best_first", search={"value": "learned"})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"url": "http://localhost"}, "leave --url out"),
        ({"sampling": {"samples": 2}}, "--samples 1"),
        ({"model": "policy"}, "name what runs it as --generator"),
        ({"search": {"value": "learned", "order": "mcts"}}, "name it as --model"),
        ({"repairs": 1}, "leave --repairs at 0"),
        ({"sampling": {"samples": 1, "greedy": True}}, "a search needs more"),
    ],
)
def test_a_search_says_what_it_cannot_be_told(given: dict[str, Any], says: str) -> None:
    settings = {"strategy": "search", "sampling": {"samples": 1}, **given}
    with pytest.raises(InvalidInput, match=says):
        open_prover(config(**settings)).__enter__()
