"""Families that ask for a witness, a counterexample or the right side of a disjunction."""

import random

from prover.families.base import (
    FUNCTION_NAMES,
    HYPOTHESES,
    LISTS,
    VARIABLES,
    Instance,
    atom,
    binder,
    by,
    plus,
    times,
)

__all__ = [
    "above",
    "coins",
    "counterexample",
    "function_witness",
    "int_coins",
    "linear_witness",
    "list_witness",
    "residue_class",
]


def coins(rng: random.Random, difficulty: int) -> Instance:
    """Naturals that solve a linear equation: the witnesses have to be computed from its numbers."""
    count = 1 if difficulty == 1 else 2 if difficulty < 5 else 3
    names = rng.sample(VARIABLES, count)
    values = [rng.randint(1, 2 + 2 * difficulty) for _ in names]
    weights = [rng.randint(1, 2 + difficulty) for _ in names]
    constant = rng.randint(1, 3 * difficulty)
    left = " + ".join(times(w, x) for w, x in zip(weights, names, strict=True))
    value = sum(w * v for w, v in zip(weights, values, strict=True)) + constant
    witnesses = ", ".join(map(str, values))
    return Instance(
        f": ∃ {' '.join(names)} : Nat, {left} + {constant} = {value}", by(f"exact ⟨{witnesses}, rfl⟩")
    )


def int_coins(rng: random.Random, difficulty: int) -> Instance:
    """Integers that solve a linear equation, one of them negative."""
    x, y = rng.sample(VARIABLES, 2)
    a, b = rng.randint(2, 3 + difficulty), rng.randint(1, 2 + difficulty)
    x_value, y_value = -rng.randint(1, 1 + difficulty), rng.randint(0, 1 + difficulty)
    statement = f": ∃ {x} {y} : Int, {x} < 0 ∧ {times(a, x)} + {times(b, y)} = {a * x_value + b * y_value}"
    return Instance(statement, by(f"exact ⟨{x_value}, {y_value}, by decide⟩"))


def counterexample(rng: random.Random, difficulty: int) -> Instance:
    """A universal claim fails at one number (or pair) only, or nearly so: name it."""
    x, y = rng.sample(VARIABLES, 2)
    a, c = rng.randint(1, 2 + 2 * difficulty), rng.randint(0, 4 * difficulty)
    at, y_at = rng.randint(2, 4 + 3 * difficulty), rng.randint(0, 4 * difficulty)
    if difficulty < 3:
        names, left, value, arguments = x, times(a, x), a * at, f"{at}"
    elif difficulty == 3:
        names, left, value, arguments = x, f"{x} * {x}", at * at, f"{at}"
    else:
        names, left = f"{x} {y}", f"{x} * {x} + {times(a, y)}"
        value, arguments = at * at + a * y_at, f"{at} {y_at}"
    return Instance(
        f": ¬ ∀ {names} : Nat, {left}{plus(c)} ≠ {value + c}", by("intro h", f"exact h {arguments} rfl")
    )


def linear_witness(rng: random.Random, difficulty: int) -> Instance:
    """A number of the form `c * k + r` is, up to a shift, of the form `d * k + s` when `d` divides `c`."""
    n, m, k = rng.sample(VARIABLES, 3)
    h, g = rng.sample(HYPOTHESES, 2)
    d, q, q2 = (rng.randint(2, 3 + difficulty) for _ in range(3))
    offset = rng.randint(0, d * difficulty)
    shift = rng.randint(0, 2 * difficulty)
    quotient, rest = divmod(offset + shift, d)
    known = f"({h} : ∃ {k}, {n} = {d * q} * {k}{plus(offset)})"
    goal = f"∃ {k}, {n}{plus(shift)} = {d} * {k}{plus(rest)}"
    if difficulty < 4:
        return Instance(
            f"({n} : Nat) {known} : {goal}",
            by(f"obtain ⟨c, hc⟩ := {h}", f"exact ⟨{q} * c{plus(quotient)}, by omega⟩"),
        )
    second = f"({g} : ∃ {k}, {m} = {d * q2} * {k})"
    return Instance(
        f"{binder(rng, [n, m], 'Nat')} {known} {second} : {goal.replace(f' {n}', f' {n} + {m}', 1)}",
        by(
            f"obtain ⟨c, hc⟩ := {h}",
            f"obtain ⟨d, hd⟩ := {g}",
            f"exact ⟨{q} * c + {q2} * d{plus(quotient)}, by omega⟩",
        ),
    )


def residue_class(rng: random.Random, difficulty: int) -> Instance:
    """A number with a known remainder lies in one of the listed residue classes: choose it and divide."""
    n, k = rng.sample(VARIABLES, 2)
    h = rng.choice(HYPOTHESES)
    count = 2 if difficulty < 3 else 3
    modulus = rng.randint(count, count + 2 + 2 * difficulty)
    residues = rng.sample(range(modulus), count)
    place = rng.randrange(count)
    sides = [f"∃ {k}, {n} = {modulus} * {k}{plus(r)}" for r in residues]
    goal = " ∨ ".join(f"({side})" for side in sides)
    path = ["right"] * place + (["left"] if place < count - 1 else [])
    return Instance(
        f"({n} : Nat) ({h} : {n} % {modulus} = {residues[place]}) : {goal}",
        by(*path, f"exact ⟨{n} / {modulus}, by omega⟩"),
    )


def above(rng: random.Random, difficulty: int) -> Instance:
    """Beyond every bound there is a number with a given remainder."""
    n, m, x = rng.sample(VARIABLES, 3)
    modulus = rng.randint(2, 3 + 2 * difficulty)
    rest = rng.randrange(modulus)
    scale, shift = rng.randint(1, difficulty), rng.randint(0, 3 * difficulty)
    names = [n] if difficulty < 3 else [n, m]
    bound = " + ".join([times(scale, n), *names[1:]]) + plus(shift)
    witness = f"{modulus} * {atom(bound)} + {rest + modulus}"
    return Instance(
        f"{binder(rng, names, 'Nat')} : ∃ {x}, {bound} < {x} ∧ {x} % {modulus} = {rest}",
        by(f"exact ⟨{witness}, by omega⟩"),
    )


def list_witness(rng: random.Random, difficulty: int) -> Instance:
    """A list with a given sum and length, or one that has them once a number is added to each element."""
    xs = rng.choice(LISTS)
    values = [rng.randint(0, 3 + 3 * difficulty) for _ in range(rng.randint(1, 1 + (difficulty + 1) // 2))]
    shift = rng.randint(1, 3 * difficulty)
    listed = ", ".join(map(str, values))
    body, total = xs, sum(values)
    if difficulty >= 3:
        body, total = f"(bump {shift} {xs})", total + shift * len(values)
    return Instance(
        f": ∃ {xs}, total {body} + {shift} = {total + shift} ∧ size {xs} = {len(values)}",
        by(f"exact ⟨[{listed}], rfl, rfl⟩"),
    )


def function_witness(rng: random.Random, difficulty: int) -> Instance:
    """A function with given values: a shift when difficulty is below 3, else a line."""
    f = rng.choice(FUNCTION_NAMES)
    slope = 1 if difficulty < 3 else rng.randint(2, difficulty)
    shift = rng.randint(0 if slope > 1 else 1, 4 * difficulty)
    points = rng.sample(range(3 + 2 * difficulty), 2)
    values = " ∧ ".join(f"{f} {x} = {slope * x + shift}" for x in points)
    body = times(slope, "x") + plus(shift)
    return Instance(f": ∃ {f} : Nat → Nat, {values}", by(f"exact ⟨fun x => {body}, rfl, rfl⟩"))
