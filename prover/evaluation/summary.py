"""What an evaluation came to: rates with intervals from the verdicts of its attempts; pure.

Every theorem gets the same number N of attempts.  One with an unknown verdict was not decided by the proof:
rates are over known verdicts, and beside each rate stand the rates for the case that all unknown ones had
been refuted, and that all had been proved.

Attempts that are drawn alike and without regard to each other have the unbiased pass@k of their N draws.  A
fixed list, or one in the order of a ranker, has no such draws: there, k are the first k.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from prover.evaluation.benchmark import labels_of
from prover.evaluation.statistics import Counts, Estimate, mean_pass_at_k, pass_at_k, wilson_interval
from prover.formats.base import Problem
from verifier.verdict import Certificate, Kind, Message, Status

__all__ = [
    "EvalSummary",
    "Evaluated",
    "Group",
    "Outcomes",
    "PassRates",
    "counts_at",
    "outcomes",
    "pass_rates",
    "summary_of",
]

Interval = tuple[float, float]
Outcomes = Sequence[Kind]
"""Of one theorem: what became of its attempts, in their order."""

ALL_UP_TO = 64
"""Every k up to this one is reported, then powers of two, and N."""


class Evaluated(BaseModel):
    """One answer to a theorem, with its verdict: a row of `attempts.jsonl`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """Of the theorem."""
    sample: int
    """Of the attempt, 0 .. N − 1."""
    round: int = 0
    """0 for the first answer of an attempt, n for the one that followed n complaints of Lean."""
    answer: str
    """All that was written."""
    proof: str | None = None
    code: str | None = None
    """What was judged: a proof, or a file.  Neither, where there was none to judge."""
    status: Status
    reason: str = ""
    errors: tuple[Message, ...] = ()
    """Of Lean."""
    lean_calls: int = 0
    lean_ms: float = 0.0
    """For the verdict alone."""
    heartbeats: int = 0
    """Of all elaboration, in thousands of small allocations as Lean's `maxHeartbeats`."""
    tokens: int = 0
    """That the model wrote."""
    nats: float = 0.0
    """-log of the probability with which it wrote them, at the sampling temperature."""
    sampling_ms: float = 0.0
    certificate: Certificate | None = None

    @property
    def kind(self) -> Kind:
        return self.status.kind


class PassRates(BaseModel):
    """Pass@k for the same theorems, with k as text."""

    n: int
    """Theorems."""
    solved: int
    """Of which an attempt was proved."""
    solved_ci: Interval
    """Of their share (Wilson)."""
    pass_at_k: dict[str, float]
    """Mean over the theorems that have one: those with at least k known verdicts, or, where attempts are in
    an order, with known verdicts up to the first proof or the k-th."""
    ci: dict[str, Interval]
    """95%: by bootstrap over theorems, or Wilson's where each theorem counts 0 or 1."""
    left_out: dict[str, int]
    """Theorems without a pass@k; no entry where there is none."""
    if_unknown_refuted: dict[str, float]
    if_unknown_proved: dict[str, float]


class Group(BaseModel):
    """Theorems of one split, source or topic."""

    n: int
    solved: int
    pass_at_1: float | None
    unknown: int


class EvalSummary(PassRates):
    """`summary.json`."""

    samples: int
    """N."""
    in_order: bool
    """Whether the k of pass@k are the first k, not any k."""
    attempts: int
    unknown: int
    """Attempts without a known verdict."""
    unanswered: int
    """Answers in which nothing was to be judged; they count as refuted."""
    answers: int
    """More than attempts, where Lean's complaints were answered."""
    not_elaborating: dict[str, str]
    """Theorems that Lean cannot read here, and why; they are in no rate."""
    no_answer: dict[str, str]
    """Theorems of which Lean could not say whether it can read them, and why; they are in no rate."""
    faulty: dict[str, str]
    """Theorems that say something else than they should; they are in all rates but those of `sound`."""
    answer_given: list[str]
    """Theorems that ask for an object, and were given the published one."""
    sound: PassRates | None
    """Without the faulty ones, where there are any."""
    groups: dict[str, dict[str, Group]]
    """By split, source and topic."""
    lean_calls: int
    lean_seconds: float
    heartbeats: int = 0
    """Of all elaboration; 0 in evaluations of before."""
    tokens: int
    sampling_seconds: float
    wall_seconds: float
    per_solved: dict[str, float] | None
    """Lean calls, Lean seconds, heartbeats, tokens and wall-clock seconds, over the theorems solved."""
    fingerprint: dict[str, str]
    """What was run: hashes and versions by what they are of."""

    def at(self, k: int) -> Estimate:
        """Pass@k with its interval, which is all from 0 to 1 where no theorem has one.

        Of a list that ends before its k-th proof it is the rate of the whole list.
        """
        key = str(min(k, self.samples) if self.in_order else k)
        if key not in self.pass_at_k:
            return Estimate(0.0, (0.0, 1.0), n=0, left_out=self.n)
        left_out = self.left_out.get(key, 0)
        return Estimate(self.pass_at_k[key], self.ci[key], self.n - left_out, left_out)


def outcomes(rows: Iterable[Evaluated], samples: int) -> dict[str, list[Kind]]:
    """The kinds of each theorem's attempts, by its name: that of the last answer of each.

    An attempt that is missing, as in an evaluation that was stopped, is unknown.
    """
    last: dict[tuple[str, int], Evaluated] = {}
    for row in rows:
        known = last.get((row.name, row.sample))
        if known is None or known.round <= row.round:
            last[row.name, row.sample] = row
    kinds: defaultdict[str, list[Kind]] = defaultdict(lambda: [Kind.UNKNOWN] * samples)
    for (name, sample), row in last.items():
        kinds[name][sample] = row.kind
    return dict(kinds)


