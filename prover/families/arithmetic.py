"""Families about numbers: linear arithmetic, remainders, divisibility, inequalities between products."""

import random
from itertools import pairwise

from prover.families.base import HYPOTHESES, VARIABLES, Instance, add, binder, by, plus, shuffled, times

__all__ = ["dvd_combination", "dvd_rules", "int_linear", "mul_monotone", "nat_linear", "parity", "remainder"]


def nat_linear(rng: random.Random, difficulty: int) -> Instance:
    """A chain of inequalities over Nat, `a + 3 ≤ b`, `b + 2 < c`, gives one between its ends."""
    length = 1 + (difficulty + 1) // 2
    chain = rng.sample(VARIABLES, length + 1)
    labels = rng.sample(HYPOTHESES, length)
    gaps = [rng.randint(1, 4 * difficulty) for _ in range(length)]
    scale = rng.randint(1, difficulty)
    hypotheses = [
        f"({label} : {lower} + {gap} ≤ {upper})"
        for label, (lower, upper), gap in zip(labels, pairwise(chain), gaps, strict=True)
    ]
    distance = scale * sum(gaps) - rng.randint(0, 2)
    relation = "≤" if distance >= 0 else "<"
    goal = f"{times(scale, chain[0])}{plus(max(distance, 0))} {relation} {times(scale, chain[-1])}"
    statement = f"{binder(rng, chain, 'Nat')} {' '.join(shuffled(rng, hypotheses))} : {goal}"
    return Instance(statement, by("omega"))


def int_linear(rng: random.Random, difficulty: int) -> Instance:
    """Two linear equations over Int determine one of two unknowns."""
    x, y = rng.sample(VARIABLES, 2)
    first, second = rng.sample(HYPOTHESES, 2)
    top = difficulty + 2
    x_value, y_value = rng.randint(-top, top), rng.randint(-top, top)
    while True:
        a, b, c, d = (rng.randint(1, top) for _ in range(4))
        if a * d != b * c:
            break
    equations = (
        f"({first} : {times(a, x)} + {times(b, y)} = {a * x_value + b * y_value}) "
        f"({second} : {times(c, x)} - {times(d, y)} = {c * x_value - d * y_value})"
    )
    goal = rng.choice([f"{x} = {x_value}", f"{y} = {y_value}"])
    return Instance(f"{binder(rng, [x, y], 'Int')} {equations} : {goal}", by("omega"))


def remainder(rng: random.Random, difficulty: int) -> Instance:
    """A remainder modulo `m * q` gives the remainder of a linear term modulo `m`."""
    n, k = rng.sample(VARIABLES, 2)
    h = rng.choice(HYPOTHESES)
    modulus = rng.randint(2, 2 + 2 * difficulty)
    multiple = modulus * rng.randint(2, 2 + difficulty)
    known = rng.randrange(multiple)
    a, c = rng.randint(1, 1 + difficulty), rng.randint(0, 5 * difficulty)
    term = add(rng, times(a, n), times(modulus, k), str(c))
    statement = (
        f"{binder(rng, [n, k], 'Nat')} ({h} : {n} % {multiple} = {known}) : "
        f"({term}) % {modulus} = {(a * known + c) % modulus}"
    )
    return Instance(statement, by("omega"))


def dvd_rules(rng: random.Random, difficulty: int) -> Instance:
    """A rule of divisibility: transitivity, sums, differences, multiples, later two rules in one."""
    a, b, c = rng.sample(VARIABLES, 3)
    h, g = rng.sample(HYPOTHESES, 2)
    top = 3 * difficulty
    left, right = f"{b} + {rng.randint(1, top)}", f"{times(rng.randint(1, top), c)}"
    factor = rng.randint(2, 2 + top)
    to_left, to_right = f"({h} : {a} ∣ {left})", f"({g} : {a} ∣ {right})"
    both = " ".join(shuffled(rng, [to_left, to_right]))
    chain = " ".join(shuffled(rng, [to_left, f"({g} : {left} ∣ {right})"]))
    forms = [
        (chain, right, f"Nat.dvd_trans {h} {g}"),
        (both, f"{left} + {right}", f"Nat.dvd_add {h} {g}"),
        (both, f"{right} - ({left})", f"Nat.dvd_sub {g} {h}"),
        (both, f"({left}) * {factor}", f"Nat.dvd_mul_right_of_dvd {h} {factor}"),
        (both, f"{factor} * ({right})", f"Nat.dvd_mul_left_of_dvd {g} {factor}"),
    ]
    if difficulty >= 2:
        forms.append(
            (chain, f"{right} * {factor}", f"Nat.dvd_mul_right_of_dvd (Nat.dvd_trans {h} {g}) {factor}")
        )
    hypotheses, multiple, proof = rng.choice(forms)
    statement = f"{binder(rng, [a, b, c], 'Nat')} {hypotheses} : {a} ∣ {multiple}"
    return Instance(statement, by(f"exact {proof}"))


