"""Options of commands, made from settings (`verifier/settings.py`), so that nothing is declared twice.

    @app.command()
    @takes_settings()
    def serve(settings: ServeSettings) -> None: ...

pydantic-settings has a command line of its own, on argparse.  There a wrong value is a traceback, a file of
settings cannot be named by an option, and the settings of all commands are imported to show the help of one.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast, get_type_hints

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from verifier.options import LeanSettings
from verifier.settings import Cli, Section, meaning_of, message_of, read_settings, unusable

__all__ = ["AsJson", "Project", "takes_settings"]

AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
Project = Annotated[Path | None, typer.Option(help=meaning_of(LeanSettings, "project"))]

Command = Callable[..., None]
CONTEXT = "context"
FILE = "config"
RANKS = {"ENVIRONMENT": 1, "COMMANDLINE": 2}
"""What goes before what: the higher number, and a file last, with 0."""


@dataclass(frozen=True)
class _Option:
    """A field on the command line."""

    place: tuple[str, ...]
    """The section that the field is in, if it is in one, and its name."""
    shown: str
    """What a person writes."""
    parameter: inspect.Parameter
    """What typer makes an option of."""
    replaces: tuple[str, ...] | None = None
    """The place of the field that says the same."""


def takes_settings(*, file: str | None = None) -> Callable[[Command], Command]:
    """Gives a command options for the fields of its parameters that are settings.

    Args:
        file: the help of an option `--config`, which names a file of the same settings; what is given on the
            command line goes before what the file says.  None for no such option.
    """

    def decorate(command: Command) -> Command:
        hints = get_type_hints(command, include_extras=True)
        options = {
            name: list(_options(kind, has_file=file is not None))
            for name, kind in hints.items()
            if inspect.isclass(kind) and issubclass(kind, Section)
        }
        parameters = [_parameter(CONTEXT, typer.Context)]
        for name, own in inspect.signature(command).parameters.items():
            if name in options:
                parameters += [option.parameter for option in options[name]]
            else:
                parameters.append(_parameter(name, hints[name], own.default))
        if file is not None:
            parameters.append(_parameter(FILE, Annotated[Path | None, typer.Option(help=file)], None))

        @functools.wraps(command)
        def with_settings(**arguments: Any) -> None:
            context = arguments.pop(CONTEXT)
            path = None if file is None else arguments.pop(FILE)
            for name, of_model in options.items():
                given, ranks = {}, {}
                for option in of_model:
                    value = arguments.pop(option.parameter.name)
                    source = context.get_parameter_source(option.parameter.name)
                    if source.name in RANKS:
                        given[option.place], ranks[option.place] = value, RANKS[source.name]
                for option in of_model:
                    if option.replaces and ranks.get(option.place, 0) > ranks.get(option.replaces, 0):
                        given[option.replaces] = None
                arguments[name] = _settings(hints[name], of_model, given, path)
            command(**arguments)

        # Typer reads these.
        with_settings.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        with_settings.__annotations__ = {}
        return with_settings

    return decorate


def _options(
    model: type[Section], *, has_file: bool, section: Section | None = None, place: tuple[str, ...] = ()
) -> Iterator[_Option]:
    """An option for each field of `model`, and of the sections within it.

    Args:
        has_file: whether a file may set what has no default.
        section: where `model` is one within another, the default of it.
        place: of it in the other.
    """
    for name, field in model.model_fields.items():
        how = _cli_of(field)
        default = field.get_default(call_default_factory=True) if section is None else getattr(section, name)
        if isinstance(default, Section):
            inner = _options(type(default), has_file=has_file, section=default, place=(*place, name))
            yield from (option for option in inner if how.only is None or option.place[-1] in how.only)
        else:
            shown = name.upper() if how.is_argument else how.name or f"--{name.replace('_', '-')}"
            panel = place[-1] if place else None
            replaces = (*place, how.replaces) if how.replaces else None
            yield _Option((*place, name), shown, _declared(model, name, default, has_file, panel), replaces)


def _declared(
    model: type[Section], name: str, default: Any, has_file: bool, panel: str | None
) -> inspect.Parameter:
    """A field as typer declares options and arguments; `panel` is the part of the help it stands in."""
    field = model.model_fields[name]
    how, kind, meaning = _cli_of(field), cast(Any, field.annotation), meaning_of(model, name)
    if default is PydanticUndefined and has_file:
        kind, default, meaning = kind | None, None, f"{meaning} Required, here or in --config."
    elif default is PydanticUndefined:
        default = inspect.Parameter.empty
    if how.is_argument:
        return _parameter(name, Annotated[kind, typer.Argument(help=meaning)], default)
    names = () if how.name is None else (how.name,)
    low, high = (
        next((getattr(item, end) for item in field.metadata if hasattr(item, end)), None)
        for end in ("ge", "le")
    )
    option = typer.Option(*names, help=meaning, envvar=how.variable, min=low, max=high, rich_help_panel=panel)
    return _parameter(name, Annotated[kind, option], default)


def _cli_of(field: FieldInfo) -> Cli:
    return next((item for item in field.metadata if isinstance(item, Cli)), Cli())


def _parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)


def _settings(
    model: type[Section], options: list[_Option], given: Mapping[tuple[str, ...], Any], file: Path | None
) -> Section:
    """What the file says, with what is given before it.

    Raises:
        InvalidInput: the file cannot be read, or what it says cannot be used.
        typer.BadParameter: what is given cannot be used, or something is missing.
    """
    settings = read_settings(file)
    for place, value in given.items():
        _put(settings, place, value)
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        for fault in error.errors():
            option = next((one for one in options if one.place == fault["loc"][: len(one.place)]), None)
            if option is not None and (option.place in given or fault["type"] == "missing"):
                missing = "it is missing: give it here or in --config"
                message = missing if fault["type"] == "missing" else message_of(model, fault)
                raise typer.BadParameter(message, param_hint=f"'{option.shown}'") from error
        raise unusable(model, error, "the options" if file is None else str(file)) from error


def _put(settings: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    *sections, name = place
    for section in sections:
        settings = settings.setdefault(section, {})
        if not isinstance(settings, dict):
            return  # no section, for pydantic to refuse
    settings[name] = value
