"""Proposals: theorems made from one that stays unsolved, with their lineage, and what makes them."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from prover.syntax.normalise import normalise
from prover.syntax.signature import Signature
from prover.theorem import Theorem

__all__ = ["How", "Proposal", "Proposer", "Unsolved", "make_proposal"]


class How(StrEnum):
    """How a theorem came out of another."""

    DROP_HYPOTHESIS = "drop_hypothesis"
    SPECIALISE = "specialise"
    GENERALISE = "generalise"
    SUBGOAL = "subgoal"
    CONJECTURE = "conjecture"


_SUFFIX = re.compile(rf"\.(?:{'|'.join(How)})_[0-9a-f]{{8}}$")
"""What `make_proposal` puts behind a name."""


class Proposal(BaseModel):
    """A theorem with its lineage.  Its split is its parent's: what is held out grows what is held out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theorem: Theorem
    parent: str
    """The name of the theorem it came out of."""
    how: How
    detail: str = ""
    """What was done, for people: `n = 2`, `without h`."""


@dataclass(frozen=True, slots=True)
class Unsolved:
    """A theorem that stays unsolved, and proofs of it that were refuted, the newest last."""

    theorem: Theorem
    failed: tuple[str, ...] = ()


class Proposer(Protocol):
    """Makes proposals from unsolved theorems, without Lean, and none from what it cannot read."""

    def propose(self, unsolved: Sequence[Unsolved]) -> list[Proposal]: ...


def make_proposal(parent: Theorem, signature: Signature, how: How, detail: str = "") -> Proposal:
    """Propose what a signature says, named after the first of its line and a digest of the statement."""
    root = _SUFFIX.sub("", parent.name)
    digest = hashlib.sha256(normalise(signature.text).encode()).hexdigest()[:8]
    name = f"{root}.{how}_{digest}"
    statement = replace(signature, prefix="", name=name).text
    theorem = parent.model_copy(update={"name": name, "statement": statement, "source": "growth"})
    return Proposal(theorem=theorem, parent=parent.name, how=how, detail=detail)
