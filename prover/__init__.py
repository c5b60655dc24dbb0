"""Proves theorems of Lean 4 with language models: theorems, attempts at them, and the measurement of provers.

A `Theorem` is a statement to prove, and an `Attempt` is a proof that a policy sampled for it.  A `Benchmark`
is a set of theorems to measure on, and `evaluate` measures a prover on it: see `prover.evaluation.run`.

What is named here is the public interface.  The modules below it are its parts and may change.  A name is
imported when it is first asked for: importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prover.evaluation.benchmark import Benchmark
    from prover.evaluation.run import evaluate
    from prover.theorem import Attempt, Theorem

__all__ = ["Attempt", "Benchmark", "Theorem", "evaluate"]

_HOMES = {
    "Attempt": "prover.theorem",
    "Benchmark": "prover.evaluation.benchmark",
    "Theorem": "prover.theorem",
    "evaluate": "prover.evaluation.run",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)
