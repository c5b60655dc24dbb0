"""Disproofs without a model: the negation of a theorem, and a fixed list of attempts to prove it.

A disproof is a proof of the negation that an auditor accepted.  Whatever Lean cannot tell leaves the theorem
open.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache, partial
from itertools import pairwise

from prover.syntax.signature import Binder, Signature, parse_signature, quantify, split_premises
from prover.syntax.tokens import is_identifier, substitute, tokens_of
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.verdict import Kind, Verdict

__all__ = [
    "NATURAL_TYPES",
    "SIGNED_TYPES",
    "Disproof",
    "Outcome",
    "Values",
    "declared_values",
    "disproofs",
    "disprove",
    "negated",
    "tried",
    "values_of",
]

HEARTBEATS = 20_000
"""Most heartbeats of an attempt, in thousands: those that succeed take 50 to 1,500."""
NATURAL_TYPES = ("Nat", "ℕ")
SIGNED_TYPES = ("Int", "ℤ", "Rat", "ℚ", "Real", "ℝ")


class Outcome(StrEnum):
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
    """What came of it.  `proof` proves `negated(theorem)`; `verdict` says so and has the certificate."""

    outcome: Outcome
    reason: str
    lean_calls: int
    proof: str | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Values:
    """Some values of a type, the simplest first.

    The terms are values of `carrier`, over which Lean can decide; `form` makes a value of the type of one:
    `Bool` carries `Prop` by `({} = true)`.
    """

    carrier: str
    terms: tuple[str, ...]
    form: str = "{}"

    def of(self, term: str) -> str:
        """The value that a term carries, fit to be an argument."""
        return self.form.replace("{}", term if is_identifier(term) or term.isdecimal() else f"({term})")


def negated(theorem: Theorem) -> Theorem:
    """`theorem NAME.negated : ¬ type_of% @NAME`, under a header that states the theorem without a proof.

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
    lowest = _at_lowest_universe(signature)
    if lowest != signature:
        # Whatever finds a hypothesis by itself is no part of what the theorem says.
        binders = [replace(each, default="") if each.type else each for each in lowest.binders]
        name = f"{signature.name}.at_lowest"
        stated.append(f"theorem {name} : {quantify(binders, lowest.claim)} := @{signature.name}")
    return theorem.model_copy(
        update={
            "name": f"{theorem.name}.negated",
            "header": "\n".join([*stated, ""]),
            "statement": f"theorem {signature.name}.negated : ¬ type_of% @{name}",
        }
    )


def disproofs(theorem: Theorem) -> tuple[str, ...]:
    """Proofs to try of `negated(theorem)`, the cheapest first; at most three, none of which needs a model.

    One decides the theorem at all small values of its variables, one simplifies it at a few of them, and one
    leaves it to automation as it is.

    Raises InvalidInput when the statement has no signature.
    """
    signature = _at_lowest_universe(parse_signature(theorem.statement))
    premises, _ = split_premises(signature.claim)
    plans = _plans([*signature.binders, *premises], partial(_telling_values, theorem))
    at_values = [
        _by_first([_decided(plan) for plan in plans]),
        _by_first([_simplified(plan, *pick) for plan in plans for pick in _PICKS]),
    ]
    return (*(at_values if plans else ()), _WHOLE)


async def disprove(theorem: Theorem, pool: LeanPool) -> Disproof:
    """Tries `disproofs` until one holds; a Lean call each.

    Raises PoolClosed.
    """
    try:
        negation, attempts = negated(theorem), disproofs(theorem)
    except InvalidInput as error:
        return Disproof(Outcome.REFUSED, str(error), lean_calls=0)
    outcome, why = Outcome.OPEN, "no attempt proved its negation"
    for calls, proof in enumerate(attempts, start=1):
        verdict = await tried(negation, proof, pool)
        if verdict.kind is Kind.PROVED:
            return Disproof(Outcome.DISPROVED, "its negation is proved", calls, proof, verdict)
        if verdict.kind is Kind.UNKNOWN:
            outcome, why = Outcome.UNKNOWN, verdict.reason
    return Disproof(outcome, why, lean_calls=len(attempts))


async def tried(theorem: Theorem, proof: str, pool: LeanPool) -> Verdict:
    """The verdict on a proof that no model wrote, within `HEARTBEATS`.  Raises PoolClosed."""
    options = pool.options.but(heartbeats=min(pool.options.heartbeats, HEARTBEATS))
    return await pool.verify(theorem.submission(theorem.name, proof), options)


