"""Two evaluations of the same theorems beside each other, theorem by theorem; pure.

A theorem is solved when an attempt of it was proved, and not when all were refuted.  Where neither is so, the
machine has not decided it, and it is in no test.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from prover.evaluation.files import EvalRecord
from prover.evaluation.statistics import Estimate, mcnemar_p, paired_difference
from prover.evaluation.summary import EvalSummary
from verifier.errors import InvalidInput
from verifier.verdict import Kind

__all__ = ["EvalComparison", "Paired", "compare_evaluations", "paired_pass_at_k"]


class Paired(BaseModel):
    """A difference of rates, theorem by theorem."""

    difference: float
    """Of B over A."""
    ci: tuple[float, float]
    """95%, by bootstrap over theorems."""
    n: int
    left_out: int
    """Theorems with too few known verdicts on either side."""


class EvalComparison(BaseModel):
    """What B has over A."""

    n: int
    """Theorems in both."""
    solved_a: int
    solved_b: int
    lean_calls_a: int
    lean_calls_b: int
    """Spent on all theorems of each."""
    only_a: list[str]
    """Solved by A, and not by B."""
    only_b: list[str]
    undecided: int
    """Theorems that the machine has not decided on either side."""
    mcnemar_p: float
    """Exact and two-sided, on solved or not."""
    pass_at_k: dict[str, Paired]
    """B over A at 1 and at the smaller number of samples; empty for attempts in an order."""
    in_one_only: list[str]
    """Theorems of one evaluation that the other has left out; they are in nothing above."""
    other: dict[str, tuple[str, str]]
    """What else is not the same: what it is, of A and of B."""


def compare_evaluations(a: EvalRecord, b: EvalRecord) -> EvalComparison:
    """Raises InvalidInput when they are of different statements, or have none in common."""
    shared = [name for name in a.problems if name in b.problems]
    changed = [
        name
        for name in shared
        if (a.problems[name].theorem.statement, a.problems[name].theorem.header)
        != (b.problems[name].theorem.statement, b.problems[name].theorem.header)
    ]
    if changed:
        raise InvalidInput(
            f"{len(changed)} theorems have another statement or header in {b.directory}, the first is "
            f"`{changed[0]}`: only evaluations of the same set can be compared"
        )
    kinds_a, kinds_b = a.kinds, b.kinds
    names = [name for name in shared if name in kinds_a and name in kinds_b]
    if not names:
        raise InvalidInput(f"{a.directory} and {b.directory} have no theorem in common that both attempted")
    of_a, of_b = [_solved(kinds_a[name]) for name in names], [_solved(kinds_b[name]) for name in names]
    results = list(zip(names, of_a, of_b, strict=True))
    return EvalComparison(
        n=len(names),
        solved_a=of_a.count(True),
        solved_b=of_b.count(True),
        lean_calls_a=a.summary.lean_calls,
        lean_calls_b=b.summary.lean_calls,
        only_a=[name for name, solved_a, solved_b in results if solved_a and solved_b is False],
        only_b=[name for name, solved_a, solved_b in results if solved_b and solved_a is False],
        undecided=sum(solved_a is None or solved_b is None for _, solved_a, solved_b in results),
        mcnemar_p=mcnemar_p(of_a, of_b),
        pass_at_k=_paired(a, b),
        in_one_only=sorted(kinds_a.keys() ^ kinds_b.keys()),
        other=_other(a.summary, b.summary),
    )


def paired_pass_at_k(a: EvalRecord, b: EvalRecord, k: int) -> Estimate | None:
    """Pass@k of B minus that of A over the theorems in both; None where none is known on both sides."""
    counts_a, counts_b = a.counts(k), b.counts(k)
    names = [name for name in counts_a if name in counts_b]
    if not any(min(counts_a[name][0], counts_b[name][0]) >= k for name in names):
        return None
    return paired_difference([counts_b[name] for name in names], [counts_a[name] for name in names], k=k)


def _solved(kinds: Sequence[Kind]) -> bool | None:
    if Kind.PROVED in kinds:
        return True
    return None if Kind.UNKNOWN in kinds else False


def _paired(a: EvalRecord, b: EvalRecord) -> dict[str, Paired]:
    if a.summary.in_order or b.summary.in_order:
        return {}
    found = {k: paired_pass_at_k(a, b, k) for k in sorted({1, min(a.summary.samples, b.summary.samples)})}
    return {
        str(k): Paired(difference=mean.value, ci=mean.ci, n=mean.n, left_out=mean.left_out)
        for k, mean in found.items()
        if mean is not None
    }


def _other(a: EvalSummary, b: EvalSummary) -> dict[str, tuple[str, str]]:
    of_a = {"samples": str(a.samples), **a.fingerprint}
    of_b = {"samples": str(b.samples), **b.fingerprint}
    return {
        what: (of_a.get(what, ""), of_b.get(what, ""))
        for what in sorted(of_a.keys() | of_b.keys())
        if of_a.get(what) != of_b.get(what)
    }
