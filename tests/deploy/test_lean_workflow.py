"""The workflow on many Leans asks for what `proofmill lean project` can write, and loses no result."""

import re
from typing import Any

import yaml

from tests.support.places import ROOT
from verifier.lean.new_project import project_of_version
from verifier.lean.pins import pin_named

DOCKERFILE = (ROOT / "deploy" / "Dockerfile.verifier-mathlib").read_text("utf-8")
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "lean.yml").read_text("utf-8"))
ACTION: dict[str, Any] = yaml.safe_load(
    (ROOT / ".github" / "actions" / "doctor" / "action.yml").read_text("utf-8")
)
DOCTORED = [
    (name, step["with"])
    for name, job in WORKFLOW["jobs"].items()
    for step in job["steps"]
    if step.get("uses") == "./.github/actions/doctor"
]


def test_the_matrix_asks_for_leans_that_have_a_project() -> None:
    asked = WORKFLOW["jobs"]["bare"]["strategy"]["matrix"]["lean"]
    assert len(asked) == 10 and "nightly" in asked
    for version in asked:
        assert project_of_version(version, bare=True).steps == ("lake build",)


def test_the_matrix_with_mathlib_asks_for_provers_with_releases_of_mathlib() -> None:
    for prover in WORKFLOW["jobs"]["mathlib"]["strategy"]["matrix"]["prover"]:
        assert pin_named(prover).mathlib.startswith("v"), "a fork may have no compiled files to download"


def test_the_action_is_given_all_that_it_asks_for() -> None:
    assert [name for name, _ in DOCTORED] == ["bare", "mathlib"]
    for name, given in DOCTORED:
        assert given.keys() == ACTION["inputs"].keys()
        assert given["project"] == name


def test_results_are_kept_where_the_doctor_fails_and_found_by_the_table() -> None:
    kept = ACTION["runs"]["steps"][-1]
    assert kept["if"] == "always()"
    (fetched,) = (
        step["with"]
        for step in WORKFLOW["jobs"]["table"]["steps"]
        if "download-artifact" in step.get("uses", "")
    )
    prefix = fetched["pattern"].removesuffix("*")
    assert prefix and kept["with"]["name"].startswith(prefix)


def test_elan_is_the_same_in_the_image_and_in_the_workflow() -> None:
    script = "\n".join(step.get("run", "") for step in ACTION["runs"]["steps"])
    for pattern in (r"elan/releases/download/(\S+)", r"sum=([0-9a-f]{64})"):
        assert re.findall(pattern, script) == re.findall(pattern, DOCKERFILE)[:1]
