"""Settings of a run, as one model that can be read from TOML and refuses what cannot work."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError, create_model, model_validator

from prover.generators.base import SamplingParams
from trainer.curriculum.config import CurriculumConfig
from trainer.curriculum.draws import DrawsConfig
from trainer.learners.base import LearnerKind
from trainer.learners.pretraining import PretrainingConfig
from trainer.learners.registry import LEARNERS, LearnerName, learner_kind
from trainer.learners.supervised import SupervisedConfig
from trainer.model.lora import LoRAConfig
from trainer.model.policy import PolicyConfig
from trainer.sections import (
    ComputeConfig,
    DaemonConfig,
    DataConfig,
    GeneratorConfig,
    LeanConfig,
    MeasureConfig,
)
from verifier.errors import InvalidInput
from verifier.settings import Section, merged, read_settings, settings_from

__all__ = [
    "SAID_ONCE",
    "RunConfig",
    "for_demo",
    "load_config",
    "read_run_settings",
    "run_config",
    "write_settings",
]


C = TypeVar("C", bound=BaseModel)

LEARNER_SECTIONS: Mapping[str, type[BaseModel]] = {
    kind.section: kind.config for kind in map(learner_kind, LEARNERS)
}
"""The sections of learners by name; GRPO and its relatives share `policy_gradient`."""

_WHERE = {
    "seed": "`seed` at the top",
    "algorithm": "`algorithm` at the top",
    "temperature": "`temperature` in [sampling]",
    "longest_response": "`max_new_tokens` in [sampling]",
}
SAID_ONCE: Mapping[tuple[str, str], str] = {
    **{(part, "seed"): _WHERE["seed"] for part in ("pretraining", "supervised", "sampling")},
    **{
        (part, name): where
        for part, config in LEARNER_SECTIONS.items()
        for name, where in _WHERE.items()
        if name in config.model_fields
    },
}
"""Settings of sections that the run has once for all its parts, by section and name: where they are set."""

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
    """What learns from the verdicts (docs/algorithms.md); it decides what its section leaves open, too."""
    iterations: int = Field(default=18, ge=1)
    """Rounds of sampling, judging and learning."""
    theorems_per_iteration: int = Field(default=128, ge=1)
    """Groups in a round, of `sampling.samples` attempts each; where some are larger, they are fewer."""
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
    lean: LeanConfig = LeanConfig()
    measure: MeasureConfig = MeasureConfig()
    generator: GeneratorConfig = GeneratorConfig()
    daemon: DaemonConfig = DaemonConfig()
    curriculum: CurriculumConfig = CurriculumConfig()
    draws: DrawsConfig = DrawsConfig()

    @model_validator(mode="before")
    @classmethod
    def _said_once(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """The run's seed and algorithm, and how attempts are sampled, are those of every part."""
        shared = dict(settings)
        said = {"seed": settings.get("seed", 0)}
        try:
            sampling = SamplingParams.model_validate(settings.get("sampling", {}))
        except ValidationError:
            pass  # which is refused as what it is, a section of the run
        else:
            said |= {"temperature": sampling.temperature, "longest_response": sampling.max_new_tokens}
        algorithm = settings.get("algorithm")
        kind = learner_kind(algorithm) if isinstance(algorithm, str) and algorithm in LEARNERS else None
        if kind is not None:
            shared = merged({kind.section: kind.run_settings.get(str(algorithm), {})}, shared)
        for part, name in SAID_ONCE:
            if name in said:
                shared[part] = _with(shared, part, name, said[name])
            elif name == "algorithm" and kind is not None:
                # Another learner's section is not read, and is as it is by itself.
                itself = LEARNER_SECTIONS[part].model_fields[name].default
                shared[part] = _with(shared, part, name, algorithm if kind.section == part else itself)
        return shared

    @model_validator(mode="after")
    def _theorems_come_from_one_place(self) -> Self:
        if self.data.theorems is not None and self.data.store is not None:
            raise ValueError("data.store and data.theorems: name one of them; a store can import the file")
        if self.data.grow and self.data.store is None:
            raise ValueError("data.grow: theorems grow in a store; name one in data.store")
        return self

    @model_validator(mode="after")
    def _groups_grow_under_one_policy(self) -> Self:
        if self.draws.grow_to and self.daemon.max_staleness:
            raise ValueError(
                "draws.grow_to: a group grows under the policy that it began with: set daemon.max_staleness "
                "to 0"
            )
        if 0 < self.draws.grow_to <= self.sampling.samples:
            raise ValueError("draws.grow_to: a group grows from sampling.samples to more attempts")
        room = (self.theorems_per_iteration - 1) * self.sampling.samples
        if self.draws.grow_to - self.sampling.samples > room:
            raise ValueError("draws.grow_to: a round has no room for what a group grows by: lower it")
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

    def name_in(self, directory: Path) -> str:
        """The name of the run in the streams, when it is in `directory`."""
        return self.run or directory.absolute().name

    @property
    def attempts(self) -> int:
        """Attempts that are judged in all rounds, about so many."""
        return self.iterations * self.theorems_per_iteration * self.sampling.samples

    @property
    def public(self) -> dict[str, Any]:
        """All settings as JSON has them, without the URL of the Redis, which may hold a password."""
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


def _with(settings: dict[str, Any], part: str, name: str, value: Any) -> Any:
    """The section `part` with `name` set to `value`, which may be said elsewhere only."""
    given = settings.get(part, {})
    if not isinstance(given, Mapping):
        return given  # a section or no section at all, for pydantic to take or refuse
    section = dict(given)
    if section.setdefault(name, value) != value:
        raise ValueError(f"{part}.{name} cannot differ from the run's: set {SAID_ONCE[part, name]} alone")
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
    return run_config(prepare(read_run_settings(path)) | given, str(path or "the settings"))


def read_run_settings(path: Path | None) -> dict[str, Any]:
    """What a file sets of a run; nothing without a file.

    Raises:
        InvalidInput: the file cannot be read, or says in a section what is said once for all parts.
    """
    settings = read_settings(path)
    for (part, name), where in SAID_ONCE.items():
        section = settings.get(part)
        if isinstance(section, Mapping) and name in section:
            raise InvalidInput(
                f"{path} cannot be used: {part}.{name}: a run has one for all its parts; set {where} instead"
            )
    return settings


def run_config(settings: Mapping[str, Any], source: str = "the settings") -> RunConfig:
    """The settings of a run; `source` is where they come from, for the message.

    Raises:
        InvalidInput: a setting is unknown or out of range.
    """
    return settings_from(RunConfig, settings, source)


def write_settings(config: RunConfig, directory: Path) -> Path:
    """Write the settings of a run to its directory, for its other processes to read; the path of the file."""
    path = directory / "settings.json"
    settings = config.public
    for part, name in SAID_ONCE:
        del settings[part][name]
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    return path


_OF_DEMOS: Mapping[str, Mapping[str, Any]] = {
    "curriculum": {"policy": "uniform"},
    "measure": {"kl_attempts": 32},
    "policy_gradient": {"check_signs": True},
}


def for_demo(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings; where they do not say otherwise, theorems are chosen uniformly, and more is measured.

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
    return merged(_OF_DEMOS, settings)
