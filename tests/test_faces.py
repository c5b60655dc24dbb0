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


@pytest.mark.parametrize("package", ["prover", "trainer", "verifier"])
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
    assert set(imported) == set(face.__all__) == set(dir(face))


@pytest.mark.parametrize(
    ("code", "unneeded"),
    [
        ("import prover, trainer, verifier", HEAVY),
        ("from prover import *", HEAVY),
        ("from trainer import Rollout", HEAVY),
        # In vLLM's own environment some packages are missing.
        ("import verifier.verdict, verifier.errors", (*HEAVY, "httpx", "rich", "tenacity")),
        ("from verifier import CertificateStore, LeanPool, resolve_runtime", (*HEAVY, "httpx")),
        ("from verifier import Client", HEAVY),
    ],
)
def test_an_import_brings_only_what_it_needs(code: str, unneeded: tuple[str, ...]) -> None:
    program = f"import sys; {code}; print(*(set({unneeded!r}) & sys.modules.keys()))"
    ran = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
