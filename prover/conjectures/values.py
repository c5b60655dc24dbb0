"""Small values of types of data, told from the text of a type; pure, no Lean.

A theorem that is false is mostly false at small values already, and variations of a theorem are made at them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from prover.syntax.commands import constructors_of
from prover.syntax.signature import parse_signature
from prover.syntax.tokens import find_closing, is_identifier, outermost, tokens_of
from verifier.errors import InvalidInput

__all__ = ["MANY", "NATURAL_TYPES", "SIGNED_TYPES", "Values", "declared_values", "is_numeric", "values_of"]

NATURAL_TYPES = ("Nat", "ℕ")
SIGNED_TYPES = ("Int", "ℤ", "Rat", "ℚ", "Real", "ℝ")
MANY = 40
"""The number of values of a numeric type."""

_NATURALS = tuple(str(number) for number in range(MANY))
_INTEGERS = ("0", *(f"{sign}{number}" for number in range(1, MANY // 2) for sign in ("", "-")))
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
_NESTED = 3
"""How deep the values of an inductive type are nested at most."""


@dataclass(frozen=True, slots=True)
class Values:
    """Some values of a type, the simplest first.

    The terms are values of `carrier`, over which Lean can decide.  `form` is a value of the type with `{}`
    where such a term stands: `Prop` has the carrier `Bool` and the form `({} = true)`.
    """

    carrier: str
    terms: tuple[str, ...]
    form: str = "{}"

    def of(self, term: str) -> str:
        """The value that a term carries, fit to be an argument."""
        return self.form.replace("{}", term if is_identifier(term) or term.isdecimal() else f"({term})")


def values_of(type: str, declared: Mapping[str, Values] | None = None) -> Values | None:
    """Values of a type by its text; None for what is no type of data, or none that is known here.

    `declared` are the values of types that a header declares, by name.
    """
    known = declared or {}
    tokens = tokens_of(type)
    while tokens and tokens[0].text == "(" and find_closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    words = [token.text for token in tokens]
    text = " ".join(words)
    arrow = next((place for place, token in outermost(tokens) if token.text == "→"), None)
    if arrow is not None:
        results = values_of(" ".join(words[arrow + 1 :]), known)
        return None if results is None else _function_values(" ".join(words[:arrow]), results)
    if text in _SIMPLE:
        return Values(text, _SIMPLE[text])
    if text == "Prop":
        return Values("Bool", ("false", "true"), "({} = true)")
    if len(words) == 2 and words[0] == "Fin" and words[1] in _NATURALS[1:]:
        return Values(text, _NATURALS[: int(words[1])])
    if len(words) > 1 and words[0] in _CONTAINERS:
        inner = values_of(" ".join(words[1:]), known)
        if inner is not None and inner.form == "{}":
            first, second, *_ = (*inner.terms, inner.terms[0])
            return Values(text, tuple(term.format(first, second) for term in _CONTAINERS[words[0]]))
    return known.get(text)


def is_numeric(type: str) -> bool:
    """Whether the text of a type is that of numbers."""
    return _SIMPLE.get(type) in (_NATURALS, _INTEGERS)


@lru_cache(maxsize=64)
def declared_values(header: str) -> Mapping[str, Values]:
    """Values of the inductive types that a header declares, without parameters, one constructor a line."""
    found: dict[str, Values] = {}
    for name, constructors in constructors_of(header).items():
        terms: list[str] = []
        for _ in range(_NESTED):
            # The newest value first, so that each round nests deeper.
            known = {**found, name: Values(name, tuple(reversed(terms)))} if terms else found
            made = [_apply_constructor(name, constructor, known) for constructor in constructors]
            terms += [term for term in made if term is not None and term not in terms]
        if terms:
            found[name] = Values(name, tuple(terms))
    return found


def _function_values(domain: str, results: Values) -> Values:
    """Constant functions, the identity, and a few more over numbers."""
    numeric = is_numeric(domain)
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


def _apply_constructor(type: str, constructor: str, known: Mapping[str, Values]) -> str | None:
    """Apply a constructor (`node (l r : Tree)`) to values, one of them the newest, if all are known."""
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
