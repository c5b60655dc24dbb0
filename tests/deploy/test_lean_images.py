"""The image with Mathlib is of a prover that is known, and is kept only if the doctor finds nothing."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.places import ROOT
from verifier.lean.pins import pin_named

DOCKERFILE = (ROOT / "deploy" / "Dockerfile.verifier-mathlib").read_text("utf-8")


def test_the_image_is_for_a_prover_whose_versions_are_known() -> None:
    (prover,) = re.findall(r"(?m)^ARG PROVER=(\S+)$", DOCKERFILE)
    compose = (ROOT / "deploy" / "docker-compose.mathlib.yml").read_text("utf-8")
    assert f"${{PROVER:-{prover}}}" in compose
    assert pin_named(prover).mathlib


def test_a_change_of_the_program_does_not_download_mathlib_again() -> None:
    """Docker repeats a step when what was copied before it has changed: only the pins may stand before."""
    image = DOCKERFILE.rpartition("\nFROM ")[2]
    copied = re.findall(r"(?m)^COPY (.*)$", image[: image.index("lake update")])
    assert copied == ["--from=pins /project /project"]


def last_step(tmp_path: Path) -> str:
    """The command of the last `RUN`, with the cache in another place."""
    step = DOCKERFILE.rpartition("\nRUN ")[2].partition("\n\n")[0].replace("\\\n", "")
    return step.replace("/opt/proofmill", str(tmp_path))


@pytest.mark.parametrize(
    ("checks", "status"),
    [
        ({"worker compiles": True, "sandbox: files": True}, 0),
        ({"worker compiles": True, "bubblewrap": False, "sandbox: files": False}, 0),
        ({"worker compiles": False, "bubblewrap": False}, 1),
        ({"sorry is refused": False}, 1),
        (None, 1),
    ],
    ids=["all hold", "sandbox fails", "worker and sandbox fail", "a cheat is accepted", "no answer"],
)
def test_a_build_fails_for_any_check_but_those_of_the_sandbox(
    checks: dict[str, bool] | None, status: int, tmp_path: Path
) -> None:
    found = [{"name": name, "ok": ok, "figure": None, "says": "why"} for name, ok in (checks or {}).items()]
    answer = tmp_path / "answer"
    answer.write_text(json.dumps({"checks": found}) if checks is not None else "")
    doctor = tmp_path / "proofmill"
    works = checks is not None and all(checks.values())
    doctor.write_text(f"#!/bin/sh\ncat {shlex.quote(str(answer))}\nexit {0 if works else 1}\n")
    doctor.chmod(0o755)
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", last_step(tmp_path)],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == status, ran.stderr
    for name, ok in (checks or {}).items():
        assert (f"FAILED {name}: why" in ran.stderr) != ok
    if checks is not None and not works:
        assert "THE SANDBOX IS NOT EXAMINED" in ran.stderr
