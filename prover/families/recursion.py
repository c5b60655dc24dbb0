"""Families about recursive functions on Nat: closed forms, bounds, recurrences, accumulators, sums."""

import random

from prover.families.base import (
    FUNCTION_NAMES,
    HYPOTHESES,
    LISTS,
    VARIABLES,
    Instance,
    add,
    binder,
    by,
    by_nat_induction,
    plus,
    shuffled,
    times,
)

__all__ = [
    "accumulator",
    "climb_closed",
    "evaluation",
    "recurrence",
    "step_bound",
    "step_closed",
    "sum_closed",
]


def step_closed(rng: random.Random, difficulty: int) -> Instance:
    """`step a b n = a * n + b`, inside a sum with other variables."""
    n, m, k = rng.sample(VARIABLES, 3)
    a, b = rng.randint(1, 2 + 2 * difficulty), rng.randint(0, 3 * difficulty)
    names, extra, scale = [n, m], [m], 1
    if difficulty >= 3:
        scale = rng.randint(2, difficulty)
        names.append(k)
        extra = [times(rng.randint(1, difficulty), m), times(rng.randint(1, difficulty), k)]
    left = add(rng, times(scale, f"step {a} {b} {n}"), *extra)
    right = add(rng, times(scale * a, n), str(scale * b), *extra)
    return Instance(f"{binder(rng, names, 'Nat')} : {left} = {right}", by_nat_induction(n, "step"))


def step_bound(rng: random.Random, difficulty: int) -> Instance:
    """`step a b n` is at least a smaller linear term."""
    n, m = rng.sample(VARIABLES, 2)
    a, b = rng.randint(2, 3 + 2 * difficulty), rng.randint(1, 3 * difficulty)
    smaller, less = rng.randint(1, a), rng.randint(0, b)
    left = add(rng, times(smaller, n), str(less), m)
    right = add(rng, f"step {a} {b} {n}", m)
    return Instance(f"{binder(rng, [n, m], 'Nat')} : {left} ≤ {right}", by_nat_induction(n, "step"))


def climb_closed(rng: random.Random, difficulty: int) -> Instance:
    """`climb a b n = a * n + b` over Int, with negative numbers, inside a sum with other variables."""
    n, m, k = rng.sample(VARIABLES, 3)
    a, b = rng.randint(-2 * difficulty, 2 * difficulty) or 1, rng.randint(-3 * difficulty, 3 * difficulty)
    names = [n, m] if difficulty < 3 else [n, m, k]
    extra = [times(rng.randint(1, difficulty), name) for name in names[1:]]
    left = add(rng, f"climb {_int(a)} {_int(b)} {n}", *extra)
    right = add(rng, f"{_int(a)} * {n}", _int(b), *extra)
    return Instance(f"{binder(rng, names, 'Nat')} : {left} = {right}", by_nat_induction(n, "climb"))


def _int(value: int) -> str:
    return f"({value})" if value < 0 else str(value)


def recurrence(rng: random.Random, difficulty: int) -> Instance:
    """A function known by its value at 0 and its steps has a closed form, or a linear lower bound."""
    n, m, x = rng.sample(VARIABLES, 3)
    f = rng.choice(FUNCTION_NAMES)
    start, step = rng.sample(HYPOTHESES, 2)
    a, b = rng.randint(1, 2 + 2 * difficulty), rng.randint(0, 3 * difficulty)
    relation = "=" if difficulty < 3 else rng.choice(["=", "≤"])
    at_zero, at_next = f"({start} : {f} 0 = {b})", f"({step} : ∀ {x}, {f} {x} + {a} {relation} {f} ({x} + 1))"
    hypotheses = " ".join(shuffled(rng, [at_zero, at_next]))
    other = times(1 if difficulty < 4 else rng.randint(2, difficulty), m)
    left, right = add(rng, times(a, n), str(b), other), add(rng, f"{f} {n}", other)
    return Instance(
        f"({f} : Nat → Nat) {binder(rng, [n, m], 'Nat')} {hypotheses} : {left} {relation} {right}",
        by(f"induction {n} with", "| zero => omega", f"| succ {n} ih => have := {step} {n}; omega"),
    )


