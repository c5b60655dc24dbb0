"""What `import verifier` gives, and what it costs."""

import subprocess
import sys

import pytest

import verifier


def test_every_public_name_is_there_and_is_documented() -> None:
    for name in verifier.__all__:
        assert getattr(verifier, name).__doc__, name


def test_a_name_that_is_not_there_is_missing() -> None:
    with pytest.raises(AttributeError, match="Varifier"):
        getattr(verifier, "Varifier")  # noqa: B009
    with pytest.raises(ImportError):
        from verifier import Varifier  # type: ignore[attr-defined]  # noqa: F401


@pytest.mark.parametrize(
    ("statement", "unneeded"),
    [
        # In vLLM's own environment some packages are missing.
        ("import verifier.verdict, verifier.errors", ("httpx", "redis", "rich", "tenacity", "typer")),
        (
            "from verifier import LeanPool",
            ("fastapi", "httpx", "redis", "torch", "typer"),
        ),
        ("from verifier import Client", ("fastapi", "prometheus_client", "redis", "torch", "typer")),
    ],
)
def test_an_import_brings_only_what_it_needs(statement: str, unneeded: tuple[str, ...]) -> None:
    program = f"import sys; {statement}; print(*(set({unneeded!r}) & sys.modules.keys()))"
    ran = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