def values_of(type: str, declared: Mapping[str, Values] | None = None) -> Values | None:
    """Values of a type by its text; None for what is no type of data, or none that is known here.

    `declared` are those of types that a header declares, by name.
    """
    known = declared or {}
    tokens = [token.text for token in tokens_of(type)]
    while tokens[:1] == ["("] and _outside(tokens[1:], ")") == len(tokens) - 2:
        tokens = tokens[1:-1]
    text = " ".join(tokens)
    if (arrow := _outside(tokens, "→")) is not None:
        results = values_of(" ".join(tokens[arrow + 1 :]), known)
        return None if results is None else _functions(" ".join(tokens[:arrow]), results)
    if text in _SIMPLE:
        return Values(text, _SIMPLE[text])
    if text == "Prop":
        return Values("Bool", ("false", "true"), "({} = true)")
    if len(tokens) == 2 and tokens[0] == "Fin" and tokens[1] in _NATURALS[1:]:
        return Values(text, _NATURALS[: int(tokens[1])])
    if len(tokens) > 1 and tokens[0] in _CONTAINERS:
        inner = values_of(" ".join(tokens[1:]), known)
        if inner is not None and inner.form == "{}":
            first, second, *_ = (*inner.terms, inner.terms[0])
            return Values(text, tuple(term.format(first, second) for term in _CONTAINERS[tokens[0]]))
    return known.get(text)


@lru_cache(maxsize=64)
def declared_values(header: str) -> Mapping[str, Values]:
    """Values of the inductive types that a header declares, one constructor a line, without parameters."""
    found: dict[str, Values] = {}
    for name, body in _INDUCTIVE.findall(header):
        terms: list[str] = []
        for _ in range(_NESTED):
            # The newest value first, so that each round nests deeper.
            known = {**found, name: Values(name, tuple(reversed(terms)))} if terms else found
            made = [_constructed(name, constructor, known) for constructor in _CONSTRUCTOR.findall(body)]
            terms += [term for term in made if term is not None and term not in terms]
        if terms:
            found[name] = Values(name, tuple(terms))
    return found


