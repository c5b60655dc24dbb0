"""Variations of a theorem that stays unsolved: without a hypothesis, at small values, or more general.

Proposing is pure and knows nothing of truth; `prover.conjectures.check` asks Lean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, zip_longest

from prover.conjectures.base import How, Proposal, Unsolved, make_proposal
from prover.conjectures.subgoals import extract_subgoals
from prover.conjectures.values import NATURAL_TYPES, SIGNED_TYPES, declared_values, values_of
from prover.syntax.normalise import normalise
from prover.syntax.signature import Binder, Signature, parse_signature, split_premises
from prover.syntax.tokens import binds, mentions, substitute, tokens_of
from prover.theorem import Theorem
from verifier.errors import InvalidInput

__all__ = ["Variations", "drop_hypotheses", "generalise", "specialise"]

VALUES_TRIED = 3
"""The number of values at which a variable is specialised."""
_NUMERIC = NATURAL_TYPES + SIGNED_TYPES


@dataclass(frozen=True, slots=True)
class Variations:
    """A proposer by rule: variations and subgoals in turn, at most so many from one theorem."""

    per_theorem: int = 16

    def propose(self, unsolved: Sequence[Unsolved]) -> list[Proposal]:
        proposals: list[Proposal] = []
        for theorem in unsolved:
            try:
                proposals += islice(_propose_distinct(theorem), self.per_theorem)
            except InvalidInput:
                continue  # without a signature there is nothing to vary
        return proposals


def drop_hypotheses(theorem: Theorem) -> list[Proposal]:
    """Propose the theorem without one of its hypotheses, for every one that nothing else in it mentions.

    Raises InvalidInput when the statement has no signature.
    """
    signature = _open_claim(theorem)
    known = declared_values(theorem.header)
    return [
        make_proposal(theorem, rest, How.DROP_HYPOTHESIS, f"without {name} : {binder.type}")
        for binder, name, rest in _leave_one_out(signature)
        if binder.bracket != "[" and binder.type and values_of(binder.type, known) is None
        if not any(mentions(text, name) for text in rest.terms)
    ]


def specialise(theorem: Theorem) -> list[Proposal]:
    """Propose the theorem at small values of one variable.

    Raises InvalidInput when the statement has no signature.
    """
    signature = _open_claim(theorem)
    known = declared_values(theorem.header)
    proposals = []
    for binder, name, rest in _leave_one_out(signature):
        values = None if "→" in binder.type else values_of(binder.type, known)
        if values is None or values.form != "{}" or any(binds(text, name) for text in rest.terms):
            continue
        for value in values.terms[:VALUES_TRIED]:
            varied = _replace(rest, name, _write_value(value, binder.type, name, rest))
            proposals.append(make_proposal(theorem, varied, How.SPECIALISE, f"{name} = {value}"))
    return proposals


def generalise(theorem: Theorem) -> list[Proposal]:
    """Propose the theorem with a variable in place of one of its numbers.

    Raises InvalidInput when the statement has no signature.
    """
    signature = _open_claim(theorem)
    tokens = _tokens(signature)
    taken = {part for token in tokens for part in token.split(".")} | set(signature.bound)
    candidates = (*"kmnij", *(f"k{number}" for number in range(len(taken) + 1)))
    name = next(candidate for candidate in candidates if candidate not in taken)
    types = [type for type in _NUMERIC if type in tokens] or ["Nat"]
    proposals = []
    for number in dict.fromkeys(token for token in tokens if token.isdecimal()):
        varied = _replace(signature, number, name)
        for type in types if varied != signature else []:
            more_general = replace(varied, binders=(Binder("(", (name,), type), *varied.binders))
            proposals.append(make_proposal(theorem, more_general, How.GENERALISE, f"{name} for {number}"))
    return proposals


def _propose_distinct(unsolved: Unsolved) -> Iterator[Proposal]:
    """Proposals of every kind in turn, without those that say the same as the theorem or as another one."""
    theorem = unsolved.theorem
    kinds = [
        [goal for proof in reversed(unsolved.failed) for goal in extract_subgoals(theorem, proof)],
        drop_hypotheses(theorem),
        specialise(theorem),
        generalise(theorem),
    ]
    seen = {normalise(theorem.statement)}
    for proposal in chain.from_iterable(zip_longest(*kinds)):
        if proposal is not None and (said := normalise(proposal.theorem.statement)) not in seen:
            seen.add(said)
            yield proposal


def _open_claim(theorem: Theorem) -> Signature:
    """The signature, with what its claim begins with (`∀ x, P →`) among its binder groups."""
    signature = parse_signature(theorem.statement)
    premises, claim = split_premises(signature.claim)
    names = {name for premise in premises for name in premise.names if name != "_"}
    if names & set(signature.bound):
        return signature  # the inner name would hide the outer one from what stands between
    return replace(signature, binders=(*signature.binders, *premises), claim=claim)


def _tokens(signature: Signature) -> list[str]:
    return [token.text for text in signature.terms for token in tokens_of(text)]


def _replace(signature: Signature, name: str, term: str) -> Signature:
    """Put a term in place of a name or a number, wherever it is mentioned."""
    return signature.map_terms(lambda text: substitute(text, name, term))


def _leave_one_out(signature: Signature) -> Iterator[tuple[Binder, str, Signature]]:
    """Every bound name, with its group, and the signature without it; an empty group goes too."""
    for place, binder in enumerate(signature.binders):
        for name in binder.names:
            left = tuple(other for other in binder.names if other != name)
            kept = (replace(binder, names=left),) if left else ()
            groups = (*signature.binders[:place], *kept, *signature.binders[place + 1 :])
            yield binder, name, replace(signature, binders=groups)


def _write_value(value: str, type: str, name: str, rest: Signature) -> str:
    """The value as it may stand for the variable, with its type where another one could be meant."""
    tokens = _tokens(rest)
    if value.isdecimal() and type in NATURAL_TYPES:
        is_clear = {token for token in tokens if token in _NUMERIC} <= {type}
    else:
        is_clear = value[0].isalpha()  # the name of a constructor
    if is_clear and not any(token.startswith(f"{name}.") for token in tokens):
        return f"({value})" if " " in value else value
    return f"({value} : {type})"
