"""Per-tactic credit: from what Lean said of each tactic to an advantage for each token."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import Literal, Self

from pydantic import Field, model_validator

from trainer.objectives.tactic_spans import Span, Step, first_error_of, steps_of
from trainer.objectives.token_bytes import token_spans
from trainer.rollout import Rollout
from verifier.errors import InvalidInput
from verifier.settings import Section
from verifier.verdict import Kind

__all__ = [
    "CreditConfig",
    "first_error_credit",
    "group_token_advantages",
    "lecture_credit",
    "owned_tokens",
    "potential_credit",
    "token_advantages",
    "verified_prefix_credit",
]


class CreditConfig(Section):
    """Which tokens of an attempt are better or worse than its outcome says."""

    scheme: Literal["outcome", "first_error", "potential", "verified_prefix", "lecture"] = "outcome"
    """`outcome`: every token gets the advantage of its attempt.  The others add to it."""
    weight: float = Field(default=1.0, ge=0)
    """What the credit is multiplied by before it is added; 0 is exactly `outcome`."""
    placement: Literal["first_token", "all_tokens", "last_token"] = "first_token"
    """Which tokens of a tactic get its credit, of those it has before the first tactic inside it."""
    proved: float = 1.0
    """`first_error`: φ of every tactic of a proved attempt."""
    before_error: float = -0.05
    """`first_error`: φ of a refuted attempt's tactics before the first error."""
    from_error: float = -0.10
    """`first_error`: φ of a refuted attempt's tactics at the first error and after it."""

    @model_validator(mode="after")
    def _keeps_what_the_scheme_promises(self) -> Self:
        if self.scheme == "potential" and self.placement == "all_tokens":
            raise ValueError("potential credit on all tokens grows with padding: place it on one token")
        if self.scheme == "verified_prefix" and self.weight > 1:
            raise ValueError("verified_prefix takes back a share of the advantage: weight is at most 1")
        return self

    @property
    def needs_tactics(self) -> bool:
        """Whether verdicts must bring their tactics and attempts their token bytes."""
        return self.scheme != "outcome" and self.weight > 0


def group_token_advantages(
    config: CreditConfig,
    group: Sequence[Rollout],
    token_bytes: Sequence[Sequence[bytes]],
    advantages: Sequence[float | None],
) -> list[list[float] | None]:
    """`token_advantages` of all attempts at one theorem; None for those whose verdict is unknown.

    The theorem's solve rate p̂ is the posterior mean (c + 1)/(n + 2) of this group's c proofs in n known
    verdicts, under a uniform prior: what this policy can do now, not what earlier ones did.

    Args:
        token_bytes: of each attempt, the bytes of each of its tokens (eos included, as b"").
        advantages: the outcome advantage of each attempt, as `group_advantages` gives it.
    """
    outcomes = [rollout.reward for rollout in group if rollout.reward is not None]
    mean = fmean(outcomes) if outcomes else 0.0
    rate = (sum(outcomes) + 1) / (len(outcomes) + 2)
    return [
        None
        if advantage is None
        else token_advantages(config, rollout, spelled, advantage, mean=mean, solve_rate=rate)
        for rollout, spelled, advantage in zip(group, token_bytes, advantages, strict=True)
    ]


def token_advantages(
    config: CreditConfig,
    rollout: Rollout,
    token_bytes: Sequence[bytes],
    advantage: float,
    *,
    mean: float,
    solve_rate: float,
) -> list[float] | None:
    """The advantage of each response token: the outcome's, and `config.weight` × the credit of its tactic.

    A step is owned by the first token that overlaps its start.  None for an unknown verdict.

    Args:
        token_bytes: of each token (eos included, as b"").
        mean: of the outcomes of the group's known verdicts.
        solve_rate: p̂, the theorem's posterior solve rate.

    Raises:
        InvalidInput: the tokens do not spell the text, or a proved verdict came without tactics.
    """
    text, verdict, count = rollout.attempt.proof, rollout.verdict, len(token_bytes)
    if verdict.kind is Kind.UNKNOWN:
        return None
    total = [advantage] * count
    if not config.needs_tactics or not count:
        return total
    proved = verdict.kind is Kind.PROVED
    if proved and verdict.tactics is None:
        raise InvalidInput(f"the verdict on {verdict.id!r} has no tactics: judge with Options(tactics=True)")
    if b"".join(token_bytes).decode(errors="replace") != text:
        raise InvalidInput(f"the tokens of {verdict.id!r} do not spell its text: give those it was made from")
    steps, spans = steps_of(text, verdict), token_spans(token_bytes)
    first = first_error_of(steps)
    tokens = [owned_tokens(spans, step) for step in steps]
    if config.scheme == "verified_prefix":
        token = None if first is None else tokens[first][0]
        kept = verified_prefix_credit(count, token, proved, advantage)
        return [outcome + config.weight * credit for outcome, credit in zip(total, kept, strict=True)]
    match config.scheme:
        case "first_error":
            credits = first_error_credit(len(steps), first, proved, mean, config)
        case "potential":
            credits = potential_credit(len(steps), first, proved, solve_rate)
        case "lecture":
            credits = lecture_credit(steps)
        case "outcome":
            credits = [0.0] * len(steps)
    chosen = {"first_token": slice(0, 1), "all_tokens": slice(None), "last_token": slice(-1, None)}
    for owned, credit in zip(tokens, credits, strict=True):
        for token in owned[chosen[config.placement]]:
            total[token] += config.weight * credit
    return total