_ValuesOf = Callable[[str], Values | None]
_MANY = 40
_NATURALS = tuple(str(each) for each in range(_MANY))
_INTEGERS = ("0", *(f"{sign}{each}" for each in range(1, _MANY // 2) for sign in ("", "-")))
_SIMPLE = {
    **dict.fromkeys(NATURAL_TYPES, _NATURALS),
    **dict.fromkeys(SIGNED_TYPES, _INTEGERS),
    "Bool": ("false", "true"),
    "String": ('""', '"a"', '"b"', '"ab"'),
}
_CONTAINERS = {
    "List": ("[]", "[{0}]", "[{1}]", "[{0}, {1}]", "[{1}, {0}]", "[{1}, {1}]", "[{0}, {1}, {0}]"),
    "Option": ("none", "some ({0})", "some ({1})"),
}
_SIZES = (1, _MANY, 15, 9, 6, 4)
"""How many values of each variable are decided, by the number of variables: about a thousand cases."""
_NESTED = 3
_INDUCTIVE = re.compile(r"^inductive[ \t]+(\S+)[ \t]+where((?:\s*\|[^\n|]*)+)", re.MULTILINE)
_CONSTRUCTOR = re.compile(r"\|([^\n|]*)")
_WHOLE = "by first | decide | omega | (simp; done) | grind"
# Nested quantifiers need more steps to be seen to be decidable than Lean takes by default.
_DECIDE = "set_option synthInstance.maxSize 4096 in set_option maxRecDepth 4096 in decide"
_WITNESSES = " | ".join(f"exact ⟨{each}, by decide⟩" for each in range(3))
_PREMISE = f"(by first | decide | omega | (simp; done) | {_WITNESSES} | grind)"
_SORTS = ("Type", "Sort")
_TYPES_TRIED = ("Nat", "Bool")

_PICKS = ((0, 0), (1, 0), (0, 1), (1, -1), (2, 1), (3, 1), (4, 1))
"""Which of its values the variable at a place gets: the one at `start + step * place`, round and round."""


@dataclass(frozen=True, slots=True)
class _Slot:
    """One argument of the theorem: a term that is known, values to choose from, or whatever there is."""

    term: str = ""
    values: Values | None = None


def _at_lowest_universe(signature: Signature) -> Signature:
    """The same over `Type` wherever it is over `Type u`, `Type*` or `Type _`."""
    levels = [token.text for token in tokens_of(signature.universes) if is_identifier(token.text)]

    def lowered(text: str) -> str:
        for level in levels:
            text = substitute(text, level, "0")
        tokens = tokens_of(text)
        for sort, at in reversed(list(pairwise(tokens))):
            if sort.text in ("Type", "Sort") and (at.text in ("*", "0") or is_identifier(at.text)):
                text = f"{text[: sort.start]}Type{text[at.stop :]}"
        return text

    binders = [replace(each, type=lowered(each.type)) for each in signature.binders]
    return replace(signature, universes="", binders=tuple(binders), claim=lowered(signature.claim))


def _telling_values(theorem: Theorem, type: str) -> Values | None:
    """Values of a type, among its first numbers those that the statement has, and those behind them."""
    found = values_of(type, declared_values(theorem.header))
    if found is None or _SIMPLE.get(found.carrier) not in (_NATURALS, _INTEGERS):
        return found
    written = {int(token.text) for token in tokens_of(theorem.statement) if token.text.isdecimal()}
    telling = [str(number + more) for number in sorted(written)[:3] for more in (0, 1)]
    return replace(found, terms=tuple(dict.fromkeys((*found.terms[:3], *telling, *found.terms[3:]))))


def _plans(binders: Sequence[Binder], values: _ValuesOf) -> list[list[_Slot]]:
    """The ways to choose arguments; none where nothing can be chosen."""
    has_types = any(each.type in _SORTS for each in binders)
    types = _TYPES_TRIED if has_types else _TYPES_TRIED[:1]
    # What has no type written is a number more often than not.
    guesses = ("Nat", "") if any(each.names and not each.type for each in binders) else ("",)
    plans = [_slots(binders, type, guess, values) for type in types for guess in guesses]
    return [plan for plan in plans if any(slot.term or slot.values for slot in plan)]


def _slots(binders: Sequence[Binder], chosen: str, guess: str, values: _ValuesOf) -> list[_Slot]:
    """An argument for each name; `chosen` is what a type is, `guess` the type of what has none written."""
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


def _decided(plan: Sequence[_Slot]) -> str:
    """The theorem at all of so many values, which `decide` finds to be false."""
    chosen = sum(slot.values is not None for slot in plan)
    size = _SIZES[chosen] if chosen < len(_SIZES) else 3
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


def _simplified(plan: Sequence[_Slot], start: int, step: int) -> str:
    """The theorem at one value for each variable, where its premises hold and its claim does not."""
    arguments, chosen = [], 0
    for slot in plan:
        if slot.values is not None:
            terms = slot.values.terms
            arguments.append(slot.values.of(terms[(start + step * chosen) % len(terms)]))
            chosen += 1
        else:
            arguments.append(slot.term or _PREMISE)
    return f"exact absurd (@h {' '.join(arguments)}) (by first | omega | (simp; done) | grind)"


def _by_first(tactics: Sequence[str]) -> str:
    different = list(dict.fromkeys(tactics))
    return "\n".join(["by", "  intro h", "  first", *(f"  | {tactic}" for tactic in different)])


def _functions(domain: str, results: Values) -> Values:
    """Constant functions, the identity, and a few more over numbers."""
    numeric = _SIMPLE.get(domain) in (_NATURALS, _INTEGERS)
    terms = [f"fun _ => {term}" for term in results.terms[:2]]
    if results.form == "{}" and results.carrier == domain:
        terms.insert(1, "fun z => z")
        terms += ["fun z => z + 1", "fun z => 2 * z"] if numeric else []
    if results.carrier.endswith(f"→ {domain}"):
        terms.append(f"fun z {'_ ' * results.carrier.count('→')}=> z")
    if results.carrier == "Bool" and numeric:
        terms += ["fun z => z % 2 == 0", "fun z => z == 0", "fun z => z != 0"]
    form = "{}"
    if results.form != "{}":
        # A name of its own for each argument, since the forms are nested.
        argument = f"z{results.carrier.count('→')}"
        form = f"(fun {argument} => {results.form.replace('{}', f'({{}} {argument})')})"
    return Values(f"{domain} → {results.carrier}", tuple(terms), form)


def _constructed(type: str, constructor: str, known: Mapping[str, Values]) -> str | None:
    """A constructor (`node (l r : Tree)`) applied to values, one of them the newest, if all are known."""
    try:
        signature = parse_signature(f"theorem {constructor.strip()} : {type}")
    except InvalidInput:
        return None
    terms: list[str] = []
    is_deep = False  # only one argument is, so that what is made is lopsided
    for argument in (binder.type for binder in signature.binders for _ in binder.names):
        values = values_of(argument, known)
        if values is None:
            return None
        terms.append(values.of(values.terms[-1 if is_deep and argument == type else 0]))
        is_deep |= argument == type
    return " ".join([f"{type}.{signature.name}", *terms])


def _outside(tokens: Sequence[str], wanted: str) -> int | None:
    """The first place of a token outside parentheses."""
    depth = 0
    for index, token in enumerate(tokens):
        if depth == 0 and token == wanted:
            return index
        depth += (token == "(") - (token == ")")
    return None
