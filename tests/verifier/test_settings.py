"""Settings from a file, with options before them, and what a person is told of those that cannot be used."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from pydantic import Field, model_validator
from typer.testing import CliRunner, Result

from verifier.cli.settings import takes_settings
from verifier.errors import InvalidInput
from verifier.options import ConfinedLean
from verifier.settings import Cli, Section, meaning_of, read_settings, settings_from


class Limits(Section):
    """Two limits."""

    time_s: Annotated[float, Cli("--time")] = Field(default=2.0, gt=0)
    """Seconds for one
    thing."""
    hidden: int = 7
    """Not on the command line."""


class Job(Section):
    """What the command of these tests takes."""

    file: Annotated[Path, Cli(is_argument=True)]
    """What to read."""
    name: Annotated[str | None, Cli(variable="JOB_NAME")] = None
    """Whose it is."""
    kind: Literal["small", "large"] = "small"
    """How much of it."""
    tags: list[str] = Field(default=[])
    """Words; repeatable."""
    loud: bool = False
    """Say more."""
    limits: Annotated[Limits, Cli(only=("time_s",))] = Limits(time_s=3.0)

    @model_validator(mode="after")
    def _large_is_not_loud(self) -> "Job":
        if self.kind == "large" and self.loud:
            raise ValueError("a large job cannot be loud")
        return self


def run(*arguments: str, with_file: bool = True, environment: dict[str, str] | None = None) -> Result | Job:
    """What the command was given, or how it ended without being called."""
    app = typer.Typer()
    found: list[Job] = []

    @app.command()
    @takes_settings(file="Settings." if with_file else None)
    def command(job: Job, count: Annotated[int, typer.Option()] = 1) -> None:
        """Do it."""
        found.append(job)

    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", **(environment or {})})
    return found[0] if found else result


def said(result: Result | Job) -> str:
    assert isinstance(result, Result)
    return " ".join(result.output.split())


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "job.toml"
    path.write_text("file = 'a'\nname = 'file'\nloud = true\n[limits]\ntime_s = 5\nhidden = 9\n")
    return str(path)


def test_options_have_the_defaults_of_the_model_and_of_the_section_within_it() -> None:
    assert run("x") == Job(file=Path("x"), limits=Limits(time_s=3.0))


def test_an_option_goes_before_the_file_and_the_file_before_the_default(file: str) -> None:
    assert run("--config", file) == Job(
        file=Path("a"), name="file", loud=True, limits=Limits(time_s=5, hidden=9)
    )
    given = run(
        "b", "--config", file, "--no-loud", "--kind", "large", "--time", "3", "--tags", "u", "--tags", "v"
    )
    expected = {"file": "b", "name": "file", "kind": "large", "tags": ["u", "v"]}
    assert given == Job.model_validate({**expected, "limits": {"time_s": 3.0, "hidden": 9}})


def test_the_environment_goes_before_the_file_and_an_option_before_it(file: str) -> None:
    named = run("--config", file, environment={"JOB_NAME": "environment"})
    assert isinstance(named, Job) and named.name == "environment"
    named = run("--config", file, "--name", "option", environment={"JOB_NAME": "environment"})
    assert isinstance(named, Job) and named.name == "option"


def test_the_help_has_every_docstring_and_what_is_not_an_option_is_not_there() -> None:
    told = said(run("--help"))
    for part in (
        "What to read. Required, here or in --config.",
        "--time",
        "Seconds for one thing.",
        "JOB_NAME",
    ):
        assert part in told
    assert "hidden" not in told
    assert "No such option" in said(run("x", "--hidden", "1"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("x", "--time", "0"), "Invalid value for '--time': Input should be greater than 0"),
        (("x", "--kind", "huge"), "Invalid value for '--kind'"),
        (("x", "--timee", "1"), "No such option: --timee"),
        ((), "Invalid value for 'FILE': it is missing: give it here or in --config"),
    ],
)
def test_a_wrong_option_is_named_as_it_was_written(arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments)
    assert isinstance(result, Result) and result.exit_code == 2
    assert told in said(result)


def test_a_command_without_a_file_of_its_settings_may_have_an_option_of_that_name() -> None:
    app = typer.Typer()
    found: list[tuple[str, Limits]] = []

    @app.command()
    @takes_settings()
    def command(config: Annotated[str, typer.Option()], limits: Limits) -> None:
        found.append((config, limits))

    assert CliRunner().invoke(app, ("--config", "x", "--time", "1")).exit_code == 0
    assert found == [("x", Limits(time_s=1.0))]


def test_a_missing_argument_is_named_where_no_file_could_bring_it() -> None:
    assert "Missing argument" in said(run(with_file=False))


def test_options_that_do_not_go_together_are_refused_with_the_reason() -> None:
    result = run("x", "--kind", "large", "--loud")
    assert isinstance(result, Result) and isinstance(result.exception, InvalidInput)
    assert str(result.exception) == "the options cannot be used: settings: a large job cannot be loud"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[limits]\ntime = 3\n", "limits.time: there is no such setting; is it time_s?"),
        ("colour = 3\n", "colour: there is no such setting"),
        ("[limits]\ntime_s = 0\n", "limits.time_s: Input should be greater than 0"),
        ("limits = 3\n", "limits: "),
        ("[limit", "cannot read the settings in "),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_the_file_and_the_section(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "job.toml"
    path.write_text(text)
    result = (
        run("x", "--config", str(path), "--time", "1")
        if told == "limits: "
        else run("x", "--config", str(path))
    )
    assert isinstance(result, Result) and isinstance(result.exception, InvalidInput)
    assert str(path) in str(result.exception) and told in str(result.exception)


def test_an_option_of_a_section_that_is_none_leaves_that_to_be_refused(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text("limits = 3\n")
    result = run("x", "--config", str(path), "--time", "1")
    assert isinstance(result, Result) and isinstance(result.exception, InvalidInput)


def test_settings_are_read_from_toml_and_from_json(tmp_path: Path) -> None:
    toml, listed = tmp_path / "a.toml", tmp_path / "a.json"
    toml.write_text("workers = 3\n")
    listed.write_text('{"workers": 3, "project": null}')
    assert settings_from(ConfinedLean, read_settings(toml)) == settings_from(
        ConfinedLean, read_settings(listed)
    )
    listed.write_text("[3]")
    with pytest.raises(InvalidInput, match="they are no table"):
        read_settings(listed)


def test_a_field_that_is_set_anew_keeps_its_meaning() -> None:
    class Slower(Limits):
        time_s: float = 9.0

    assert meaning_of(Slower, "time_s") == "Seconds for one thing."
    assert meaning_of(Slower, "nothing") == ""
