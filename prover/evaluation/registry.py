"""The provers that `proofmill eval` measures by the name that `--generator` has for them: one line each.

A prover is a strategy: a fixed list of proofs, or a model that an engine runs.  To add one, write its module
with a `Prover` and a function that opens it, and name it here.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal

from prover.evaluation.provers import Prover, ProverSettings
from prover.generators.registry import ENGINES
from prover.registry import choose

__all__ = ["PROVERS", "ProverName", "open_prover"]

PROVERS: Mapping[str, str] = {
    "portfolio": "prover.evaluation.provers:open_portfolio",
    **dict.fromkeys(ENGINES, "prover.evaluation.provers:open_model"),
}

if TYPE_CHECKING:
    ProverName = str
else:
    ProverName = Literal[tuple(PROVERS)]


def open_prover(settings: ProverSettings) -> AbstractContextManager[Prover]:
    """The prover that `settings.generator` names, for as long as the context is open.

    Raises:
        InvalidInput: there is none of this name.
    """
    open_it: Callable[[ProverSettings], AbstractContextManager[Prover]] = choose(
        "prover", PROVERS, settings.generator
    )
    return open_it(settings)
