"""Which Redis the processes of a run go to: the command line goes before the environment and the settings."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from trainer.cli.worker import RedisAddress, WorkerSettings, worker_app
from verifier.cli.settings import takes_settings
from verifier.errors import InvalidInput
from verifier.streams.connection import REDIS_FILE_VARIABLE, REDIS_VARIABLE


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text("redis://secret\n")
    return str(path)


@pytest.fixture
def run(tmp_path: Path) -> str:
    path = tmp_path / "run.toml"
    path.write_text("run = 'first'\nredis_url = 'redis://toml'\n")
    return str(path)


def url_of_worker(arguments: list[str], environment: dict[str, str]) -> str:
    """Where a worker goes."""
    app, found = typer.Typer(), []

    @app.command()
    @takes_settings(file="")
    def worker(settings: WorkerSettings) -> None:
        found.append(settings.url())

    ran = CliRunner().invoke(app, arguments, env=environment)
    assert ran.exit_code == 0, ran.output
    return found[0]


def test_a_worker_goes_where_the_command_line_says_then_the_environment_then_the_settings(
    secret: str, run: str
) -> None:
    config, file, url = ["--config", run], ["--redis-file", secret], ["--redis", "redis://option"]
    in_file, named = {REDIS_FILE_VARIABLE: secret}, {REDIS_VARIABLE: "redis://variable"}
    assert url_of_worker(config, {}) == "redis://toml"
    assert url_of_worker([*config, *file], {}) == "redis://secret"
    assert url_of_worker([*config, *file], named) == "redis://secret"
    assert url_of_worker(config, in_file) == "redis://secret"
    assert url_of_worker(config, in_file | named) == "redis://variable"
    assert url_of_worker([*config, *url], in_file) == "redis://option"
    assert url_of_worker([*config, *url, *file], {}) == "redis://option"


def test_the_trainer_goes_where_the_command_line_says_before_it_goes_where_the_settings_say(
    secret: str,
) -> None:
    address = RedisAddress(redis_file=Path(secret))
    assert address.url("redis://toml") == "redis://secret"
    assert RedisAddress().url("redis://toml") == "redis://toml"
    with pytest.raises(InvalidInput, match="which Redis"):
        RedisAddress().url()


@pytest.mark.lean
def test_a_grower_takes_the_lean_of_the_runs_settings(tmp_path: Path) -> None:
    settings, store = tmp_path / "run.toml", tmp_path / "nowhere" / "theorems.db"
    settings.write_text(f"[data]\nstore = '{store}'\n[lean]\nworkers = 3\nverdicts = 'v.sqlite'\n")
    ran = CliRunner().invoke(worker_app, ["grower", "--config", str(settings)])
    assert isinstance(ran.exception, InvalidInput) and str(store) in str(ran.exception), ran.exception
