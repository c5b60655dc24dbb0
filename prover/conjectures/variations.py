"""New theorems out of one that stays unsolved: variations of it, and subgoals of what was tried.

Proposing is pure and knows nothing of truth; `checked` asks Lean.  What it keeps elaborates, is proved by no
tactic alone, was not disproved, and is new.  Every proposal that was dropped has a reason.
"""

import asyncio
import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain, islice, zip_longest
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from prover.conjectures.negation import (
    NATURAL_TYPES,
    SIGNED_TYPES,
    Outcome,
    declared_values,
    disprove,
    tried,
    values_of,
)
from prover.syntax.normalise import normalise
from prover.syntax.signature import Binder, Signature, parse_signature, quantify, split_premises
from prover.syntax.tokens import (
    LOCAL_DEFINITIONS,
    QUANTIFIERS,
    Token,
    find_definition_sign,
    is_identifier,
    mentions,
    strip_comments,
    substitute,
    tokens_of,
)
from prover.theorem import Theorem
from verifier.errors import InvalidInput, NoAnswer
from verifier.judging.pool import LeanPool
from verifier.verdict import Kind

__all__ = [
    "TRIVIAL",
    "Checked",
    "Fate",
    "How",
    "Proposal",
    "Proposer",
    "Report",
    "Unsolved",
    "Variations",
    "checked",
    "generalised",
    "proposal",
    "specialised",
    "subgoals",
    "without_a_hypothesis",
]

TRIVIAL = "by first | rfl | trivial | assumption | omega | (simp; done) | decide"
"""What proves a theorem that teaches nothing: one tactic, without a choice."""


class How(StrEnum):
    """How a theorem came out of another."""

    DROP_HYPOTHESIS = "drop_hypothesis"
    SPECIALISE = "specialise"
    GENERALISE = "generalise"
    SUBGOAL = "subgoal"
    CONJECTURE = "conjecture"


