"""Exports built as data, without a Lean: what a forged reply could hold."""

from collections.abc import Sequence
from typing import Any

from verifier.judging.protocol import Export

__all__ = ["ONE", "ZERO", "RawExport"]

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
