"""Growing a store: from the theorems that stay unsolved, through proposals and Lean, to new theorems.

From one theorem more may grow once it has twice as many attempts, and not before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from prover.conjectures.base import How, Proposal, Proposer, Unsolved
from prover.conjectures.check import CheckedProposal, Fate, check_proposals
from prover.conjectures.conjecturer import AttemptedConjecture, training_pairs
from prover.library.records import AddOutcome
from prover.library.store import TheoremStore
from prover.syntax.normalise import normalise
from verifier.judging.pool import LeanPool
from verifier.verdict import Kind

__all__ = ["Growth", "conjecturer_pairs", "grow"]

FAILED_PROOFS = 8
"""How many refuted proofs of a theorem are looked at for subgoals."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What came of one look at a store."""

    unsolved: int
    """How many theorems there were to grow from."""
    results: tuple[CheckedProposal, ...]
    """What became of every proposal."""
    added: tuple[str, ...]
    """The names of the theorems that the store has gained."""


async def grow(
    store: TheoremStore, pool: LeanPool, proposers: Sequence[Proposer], *, attempts: int, limit: int
) -> Growth:
    """Grow from at most `limit` theorems that at least so many attempts did not prove.

    Raises:
        ProofmillError: the store cannot be written; then it has gained nothing.
        PoolClosed
    """
    attempts_at = dict(store.unsolved(attempts, limit))
    unsolved = [
        Unsolved(theorem, tuple(store.refuted_proofs(index, FAILED_PROOFS)))
        for index, theorem in zip(attempts_at, store.theorems(list(attempts_at)), strict=True)
    ]
    index_of = {seed.theorem.name: index for seed, index in zip(unsolved, attempts_at, strict=True)}
    proposals = [proposal for proposer in proposers for proposal in proposer.propose(unsolved)]
    theorems = [proposal.theorem for proposal in proposals]
    known = {normalise(theorem.statement) for theorem in theorems if store.has_statement(theorem)}
    results = await check_proposals(proposals, pool, known)
    names = []
    with store.batch():
        for proposal in (result.proposal for result in results if result.fate is Fate.KEPT):
            how = f"{proposal.how.replace('_', ' ')}: {proposal.detail}".removesuffix(": ")
            added = store.add_child(proposal.theorem, index_of[proposal.parent], how)
            if added.outcome is AddOutcome.ADDED:
                names.append(added.name)
        for index, count in attempts_at.items():
            store.note_grown(index, count)
    return Growth(len(unsolved), tuple(results), tuple(names))


def conjecturer_pairs(store: TheoremStore) -> list[tuple[str, str]]:
    """Prompts and completions from which a conjecturer learns: its conjectures that provers find hard."""
    seeds, attempted = {}, []
    for child, parent in store.made_by(How.CONJECTURE):
        seed = store.theorem(parent)
        seeds[seed.name] = seed
        conjecture = Proposal(theorem=store.theorem(child), parent=seed.name, how=How.CONJECTURE)
        kinds = [attempt.status.kind for attempt in store.attempts(child) if not attempt.disproof]
        proved, refuted = kinds.count(Kind.PROVED), kinds.count(Kind.REFUTED)
        shortest = store.best_proof(child) or ""
        attempted.append(AttemptedConjecture(conjecture, proved, refuted, shortest))
    return training_pairs(attempted, seeds)
