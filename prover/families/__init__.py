"""Families of theorems that core Lean can state and prove, and data sets drawn from them."""

from prover.families.base import DIFFICULTIES, Family, Instance, Role
from prover.families.header import FUNCTIONS, HEADER
from prover.families.sampling import Dataset, build_dataset, generate, supervised_pairs
from prover.families.table import FAMILIES

__all__ = [
    "DIFFICULTIES",
    "FAMILIES",
    "FUNCTIONS",
    "HEADER",
    "Dataset",
    "Family",
    "Instance",
    "Role",
    "build_dataset",
    "generate",
    "supervised_pairs",
]
