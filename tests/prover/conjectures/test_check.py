"""Checking proposals: only those are kept that Lean has nothing against, and the others have a reason."""

from prover.conjectures.check import Fate, check_proposals
from prover.conjectures.subgoals import extract_subgoals
from prover.conjectures.variations import drop_hypotheses, generalise
from prover.families import HEADER
from prover.syntax.normalise import normalise
from prover.theorem import Theorem
from verifier.judging.pool import LeanPool


def theorem(said: str) -> Theorem:
    """A theorem by what follows its name."""
    return Theorem(name="t", statement=f"theorem t {said}", header=HEADER, source="test", split="train")


async def test_only_what_lean_has_nothing_against_is_kept(pool: LeanPool) -> None:
    parent = theorem("(n m : Nat) (h : n = m) : size (copies 7 n) = m")
    proof = """by
  have easy : n + 0 = m := by simp [h]
  have unseen : n = nowhere := rfl
  have known : size (copies 7 m) = m := by simp
"""
    proposals = [*extract_subgoals(parent, proof), *drop_hypotheses(parent), *generalise(parent)]
    known = normalise(next(each for each in proposals if each.detail == "have known").theorem.statement)
    results = await check_proposals([*proposals, proposals[0]], pool, {known})
    fates = [(result.proposal.detail, result.fate) for result in results]
    assert fates == [
        ("have easy", Fate.TRIVIAL),
        ("have unseen", Fate.DOES_NOT_ELABORATE),
        ("have known", Fate.DUPLICATE),
        ("without h : n = m", Fate.FALSE),
        ("k for 7", Fate.KEPT),
        ("have easy", Fate.DUPLICATE),
    ]
    assert [result.lean_calls for result in results] == [2, 1, 0, 3, 5, 0]
    assert "nowhere" in results[1].reason
    assert all(result.reason for result in results)
