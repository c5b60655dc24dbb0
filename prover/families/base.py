"""What the families share: the shape of an instance, names drawn at random, and small text helpers."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "DIFFICULTIES",
    "FUNCTION_NAMES",
    "HYPOTHESES",
    "LISTS",
    "PREDICATES",
    "VARIABLES",
    "Family",
    "Instance",
    "Role",
    "add",
    "atom",
    "binder",
    "by",
    "by_list_induction",
    "by_nat_induction",
    "plus",
    "shuffled",
    "times",
]

DIFFICULTIES = range(1, 6)

# Disjoint pools: names that a family draws from two of them cannot clash.  They avoid every name that the
# shared header or the reference proofs bind.
VARIABLES = tuple("abckmnxy")
HYPOTHESES = ("h", "ha", "hb", "hd", "he", "hm")
FUNCTION_NAMES = ("f", "g")
PREDICATES = ("p", "q", "r", "s", "t", "u")
LISTS = ("xs", "ys", "zs")


@dataclass(frozen=True, slots=True)
class Instance:
    """One true statement of a family, with a proof that Lean accepts.

    `statement` is what follows the theorem's name, up to, not including, `:=`; `proof` is what follows `:=`,
    and starts with `by` and a line break.
    """

    statement: str
    proof: str


class Role(StrEnum):
    """What learning may see of a family."""

    SUPERVISED = "supervised"
    """Statements, and the reference proofs of easy ones."""
    RARE = "rare"
    """Statements, and the reference proofs of a handful of easy ones."""
    EXPLORED = "explored"
    """Only statements: their proofs have to be found by sampling."""
    HELD_OUT = "held_out"
    """Nothing at all before the final measurement."""


@dataclass(frozen=True, slots=True)
class Family:
    """A maker of instances: a pure function of a random source and a difficulty from 1 to 5."""

    name: str
    role: Role
    make: Callable[[random.Random, int], Instance]

    @property
    def description(self) -> str:
        return (self.make.__doc__ or "").strip()


def by(*tactics: str) -> str:
    """A tactic block, one line for each tactic."""
    return "by\n" + "\n".join(f"  {tactic}" for tactic in tactics)


def by_nat_induction(variable: str, functions: str) -> str:
    """A proof by induction on a natural number; both cases unfold the functions and do linear arithmetic."""
    return by(
        f"induction {variable} with",
        f"| zero => simp [{functions}] <;> omega",
        f"| succ {variable} ih => simp [{functions}] <;> omega",
    )


def by_list_induction(variable: str, functions: str) -> str:
    """A proof by induction on a list; both cases unfold the functions and do linear arithmetic."""
    return by(
        f"induction {variable} with",
        f"| nil => simp [{functions}] <;> omega",
        f"| cons x {variable} ih => simp [{functions}] <;> omega",
    )


def atom(term: str) -> str:
    """The term, in parentheses when it has more than one word: fit to be an argument."""
    return f"({term})" if " " in term else term


def shuffled(rng: random.Random, items: Iterable[str]) -> list[str]:
    """The items in a random order; `random.Random.shuffle` works in place."""
    result = list(items)
    rng.shuffle(result)
    return result


def binder(rng: random.Random, names: Sequence[str], kind: str) -> str:
    """One binder group, the names in random order, so that no fixed position tells which one matters."""
    return f"({' '.join(shuffled(rng, names))} : {kind})"


def times(coefficient: int, term: str) -> str:
    """`coefficient * term`; the term alone for coefficient 1, and `0` for 0."""
    if coefficient == 0:
        return "0"
    return term if coefficient == 1 else f"{coefficient} * {term}"


def plus(constant: int) -> str:
    """` + constant`, or nothing when it is 0."""
    return f" + {constant}" if constant else ""


def add(rng: random.Random, *terms: str) -> str:
    """The sum of the terms in random order, without those that are `0`."""
    return " + ".join(shuffled(rng, [term for term in terms if term != "0"])) or "0"
