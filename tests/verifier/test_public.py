"""What `import verifier` gives, and what it costs."""

import subprocess
import sys

import verifier

HEAVY = ("fastapi", "prometheus_client", "redis", "structlog", "torch", "transformers", "typer", "uvicorn")
"""Packages that judging a proof in this process, or asking a server, does not need."""


def test_every_public_name_is_there_and_is_documented() -> None:
    for name in verifier.__all__:
        assert name == "__version__" or getattr(verifier, name).__doc__, name


def test_importing_the_package_does_not_import_what_serves_or_trains() -> None:
    loaded = f"import sys, verifier; print(*({set(HEAVY)!r} & set(sys.modules)))"
    ran = subprocess.run((sys.executable, "-c", loaded), capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
