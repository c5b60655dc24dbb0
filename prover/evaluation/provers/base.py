"""What every prover offers that an evaluation can measure, and how one is opened."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from prover.evaluation.config import EvalConfig
from prover.evaluation.provers.registry import PROVERS, SEARCH
from prover.formats.base import Answer, Failed, Problem
from prover.registry import choose
from prover.search.record import SearchRecord
from verifier.verdict import Status

__all__ = ["Prover", "Written", "open_prover"]


@dataclass(frozen=True, slots=True)
class Written:
    """One answer, and what it took."""

    text: str
    tokens: int = 0
    nats: float = 0.0
    """−log of its probability, at the sampling temperature."""
    sampling_ms: float = 0.0
    refused: str = ""
    """Why there is none: the prompt leaves no room for it, or a search found none."""
    lean_calls: int = 0
    """Requests to Lean before the verdict."""
    heartbeats: int = 0
    """What those took, in thousands of small allocations as Lean's `maxHeartbeats`."""
    search: SearchRecord | None = None
    """The search that it came of, if there was one."""
    status: Status = Status.MISSING_DECLARATION
    """Of an answer that holds nothing to be judged; of kind unknown where the machine decided."""


class Prover(Protocol):
    """Answers problems; the same problems in the same order get the same answers."""

    @property
    def fingerprint(self) -> dict[str, str]:
        """What it is: hashes and names by what they are of."""
        ...

    @property
    def in_order(self) -> bool:
        """Whether the first answer to a problem is held to be the best, and so on; else they are alike."""
        ...

    @property
    def answers_alone(self) -> bool:
        """Whether its answers to a problem do not depend on what else it is asked at the same time."""
        ...

    def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
        """So many answers to each problem.  Raises InvalidInput for what cannot be asked."""
        ...

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        """Another answer in place of each; `round` counts from 1.  Raises InvalidInput."""
        ...

    def read(self, text: str) -> Answer:
        """What is to be judged of an answer."""
        ...


def open_prover(config: EvalConfig) -> AbstractContextManager[Prover]:
    """The prover that the settings name, for as long as the context is open.

    Raises:
        InvalidInput: there is none of this name, or its settings do not fit.
    """
    places = PROVERS if config.strategy == "whole" else dict.fromkeys(PROVERS, SEARCH)
    open_it: Callable[[EvalConfig], AbstractContextManager[Prover]] = choose(
        "prover", places, config.generator
    )
    return open_it(config)
