"""Where the repository is, and the data beside it that is not part of it."""

from pathlib import Path

__all__ = ["ROOT", "SHARED_DATA"]

ROOT = Path(__file__).parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
"""miniF2F, ProofNet and public reports; tests that read it skip where it is absent."""
