"""How to read an export without Lean."""

import copy

from verifier.judging.protocol import Export

__all__ = ["type_of", "with_equality"]

BINDERS = {"lam": 2, "pi": 2, "let": 2}
"""Where the parts of an expression begin that has a bound variable's name before them."""


def type_of(export: Export, name: str) -> object:
    """The type of the last declaration called `name`, as nested tuples without names of bound variables.

    A definition of the export's own stands in it by its value: Lean makes such for a `match`, under any name.
    An oracle of its own: it shares no code with the auditor.
    """

    def name_at(place: int) -> tuple[object, ...]:
        return _name_at(export, place)

    def level_at(place: int, params: list[int]) -> object:
        if place == 0:
            return 0
        tag, *rest = export["levels"][place - 1]
        if tag == "param":
            return ("param", [name_at(each) for each in params].index(name_at(rest[0])))
        return (tag, *(level_at(each, params) for each in rest))

    def expr_at(place: int, params: list[int]) -> object:
        tag, *rest = export["exprs"][place]
        match tag:
            case "app":
                return (tag, *(expr_at(each, params) for each in rest))
            case "const" if name_at(rest[0]) in definitions:
                own = definitions[name_at(rest[0])]
                levels = [level_at(each, params) for each in rest[1:]]
                return ("own", len(own["params"]), expr_at(own["value"], own["params"]), *levels)
            case "const":
                return (tag, name_at(rest[0]), *(level_at(each, params) for each in rest[1:]))
            case "lam" | "pi":
                return (tag, *(expr_at(each, params) for each in rest[1:3]))
            case "let":
                return (tag, *(expr_at(each, params) for each in rest[1:4]))
            case "proj":
                return (tag, name_at(rest[0]), rest[1], expr_at(rest[2], params))
            case "sort":
                return (tag, level_at(rest[0], params))
            case _:
                return (tag, *rest)

    definitions = {name_at(each["name"]): each for each in export["decls"] if each.get("kind") == "def"}
    found = [each for each in export["decls"] if "name" in each and name_at(each["name"]) == (name,)]
    params = found[-1]["params"]
    return (len(params), expr_at(found[-1]["type"], params))


def with_equality(export: Export, honest: Export, reference: Export) -> Export:
    """`export`, and behind it a theorem that the type of its last declaration is `reference`, by `Eq.refl`.

    Args:
        honest: an export whose last declaration has the reference's type, for the order of its parameters.
        reference: that type as an auditor writes it: tables, and the place of the whole as `root`.
    """
    export = copy.deepcopy(export)
    names, levels, exprs = export["names"], export["levels"], export["exprs"]
    target = export["decls"][-1]
    called = {
        _name_at(honest, old): new
        for old, new in zip(honest["decls"][-1]["params"], target["params"], strict=True)
    }
    name_base, level_base, expr_base = len(names), len(levels), len(exprs)

    def name(place: int) -> int:
        return place and place + name_base

    def level(place: int) -> int:
        return place and place + level_base

    names += [[name(parent), part] for parent, part in reference["names"]]
    for tag, *rest in reference["levels"]:
        param = called[_name_at(reference, rest[0])] if tag == "param" else 0
        levels.append([tag, param] if tag == "param" else [tag, *map(level, rest)])
    for tag, *rest in reference["exprs"]:
        match tag:
            case "app":
                exprs.append([tag, *(each + expr_base for each in rest)])
            case "const":
                exprs.append([tag, name(rest[0]), *map(level, rest[1:])])
            case "lam" | "pi":
                exprs.append([tag, name(rest[0]), rest[1] + expr_base, rest[2] + expr_base, rest[3]])
            case "let":
                exprs.append([tag, name(rest[0]), *(each + expr_base for each in rest[1:4]), rest[4]])
            case "proj":
                exprs.append([tag, name(rest[0]), rest[1], rest[2] + expr_base])
            case "sort":
                exprs.append([tag, level(rest[0])])
            case _:
                exprs.append([tag, *rest])
    names += [[0, "Eq"], [len(names) + 1, "refl"], [0, "equal"]]
    eq, refl, equal = len(names) - 2, len(names) - 1, len(names)
    levels.append(["succ", 0])
    one, root, at = len(levels), reference["root"] + expr_base, len(exprs)
    exprs += [
        ["sort", 0],
        ["const", eq, one],
        ["app", at + 1, at],
        ["app", at + 2, target["type"]],
        ["app", at + 3, root],
    ]
    exprs += [["const", refl, one], ["app", at + 5, at], ["app", at + 6, root]]
    export["decls"].append(
        {"kind": "theorem", "name": equal, "params": target["params"], "type": at + 4, "value": at + 7}
    )
    return export


def _name_at(export: Export, place: int) -> tuple[object, ...]:
    if place == 0:
        return ()
    parent, part = export["names"][place - 1]
    return (*_name_at(export, parent), part)
