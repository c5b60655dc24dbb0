"""Settings of a run, as one model that can be read from TOML and refuses what cannot work."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from prover.generators.base import SamplingParams
from trainer.curriculum.config import CurriculumConfig
from trainer.learners.dpo import DPOConfig
from trainer.learners.expert_iteration import ExpertIterationConfig
from trainer.learners.policy_gradient import PolicyGradientConfig
from trainer.learners.pretraining import PretrainingConfig
from trainer.learners.supervised import SupervisedConfig
from trainer.learners.trpo import TRPOConfig
from trainer.model.lora import LoRAConfig
from trainer.model.policy import PolicyConfig
from trainer.objectives.algorithms import ALGORITHMS, LearnerName
from trainer.sections import (
    ComputeConfig,
    DaemonConfig,
    DataConfig,
    GeneratorConfig,
    LeanConfig,
    MeasureConfig,
)
from verifier.errors import InvalidInput
from verifier.settings import Section, read_settings, settings_from

__all__ = [
    "RunConfig",
    "for_demo",
    "load_config",
    "run_config",
    "write_settings",
]


class RunConfig(Section):
    """Everything that decides a run."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the data, the weights and the sampling."""
    algorithm: LearnerName = "expert_iteration"
    """What learns from the verdicts: expert iteration, or a policy gradient (docs/algorithms.md)."""
    iterations: int = Field(default=18, ge=1)
    """Rounds of sampling, judging and learning."""
    theorems_per_iteration: int = Field(default=128, ge=1)
    """Groups in a round."""
    run: str | None = None
    """Name of the run in the streams; none: that of its directory."""
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
    policy_gradient: PolicyGradientConfig = PolicyGradientConfig()
    trpo: TRPOConfig = TRPOConfig()
    dpo: DPOConfig = DPOConfig()
    expert_iteration: ExpertIterationConfig = ExpertIterationConfig()
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
        for part in ("pretraining", "supervised", "sampling", "policy_gradient", "dpo", "expert_iteration"):
            shared[part] = _with(shared, part, "seed", seed, "`seed`")
        algorithm = settings.get("algorithm")
        if isinstance(algorithm, str) and algorithm in ALGORITHMS:
            shared["policy_gradient"] = _with(
                shared, "policy_gradient", "algorithm", algorithm, "`algorithm`"
            )
        sampling = SamplingParams.model_validate(shared["sampling"])
        for part, name, value in (
            ("policy_gradient", "temperature", sampling.temperature),
            ("policy_gradient", "longest_response", sampling.max_new_tokens),
            ("trpo", "temperature", sampling.temperature),
        ):
            shared[part] = _with(shared, part, name, value, "`sampling`")
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
        if self.algorithm != "expert_iteration":
            if sampling.samples < 2:
                raise ValueError("sampling.samples: attempts are compared, so a group needs at least 2")
            if sampling.top_p < 1:
                raise ValueError(
                    "sampling.top_p: policy gradients need the policy's own log-probabilities; set it to 1"
                )
        return self

    def name_in(self, directory: Path) -> str:
        """The name of the run in the streams, when it is in `directory`."""
        return self.run or directory.absolute().name

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
        return self.algorithm in ALGORITHMS and self.policy_gradient.credit.needs_tactics


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


def run_config(settings: Mapping[str, Any], source: str = "the settings") -> RunConfig:
    """The settings of a run; `source` is where they come from, for the message.

    Raises:
        InvalidInput: a setting is unknown or out of range.
    """
    return settings_from(RunConfig, settings, source)


def write_settings(config: RunConfig, directory: Path) -> Path:
    """Write the settings of a run to its directory, for its other processes to read; the path of the file."""
    path = directory / "settings.json"
    path.write_text(json.dumps(config.public, indent=2) + "\n", encoding="utf-8")
    return path


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
