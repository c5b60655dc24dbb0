"""The provers that `proofmill eval` measures: one line each.

Whole proofs come from a fixed list, or from a model that an engine runs, by the name that `--generator` has
for it.  Under another `--strategy` they are searched for, and what the generator writes are tactics.  To add
a prover, write its module with a `Prover` and a function that opens it, and name it here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from prover.generators.registry import ENGINES

__all__ = ["PROVERS", "SEARCH", "ProverName"]

PROVERS: Mapping[str, str] = {
    "portfolio": "prover.evaluation.baselines:open_portfolio",
    **dict.fromkeys(ENGINES, "prover.evaluation.provers.model:open_model"),
}
"""Of whole proofs."""
SEARCH = "prover.evaluation.provers.search:open_search"
"""Of every strategy but `whole`."""

if TYPE_CHECKING:
    ProverName = str
else:
    ProverName = Literal[tuple(PROVERS)]
