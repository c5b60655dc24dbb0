"""Settings of a run, as one model that can be read from TOML and refuses what cannot work."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from prover.generators.base import SamplingParams
from prover.generators.vllm.server import Dtype
from trainer.curriculum.config import CurriculumConfig
from trainer.learners.base import LearnerKind
from trainer.learners.pretraining import PretrainingConfig
from trainer.learners.registry import LEARNERS, LearnerName, learner_kind
from trainer.learners.supervised import SupervisedConfig
from trainer.model.compute import ComputeConfig
from trainer.model.lora import LoRAConfig
from trainer.model.policy import PolicyConfig
from verifier.errors import InvalidInput

__all__ = [
    "DaemonConfig",
    "DataConfig",
    "GeneratorConfig",
    "LeanConfig",
    "MeasureConfig",
    "RunConfig",
    "for_demo",
    "load_config",
    "read_settings",
    "run_config",
]


C = TypeVar("C", bound=BaseModel)


class Section(BaseModel):
    """A part of the settings; an unknown name in it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class LeanConfig(Section):
    """The verifier's workers."""

    workers: int = Field(default=2, ge=1)
    """Lean processes at a time, one a core; with its auditor each takes 2 GB when embedded."""
    timeout_s: float = Field(default=20.0, gt=0)
    """Wall-clock seconds for one proof; beyond it the verdict is unknown."""
    heartbeats: int = Field(default=20_000, ge=1)
    """Budget of each declaration, as `maxHeartbeats`; the proofs of the families need a few thousand."""
    project: Path | None = None
    """A Lake project to judge in; none for the embedded Lean."""
    allow_unconfined: bool = False
    """Judge even where nothing keeps candidates from this user's files, as a project without bubblewrap."""


class MeasureConfig(Section):
    """How policies are measured on held-out theorems."""

    portfolio_theorems: int = Field(default=27, ge=1)
    """Training theorems on which the fixed list of tactics is chosen."""


class GeneratorConfig(Section):
    """The processes that sample, where `proofmill up` starts them."""

    engine: Literal["transformers", "vllm"] = "transformers"
    """What samples: transformers in the process itself, or a vLLM beside it."""
    vllm_url: str | None = None
    """A vLLM that runs already; none starts one, by the Python that PROOFMILL_VLLM_PYTHON names."""
    dtype: Dtype = "auto"
    """Of a vLLM that is started here; `auto` makes 16-bit numbers of a float32 policy."""
    max_backlog: int = Field(default=4096, ge=1)
    """Attempts that may wait for a verdict before nothing more is sampled."""


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


LEARNER_SECTIONS: Mapping[str, type[BaseModel]] = {
    kind.section: kind.config for kind in map(learner_kind, LEARNERS)
}
"""The sections of learners by name; GRPO and its relatives share `policy_gradient`."""

if TYPE_CHECKING:

    class LearnerSections(Section):
        """The sections of all learners, each with its defaults."""
else:
    LearnerSections = create_model(
        "LearnerSections",
        __base__=Section,
        **{name: (config, config()) for name, config in LEARNER_SECTIONS.items()},
    )