def accumulator(rng: random.Random, difficulty: int) -> Instance:
    """A loop with an accumulator computes what it should; the induction has to generalise over it."""
    n, s, k = rng.sample(VARIABLES, 3)
    a, c = rng.randint(1, 2 + 2 * difficulty), rng.randint(1, 4 * difficulty)
    if rng.random() < 0.5:
        left, right = add(rng, f"drift {a} {n} {s}", str(c)), add(rng, times(a, n), s, str(c))
        proof = by(
            f"induction {n} generalizing {s} with",
            "| zero => simp [drift] <;> omega",
            f"| succ {n} ih => simp [drift, ih] <;> omega",
        )
        return Instance(f"{binder(rng, [n, s], 'Nat')} : {left} = {right}", proof)
    xs = rng.choice(LISTS)
    left = add(rng, f"gather {xs} {s}", times(c, k))
    right = add(rng, f"total {xs}", s, times(c, k))
    proof = by(
        f"induction {xs} generalizing {s} with",
        "| nil => simp [gather, total] <;> omega",
        f"| cons x {xs} ih => simp [gather, total, ih] <;> omega",
    )
    return Instance(f"({xs} : List Nat) {binder(rng, [s, k], 'Nat')} : {left} = {right}", proof)


def sum_closed(rng: random.Random, difficulty: int) -> Instance:
    """A sum over `i < n` of a linear term in `f i`, term by term."""
    n, m, i = rng.sample(VARIABLES, 3)
    f = rng.choice(FUNCTION_NAMES)
    c, d = rng.randint(1 if difficulty > 1 else 2, 2 + difficulty), rng.randint(0, 3 * difficulty)
    inner = times(c, f"{f} {i}") + plus(d)
    left = add(rng, f"sumTo (fun {i} => {inner}) {n}", m)
    right = add(rng, times(c, f"sumTo {f} {n}"), m, times(d, n))
    statement = f"({f} : Nat → Nat) {binder(rng, [n, m], 'Nat')} : {left} = {right}"
    return Instance(statement, by_nat_induction(n, "sumTo"))


def evaluation(rng: random.Random, difficulty: int) -> Instance:
    """A recursive function at small arguments, computed by unfolding it."""
    x, y = rng.sample(VARIABLES, 2)
    xs = rng.choice(LISTS)
    a, b = rng.randint(1, 1 + difficulty), rng.randint(0, 3 * difficulty)
    count = rng.randint(1, 1 + difficulty // 2)
    values = [rng.randint(0, 3 * difficulty) for _ in range(count)]
    heads = "".join(f"{value} :: " for value in values)
    variable, variables = f"({x} : Nat)", binder(rng, [x, y], "Nat")
    raised = "".join(f"{value + a} :: " for value in values)
    statement, functions = rng.choice(
        [
            (f"{variable} : step {a} {x} {count} = {x} + {a * count}", "step"),
            (f"({x} : Int) : climb {a} {x} {count} = {x} + {a * count}", "climb"),
            (f"{variables} : total [{y}, {b}, {x}] = {x} + {y} + {b}", "total"),
            (f"({xs} : List Nat) : size ({heads}{xs}) = size {xs} + {count}", "size"),
            (f"({xs} : List Nat) : bump {a} ({heads}{xs}) = {raised}bump {a} {xs}", "bump"),
            (f"({xs} : List Nat) : glue ({heads}[]) {xs} = {heads}{xs}", "glue"),
            (f"{variable} : total (copies {x} {count}) = {times(count, x)}", "copies, total"),
            (f"{variables} : weigh {x} {y} (mirror (.node .leaf .leaf)) = {x} + 2 * {y}", "weigh, mirror"),
        ]
    )
    return Instance(statement, by(f"simp [{functions}] <;> omega"))
