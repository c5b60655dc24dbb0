"""Growing a store: from the theorems that stay unsolved, through proposals and Lean, to theorems to try.

From one theorem more may grow when it was tried twice as often, and not before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from prover.conjectures.conjecturer import Tried, training_pairs
from prover.conjectures.variations import Checked, How, Proposal, Proposer, Unsolved, checked
from prover.library.records import Adding
from prover.library.store import TheoremStore
from prover.syntax.normalise import normalise
from verifier.judging.pool import LeanPool
from verifier.verdict import Kind

__all__ = ["Growth", "conjecturer_pairs", "grow"]

REFUTED = 8
"""Refuted proofs of a theorem that are looked at for subgoals."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What came of one look at a store."""

    unsolved: int
    """Theorems from which something was to grow."""
    results: tuple[Checked, ...]
    """What became of each proposal."""
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
    tried = dict(store.unsolved(attempts, limit))
    unsolved = [
        Unsolved(theorem, tuple(store.refuted_proofs(index, REFUTED)))
        for index, theorem in zip(tried, store.theorems(list(tried)), strict=True)
    ]
    index_of = {each.theorem.name: index for each, index in zip(unsolved, tried, strict=True)}
    proposals = [each for proposer in proposers for each in proposer.propose(unsolved)]
    known = {normalise(each.theorem.statement) for each in proposals if store.has_statement(each.theorem)}
    report = await checked(proposals, pool, known)
    added = []
    with store.batch():
        for each in report.kept:
            how = f"{each.how.replace('_', ' ')}: {each.detail}".removesuffix(": ")
            child = store.add_child(each.theorem, index_of[each.parent], how)
            if child.how is Adding.ADDED:
                added.append(child.name)
        for index, count in tried.items():
            store.note_grown(index, count)
    return Growth(len(unsolved), report.results, tuple(added))


def conjecturer_pairs(store: TheoremStore) -> list[tuple[str, str]]:
    """Prompts and completions from which a conjecturer learns: its conjectures that provers find hard."""
    seeds, tried = {}, []
    for child, parent in store.made_by(How.CONJECTURE):
        seed = store.theorem(parent)
        seeds[seed.name] = seed
        conjecture = Proposal(theorem=store.theorem(child), parent=seed.name, how=How.CONJECTURE)
        kinds = [each.status.kind for each in store.attempts(child) if not each.disproof]
        shortest = store.best_proof(child) or ""
        tried.append(Tried(conjecture, kinds.count(Kind.PROVED), kinds.count(Kind.REFUTED), shortest))
    return training_pairs(tried, seeds)
