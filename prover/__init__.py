"""Proves theorems of Lean 4 with language models: theorems, attempts at them, and the measurement of provers.

A `Theorem` is a statement to prove, and an `Attempt` is a proof that a policy sampled for it.  A `Benchmark`
is a set of theorems to measure on, which `load_benchmark` reads, and `evaluate` measures a `Prover` on it:

    config = EvalConfig(data=Path("minif2f.jsonl"), out=Path("runs/portfolio"))
    benchmark = load_benchmark(config.data)
    async with LeanPool() as pool:
        with open_prover(config) as prover:
            plan = plan_of(benchmark, prover, {"lean": pool.runtime.version}, samples=8)
            with EvalFiles(config.out, plan, benchmark.problems) as files:
                summary = await evaluate(benchmark, prover, pool, files, watcher=watcher)

where `watcher` is told of every attempt (`Watcher`).

What is named here is the public interface.  The modules below it are its parts and may change.  A name is
imported when it is first asked for: importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from verifier.faces import face_of

if TYPE_CHECKING:
    from prover.evaluation.benchmark import Benchmark, load_benchmark
    from prover.evaluation.config import EvalConfig
    from prover.evaluation.files import EvalFiles
    from prover.evaluation.provers.base import Prover, open_prover
    from prover.evaluation.run import Watcher, evaluate, plan_of
    from prover.theorem import Attempt, Theorem

__all__ = [
    "Attempt",
    "Benchmark",
    "EvalConfig",
    "EvalFiles",
    "Prover",
    "Theorem",
    "Watcher",
    "evaluate",
    "load_benchmark",
    "open_prover",
    "plan_of",
]

_HOMES = {
    "Attempt": "prover.theorem",
    "Benchmark": "prover.evaluation.benchmark",
    "EvalConfig": "prover.evaluation.config",
    "EvalFiles": "prover.evaluation.files",
    "Prover": "prover.evaluation.provers.base",
    "Theorem": "prover.theorem",
    "Watcher": "prover.evaluation.run",
    "evaluate": "prover.evaluation.run",
    "load_benchmark": "prover.evaluation.benchmark",
    "open_prover": "prover.evaluation.provers.base",
    "plan_of": "prover.evaluation.run",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = face_of(__name__, _HOMES)
