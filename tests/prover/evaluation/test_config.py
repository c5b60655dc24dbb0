"""What an evaluation is told that it does not do."""

from pathlib import Path
from typing import Any

import pytest

from prover.evaluation.config import EvalConfig
from prover.evaluation.provers import open_prover
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
