"""What tests of several rooms of the prover share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from prover.library.store import TheoremStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TheoremStore]:
    """A new store, which is empty."""
    with TheoremStore(tmp_path / "theorems.db", create=True) as store:
        yield store
