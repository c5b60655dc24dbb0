"""An export as Lean text in which nothing is left to be found out: whole names, and every argument.

Lean elaborates such text to the very terms it was written from, auxiliaries
under their own names included, so a cheat can be written from what an honest
statement became.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from verifier.judging.protocol import Export

__all__ = ["Surface", "Unprintable"]

PLAIN = re.compile(r"[^\W\d][\w'!?]*")

Row = list[Any]


class Unprintable(ValueError):
    """A term that has no text: it has a variable that nothing binds."""


@dataclass(frozen=True)
class Surface:
    """The texts of one export's names, levels, terms and declarations, by their places in its tables."""

    export: Export

    def name(self, place: int) -> str:
        parent, part = self.export["names"][place - 1]
        # A number is no part of a name that Lean reads; it is for names to be told apart.
        text = str(part) if not isinstance(part, str) or PLAIN.fullmatch(part) else f"«{part}»"
        return text if parent == 0 else f"{self.name(parent)}.{text}"

    def level(self, place: int) -> str:
        if place == 0:
            return "0"
        tag, *rest = self.export["levels"][place - 1]
        if tag == "param":
            return self.name(rest[0])
        if tag == "succ":
            below = self.level(rest[0])
            return str(int(below) + 1) if below.isdecimal() else f"({below}+1)"
        return f"({tag} {self.level(rest[0])} {self.level(rest[1])})"

    def row(self, place: int) -> Row:
        row: Row = self.export["exprs"][place]
        return row

    def term(self, place: int, depth: int = 0) -> str:
        """The term under `depth` binders, which are called `x0` to the outermost's right."""
        tag, *rest = self.row(place)
        match tag:
            case "var":
                if rest[0] >= depth:
                    raise Unprintable("a variable is bound nowhere")
                return f"x{depth - 1 - rest[0]}"
            case "const":
                levels = f".{{{', '.join(map(self.level, rest[1:]))}}}" if rest[1:] else ""
                return f"@_root_.{self.name(rest[0])}{levels}"
            case "app":
                # With all arguments in one application, as `@` holds for those that stand in it.
                arguments = [rest[1]]
                while self.row(rest[0])[0] == "app":
                    rest = self.row(rest[0])[1:]
                    arguments.insert(0, rest[1])
                return f"({' '.join(self.term(each, depth) for each in (rest[0], *arguments))})"
            case "lam":
                return f"(fun (x{depth} : {self.term(rest[1], depth)}) => {self.term(rest[2], depth + 1)})"
            case "pi":
                return f"((x{depth} : {self.term(rest[1], depth)}) → {self.term(rest[2], depth + 1)})"
            case "let":
                word = "have" if rest[4] else "let"
                type_, value = self.term(rest[1], depth), self.term(rest[2], depth)
                return f"({word} x{depth} : {type_} := {value}; {self.term(rest[3], depth + 1)})"
            case "proj":
                return f"({self.term(rest[2], depth)}).{rest[1] + 1}"
            case "sort":
                return f"(Sort {self.level(rest[0])})"
            case "nat":
                return f"(nat_lit {rest[0]})"
            case _:
                return json.dumps(rest[0], ensure_ascii=False)

    def binders(self, place: int) -> tuple[list[int], int]:
        """The types of a function type's arguments, and what it ends in."""
        types = []
        while self.row(place)[0] == "pi":
            types.append(self.row(place)[2])
            place = self.row(place)[3]
        return types, place

    def ending_in(self, place: int, result: str) -> str:
        """The function type at `place` with another result, which is a closed term."""
        types, _ = self.binders(place)
        arguments = "".join(f"(x{depth} : {self.term(each, depth)}) → " for depth, each in enumerate(types))
        return f"({arguments}{result})"

    def head(self, decl: dict[str, Any]) -> str:
        """Name and universe parameters of a declaration."""
        levels = f".{{{', '.join(map(self.name, decl['params']))}}}" if decl["params"] else ""
        return f"_root_.{self.name(decl['name'])}{levels}"

    def declaration(self, decl: dict[str, Any]) -> str:
        """A definition or theorem as it is."""
        if decl["kind"] not in ("def", "theorem"):
            raise Unprintable(f"a declaration of kind {decl['kind']}")
        return (
            f"{decl['kind']} {self.head(decl)} : {self.term(decl['type'])} :=\n  {self.term(decl['value'])}"
        )
