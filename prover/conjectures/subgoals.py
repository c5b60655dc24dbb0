"""Subgoals: what the `have`s of a proof that failed claim, as theorems of their own; pure, no Lean."""

from dataclasses import replace

from prover.conjectures.base import How, Proposal, make_proposal
from prover.syntax.proofs import read_haves
from prover.syntax.signature import parse_signature, split_premises
from prover.theorem import Theorem

__all__ = ["extract_subgoals"]


def extract_subgoals(theorem: Theorem, proof: str) -> list[Proposal]:
    """Propose what the `have`s of a proof claim, under the hypotheses that are in scope there.

    The hypotheses are the theorem's binder groups and what `read_haves` sees of the proof.  A subgoal that
    speaks of anything else does not elaborate.

    Raises:
        InvalidInput: the statement has no signature.
    """
    signature = parse_signature(theorem.statement)
    premises, _ = split_premises(signature.claim)
    proposals = []
    for have in read_haves(proof, premises):
        binders = (*signature.binders, *have.hypotheses, *have.signature.binders)
        goal = replace(signature, binders=binders, claim=have.signature.claim)
        proposals.append(make_proposal(theorem, goal, How.SUBGOAL, f"have {have.signature.name}"))
    return proposals
