"""The worker as the one file that `lean --run` wants, put together from its parts."""

from pathlib import Path

__all__ = ["PARTS", "worker_source"]

PARTS = ("Basic", "Elaborate", "Statement", "Export", "Replay", "Worker")
"""Files of this directory, each of which may use those before it; the first has the imports."""


def worker_source() -> bytes:
    """The text of the worker, the same for every Lean."""
    directory = Path(__file__).parent
    return b"\n".join((directory / f"{part}.lean").read_bytes() for part in PARTS)
