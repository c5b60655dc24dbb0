"""Two evaluations of the same theorems beside each other, theorem by theorem; pure.

A theorem is solved when an attempt of it was proved, and not when all were refuted.  Where neither is so, the
machine has not decided it, and it is in no test.
"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from prover.evaluation.files import EvalRecord
from prover.evaluation.statistics import Counts, mcnemar_p, paired_difference
from prover.evaluation.summary import Summary, outcomes
from verifier.errors import InvalidInput
from verifier.verdict import Kind

__all__ = ["EvalComparison", "Paired", "compare_evaluations"]


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
    kinds_a, kinds_b = _attempted(a), _attempted(b)
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
        pass_at_k={}
        if a.summary.in_order or b.summary.in_order
        else _paired(names, kinds_a, kinds_b, min(a.summary.samples, b.summary.samples)),
        in_one_only=sorted(kinds_a.keys() ^ kinds_b.keys()),
        other=_other(a.summary, b.summary),
    )


def _attempted(record: EvalRecord) -> dict[str, list[Kind]]:
    summary = record.summary
    unread = summary.not_elaborating.keys() | summary.no_answer.keys()
    found = outcomes(record.attempts, summary.samples)
    never = [Kind.UNKNOWN] * summary.samples
    return {name: found.get(name, never) for name in record.problems if name not in unread}


def _solved(kinds: Sequence[Kind]) -> bool | None:
    if Kind.PROVED in kinds:
        return True
    return None if Kind.UNKNOWN in kinds else False


def _paired(
    names: Sequence[str], a: Mapping[str, Sequence[Kind]], b: Mapping[str, Sequence[Kind]], samples: int
) -> dict[str, Paired]:
    paired = {}
    counts_a, counts_b = [_counts(a[name]) for name in names], [_counts(b[name]) for name in names]
    for k in sorted({1, samples}):
        if any(min(of_a[0], of_b[0]) >= k for of_a, of_b in zip(counts_a, counts_b, strict=True)):
            found = paired_difference(counts_b, counts_a, k=k)
            paired[str(k)] = Paired(difference=found.value, ci=found.ci, n=found.n, left_out=found.left_out)
    return paired


def _counts(kinds: Sequence[Kind]) -> Counts:
    proved = kinds.count(Kind.PROVED)
    return proved + kinds.count(Kind.REFUTED), proved


def _other(a: Summary, b: Summary) -> dict[str, tuple[str, str]]:
    of_a = {"samples": str(a.samples), **a.fingerprint}
    of_b = {"samples": str(b.samples), **b.fingerprint}
    return {
        what: (of_a.get(what, ""), of_b.get(what, ""))
        for what in sorted(of_a.keys() | of_b.keys())
        if of_a.get(what) != of_b.get(what)
    }