class RunConfig(LearnerSections):
    """Everything that decides a run, with a section for each learner (`trainer/learners/registry.py`)."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the data, the weights and the sampling."""
    algorithm: LearnerName = "expert_iteration"
    """What learns from the verdicts: expert iteration, or a policy gradient (docs/algorithms.md)."""
    iterations: int = Field(default=18, ge=1)
    """Rounds of sampling, judging and learning."""
    theorems_per_iteration: int = Field(default=128, ge=1)
    """Groups in a round, of `sampling.samples` attempts each; where some are larger, they are fewer."""
    redis_url: str | None = None
    """Redis or Valkey that carries the streams; none starts the embedded one."""
    data: DataConfig = DataConfig()
    policy: PolicyConfig = PolicyConfig()
    pretraining: PretrainingConfig = PretrainingConfig()
    supervised: SupervisedConfig = SupervisedConfig()
    sampling: SamplingParams = SamplingParams()
    compute: ComputeConfig = ComputeConfig()
    lora: LoRAConfig | None = None
    """The adapter that is trained in place of all weights, if one is."""
    lean: LeanConfig = LeanConfig()
    measure: MeasureConfig = MeasureConfig()
    generator: GeneratorConfig = GeneratorConfig()
    daemon: DaemonConfig = DaemonConfig()
    curriculum: CurriculumConfig = CurriculumConfig()

    @model_validator(mode="before")
    @classmethod
    def _said_once(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """The run's seed and algorithm, and how attempts are sampled, are those of every part."""
        shared = dict(settings)
        seed = settings.get("seed", 0)
        for part in ("pretraining", "supervised", "sampling"):
            shared[part] = _with(shared, part, "seed", seed, "`seed`")
        sampling = SamplingParams.model_validate(shared["sampling"])
        algorithm = settings.get("algorithm")
        kind = learner_kind(algorithm) if isinstance(algorithm, str) and algorithm in LEARNERS else None
        for part, config in LEARNER_SECTIONS.items():
            said = {
                "seed": (seed, "`seed`"),
                "temperature": (sampling.temperature, "`sampling`"),
                "longest_response": (sampling.max_new_tokens, "`sampling`"),
            }
            if kind is not None and kind.section == part:
                said["algorithm"] = (algorithm, "`algorithm`")
            for name, (value, where) in said.items():
                if name in config.model_fields:
                    shared[part] = _with(shared, part, name, value, where)
        return shared

    @model_validator(mode="after")
    def _theorems_come_from_one_place(self) -> Self:
        if self.data.theorems is not None and self.data.store is not None:
            raise ValueError("data.store and data.theorems: name one of them; a store can import the file")
        if self.data.grow and self.data.store is None:
            raise ValueError("data.grow: theorems grow in a store; name one in data.store")
        return self

    @model_validator(mode="after")
    def _sampling_fits_learning(self) -> Self:
        sampling = self.sampling
        if sampling.greedy:
            raise ValueError("sampling.greedy: a policy that never explores learns nothing; leave it out")
        if self.learner_kind.compares_attempts:
            if sampling.samples < 2:
                raise ValueError("sampling.samples: attempts are compared, so a group needs at least 2")
            if sampling.top_p < 1:
                raise ValueError(
                    "sampling.top_p: policy gradients need the policy's own log-probabilities; set it to 1"
                )
        return self

    @property
    def attempts(self) -> int:
        """Attempts that are judged in all rounds, about so many."""
        return self.iterations * self.theorems_per_iteration * self.sampling.samples

    @property
    def public(self) -> dict[str, Any]:
        """All of it, for JSON, but the URL of the Redis, which may hold a password."""
        return self.model_dump(mode="json", exclude={"redis_url"})

    @property
    def needs_tactics(self) -> bool:
        """Whether verdicts must bring the tactics of each attempt."""
        return self.learner_kind.needs_tactics(self.learner)

    @property
    def learner_kind(self) -> LearnerKind[Any]:
        """What there is to know of the learner that `algorithm` names."""
        return learner_kind(self.algorithm)

    @property
    def learner(self) -> BaseModel:
        """The settings of that learner."""
        learner: BaseModel = getattr(self, self.learner_kind.section)
        return learner

    def section(self, config: type[C]) -> C:
        """The section of a learner's settings, by their model."""
        name = next(name for name, model in LEARNER_SECTIONS.items() if model is config)
        section: C = getattr(self, name)
        return section


def _with(settings: dict[str, Any], part: str, name: str, value: Any, where: str) -> Any:
    """The section `part` with `name` set to `value`, which may be said elsewhere only."""
    given = settings.get(part, {})
    if not isinstance(given, Mapping):
        return given  # a section or no section at all, for pydantic to take or refuse
    section = dict(given)
    if section.setdefault(name, value) != value:
        raise ValueError(f"{part}.{name} cannot differ from the run's: set {where} alone")
    return section


def load_config(
    path: Path | None,
    *,
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = lambda settings: settings,
    **overrides: object,
) -> RunConfig:
    """The settings in a TOML file after `prepare`, or the defaults; `overrides` not None come on top.

    Raises:
        InvalidInput: the file cannot be read, or a setting is unknown or out of range.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    return run_config(prepare(read_settings(path)) | given, str(path or "the settings"))


def read_settings(path: Path | None) -> dict[str, Any]:
    """What a TOML file sets; nothing without a file.

    Raises:
        InvalidInput: the file cannot be read.
    """
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"cannot read the settings in {path}: {error}") from error


def run_config(settings: dict[str, Any], source: str = "the settings") -> RunConfig:
    """The settings of a run; `source` is where they come from, for the message.

    Raises:
        InvalidInput: a setting is unknown or out of range.
    """
    try:
        return RunConfig.model_validate(settings)
    except ValidationError as error:
        complaints = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']}" for each in error.errors()
        )
        raise InvalidInput(f"{source} cannot be used: {complaints}") from error


def for_demo(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with theorems chosen uniformly where they do not say how.

    Of the ways to choose that were compared on the demo's even mix of families, none is better there
    (docs/experiments.md, "Policies on the demo's task").

    Raises:
        InvalidInput: they name theorems, and a demo's are of the families.
    """
    data = settings.get("data", {})
    for name in ("theorems", "store"):
        if isinstance(data, Mapping) and name in data:
            raise InvalidInput(
                f"data.{name}: demo and compare train on the families; others are for `proofmill train`"
            )
    curriculum = settings.get("curriculum", {})
    if not isinstance(curriculum, Mapping):
        return dict(settings)  # for `run_config` to refuse
    return {**settings, "curriculum": {"policy": "uniform", **curriculum}}
