"""Lean decides which proposals are kept: those that elaborate, are new, and are neither trivial nor false."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from prover.conjectures.base import Proposal
from prover.conjectures.negation import DisproofOutcome, disprove, verify_briefly
from prover.syntax.normalise import normalise
from verifier.errors import NoAnswer
from verifier.judging.pool import LeanPool
from verifier.verdict import Kind

__all__ = ["TRIVIAL", "CheckedProposal", "Fate", "check_proposals"]

TRIVIAL = "by first | rfl | trivial | assumption | omega | (simp; done) | decide"
"""A proof by one tactic, without a choice: a theorem that it proves teaches nothing."""

# Lean would take a name that the text brings from nowhere for a variable, and state something else.
_NO_AUTO_IMPLICIT = "set_option autoImplicit false in"


class Fate(StrEnum):
    """What became of a proposal."""

    KEPT = "kept"
    DUPLICATE = "duplicate"
    DOES_NOT_ELABORATE = "does_not_elaborate"
    TRIVIAL = "trivial"
    FALSE = "false"
    UNKNOWN = "unknown"
    """The machine could not tell: it may be proposed again."""


@dataclass(frozen=True, slots=True)
class CheckedProposal:
    """A proposal with what became of it, and why."""

    proposal: Proposal
    fate: Fate
    reason: str
    lean_calls: int = 0


async def check_proposals(
    proposals: Sequence[Proposal], pool: LeanPool, known: Collection[str] = ()
) -> list[CheckedProposal]:
    """Ask Lean about every proposal; the results come in their order.

    Args:
        known: normalised statements that nothing may repeat.

    Raises:
        PoolClosed
    """
    seen = set(known)
    checks = []
    for proposal in proposals:
        normalised = normalise(proposal.theorem.statement)
        checks.append(_check(proposal, pool, is_known=normalised in seen))
        seen.add(normalised)
    return await asyncio.gather(*checks)


async def _check(proposal: Proposal, pool: LeanPool, *, is_known: bool) -> CheckedProposal:
    """Ask whether it is known, elaborates, is trivial, is false: the first objection decides."""
    theorem = proposal.theorem
    if is_known:
        return CheckedProposal(proposal, Fate.DUPLICATE, "the same statement is known already")
    try:
        reply = await pool.statement(f"{_NO_AUTO_IMPLICIT} {theorem.statement}", theorem.header)
    except NoAnswer as error:
        return CheckedProposal(proposal, Fate.UNKNOWN, str(error), 1)
    failure = reply.error or reply.statement_error
    if failure is not None:
        return CheckedProposal(proposal, Fate.DOES_NOT_ELABORATE, failure, 1)
    verdict = await verify_briefly(theorem, TRIVIAL, pool)
    if verdict.kind is Kind.PROVED:
        return CheckedProposal(proposal, Fate.TRIVIAL, "one tactic proves it", 2)
    if verdict.kind is Kind.UNKNOWN:
        return CheckedProposal(proposal, Fate.UNKNOWN, verdict.reason, 2)
    disproof = await disprove(theorem, pool)
    fates = {DisproofOutcome.DISPROVED: Fate.FALSE, DisproofOutcome.UNKNOWN: Fate.UNKNOWN}
    fate = fates.get(disproof.outcome, Fate.KEPT)
    reason = "nothing proved or disproved it" if fate is Fate.KEPT else disproof.reason
    return CheckedProposal(proposal, fate, reason, 2 + disproof.lean_calls)
