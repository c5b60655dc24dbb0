"""The faces of the packages: what they name is there and documented, and importing them stays cheap."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

HEAVY = (
    *("accelerate", "fastapi", "jinja2", "matplotlib", "peft", "prometheus_client", "pyarrow", "redis"),
    *("structlog", "tokenizers", "torch", "transformers", "typer", "uvicorn"),
)
"""Packages that serve, train, draw or talk to people."""


@pytest.mark.parametrize("package", ["prover", "trainer", "verifier"])
def test_every_public_name_is_there_and_documented(package: str) -> None:
    face = import_module(package)
    assert face.__doc__
    for name in face.__all__:
        assert name == "__version__" or getattr(face, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        face.nothing  # noqa: B018


@pytest.mark.parametrize("package", ["prover", "trainer"])
def test_type_checkers_see_the_same_names_in_the_same_modules(package: str) -> None:
    face = import_module(package)
    tree = ast.parse(Path(face.__file__ or "").read_text("utf-8"))
    imported = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == face._HOMES
    assert sorted(imported) == sorted(face.__all__)


def loaded_by(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded behind some code."""
    shown = f"import sys; {code}; print(*({set(HEAVY)!r} & set(sys.modules)))"
    ran = subprocess.run((sys.executable, "-c", shown), capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import prover, trainer, verifier",
        "from prover import Attempt, Benchmark, Theorem, evaluate",
        "from trainer import Rollout",
    ],
)
def test_importing_what_is_public_does_not_import_what_serves_or_trains(code: str) -> None:
    assert loaded_by(code) == set()


@pytest.mark.parametrize(
    ("code", "unneeded"),
    [
        # In vLLM's own environment some packages are missing.
        ("import verifier.verdict, verifier.errors", {"httpx", "redis", "rich", "tenacity", "typer"}),
        ("from verifier import LeanPool", {"fastapi", "httpx", "redis", "torch", "typer"}),
        ("from verifier import Client", {"fastapi", "prometheus_client", "redis", "torch", "typer"}),
    ],
)
def test_an_import_of_the_verifier_brings_only_what_it_needs(code: str, unneeded: set[str]) -> None:
    shown = f"import sys; {code}; print(*({unneeded!r} & set(sys.modules)))"
    ran = subprocess.run((sys.executable, "-c", shown), capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
