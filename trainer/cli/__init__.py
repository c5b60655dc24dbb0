"""The commands of `proofmill`."""

from trainer.cli.app import main

__all__ = ["main"]