def owned_tokens(spans: Sequence[Span], step: Step) -> range:
    """The tokens that overlap the step's head; of a step at the end of the text, the one that ended it."""
    first = bisect_right([stop for _, stop in spans], step.start)
    if first == len(spans):
        first = min(bisect_left([start for start, _ in spans], step.start), len(spans) - 1)
    after = bisect_left([start for start, _ in spans], step.head)
    return range(first, max(after, first + 1))


# The schemes: credit for each of `count` tactics


def first_error_credit(
    count: int, first_error: int | None, proved: bool, mean: float, config: CreditConfig
) -> list[float]:
    """First-error propagation (arXiv 2606.20068): A_k = φ_k − mean of the group's outcomes.

    φ_k is `config.proved` in a proved attempt; in a refuted one it is
    `config.before_error` before the first error and `config.from_error` from it
    on, or before it everywhere if nobody knows where it is.
    """
    if proved:
        return [config.proved - mean] * count
    before = count if first_error is None else first_error
    return [config.before_error - mean] * before + [config.from_error - mean] * (count - before)


def potential_credit(count: int, first_error: int | None, proved: bool, solve_rate: float) -> list[float]:
    """Potential-based shaping (Ng, Harada and Russell 1999): A_k = V_k − V_{k−1}, k = 1 … N.

    V_k = p̂^{1−k/N} up to the first error and 0 from it on, with p̂ = `solve_rate`.
    V_0 = p̂ and V_N is the outcome, so Σ_k A_k = outcome − p̂ whatever N is: tactics
    that do nothing cannot earn anything in total.  In a refuted attempt whose error
    has no known place, V_k = p̂ (1 − k/N): all tactics share the loss.

    Raises:
        InvalidInput: `solve_rate` is no probability.
    """
    if not 0 <= solve_rate <= 1:
        raise InvalidInput(f"a solve rate of {solve_rate} is no probability: give a number from 0 to 1")

    def value(k: int) -> float:
        if not proved and first_error is None:
            return solve_rate * (1 - k / count)
        if not proved and first_error is not None and k > first_error:
            return 0.0
        return float(solve_rate ** (1 - k / count))

    return [after - before for before, after in pairwise(map(value, range(count + 1)))] if count else []


def verified_prefix_credit(
    count: int, first_error: int | None, proved: bool, advantage: float
) -> list[float]:
    """Verified-prefix keep: what takes the outcome advantage of a refuted attempt off its good prefix.

    −`advantage` before the first error, 0 from it on, so that with weight 1 the sum
    is 0 and then `advantage`.  Counted in tokens, for those between tactics are
    verified too.  Nothing is taken off where the error has no known place.
    """
    kept = 0 if proved or first_error is None else first_error
    return [-advantage] * kept + [0.0] * (count - kept)


def lecture_credit(steps: Sequence[Step]) -> list[float]:
    """A reward for every tactic, as in lecture notes on RL for LLMs.

    r_t = +1 without an error and without `sorry`, −1 with an error of its own, and 0 for a tactic that says
    `sorry` or inside which a fault is.  Tactics that do nothing get +1, so that
    padding earns credit, as it cannot with the potential.
    """
    return [1.0 if step.sound else -1.0 if step.fault == "error" else 0.0 for step in steps]
