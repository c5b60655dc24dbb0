"""The version of Proofmill that is installed, all three packages of it."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("proofmill")
