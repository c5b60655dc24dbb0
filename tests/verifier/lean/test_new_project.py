"""Lake projects of named provers: what is written, and what is refused."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from prover.formats.registry import FORMATS
from trainer.cli.app import app
from verifier.errors import InvalidInput
from verifier.lean.new_project import ProjectFiles, project_for, project_of_version, write_project
from verifier.lean.pins import MATHLIB, PINS, Pin, pin_named

each_pin = pytest.mark.parametrize("pin", PINS, ids=lambda pin: pin.name)


def lakefile(directory: Path) -> dict[str, Any]:
    return tomllib.loads((directory / "lakefile.toml").read_text("utf-8"))


def run(*arguments: str | Path) -> tuple[str, BaseException | None]:
    ran = CliRunner().invoke(app, ["lean", "project", *map(str, arguments)])
    return ran.output, ran.exception


@each_pin
def test_a_pin_names_exact_versions(pin: Pin) -> None:
    assert re.fullmatch(r"v4\.\d+\.\d+(-rc\d+)?", pin.lean)
    # A branch would be another Mathlib tomorrow.
    assert re.fullmatch(r"v4\.\d+\.\d+|[0-9a-f]{40}", pin.mathlib)
    assert re.fullmatch(r"|[0-9a-f]{40}", pin.commit)
    assert pin.header.startswith("import Mathlib\n") and pin.source
    assert pin.git == MATHLIB or not pin.mathlib.startswith("v"), "a fork has no releases"


@each_pin
def test_mathlibs_release_is_taken_with_the_lean_that_it_is_for(pin: Pin) -> None:
    if pin.mathlib.startswith("v"):
        assert pin.lean == pin.mathlib


@pytest.mark.parametrize("name", ["deepseek-v1.5", "deepseek-v2", "goedel-v2", "kimina"])
def test_a_prover_has_one_name_for_its_prompts_and_for_its_lean(name: str) -> None:
    assert name in FORMATS
    assert pin_named(name).name == name


@each_pin
def test_the_project_of_a_prover_pins_its_lean_and_its_mathlib(pin: Pin, tmp_path: Path) -> None:
    write_project(project_for(pin), tmp_path)
    assert (tmp_path / "lean-toolchain").read_text() == f"leanprover/lean4:{pin.lean}\n"
    assert lakefile(tmp_path)["require"] == [{"name": "mathlib", "git": pin.git, "rev": pin.mathlib}]


def test_what_lake_builds_by_default_is_a_module_that_imports_mathlib(tmp_path: Path) -> None:
    write_project(project_for(pin_named("kimina")), tmp_path)
    (target,) = lakefile(tmp_path)["defaultTargets"]
    assert [library["name"] for library in lakefile(tmp_path)["lean_lib"]] == [target]
    assert (tmp_path / f"{target}.lean").read_text() == "import Mathlib\n"


def test_a_bare_project_needs_no_network_beyond_its_lean(tmp_path: Path) -> None:
    project = project_for(pin_named("goedel-v2"), bare=True)
    write_project(project, tmp_path)
    assert "require" not in lakefile(tmp_path)
    assert "import" not in "".join((tmp_path / name).read_text() for name in project.files)
    assert project.steps == ("lake build",)


@pytest.mark.parametrize(
    ("version", "lean"),
    [
        ("4.28.0", "v4.28.0"),
        ("v4.9.0-rc1", "v4.9.0-rc1"),
        ("leanprover/lean4:v4.20.1", "v4.20.1"),
        ("nightly", "nightly"),
        ("nightly-2026-10-01", "nightly-2026-10-01"),
    ],
)
def test_any_version_from_4_9_on_has_a_bare_project(version: str, lean: str) -> None:
    assert project_of_version(version, bare=True) == ProjectFiles(lean)


def test_a_version_with_mathlib_takes_mathlibs_tag_of_the_same_name() -> None:
    assert project_of_version("4.24.0") == ProjectFiles("v4.24.0", "v4.24.0")


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("4.8.0", "older"),
        ("3.51.1", "older"),
        ("4.20.0", "4.20.1"),
        ("stable", "no version"),
        ("4.9", "no version"),
        ('4.9.0"\nrev = "x', "no version"),
    ],
)
def test_a_version_that_proofs_cannot_be_judged_on_is_refused(version: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        project_of_version(version, bare=True)


def test_a_nightly_has_no_mathlib() -> None:
    with pytest.raises(InvalidInput, match="--bare"):
        project_of_version("nightly")


@pytest.mark.parametrize("there", ["lakefile.toml", "lakefile.lean", "lean-toolchain", "Judging.lean"])
def test_no_file_of_a_project_that_is_there_is_written_over(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(InvalidInput, match=there):
        write_project(project_for(pin_named("latest")), tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {there}
    assert (tmp_path / there).read_text() == "mine"


def test_a_directory_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="file/project"):
        write_project(project_for(pin_named("latest")), tmp_path / "file" / "project")


def test_the_command_says_what_to_run_next(tmp_path: Path) -> None:
    output, exception = run(tmp_path / "new", "--for", "goedel-v2")
    assert exception is None
    for step in ("lake update", "lake exe cache get", "lake build", "proofmill doctor --project"):
        assert step in output
    assert "maxHeartbeats 0" in output
    assert lakefile(tmp_path / "new")["require"][0]["git"] == "https://github.com/xinhjBrant/mathlib4"


def test_the_command_says_what_of_a_pin_was_never_seen(tmp_path: Path) -> None:
    output, _ = run(tmp_path / "new", "--for", "deepseek-v2")
    assert "Not seen" in output


def test_the_command_wants_one_lean(tmp_path: Path) -> None:
    for asked in ((), ("--for", "kimina", "--lean", "4.9.0")):
        _, exception = run(tmp_path, *asked)
        assert isinstance(exception, InvalidInput) and "--for" in str(exception)
    assert not list(tmp_path.iterdir())


def test_an_unknown_prover_is_an_error_that_names_those_there_are(tmp_path: Path) -> None:
    _, exception = run(tmp_path / "new", "--for", "goedel")
    assert isinstance(exception, InvalidInput)
    assert "Is it goedel-v2?" in str(exception) and "putnambench" in str(exception)
    assert not (tmp_path / "new").exists()