def dvd_combination(rng: random.Random, difficulty: int) -> Instance:
    """A common divisor divides a linear combination; each term needs its own rule."""
    count = 2 + difficulty // 3
    a, *terms = rng.sample(VARIABLES, count + 1)
    labels = rng.sample(HYPOTHESES, count)
    parts: list[tuple[str, str]] = []
    for label, term in zip(labels, terms, strict=True):
        factor = rng.randint(2, 2 + 2 * difficulty)
        forms = [
            (f"{term} * {factor}", f"(Nat.dvd_mul_right_of_dvd {label} {factor})"),
            (f"{factor} * {term}", f"(Nat.dvd_mul_left_of_dvd {label} {factor})"),
            (term, label),
        ]
        # The first term always has a factor: a plain sum would be the rule itself.
        parts.append(rng.choice(forms if parts else forms[:2]))
    goal, proof = parts[0]
    for term, argument in parts[1:]:
        goal, proof = f"{goal} + {term}", f"(Nat.dvd_add {proof} {argument})"
    hypotheses = shuffled(
        rng, [f"({label} : {a} ∣ {term})" for label, term in zip(labels, terms, strict=True)]
    )
    statement = f"{binder(rng, [a, *terms], 'Nat')} {' '.join(hypotheses)} : {a} ∣ {goal}"
    return Instance(statement, by(f"exact {proof[1:-1]}"))


def mul_monotone(rng: random.Random, difficulty: int) -> Instance:
    """Inequalities between factors or bases give one between products or powers."""
    a, b, c, d = rng.sample(VARIABLES, 4)
    h, g = rng.sample(HYPOTHESES, 2)
    more, less = f"{b} + {rng.randint(1, 4 * difficulty)}", f"{c} + {rng.randint(1, 4 * difficulty)}"
    power = rng.randint(2, 3 + difficulty)
    raised = f"Nat.pow_le_pow_left {h} {power}"
    if difficulty < 3:
        forms = [
            (f"{a} * ({less}) ≤ ({more}) * {d}", f"Nat.mul_le_mul {h} {g}"),
            (f"({less}) * {a} ≤ {d} * ({more})", f"Nat.mul_le_mul {g} {h}"),
            (f"{a} ^ {power} ≤ ({more}) ^ {power}", raised),
        ]
    else:
        both, swapped = f"(Nat.mul_le_mul {h} {g})", f"(Nat.mul_le_mul {g} {h})"
        forms = [
            (f"{a} ^ {power} * ({less}) ≤ ({more}) ^ {power} * {d}", f"Nat.mul_le_mul ({raised}) {g}"),
            (f"({less}) * {a} ^ {power} ≤ {d} * ({more}) ^ {power}", f"Nat.mul_le_mul {g} ({raised})"),
            (f"{a} * ({less}) * {a} ≤ ({more}) * {d} * ({more})", f"Nat.mul_le_mul {both} {h}"),
            (f"({less}) * {a} * ({less}) ≤ {d} * ({more}) * {d}", f"Nat.mul_le_mul {swapped} {g}"),
        ]
    goal, proof = rng.choice(forms)
    hypotheses = shuffled(rng, [f"({h} : {a} ≤ {more})", f"({g} : {less} ≤ {d})"])
    statement = f"{binder(rng, [a, b, c, d], 'Nat')} {' '.join(hypotheses)} : {goal}"
    return Instance(statement, by(f"exact {proof}"))


def parity(rng: random.Random, difficulty: int) -> Instance:
    """A polynomial in `n` has a known parity; the other variable comes with an even coefficient."""
    n, k = rng.sample(VARIABLES, 2)
    a, constant = rng.randint(1, 2 * difficulty), rng.randint(0, 3 * difficulty)
    b = rng.randint(0, difficulty) * 2 + a % 2 or 2
    square = f"{n} * {n}" if difficulty < 4 else f"{n} * {n} * {n}"
    polynomial = add(
        rng, times(a, square), times(b, n), str(constant), times(2 * rng.randint(1, 2 + difficulty), k)
    )
    return Instance(
        f"{binder(rng, [n, k], 'Nat')} : ({polynomial}) % 2 = {constant % 2}",
        by(f"rcases Nat.mod_two_eq_zero_or_one {n} with h | h <;> simp [Nat.add_mod, Nat.mul_mod, h]"),
    )
