"""Exports as data that no Lean made: built by hand, or spoiled at random, as a liar or a broken process
may.
"""

import copy
import random
from collections.abc import Callable, Sequence
from typing import Any

from verifier.judging.protocol import Export

__all__ = ["MUTATIONS", "ONE", "ZERO", "RawExport", "spoiled"]

ZERO = 0
"""The place of level zero, which every export has."""
ONE = 1
"""The place of level one, which `RawExport` writes first."""


class RawExport:
    """Tables that grow; each method gives the place of what it wrote, as `verifier/lean/Export.lean` says."""

    def __init__(self) -> None:
        self._names: list[list[Any]] = []
        self._levels: list[list[Any]] = [["succ", ZERO]]
        self._exprs: list[list[Any]] = []
        self._decls: list[dict[str, Any]] = []

    def name(self, text: str) -> int:
        place = 0
        for part in text.split(".") if text else []:
            place = self._row(self._names, [place, part]) + 1
        return place

    def level(self, *row: Any) -> int:
        return self._row(self._levels, list(row)) + 1

    def param(self, name: str) -> int:
        return self.level("param", self.name(name))

    def expr(self, *row: Any) -> int:
        return self._row(self._exprs, list(row))

    def const(self, name: str, *levels: int) -> int:
        return self.expr("const", self.name(name), *levels)

    def sort(self, level: int) -> int:
        return self.expr("sort", level)

    def var(self, index: int) -> int:
        return self.expr("var", index)

    def app(self, function: int, *arguments: int) -> int:
        for argument in arguments:
            function = self.expr("app", function, argument)
        return function

    def pi(self, *types: int) -> int:
        """All but the last are domains, the last is what they lead to."""
        *domains, body = types
        for domain in reversed(domains):
            body = self.expr("pi", self.name("x"), domain, body, "d")
        return body

    def lam(self, *types: int) -> int:
        *domains, body = types
        for domain in reversed(domains):
            body = self.expr("lam", self.name("x"), domain, body, "d")
        return body

    def proj(self, structure: str, index: int, expr: int) -> int:
        return self.expr("proj", self.name(structure), index, expr)

    def inductive(
        self, *types: tuple[str, int, Sequence[tuple[str, int]]], params: Sequence[str] = (), arity: int = 0
    ) -> None:
        """Types declared together: each a name, a type, and constructors with theirs."""
        rows = [
            {"name": self.name(name), "type": type_, "ctors": [[self.name(c), t] for c, t in ctors]}
            for name, type_, ctors in types
        ]
        self._decls.append(
            {"kind": "inductive", "params": [*map(self.name, params)], "arity": arity, "types": rows}
        )

    def define(self, name: str, type_: int, value: int, kind: str = "def") -> None:
        self._decls.append(
            {
                "kind": kind,
                "name": self.name(name),
                "params": [],
                "type": type_,
                "value": value,
                "hints": "abbrev",
            }
        )

    def theorem(self, name: str, type_: int, value: int) -> None:
        self.define(name, type_, value, kind="theorem")

    @property
    def export(self) -> Export:
        return {
            "names": self._names,
            "levels": self._levels,
            "exprs": self._exprs,
            "decls": self._decls,
        }

    @staticmethod
    def _row(table: list[list[Any]], row: list[Any]) -> int:
        table.append(row)
        return len(table) - 1


def _change_a_cell(export: Export, draw: random.Random) -> None:
    """A number or word in some row becomes another, often out of range."""
    row = draw.choice([row for table in ("names", "levels", "exprs") for row in export[table]] or [[0]])
    place = draw.randrange(len(row))
    near = row[place] + draw.choice((-1, 1)) if isinstance(row[place], int) else "app"
    values: list[Any] = [near, draw.randrange(40), -1, 10**9, 10**400, 0.5, "", "zero", None, [], {}, True]
    row[place] = draw.choice([near] * 6 + values)


def _change_a_declaration(export: Export, draw: random.Random) -> None:
    """A type, value, name, kind or list of parameters becomes another."""
    decl = draw.choice(export["decls"])
    field = draw.choice(sorted(decl))
    if field == "kind":
        decl["kind"] = draw.choice(("axiom", "def", "theorem", "opaque", "inductive", "quotient", "unsafe"))
    elif isinstance(decl[field], int):
        decl[field] = draw.randrange(max(len(export["exprs"]), 1))
    else:
        decl[field] = draw.choice(([], [1], [1, 1], None, "abbrev", 3))


def _swap_types(export: Export, draw: random.Random) -> None:
    one, other = draw.choice(export["decls"]), draw.choice(export["decls"])
    one["type"], other["type"] = other.get("type", 0), one.get("type", 0)


def _drop(export: Export, draw: random.Random) -> None:
    export["decls"].pop(draw.randrange(len(export["decls"])))


def _duplicate(export: Export, draw: random.Random) -> None:
    export["decls"].insert(
        draw.randrange(len(export["decls"]) + 1), copy.deepcopy(draw.choice(export["decls"]))
    )


def _reorder(export: Export, draw: random.Random) -> None:
    draw.shuffle(export["decls"])


def _rename(export: Export, draw: random.Random) -> None:
    """A part of a name becomes another, such as the target's or one that Lean has."""
    row = draw.choice(export["names"])
    row[1] = draw.choice(("t", "Nat", "sorryAx", "propext", "h", "", "a.b", 0, 7))


def _drop_rows(export: Export, draw: random.Random) -> None:
    table = draw.choice(("names", "levels", "exprs"))
    del export[table][draw.randrange(len(export[table]) + 1) :]


def _drop_a_table(export: Export, draw: random.Random) -> None:
    export[draw.choice(("names", "levels", "exprs", "decls"))] = draw.choice(([], None, {}, "x"))


MUTATIONS: tuple[Callable[[Export, random.Random], None], ...] = (
    _change_a_cell,
    _change_a_declaration,
    _swap_types,
    _drop,
    _duplicate,
    _reorder,
    _rename,
    _drop_rows,
    _drop_a_table,
)


def spoiled(export: Export, mutations: Sequence[int], seed: int) -> Export:
    """A copy of `export` with the mutations of those numbers made one after the other."""
    draw = random.Random(seed)
    export = copy.deepcopy(export)
    for number in mutations:
        tables = all(isinstance(export[table], list) for table in ("names", "levels", "exprs"))
        if (
            tables
            and export["names"]
            and export["exprs"]
            and isinstance(export["decls"], list)
            and export["decls"]
        ):
            MUTATIONS[number](export, draw)
    return export