class Proposal(BaseModel):
    """A theorem with its lineage.  Its split is its parent's: what is held out grows what is held out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theorem: Theorem
    parent: str
    """The name of the theorem it came out of."""
    how: How
    detail: str = ""
    """What was done, for people: `n = 2`, `without h`."""


@dataclass(frozen=True, slots=True)
class Unsolved:
    """A theorem that stays unsolved, and proofs of it that were refuted, the newest last."""

    theorem: Theorem
    failed: tuple[str, ...] = ()


class Proposer(Protocol):
    """Unsolved theorems in, proposals out, without Lean; none from what cannot be read."""

    def propose(self, unsolved: Sequence[Unsolved]) -> list[Proposal]: ...


@dataclass(frozen=True, slots=True)
class Variations:
    """Proposals by rule, of every kind in turn, at most so many from one theorem."""

    per_theorem: int = 16

    def propose(self, unsolved: Sequence[Unsolved]) -> list[Proposal]:
        found: list[Proposal] = []
        for each in unsolved:
            try:
                found += islice(_different(each), self.per_theorem)
            except InvalidInput:
                continue  # without a signature there is nothing to vary
        return found


def proposal(parent: Theorem, signature: Signature, how: How, detail: str) -> Proposal:
    """The theorem of a signature, named after the first of its line and after what it says."""
    root = _GROWN.sub("", parent.name)
    digest = hashlib.sha256(normalise(signature.text).encode()).hexdigest()[:8]
    name = f"{root}.{how}_{digest}"
    statement = replace(signature, prefix="", name=name).text
    theorem = parent.model_copy(update={"name": name, "statement": statement, "source": "growth"})
    return Proposal(theorem=theorem, parent=parent.name, how=how, detail=detail)


def without_a_hypothesis(theorem: Theorem) -> list[Proposal]:
    """The theorem without one of its hypotheses, each that nothing else in the statement mentions.

    Raises InvalidInput without a signature.
    """
    signature = _opened(theorem)
    known = declared_values(theorem.header)
    return [
        proposal(theorem, rest, How.DROP_HYPOTHESIS, f"without {name} : {binder.type}")
        for binder, name, rest in _each_left_out(signature)
        if binder.bracket != "[" and binder.type and values_of(binder.type, known) is None
        if not any(mentions(text, name) for text in _texts(rest))
    ]


def specialised(theorem: Theorem) -> list[Proposal]:
    """The theorem at small values of one variable.  Raises InvalidInput without a signature."""
    signature = _opened(theorem)
    known = declared_values(theorem.header)
    proposals = []
    for binder, name, rest in _each_left_out(signature):
        values = None if "→" in binder.type else values_of(binder.type, known)
        if values is None or values.form != "{}" or any(_binds_inside(text, name) for text in _texts(rest)):
            continue
        for value in values.terms[:_VALUES]:
            varied = _replaced(rest, name, _written(value, binder.type, name, rest))
            proposals.append(proposal(theorem, varied, How.SPECIALISE, f"{name} = {value}"))
    return proposals


def generalised(theorem: Theorem) -> list[Proposal]:
    """The theorem with a variable for one of its numbers.  Raises InvalidInput without a signature."""
    signature = _opened(theorem)
    tokens = [token.text for text in _texts(signature) for token in tokens_of(text)]
    taken = {part for token in tokens for part in token.split(".")} | set(signature.bound)
    names = (*"kmnij", *(f"k{place}" for place in range(len(taken) + 1)))
    name = next(each for each in names if each not in taken)
    types = [type for type in _NUMERIC if type in tokens] or ["Nat"]
    proposals = []
    for number in dict.fromkeys(token for token in tokens if token.isdecimal()):
        varied = _replaced(signature, number, name)
        for type in types if varied != signature else []:
            more_general = replace(varied, binders=(Binder("(", (name,), type), *varied.binders))
            proposals.append(proposal(theorem, more_general, How.GENERALISE, f"{name} for {number}"))
    return proposals


def subgoals(theorem: Theorem, proof: str) -> list[Proposal]:
    """What the `have`s of a proof claim, each under the hypotheses that are in scope there.

    As far as the text says: the theorem's binder groups, what `intro` names of its claim, and earlier
    `have`s whose block has not ended.  What `obtain`, `cases` and `induction` bring is not seen, so a
    subgoal that speaks of it does not elaborate.  Raises InvalidInput without a signature.
    """
    signature = parse_signature(theorem.statement)
    premises, _ = split_premises(signature.claim)
    waiting = [replace(each, names=(name,)) for each in premises for name in each.names]
    text = strip_comments(proof)
    tokens = tokens_of(text)
    scope: list[tuple[int, int, Binder]] = []  # what is known, with the place and the column where it is said
    proposals = []
    for place, token in enumerate(tokens):
        if token.text not in ("intro", "intros", "have", "·"):
            continue
        at, indent = token.start, _indent(text, token.start)
        scope = [known for known in scope if known[1] <= indent]
        following = tokens[place + 1 :]
        if token.text in ("intro", "intros"):
            scope += [(0, indent, binder) for binder in _introduced(following, waiting, text)]
        elif token.text == "have" and (stated := _stated(following, text, f"this{len(scope)}")) is not None:
            visible = [each for said, column, each in scope if _is_behind(text, said, at, column)]
            goal = replace(
                signature, binders=(*signature.binders, *visible, *stated.binders), claim=stated.claim
            )
            proposals.append(proposal(theorem, goal, How.SUBGOAL, f"have {stated.name}"))
            fact = Binder("(", (stated.name,), quantify(stated.binders, stated.claim))
            scope.append((at, indent, fact))
    return proposals


class Fate(StrEnum):
    """What became of a proposal."""

    KEPT = "kept"
    DUPLICATE = "duplicate"
    DOES_NOT_ELABORATE = "does_not_elaborate"
    TRIVIAL = "trivial"
    FALSE = "false"
    UNKNOWN = "unknown"
    """The machine could not tell: it may be proposed again."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A proposal with what became of it, and why."""

    proposal: Proposal
    fate: Fate
    reason: str
    lean_calls: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What became of every proposal, in their order, with the reason."""

    results: tuple[Checked, ...]

    @property
    def kept(self) -> tuple[Proposal, ...]:
        return tuple(each.proposal for each in self.results if each.fate is Fate.KEPT)

    @property
    def lean_calls(self) -> int:
        return sum(each.lean_calls for each in self.results)


async def checked(proposals: Sequence[Proposal], pool: LeanPool, known: Collection[str] = ()) -> Report:
    """What Lean says of each; `known` are normalised statements that nothing may repeat.

    Raises PoolClosed.
    """
    seen = set(known)
    asked = []
    for each in proposals:
        normalised = normalise(each.theorem.statement)
        asked.append(_asked(each, pool, is_known=normalised in seen))
        seen.add(normalised)
    return Report(tuple(await asyncio.gather(*asked)))


async def _asked(proposal: Proposal, pool: LeanPool, *, is_known: bool) -> Checked:
    """Whether it is known, elaborates, is trivial, is false: what speaks against it first, decides."""
    theorem = proposal.theorem
    if is_known:
        return Checked(proposal, Fate.DUPLICATE, "the same statement is known already")
    try:
        reply = await pool.statement(f"{_BINDING_ALL} {theorem.statement}", theorem.header)
    except NoAnswer as error:
        return Checked(proposal, Fate.UNKNOWN, str(error), 1)
    failure = reply.error or reply.statement_error
    if failure is not None:
        return Checked(proposal, Fate.DOES_NOT_ELABORATE, failure, 1)
    verdict = await tried(theorem, TRIVIAL, pool)
    if verdict.kind is Kind.PROVED:
        return Checked(proposal, Fate.TRIVIAL, "one tactic proves it", 2)
    if verdict.kind is Kind.UNKNOWN:
        return Checked(proposal, Fate.UNKNOWN, verdict.reason, 2)
    disproof = await disprove(theorem, pool)
    fate = {Outcome.DISPROVED: Fate.FALSE, Outcome.UNKNOWN: Fate.UNKNOWN}.get(disproof.outcome, Fate.KEPT)
    reason = "nothing proved or disproved it" if fate is Fate.KEPT else disproof.reason
    return Checked(proposal, fate, reason, 2 + disproof.lean_calls)


# Lean would take a name that the text brings from nowhere for a variable, and state something else.
_BINDING_ALL = "set_option autoImplicit false in"
_GROWN = re.compile(rf"\.(?:{'|'.join(How)})_[0-9a-f]{{8}}$")
_NUMERIC = NATURAL_TYPES + SIGNED_TYPES
_VALUES = 3  # of a variable that are proposed


def _different(unsolved: Unsolved) -> Iterator[Proposal]:
    """The proposals from one theorem, a kind after the other, without those that say the same."""
    theorem = unsolved.theorem
    kinds = [
        [goal for proof in reversed(unsolved.failed) for goal in subgoals(theorem, proof)],
        without_a_hypothesis(theorem),
        specialised(theorem),
        generalised(theorem),
    ]
    seen = {normalise(theorem.statement)}
    for each in chain.from_iterable(zip_longest(*kinds)):
        if each is not None and (normalised := normalise(each.theorem.statement)) not in seen:
            seen.add(normalised)
            yield each


def _opened(theorem: Theorem) -> Signature:
    """The signature, with what its claim begins with (`∀ x, P →`) among its binder groups."""
    signature = parse_signature(theorem.statement)
    premises, claim = split_premises(signature.claim)
    names = {name for each in premises for name in each.names if name != "_"}
    if names & set(signature.bound):
        return signature  # the inner name would hide the outer one from what stands between
    return replace(signature, binders=(*signature.binders, *premises), claim=claim)


def _texts(signature: Signature) -> list[str]:
    return [*(binder.type for binder in signature.binders), signature.claim]


def _replaced(signature: Signature, name: str, term: str) -> Signature:
    """The signature with a term for a name or a number, wherever it is mentioned."""
    binders = (
        replace(each, type=substitute(each.type, name, term), default=substitute(each.default, name, term))
        for each in signature.binders
    )
    return replace(signature, binders=tuple(binders), claim=substitute(signature.claim, name, term))


def _each_left_out(signature: Signature) -> Iterator[tuple[Binder, str, Signature]]:
    """Each name that is bound, with its group, and the signature without it; an empty group goes too."""
    for place, binder in enumerate(signature.binders):
        for name in binder.names:
            left = tuple(each for each in binder.names if each != name)
            kept = (replace(binder, names=left),) if left else ()
            groups = (*signature.binders[:place], *kept, *signature.binders[place + 1 :])
            yield binder, name, replace(signature, binders=groups)


def _written(value: str, type: str, name: str, rest: Signature) -> str:
    """The value as it may stand for the variable, with its type where another one could be meant."""
    tokens = [token.text for text in _texts(rest) for token in tokens_of(text)]
    if value.isdecimal() and type in NATURAL_TYPES:
        is_clear = {token for token in tokens if token in _NUMERIC} <= {type}
    else:
        is_clear = value[0].isalpha()  # the name of a constructor
    if is_clear and not any(token.startswith(f"{name}.") for token in tokens):
        return f"({value})" if " " in value else value
    return f"({value} : {type})"


def _binds_inside(text: str, name: str) -> bool:
    """Whether a quantifier, `fun` or `let` of the text binds the name anew; may say yes where none does."""
    binding = False
    for token in tokens_of(text):
        if token.text in QUANTIFIERS | LOCAL_DEFINITIONS:
            binding = True
        elif token.text in (",", "=>", "↦", ":="):
            binding = False
        elif binding and token.text == name:
            return True
    return False


def _indent(text: str, at: int) -> int:
    """The column of a bullet; of anything else, that where its line has text, a bullet before it aside."""
    start = text.rfind("\n", 0, at) + 1
    line = text[start:]
    return at - start if text[at] == "·" else len(line) - len(line.lstrip(" ·"))


def _is_behind(text: str, said: int, at: int, column: int) -> bool:
    """Whether the block of what was said in a column has ended: in its line, or by one no further in."""
    lines = text[said:at].split("\n")[1:]
    written = [line for line in lines[:-1] if line.strip()] + lines[-1:]
    return not lines or any(len(line) - len(line.lstrip(" ")) <= column for line in written)


def _introduced(tokens: Sequence[Token], waiting: list[Binder], text: str) -> list[Binder]:
    """The next binders of the claim under the names that `intro` gives them; they wait no longer."""
    found: list[Binder] = []
    for token in tokens:
        if not waiting or not is_identifier(token.text) or "\n" in text[tokens[0].start : token.start]:
            break
        binder = waiting.pop(0)
        found.append(replace(binder, names=(token.text,)))
        (old,) = binder.names
        waiting[:] = [replace(each, type=substitute(each.type, old, token.text)) for each in waiting]
    return found


def _stated(tokens: Sequence[Token], text: str, anonymous: str) -> Signature | None:
    """What a `have` states: its name, binder groups and claim; None where no type is written."""
    sign = find_definition_sign(tokens)
    if not sign:
        return None
    written = text[tokens[0].start : tokens[sign - 1].stop]
    name = "" if is_identifier(tokens[0].text) else anonymous
    try:
        return parse_signature(f"theorem {name} {written}")
    except InvalidInput:
        return None
