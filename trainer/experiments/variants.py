"""What a comparison of learners has for arms, by name: settings on top of a run's own."""

from collections.abc import Mapping
from typing import Any, get_args

from trainer.config import RunConfig, run_config
from trainer.curriculum.policies.base import policy_kind
from trainer.curriculum.policies.registry import POLICIES
from trainer.learners.registry import LEARNERS, title_of
from trainer.objectives.credit import CreditConfig
from verifier.errors import InvalidInput
from verifier.settings import merged

__all__ = [
    "ARMS",
    "CONTROL",
    "START",
    "arm_config",
    "arm_title",
    "control_of",
    "is_control",
    "take_arms",
]

START = "start"
"""The supervised start, which every arm goes on from; not trained on any verdict."""
CONTROL = "control"
"""The start trained further on its own proofs, for the steps and tokens of the first arm."""

_CREDIT = [
    scheme for scheme in get_args(CreditConfig.model_fields["scheme"].annotation) if scheme != "outcome"
]

_CURRICULUM = "curriculum_"

ARMS: Mapping[str, Mapping[str, Any]] = {
    **{name: {"algorithm": name} for name in LEARNERS},
    **{
        f"grpo_{scheme}": {
            "algorithm": "grpo",
            # What a scheme divides is also the blame.
            "policy_gradient": {"credit": {"scheme": scheme}, "advantage": {"negative_weight": 1.0}},
        }
        for scheme in _CREDIT
    },
    **{f"{_CURRICULUM}{policy}": {"curriculum": {"policy": policy}} for policy in POLICIES},
}


def take_arms(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]]:
    """The settings without the arms of their own, `[arms.NAME]`, and all arms: these and the project's.

    Raises:
        InvalidInput: an arm of theirs has no settings, or a name that is taken.
    """
    own = settings.get("arms", {})
    if not isinstance(own, Mapping) or not all(isinstance(arm, Mapping) for arm in own.values()):
        raise InvalidInput("arms: give each arm a table of settings, [arms.NAME]")
    for name in own:
        if name in ARMS or name == START or is_control(name):
            raise InvalidInput(f"arms: {name!r} is the project's own: choose another name")
    rest = {name: value for name, value in settings.items() if name != "arms"}
    return rest, {**ARMS, **own}


def control_of(arm: str) -> str:
    """The name of an arm's own control."""
    return f"{CONTROL}-{arm}"


def is_control(arm: str) -> bool:
    """Whether it is a control, of the first arm or of one of its own."""
    return arm == CONTROL or arm.startswith(f"{CONTROL}-")


def arm_title(arm: str) -> str:
    """What a table calls an arm."""
    if arm in (START, CONTROL):
        return {START: "Supervised start", CONTROL: "Supervised training continued"}[arm]
    if is_control(arm):
        return f"The control of: {arm_title(arm.removeprefix(f'{CONTROL}-'))}"
    if arm not in ARMS:
        return arm
    if arm.startswith(_CURRICULUM):
        return f"Curriculum: {policy_kind(arm.removeprefix(_CURRICULUM)).title}"
    if arm in LEARNERS:
        return title_of(arm)
    return f"{title_of('grpo')}, credit by {arm.removeprefix('grpo_').replace('_', ' ')}"


def arm_config(
    settings: Mapping[str, Any], arm: str, seed: int, arms: Mapping[str, Mapping[str, Any]] = ARMS
) -> RunConfig:
    """The run's settings with those of an arm on top.

    Raises:
        InvalidInput: there is no such arm, or its settings and the run's cannot be used together.
    """
    if arm != START and arm not in arms:
        raise InvalidInput(f"there is no arm {arm!r}: choose of {', '.join(arms)}")
    of_arm = merged({"policy_gradient": {"credit": {"scheme": "outcome"}}}, arms.get(arm, {}))
    return run_config(merged(settings, {**of_arm, "seed": seed}), f"the settings of {arm}")
