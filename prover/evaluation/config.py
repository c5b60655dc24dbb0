"""What `proofmill eval` measures, and how."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from prover.evaluation.provers.registry import ProverName
from prover.formats.registry import FormatName
from prover.generators.base import SamplingParams
from prover.search.config import OrderName, SearchConfig
from verifier.options import ConfinedLean
from verifier.settings import Cli, Section

__all__ = ["EvalConfig", "EvalSampling"]

SEARCH_OPTIONS = ("order", "tactics", "total_heartbeats", "tokens", "value")


class EvalSampling(SamplingParams):
    """How a model is sampled from."""

    samples: int = Field(default=8, ge=1)
    """Attempts at each theorem."""
    max_new_tokens: int = Field(default=2048, ge=1)
    """Most tokens of an answer."""
    seed: int = Field(default=0, ge=0)


class EvalConfig(Section):
    """An evaluation: theorems, a prover, and what judges."""

    data: Annotated[Path, Cli(is_argument=True)]
    """JSONL, a Lean file, or a directory of Lean files."""
    out: Path
    """Directory; one that holds a part of this is gone on with."""
    strategy: Literal["whole", "search", OrderName] = "whole"
    """Whole proofs, or a search over tactic states; the name of an order is a search in that order."""
    generator: ProverName = "portfolio"
    """What answers; in a search, what proposes tactics."""
    model: Path | None = None
    """Directory of the model, or of an adapter, that a `--generator` with a model samples from."""
    format: FormatName = "completion"
    """How a model is asked."""
    search: Annotated[SearchConfig, Cli(only=SEARCH_OPTIONS)] = SearchConfig()
    sampling: EvalSampling = EvalSampling()
    repairs: int = Field(default=0, ge=0)
    """Answers to Lean's complaints within an attempt, a Lean call each."""
    ranker: Path | None = None
    """Directory of a ranker (`proofmill rank`) that chooses the attempts."""
    candidates: int = Field(default=32, ge=1)
    """Answers of the model among which the ranker chooses the attempts."""
    device: str = "cpu"
    """cpu, cuda, cuda:1 ..."""
    vllm_url: str | None = None
    """A vLLM that runs; none starts one."""
    split: Literal["train", "valid", "test"] | None = None
    """Only theorems of this split."""
    first: int | None = Field(default=None, ge=1)
    """Only so many theorems of the set."""
    core: bool = False
    """Those that fit a Lean without Mathlib, under a header for it."""
    answers: bool = True
    """Put in PutnamBench's published answers; else its theorems rest on sorry."""
    leave_out: bool = False
    """Go on without statements that Lean cannot read here."""
    unknown_again: bool = False
    """Try again what the machine left undecided."""
    url: str | None = None
    """URL of a `proofmill serve` that judges; none for a Lean on this machine."""
    api_key: Annotated[str | None, Cli(variable="PROOFMILL_API_KEY")] = None
    """Key for the server at `--url`."""
    lean: ConfinedLean = ConfinedLean()

    @model_validator(mode="before")
    @classmethod
    def _order_may_be_named_as_strategy(cls, settings: dict[str, Any]) -> dict[str, Any]:
        strategy, search = settings.get("strategy", "whole"), settings.get("search", {})
        if isinstance(search, SearchConfig):
            search = search.model_dump(exclude_unset=True)
        if search and strategy == "whole":
            raise ValueError("search: it is read under another strategy than whole: set --strategy search")
        if strategy in get_args(OrderName) and isinstance(search, dict):
            if search.get("order", strategy) != strategy:
                raise ValueError(
                    f"search.order cannot differ from the strategy {strategy}: leave one of them out"
                )
            search = {**search, "order": strategy}
        return {**settings, "search": search} if search else settings
