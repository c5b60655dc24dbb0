"""Settings: models that are one source for TOML, the command line, and the tables of the documentation.

The docstring under a field is its meaning everywhere.  `verifier.cli.settings` makes options of the fields,
`docs/tables.py` makes tables.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from verifier.errors import InvalidInput

__all__ = [
    "Cli",
    "Section",
    "meaning_of",
    "message_of",
    "read_settings",
    "settings_from",
    "unusable",
]

AnySection = TypeVar("AnySection", bound="Section")


class Section(BaseModel):
    """A part of the settings; an unknown name in it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


@dataclass(frozen=True)
class Cli:
    """Stands in the `Annotated` of a field that is not given as `--its-name VALUE` on the command line."""

    name: str | None = None
    """Name of the option."""
    variable: str | None = None
    """An environment variable that sets it as well."""
    is_argument: bool = False
    """Whether it is given by its position."""
    replaces: str | None = None
    """Another field of the same model that says the same: what it has from a place that goes after this one's
    (command line, environment, file) is dropped."""
    only: tuple[str, ...] | None = None
    """Of a section: the fields that are options; none for all of them."""


def meaning_of(settings: type[BaseModel], name: str) -> str:
    """The docstring of a field, or of the field that it takes the place of; empty where there is none."""
    for model in settings.__mro__:
        field = model.model_fields.get(name) if issubclass(model, BaseModel) else None
        if field is not None and field.description:
            return " ".join(field.description.split())
    return ""


def read_settings(path: Path | None) -> dict[str, Any]:
    """What a file of TOML, or of JSON if it is named so, sets; nothing without a file.

    Raises:
        InvalidInput: the file cannot be read.
    """
    if path is None:
        return {}
    read = json.loads if path.suffix == ".json" else tomllib.loads
    try:
        found = read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read the settings in {path}: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"cannot read the settings in {path}: they are no table")
    return found


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others on top, section by section."""
    both = dict(below)
    for name, value in above.items():
        under = both.get(name)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            both[name] = merged(under, value)
        else:
            both[name] = value
    return both


def settings_from(
    model: type[AnySection], settings: Mapping[str, Any], source: str = "the settings"
) -> AnySection:
    """The settings as `model` has them; `source` is where they come from, for the message.

    Raises:
        InvalidInput: a setting is unknown, missing or out of range.
    """
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        raise unusable(model, error, source) from error


def unusable(model: type[BaseModel], error: ValidationError, source: str) -> InvalidInput:
    """The error that names every setting of `model` which cannot be used."""
    faults = (
        f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {message_of(model, fault)}"
        for fault in error.errors()
    )
    return InvalidInput(f"{source} cannot be used: {'; '.join(faults)}")


def message_of(model: type[BaseModel], fault: ErrorDetails) -> str:
    """What is wrong with a setting, for people; `fault` is one of a `ValidationError` of `model`."""
    if fault["type"] == "model_type" and fault["loc"]:
        name = ".".join(map(str, fault["loc"]))
        return f"it is a section, not {fault['input']!r}: write [{name}] and its settings"
    if fault["type"] != "extra_forbidden":
        return fault["msg"].removeprefix("Value error, ")
    *section, unknown = map(str, fault["loc"])
    for name in section:
        field = model.model_fields.get(name)
        inner = field.annotation if field is not None else None
        models = [kind for kind in (inner, *get_args(inner)) if isinstance(kind, type)]
        model = next((kind for kind in models if issubclass(kind, BaseModel)), BaseModel)
    near = get_close_matches(unknown, model.model_fields, n=1)
    return f"there is no such setting{f'; is it {near[0]}?' if near else ''}"
