"""Families about lists and trees: functions defined by recursion, facts proved by induction."""

import random

from prover.families.base import (
    LISTS,
    VARIABLES,
    Instance,
    add,
    binder,
    by,
    by_list_induction,
    by_nat_induction,
    times,
)

__all__ = ["bump_total", "copies_total", "mirror_weigh", "total_glue", "weigh_closed"]


def total_glue(rng: random.Random, difficulty: int) -> Instance:
    """Sums and lengths of two lists glued together, inside a linear term."""
    xs, ys, zs = rng.sample(LISTS, 3)
    c, scale = rng.randint(0, 5 * difficulty), rng.randint(1, (difficulty + 1) // 2)
    measure = rng.choice(["total", "size"])
    lists, extra, functions = [xs, ys], [str(c)], ["glue", measure]
    glued = [times(scale, f"{measure} (glue {xs} {ys})")]
    parts = [times(scale, f"{measure} {name}") for name in (xs, ys)]
    if difficulty == 3:
        lists.append(zs)
        extra.append(f"{rng.choice(['total', 'size'])} {zs}")
    if difficulty >= 4:
        other = "size" if measure == "total" else "total"
        weight = rng.randint(2, difficulty)
        extra.clear()
        glued.append(times(weight, f"{other} (glue {xs} {ys})"))
        parts += [times(weight, f"{other} {name}") for name in (xs, ys)]
        functions.append(other)
    left, right = add(rng, *glued, *extra), add(rng, *parts, *extra)
    return Instance(
        f"{binder(rng, lists, 'List Nat')} : {left} = {right}", by_list_induction(xs, ", ".join(functions))
    )


def bump_total(rng: random.Random, difficulty: int) -> Instance:
    """Adding `k` to every element of a list adds `k` times its length to its sum."""
    xs, ys = rng.sample(LISTS, 2)
    k, c = rng.randint(1, 4 + 2 * difficulty), rng.randint(0, 4 * difficulty)
    extra = times(rng.randint(1, difficulty), f"total {ys}")
    left = add(rng, f"total (bump {k} {xs})", extra, str(c))
    right = add(rng, f"total {xs}", times(k, f"size {xs}"), extra, str(c))
    return Instance(
        f"{binder(rng, [xs, ys], 'List Nat')} : {left} = {right}", by_list_induction(xs, "bump, total, size")
    )


def copies_total(rng: random.Random, difficulty: int) -> Instance:
    """The sum, or the length, of `n` copies of a number."""
    n, m = rng.sample(VARIABLES, 2)
    k, c = rng.randint(1, 4 + 2 * difficulty), rng.randint(1, 3 + difficulty)
    measure, value = rng.choice([("total", times(k, n)), ("size", n)])
    left, right = add(rng, f"{measure} (copies {k} {n})", times(c, m)), add(rng, value, times(c, m))
    return Instance(
        f"{binder(rng, [n, m], 'Nat')} : {left} = {right}",
        by_nat_induction(n, f"copies, {measure}"),
    )


def weigh_closed(rng: random.Random, difficulty: int) -> Instance:
    """The weight of a tree in terms of its number of inner nodes."""
    t, s = rng.sample(VARIABLES, 2)
    a, b = rng.randint(1, 2 + difficulty), rng.randint(0, 2 + 2 * difficulty)
    scale = rng.randint(1, (difficulty + 1) // 2)
    extra = f"weigh {rng.randint(0, difficulty)} {rng.randint(0, difficulty)} {s}"
    left = add(rng, times(scale, f"weigh {a} {b} {t}"), extra)
    right = add(rng, times(scale * (a + b), f"weigh 1 0 {t}"), str(scale * b), extra)
    return Instance(
        f"{binder(rng, [t, s], 'Tree')} : {left} = {right}",
        by(f"induction {t} <;> simp [weigh] <;> omega"),
    )


def mirror_weigh(rng: random.Random, difficulty: int) -> Instance:
    """A mirrored tree weighs the same."""
    t, s = rng.sample(VARIABLES, 2)
    a, b = rng.randint(1, 2 + 2 * difficulty), rng.randint(0, 2 + 2 * difficulty)
    scale, other = rng.randint(1, (difficulty + 1) // 2), times(rng.randint(1, difficulty), f"weigh 1 1 {s}")
    left = add(rng, times(scale, f"weigh {a} {b} (mirror {t})"), other)
    right = add(rng, times(scale, f"weigh {a} {b} {t}"), other)
    return Instance(
        f"{binder(rng, [t, s], 'Tree')} : {left} = {right}",
        by(f"induction {t} <;> simp [weigh, mirror] <;> omega"),
    )