def counts_at(kinds: Outcomes, k: int, *, in_order: bool) -> Counts:
    """What pass@k of one theorem is estimated from: attempts with a known verdict, and proofs among them.

    In an order the first k decide: they count as k proofs if they hold one, and as no proof if all of them
    were refuted; otherwise nothing is known.
    """
    if not in_order:
        return len(kinds) - kinds.count(Kind.UNKNOWN), kinds.count(Kind.PROVED)
    first = kinds[:k]
    if Kind.PROVED in first:
        return k, k
    return (0, 0) if Kind.UNKNOWN in first else (k, 0)


def pass_rates(theorems: Sequence[Outcomes], samples: int, *, in_order: bool = False) -> PassRates:
    """Of theorems with `samples` attempts each."""
    solved = sum(Kind.PROVED in kinds for kinds in theorems)
    rates: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    left_out: dict[str, int] = {}
    worst: dict[str, float] = {}
    best: dict[str, float] = {}
    for k in _ks(samples) if theorems else ():
        key = str(k)
        counts = [counts_at(kinds, k, in_order=in_order) for kinds in theorems]
        if missing := sum(n < k for n, _ in counts):
            left_out[key] = missing
        if missing < len(counts):
            mean = mean_pass_at_k(counts, k)
            rates[key], intervals[key] = mean.value, mean.ci
        worst[key] = _with_unknown_as(Kind.REFUTED, theorems, k, in_order)
        best[key] = _with_unknown_as(Kind.PROVED, theorems, k, in_order)
    return PassRates(
        n=len(theorems),
        solved=solved,
        solved_ci=wilson_interval(solved, len(theorems)),
        pass_at_k=rates,
        ci=intervals,
        left_out=left_out,
        if_unknown_refuted=worst,
        if_unknown_proved=best,
    )


def summary_of(
    problems: Sequence[Problem],
    rows: Sequence[Evaluated],
    *,
    samples: int,
    in_order: bool,
    not_elaborating: Mapping[str, str],
    no_answer: Mapping[str, str],
    wall_seconds: float,
    fingerprint: Mapping[str, str],
) -> EvalSummary:
    """The summary of an evaluation of these theorems; rows of others are left aside."""
    labels = {problem.theorem.name: labels_of(problem.theorem) for problem in problems}
    faulty = {problem.theorem.name: problem.faulty for problem in problems if problem.faulty is not None}
    own = [row for row in rows if row.name in labels]
    found = outcomes(own, samples)
    kinds = {name: found.get(name, [Kind.UNKNOWN] * samples) for name in labels}
    of_all = pass_rates(list(kinds.values()), samples, in_order=in_order)
    sound = [kinds[name] for name in kinds if name not in faulty]
    calls = sum(row.lean_calls for row in own)
    lean_s = sum(row.lean_ms for row in own) / 1e3
    tokens = sum(row.tokens for row in own)
    heartbeats = sum(row.heartbeats for row in own)
    spent = {
        "lean_calls": calls,
        "lean_seconds": lean_s,
        "heartbeats": heartbeats,
        "tokens": tokens,
        "wall_seconds": wall_seconds,
    }
    return EvalSummary(
        **of_all.model_dump(),
        samples=samples,
        in_order=in_order,
        attempts=len(kinds) * samples,
        unknown=sum(of_theorem.count(Kind.UNKNOWN) for of_theorem in kinds.values()),
        unanswered=sum(row.proof is None and row.code is None for row in own),
        answers=len(own),
        not_elaborating=dict(not_elaborating),
        no_answer=dict(no_answer),
        faulty=faulty,
        answer_given=sorted(problem.theorem.name for problem in problems if problem.answer_given),
        sound=pass_rates(sound, samples, in_order=in_order) if len(sound) < len(kinds) else None,
        groups=_groups(labels, kinds, in_order),
        lean_calls=calls,
        lean_seconds=lean_s,
        heartbeats=heartbeats,
        tokens=tokens,
        sampling_seconds=sum(row.sampling_ms for row in own) / 1e3,
        wall_seconds=wall_seconds,
        per_solved={what: total / of_all.solved for what, total in spent.items()} if of_all.solved else None,
        fingerprint=dict(fingerprint),
    )


def _ks(samples: int) -> list[int]:
    powers = (1 << place for place in range(samples.bit_length()))
    return sorted({*range(1, min(samples, ALL_UP_TO) + 1), *powers, samples})


def _with_unknown_as(kind: Kind, theorems: Sequence[Outcomes], k: int, in_order: bool) -> float:
    decided = ([kind if known is Kind.UNKNOWN else known for known in kinds] for kinds in theorems)
    return fmean(pass_at_k(*counts_at(kinds, k, in_order=in_order), k) for kinds in decided)


def _groups(
    labels: Mapping[str, Mapping[str, str]], kinds: Mapping[str, Outcomes], in_order: bool
) -> dict[str, dict[str, Group]]:
    members: defaultdict[str, defaultdict[str, list[Outcomes]]] = defaultdict(lambda: defaultdict(list))
    for name, of_theorem in labels.items():
        for what, label in of_theorem.items():
            members[what][label].append(kinds[name])
    return {
        what: {label: _group(of_label, in_order) for label, of_label in sorted(groups.items())}
        for what, groups in members.items()
    }


def _group(members: Sequence[Outcomes], in_order: bool) -> Group:
    counts = [counts_at(kinds, 1, in_order=in_order) for kinds in members]
    rates = [pass_at_k(n, c, 1) for n, c in counts if n]
    return Group(
        n=len(members),
        solved=sum(Kind.PROVED in kinds for kinds in members),
        pass_at_1=fmean(rates) if rates else None,
        unknown=sum(kinds.count(Kind.UNKNOWN) for kinds in members),
    )
