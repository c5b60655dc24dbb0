"""The sections of a run's settings that other processes than the trainer read as well: none needs torch."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from prover.generators.base import Dtype, EngineSettings
from prover.generators.registry import EngineName
from verifier.options import ConfinedLean
from verifier.settings import Cli, Section

__all__ = ["ComputeConfig", "DaemonConfig", "DataConfig", "GeneratorConfig", "LeanConfig", "MeasureConfig"]


class DataConfig(Section):
    """How many theorems of the project's families each part gets."""

    theorems: Path | None = None
    """JSONL file of theorems to try in training, in miniF2F's format; none for those of the families."""
    store: Path | None = None
    """A theorem store (`proofmill store`) to train on, in place of a file."""
    grow: bool = False
    """Under `proofmill up`, have theorems made from those of the store that stay unsolved, all along."""
    supervised_pairs: int = Field(default=500, ge=1)
    """Easy theorems whose reference proofs, once Lean has accepted them, the start is trained on."""
    rare_pairs: int = Field(default=140, ge=0)
    """The same of families that have only a handful of proofs each."""
    tactic_pairs: bool = False
    """Train the start on the tactics of these proofs, too, each after the goal that it was tried on: what a
    search asks of a policy (`proofmill eval --strategy`)."""
    allow_contaminated: bool = False
    """Train on theorems of the store, too, that have the statement of an evaluation theorem."""
    max_difficulty: int = Field(default=2, ge=1, le=5)
    """Difficulty of the hardest theorems to try and to measure on; those with proofs have 1 or 2."""
    train: int = Field(default=4000, ge=1)
    """Theorems to try in training."""
    held_out: int = Field(default=240, ge=1)
    """Theorems of the same families that training never sees."""
    held_out_family: int = Field(default=60, ge=1)
    """Theorems of the families that training never sees at all."""


class LeanConfig(ConfinedLean):
    """The verifier's workers."""

    workers: int = Field(default=2, ge=1)
    timeout_s: Annotated[float, Cli("--timeout")] = Field(default=20.0, gt=0)
    heartbeats: int = Field(default=20_000, ge=1)
    """Budget of each declaration, as `maxHeartbeats`; the proofs of the families need a few thousand."""
    verdicts: Path | None = None
    """A file that keeps verdicts, so that what is judged once is not judged again by other processes or runs
    on this machine; none keeps them in memory.  As safe from others as the verifier itself."""


class MeasureConfig(Section):
    """How policies are measured on held-out theorems."""

    portfolio_theorems: int = Field(default=27, ge=1)
    """Training theorems on which the fixed list of tactics is chosen."""
    kl_attempts: int = Field(default=0, ge=0)
    """Attempts of each round, about so many, by which a training says how far the policy is from its start,
    as KL(π ‖ start) in nats per token.  It keeps a copy of the start, so not where weights are divided among
    processes; 0 for none."""


class GeneratorConfig(Section):
    """What samples attempts, in the generators of a run, in the demo and in comparisons."""

    engine: EngineName = "transformers"
    """What samples: transformers in the process itself, or a vLLM beside it."""
    vllm_url: str | None = None
    """A vLLM that runs already; none starts one, by the Python that PROOFMILL_VLLM_PYTHON names."""
    dtype: Dtype = "auto"
    """Of a vLLM that is started here; `auto` makes 16-bit numbers of a float32 policy."""
    max_backlog: int = Field(default=4096, ge=1)
    """Attempts that may wait for a verdict before nothing more is sampled."""

    def on(self, device: str) -> EngineSettings:
        """How `engine` is opened; `device` is for models in this process."""
        # The other half of the cores is Lean's, which judges while this samples.
        threads = max(1, (os.cpu_count() or 1) // 2)
        return EngineSettings(device=device, threads=threads, url=self.vllm_url, dtype=self.dtype)


class DaemonConfig(Section):
    """The training daemon (`proofmill train`, docs/architecture.md)."""

    start: Path | None = None
    """Directory of the policy to begin with; none trains one from scratch on the families' proofs."""
    max_staleness: int = Field(default=0, ge=0)
    """Versions by which a policy may be older than the one its attempts are learned into.  0 waits for a
    whole round before it learns; with more, generators work on while the trainer learns."""
    deadline_s: float = Field(default=900.0, gt=0)
    """Seconds after which what has not come of a group is unknown, and the rest is learned from."""
    keep: int = Field(default=3, ge=1)
    """Versions to keep on disk, beside the best one and those that open groups are sampled from."""
    min_effective_sample_share: float = Field(default=0.3, ge=0, le=1)
    """Effective sample size, as a share of a round's attempts, below which nothing is sampled ahead; it is
    known where the trainer computes log-probabilities itself (`policy_gradient.check_engine`)."""
    mismatch_patience: int = Field(default=3, ge=1)
    """Rounds in a row below it after which the run ends."""


class ComputeConfig(Section):
    """How learning uses the machine (`trainer/model/compute.py`)."""

    device: str = "auto"
    """Where to learn and to sample: cpu, cuda, cuda:1 ...; auto is the first GPU, or the CPU without one.
    Processes that learn together take a GPU each."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of forward and backward passes; auto is bfloat16 on a GPU that has it.  Weights, the moments of the
    optimizer and losses are float32 in any case, and so is all of TRPO."""
    shard: bool = False
    """Whether processes that learn together divide the weights among them (FSDP2), or each has all."""
    activation_checkpointing: bool = False
    """Whether a backward pass computes activations again, for less memory and more time."""
