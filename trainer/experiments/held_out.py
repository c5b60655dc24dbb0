"""Measuring policies, and the fixed list of tactics they have to beat, on held-out theorems."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from prover.evaluation.baselines import CANDIDATES, greedy_portfolio
from prover.evaluation.statistics import Counts, mean_pass_at_k, wilson_interval
from prover.generators.base import SamplingParams
from prover.theorem import Theorem
from trainer.experiments.measuring import Measuring
from trainer.rollout import Rollout
from trainer.run.directory import Arm, Phase, Portfolio, Rate
from verifier.verdict import Kind

__all__ = [
    "SAMPLES",
    "Measured",
    "MeasuredPortfolio",
    "arm_of",
    "measure",
    "measure_portfolio",
    "rate_by_family",
]


SAMPLES = 8
"""Attempts per theorem, of a policy and of the fixed list of tactics alike."""


@dataclass(frozen=True)
class Measured:
    """What one policy did on some theorems: sampled attempts counted by theorem, and greedy outcomes."""

    counts: Mapping[str, Counts]
    """Known verdicts and proofs among the samples, by theorem name."""
    greedy: Mapping[str, Kind]
    entropy: float
    """Nats per token, at the sampling temperature: the mean of −log π over the tokens sampled."""

    def counts_of(self, theorems: Sequence[Theorem]) -> list[Counts]:
        """The counts in the order of `theorems`."""
        return [self.counts[theorem.name] for theorem in theorems]

    def greedy_rate(self, theorems: Sequence[Theorem]) -> Rate:
        """Share of `theorems` that greedy decoding proves, unknown verdicts left out."""
        known = [kind for each in theorems if (kind := self.greedy[each.name]) is not Kind.UNKNOWN]
        proved = sum(kind is Kind.PROVED for kind in known)
        return _rate(proved, len(known))


def measure(session: Measuring, phase: Phase, theorems: Sequence[Theorem], policy: Path) -> Measured:
    """Sample and decode greedily on every theorem, and have everything judged."""
    sampling = session.config.sampling.model_copy(update={"samples": SAMPLES})
    greedy = SamplingParams(samples=1, greedy=True, max_new_tokens=sampling.max_new_tokens)
    tasks = [session.task(phase, each, policy, how) for how in (sampling, greedy) for each in theorems]
    judged = session.attempt(phase, tasks)
    sampled = judged[: len(theorems) * sampling.samples]
    logprobs = [logprob for each in sampled for logprob in each.attempt.logprobs]
    return Measured(
        counts=_count(sampled),
        greedy={each.attempt.theorem: each.verdict.kind for each in judged[len(sampled) :]},
        entropy=-fmean(logprobs) if logprobs else 0.0,
    )


def arm_of(measured: Measured, theorems: Sequence[Theorem]) -> Arm:
    """Unbiased pass@1 and pass@8 with bootstrap intervals over theorems.

    Unknown verdicts are in neither: pass@8 is over the theorems with eight known ones.
    """
    counts = measured.counts_of(theorems)
    at_1, at_8 = mean_pass_at_k(counts, 1), mean_pass_at_k(counts, 8)
    return Arm(
        n=at_1.n,
        samples=SAMPLES,
        pass_at_1=at_1.value,
        pass_at_1_ci=at_1.ci,
        pass_at_8=at_8.value,
        pass_at_8_ci=at_8.ci,
        unknown=sum(SAMPLES - known for known, _ in counts),
    )


def rate_by_family(measured: Measured, theorems: Sequence[Theorem]) -> dict[str, float]:
    """Share of known verdicts that are proofs, by family."""
    totals: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for theorem in theorems:
        known, proved = measured.counts[theorem.name]
        totals[theorem.family][0] += known
        totals[theorem.family][1] += proved
    return {family: proved / known for family, (known, proved) in totals.items() if known}


@dataclass(frozen=True)
class MeasuredPortfolio:
    """The list and its rates, the rates by family, and for each held-out theorem what eight attempts gave."""

    portfolio: Portfolio
    by_family: dict[str, float]
    counts: list[Counts]


def measure_portfolio(
    session: Measuring, train: Sequence[Theorem], held_out: Sequence[Theorem]
) -> MeasuredPortfolio:
    """Choose the best fixed list of tactics on `train` and measure it on `held_out`.

    A list as long as a theorem has samples, so that both get equal attempts; a tactic
    is tried where those before it failed.  `pass@1` and the rate by family are those of
    the single best tactic, `pass@8` is the whole list's.  A theorem that only an unknown
    verdict keeps from being solved is in no rate.
    """
    trials = [(theorem, tactic) for tactic in CANDIDATES for theorem in train]
    verdicts = session.judge("portfolio", trials)
    solved: dict[str, set[str]] = {tactic: set() for tactic in CANDIDATES}
    for (theorem, tactic), verdict in zip(trials, verdicts, strict=True):
        if verdict.kind is Kind.PROVED:
            solved[tactic].add(theorem.name)
    tactics = greedy_portfolio(solved, SAMPLES)
    solved_by: dict[str, int] = {}
    undecided: set[str] = set()
    first_known = unknown = 0
    for place, tactic in enumerate(tactics):
        unsolved = [theorem for theorem in held_out if theorem.name not in solved_by]
        verdicts = session.judge("portfolio", [(theorem, tactic) for theorem in unsolved])
        for theorem, verdict in zip(unsolved, verdicts, strict=True):
            if verdict.kind is Kind.PROVED:
                solved_by[theorem.name] = place
            elif verdict.kind is Kind.UNKNOWN:
                undecided.add(theorem.name)
                unknown += 1
        if place == 0:
            first_known = len(held_out) - unknown
    first = _rate(sum(place == 0 for place in solved_by.values()), first_known)
    whole = _rate(len(solved_by), len(held_out) - len(undecided - set(solved_by)))
    portfolio = Portfolio(
        n=len(held_out),
        samples=SAMPLES,
        tactics=tuple(tactics),
        pass_at_1=first.rate,
        pass_at_1_ci=first.ci,
        pass_at_8=whole.rate,
        pass_at_8_ci=whole.ci,
        unknown=unknown,
    )
    by_family: defaultdict[str, list[bool]] = defaultdict(list)
    for theorem in held_out:
        by_family[theorem.family].append(solved_by.get(theorem.name) == 0)
    counts = [
        (SAMPLES, SAMPLES)
        if theorem.name in solved_by
        else (0, 0)
        if theorem.name in undecided
        else (SAMPLES, 0)
        for theorem in held_out
    ]
    rates = {family: sum(each) / len(each) for family, each in by_family.items()}
    return MeasuredPortfolio(portfolio, rates, counts)


def _count(judged: Sequence[Rollout]) -> dict[str, Counts]:
    counts: dict[str, Counts] = {}
    for each in judged:
        known, proved = counts.get(each.attempt.theorem, (0, 0))
        counts[each.attempt.theorem] = (
            known + (each.verdict.kind is not Kind.UNKNOWN),
            proved + (each.verdict.kind is Kind.PROVED),
        )
    return counts


def _rate(successes: int, n: int) -> Rate:
    return Rate(rate=successes / n if n else 0.0, ci=wilson_interval(successes, n), n=n)
