"""Families of propositional and first-order logic: implications, instances of hypotheses, Bool."""

import random
from itertools import pairwise

from prover.families.base import (
    FUNCTION_NAMES,
    HYPOTHESES,
    PREDICATES,
    VARIABLES,
    Instance,
    atom,
    binder,
    by,
    plus,
    shuffled,
    times,
)

__all__ = ["bool_function", "closure", "implication", "instance_at"]


def implication(rng: random.Random, difficulty: int) -> Instance:
    """A chain of implications, its hypotheses in random order, ends in a conjunction."""
    length = 1 + (difficulty + 1) // 2
    props = rng.sample(PREDICATES, length + 1)
    start, *links = rng.sample(HYPOTHESES, length + 1)
    hypotheses = [f"({start} : {props[0]})"]
    terms = [start]
    for link, (before, after) in zip(links, pairwise(props), strict=True):
        hypotheses.append(f"({link} : {before} → {after})")
        terms.append(f"{link} {atom(terms[-1])}")
    ends = rng.sample(range(length + 1), 2)
    goal = " ∧ ".join(props[end] for end in ends)
    proof = ", ".join(terms[end] for end in ends)
    statement = f"{binder(rng, props, 'Prop')} {' '.join(shuffled(rng, hypotheses))} : {goal}"
    return Instance(statement, by(f"exact ⟨{proof}⟩"))


def instance_at(rng: random.Random, difficulty: int) -> Instance:
    """A hypothesis for all naturals, used at the one number that fits, directly or through a premise."""
    p, q = rng.sample(PREDICATES, 2)
    h, g = rng.sample(HYPOTHESES, 2)
    x, y = rng.sample(VARIABLES, 2)
    a, b = rng.randint(2, 3 + difficulty), rng.randint(0, 3 * difficulty)
    at, other = rng.randint(2, 5 + 2 * difficulty), rng.randint(0, 1 + difficulty)
    if difficulty == 2 and rng.random() < 0.5:
        term = atom(f"{y}{plus(b)}")
        hypotheses = shuffled(
            rng, [f"({h} : ∀ {x}, {p} {x} → {q} ({a} * {x} + {at}))", f"({g} : {p} {term})"]
        )
        statement = f"({p} {q} : Nat → Prop) ({y} : Nat) {' '.join(hypotheses)} : {q} ({a} * {term} + {at})"
        return Instance(statement, by(f"exact {h} _ {g}"))
    if difficulty < 3:
        statement = f"({p} : Nat → Prop) ({h} : ∀ {x}, {p} ({a} * {x}{plus(b)})) : {p} {a * at + b}"
        return Instance(statement, by(f"exact {h} {at}"))
    if difficulty == 3:
        known = f"({h} : ∀ {x} {y}, {p} ({a} * {x} + {a + 1} * {y}))"
        statement = f"({p} : Nat → Prop) {known} : {p} {a * at + (a + 1) * other}"
        return Instance(statement, by(f"exact {h} {at} {other}"))
    # The premise of the first hypothesis is about an even number, which the second one covers.
    a, b, c = a + a % 2, b + b % 2, rng.randint(2, 1 + difficulty)
    used = f"({h} : ∀ {x}, {p} ({a} * {x}{plus(b)}) → {q} ({c} * {x} + 1))"
    provided = f"({g} : ∀ {y}, {p} (2 * {y}))"
    statement = f"({p} {q} : Nat → Prop) {' '.join(shuffled(rng, [used, provided]))} : {q} {c * at + 1}"
    return Instance(statement, by(f"exact {h} {at} ({g} {(a * at + b) // 2})"))


def closure(rng: random.Random, difficulty: int) -> Instance:
    """A predicate that holds at a number and passes from `x` to `x + c` holds all along."""
    p = rng.choice(PREDICATES)
    h, g = rng.sample(HYPOTHESES, 2)
    n, m, x = rng.sample(VARIABLES, 3)
    c, start = rng.randint(1, 3 + 2 * difficulty), rng.randint(1, 3 + 4 * difficulty)
    base = rng.choice([m, f"{m} + {start}", f"{start} * {m}"])
    hypotheses = shuffled(rng, [f"({h} : {p} {atom(base)})", f"({g} : ∀ {x}, {p} {x} → {p} ({x} + {c}))"])
    variables = binder(rng, [n, m], "Nat")
    return Instance(
        f"({p} : Nat → Prop) {variables} {' '.join(hypotheses)} : {p} ({base} + {times(c, n)})",
        by(f"induction {n} with", f"| zero => exact {h}", f"| succ {n} ih => exact {g} _ ih"),
    )


def bool_function(rng: random.Random, difficulty: int) -> Instance:
    """A function on Bool, applied two more times (or four, or six), gives the same value."""
    f = rng.choice(FUNCTION_NAMES)
    x, y = rng.sample(VARIABLES, 2)
    inner = rng.randint(1, 1 + difficulty)
    more = 2 * rng.randint(1, (difficulty + 1) // 2)
    operator, other = rng.choice(["&&", "||", "^^"]), rng.choice([y, f"!{y}", f"{f} {y}"])
    left, right = _iterate(f, inner + more, x), _iterate(f, inner, x)
    if difficulty == 1:
        left, right = f"{left} {operator} {y}", f"{right} {operator} {y}"
    else:
        left, right = f"{left} {operator} {other}", f"{other} {operator} {right}"
    return Instance(
        f"({f} : Bool → Bool) {binder(rng, [x, y], 'Bool')} : ({left}) = ({right})",
        by(f"cases {x} <;> cases {y} <;> cases h1 : {f} true <;> cases h2 : {f} false <;> simp_all"),
    )


def _iterate(f: str, count: int, argument: str) -> str:
    return argument if count == 0 else f"{f} {atom(_iterate(f, count - 1, argument))}"
