"""What proposes tactics: a fixed list, with the names of a goal's hypotheses put in."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from prover.search.blocks import MINIF2F_BLOCKS, as_tactic
from verifier.tactic_state import Goal, Hypothesis

__all__ = ["CLOSING", "FixedTactics", "Proposal", "Proposals", "TacticPolicy"]

DAGGER = "✝"

CLOSING: tuple[str, ...] = (
    "omega",
    "grind",
    "simp_all",
    "rfl",
    "decide",
    "assumption",
    "contradiction",
    "simp_all +arith",
    "decide +kernel",
)
"""Tactics that name nothing, and close a goal more often than they change it."""

BLOCKS: tuple[str, ...] = tuple(map(as_tactic, MINIF2F_BLOCKS))
"""What takes longer, and closes what those do not."""

CHANGING: tuple[str, ...] = (
    "intro x",
    "constructor",
    "funext x",
    "ext x",
    "split",
    "subst_vars",
    "simp",
    "apply And.intro",
    "left",
    "right",
    "exfalso",
    "refine ⟨_, ?_⟩",
    "simp [Nat.pow_succ, Nat.mul_add, Nat.add_mul] at *",
    "simp [Int.pow_succ, Int.mul_emod, Int.add_emod, Int.sub_emod] at *",
    "by_cases h : _ = _",
)
"""Tactics that name nothing and leave something to do."""

INDUCTIVE = ("Nat", "List", "Tree", "Option", "Int")
"""Types whose variables induction and cases are tried on."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A tactic, and how likely it is."""

    tactic: str
    logprob: float
    """In nats."""


@dataclass(frozen=True, slots=True)
class Proposals:
    """Tactics for a goal, all different."""

    tactics: tuple[Proposal, ...]
    is_all: bool
    """Whether there is nothing beyond these and those before them."""
    tokens: int = 0
    """What writing them took, with all that was written in vain."""


class TacticPolicy(Protocol):
    """Proposes tactics; asked for the same ones of the same goal, it says the same.

    A policy that samples may write a tactic again, which is not tried again, and never knows its end.
    """

    @property
    def fingerprint(self) -> dict[str, str]:
        """What it is."""
        ...

    async def propose(self, goal: Goal, count: int, *, after: int = 0) -> Proposals:
        """At most `count` tactics for a goal beyond the first `after`."""
        ...


class FixedTactics:
    """A fixed list, in the order of which a tactic is taken to be likely: 1/rank, normed.  No model."""

    @property
    def fingerprint(self) -> dict[str, str]:
        templates = "\n".join((*CLOSING, *BLOCKS, *CHANGING, *INDUCTIVE))
        return {"generator": "portfolio", "tactics_sha256": hashlib.sha256(templates.encode()).hexdigest()}

    async def propose(self, goal: Goal, count: int, *, after: int = 0) -> Proposals:
        """As `TacticPolicy.propose`."""
        tactics = list(dict.fromkeys((*CLOSING, *BLOCKS, *_naming(goal.hypotheses), *CHANGING)))
        norm = math.log(sum(1 / rank for rank in range(1, len(tactics) + 1)))
        ranked = [Proposal(tactic, -math.log(rank) - norm) for rank, tactic in enumerate(tactics, start=1)]
        end = after + count
        return Proposals(tuple(ranked[after:end]), is_all=end >= len(ranked))


def _naming(hypotheses: Sequence[Hypothesis]) -> Iterator[str]:
    """Tactics with the names of hypotheses that can be written."""
    for hypothesis in reversed(hypotheses):
        for name in hypothesis.names:
            if DAGGER in name:
                continue
            head = hypothesis.type.split(maxsplit=1)[0] if hypothesis.type else ""
            if head in INDUCTIVE:
                yield f"induction {name} <;> simp_all"
                yield f"induction {name}"
                yield f"cases {name}"
            elif any(sign in hypothesis.type for sign in ("∧", "∨", "∃", "↔")):
                yield f"cases {name}"
            elif hypothesis.type.startswith("∀") or "→" in hypothesis.type:
                yield f"apply {name}"
            elif "=" in hypothesis.type:
                yield f"rw [{name}]"
                yield f"subst {name}"
