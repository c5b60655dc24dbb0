"""Disproofs without a model: the negation of a theorem, and a fixed list of attempts to prove it.

A disproof is a proof of the negation that an auditor accepted.  Whatever Lean cannot tell leaves the theorem
open.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import pairwise

from prover.conjectures.values import MANY, Values, declared_values, is_numeric, values_of
from prover.syntax.signature import Binder, Signature, parse_signature, quantify, split_premises
from prover.syntax.tokens import is_identifier, substitute, tokens_of
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.verdict import Kind, Verdict

__all__ = ["Disproof", "DisproofOutcome", "candidate_disproofs", "disprove", "negate", "verify_briefly"]

HEARTBEATS = 20_000
"""The most heartbeats an attempt may take, in thousands: those that succeed take 50 to 1,500."""
SIZES = (1, MANY, 15, 9, 6, 4)
"""How many values of each variable are decided, by the number of variables: about a thousand cases."""
PICKS = ((0, 0), (1, 0), (0, 1), (1, -1), (2, 1), (3, 1), (4, 1))
"""Which of its values the variable at a place gets: the one at `start + step * place`, round and round."""

_ValuesOf = Callable[[str], Values | None]
_WHOLE = "by first | decide | omega | (simp; done) | grind"
# Nested quantifiers need more steps to be seen to be decidable than Lean takes by default.
_DECIDE = "set_option synthInstance.maxSize 4096 in set_option maxRecDepth 4096 in decide"
_WITNESSES = " | ".join(f"exact ⟨{number}, by decide⟩" for number in range(3))
_PREMISE = f"(by first | decide | omega | (simp; done) | {_WITNESSES} | grind)"
_SORTS = ("Type", "Sort")
_TYPES_TRIED = ("Nat", "Bool")


class DisproofOutcome(StrEnum):
    """What became of the attempts to disprove a theorem."""

    DISPROVED = "disproved"
    """The theorem is false: its negation is proved."""
    OPEN = "open"
    """No attempt proved the negation, which says nothing about the theorem."""
    REFUSED = "refused"
    """The statement cannot be negated here; the reason says why."""
    UNKNOWN = "unknown"
    """The machine could not tell."""


@dataclass(frozen=True, slots=True)
class Disproof:
    """What came of the attempts to disprove a theorem.

    `proof` proves the theorem's negation; `verdict` says so and has the certificate.
    """

    outcome: DisproofOutcome
    reason: str
    lean_calls: int
    proof: str | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class _Slot:
    """One argument of the theorem: a term that is known, values to choose from, or whatever there is."""

    term: str = ""
    values: Values | None = None


def negate(theorem: Theorem) -> Theorem:
    """State `theorem NAME.negated : ¬ type_of% @NAME` under a header that states the theorem without a proof.

    So nothing depends on how this program reads the statement: what Lean binds by itself, or a `variable` of
    the header, is in the type.  A proof that uses the unproved theorem rests on `sorry` and does not count.

    What holds in every universe is negated in the lowest: what fails there fails.  There the header states
    the theorem a second time, and Lean sees that this follows from the first.

    Raises:
        InvalidInput: the statement has no signature, or is no theorem.
    """
    signature = parse_signature(theorem.statement)
    if signature.keyword not in ("theorem", "lemma"):
        raise InvalidInput(f"`{signature.name}` is a {signature.keyword}: only a theorem can be false")
    name, stated = signature.name, [theorem.header, f"{theorem.statement} := sorry"]
    lowest = _lower_universe(signature)
    if lowest != signature:
        # Whatever finds a hypothesis by itself is no part of what the theorem says.
        binders = [replace(binder, default="") if binder.type else binder for binder in lowest.binders]
        name = f"{signature.name}.at_lowest"
        stated.append(f"theorem {name} : {quantify(binders, lowest.claim)} := @{signature.name}")
    return theorem.model_copy(
        update={
            "name": f"{theorem.name}.negated",
            "header": "\n".join([*stated, ""]),
            "statement": f"theorem {signature.name}.negated : ¬ type_of% @{name}",
        }
    )


def candidate_disproofs(theorem: Theorem) -> tuple[str, ...]:
    """Proofs to try of the negation, the cheapest first; at most three, none of which needs a model.

    One decides the theorem at all small values of its variables, one simplifies it at a few of them, and one
    leaves it to automation as it is.

    Raises InvalidInput when the statement has no signature.
    """
    signature = _lower_universe(parse_signature(theorem.statement))
    premises, _ = split_premises(signature.claim)
    plans = _plan_arguments([*signature.binders, *premises], partial(_telling_values, theorem))
    at_values = [
        _try_in_turn([_decide(plan) for plan in plans]),
        _try_in_turn([_simplify(plan, *pick) for plan in plans for pick in PICKS]),
    ]
    return (*(at_values if plans else ()), _WHOLE)


async def disprove(theorem: Theorem, pool: LeanPool) -> Disproof:
    """Try `candidate_disproofs` until one holds; a Lean call each.

    Raises PoolClosed.
    """
    try:
        negation, candidates = negate(theorem), candidate_disproofs(theorem)
    except InvalidInput as error:
        return Disproof(DisproofOutcome.REFUSED, str(error), lean_calls=0)
    outcome, why = DisproofOutcome.OPEN, "no attempt proved its negation"
    for calls, proof in enumerate(candidates, start=1):
        verdict = await verify_briefly(negation, proof, pool)
        if verdict.kind is Kind.PROVED:
            return Disproof(DisproofOutcome.DISPROVED, "its negation is proved", calls, proof, verdict)
        if verdict.kind is Kind.UNKNOWN:
            outcome, why = DisproofOutcome.UNKNOWN, verdict.reason
    return Disproof(outcome, why, lean_calls=len(candidates))


async def verify_briefly(theorem: Theorem, proof: str, pool: LeanPool) -> Verdict:
    """The verdict on a proof that no model wrote, within `HEARTBEATS`.  Raises PoolClosed."""
    options = pool.options.but(heartbeats=min(pool.options.heartbeats or HEARTBEATS, HEARTBEATS))
    return await pool.verify(theorem.submission(theorem.name, proof), options)


def _lower_universe(signature: Signature) -> Signature:
    """State the same over `Type` wherever it is over `Type u`, `Type*` or `Type _`."""
    levels = [token.text for token in tokens_of(signature.universes) if is_identifier(token.text)]

    def lower(text: str) -> str:
        for level in levels:
            text = substitute(text, level, "0")
        tokens = tokens_of(text)
        for sort, at in reversed(list(pairwise(tokens))):
            if sort.text in _SORTS and (at.text in ("*", "0") or is_identifier(at.text)):
                text = f"{text[: sort.start]}Type{text[at.stop :]}"
        return text

    return replace(signature.map_terms(lower), universes="")


def _telling_values(theorem: Theorem, type: str) -> Values | None:
    """Values of a type, among its first numbers those that the statement has, and those behind them."""
    values = values_of(type, declared_values(theorem.header))
    if values is None or not is_numeric(values.carrier):
        return values
    written = {int(token.text) for token in tokens_of(theorem.statement) if token.text.isdecimal()}
    telling = [str(number + more) for number in sorted(written)[:3] for more in (0, 1)]
    return replace(values, terms=tuple(dict.fromkeys((*values.terms[:3], *telling, *values.terms[3:]))))


def _plan_arguments(binders: Sequence[Binder], values: _ValuesOf) -> list[list[_Slot]]:
    """The ways to choose arguments; none where nothing can be chosen."""
    has_types = any(binder.type in _SORTS for binder in binders)
    types = _TYPES_TRIED if has_types else _TYPES_TRIED[:1]
    # What has no type written is a number more often than not.
    guesses = ("Nat", "") if any(binder.names and not binder.type for binder in binders) else ("",)
    plans = [_slots(binders, type, guess, values) for type in types for guess in guesses]
    return [plan for plan in plans if any(slot.term or slot.values for slot in plan)]


def _slots(binders: Sequence[Binder], chosen: str, guess: str, values: _ValuesOf) -> list[_Slot]:
    """An argument for each name: every type is `chosen`, and what has no type written is of type `guess`."""
    types: list[str] = []
    slots = []
    for binder in binders:
        type = binder.type or guess
        for name in types:
            type = substitute(type, name, chosen)
        for name in binder.names or ("_",):
            if binder.bracket == "[":
                slots.append(_Slot("inferInstance"))
            elif type in _SORTS:
                slots.append(_Slot(chosen))
                types.append(name)
            else:
                slots.append(_Slot(values=values(type)))
    return slots


def _decide(plan: Sequence[_Slot]) -> str:
    """A tactic that restricts the theorem to so many values, where `decide` finds it false."""
    chosen = sum(slot.values is not None for slot in plan)
    size = SIZES[chosen] if chosen < len(SIZES) else 3
    binders, arguments = [], []
    for place, slot in enumerate(plan):
        if slot.values is not None:
            carrier, terms = slot.values.carrier, ", ".join(slot.values.terms[:size])
            binders.append(f"(x{place} : {carrier}) (_ : x{place} ∈ ([{terms}] : List ({carrier})))")
            arguments.append(slot.values.of(f"x{place}"))
        else:
            binders += [] if slot.term else [f"y{place}"]
            arguments.append(slot.term or f"y{place}")
    function = f"fun {' '.join(binders)} => " if binders else ""
    return f"exact absurd ({function}@h {' '.join(arguments)}) (by {_DECIDE})"


def _simplify(plan: Sequence[_Slot], start: int, step: int) -> str:
    """A tactic that simplifies the theorem at one value for each variable, where it may be false."""
    arguments, chosen = [], 0
    for slot in plan:
        if slot.values is not None:
            terms = slot.values.terms
            arguments.append(slot.values.of(terms[(start + step * chosen) % len(terms)]))
            chosen += 1
        else:
            arguments.append(slot.term or _PREMISE)
    return f"exact absurd (@h {' '.join(arguments)}) (by first | omega | (simp; done) | grind)"


def _try_in_turn(tactics: Sequence[str]) -> str:
    """A proof of a negation by the first of some tactics that closes it; each has the theorem as `h`."""
    different = dict.fromkeys(tactics)
    return "\n".join(["by", "  intro h", "  first", *(f"  | {tactic}" for tactic in different)])
