"""The provers that `proofmill eval` measures by the name that `--generator` has for them: one line each.

A prover is a strategy: a fixed list of proofs, or a model that an engine runs.  To add one, write its module
with a `Prover` and a function that opens it, and name it here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from prover.generators.registry import ENGINES

__all__ = ["PROVERS", "ProverName"]

PROVERS: Mapping[str, str] = {
    "portfolio": "prover.evaluation.baselines:open_portfolio",
    "search": "prover.evaluation.provers:open_search",
    **dict.fromkeys(ENGINES, "prover.evaluation.provers:open_model"),
}

if TYPE_CHECKING:
    ProverName = str
else:
    ProverName = Literal[tuple(PROVERS)]
