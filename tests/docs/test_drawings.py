"""The drawings of docs/architecture.md show the code as it is."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import pytest

from docs.drawings import PAGE, Stop, drawings, read_stops, shortened, with_rooms
from docs.rooms import ROOT, imports, modules
from verifier.streams.stream import StreamNames

MODULES = modules()
TREES = {module: ast.parse(path.read_text("utf-8")) for module, path in MODULES.items()}
IMPORTED = {module: {*imports(module, path, MODULES)} for module, path in MODULES.items()}
MENTIONED = {
    module: {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for module, tree in TREES.items()
}
STOPS = read_stops(PAGE.read_text("utf-8"))
IN_PYTHON = [stop for stop in STOPS if not stop.module.endswith(".lean")]


def function_names(module: str) -> Iterator[str]:
    """Functions as `name`, methods as `Class.name`."""
    for node in TREES[module].body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{inner.name}"


def callers(stop: Stop) -> set[str]:
    """The modules that mention a function by its name."""
    return {module for module, names in MENTIONED.items() if stop.function.rpartition(".")[2] in names}


@pytest.mark.parametrize("name", ["rooms.svg", "attempt.svg"])
def test_a_drawing_is_what_the_code_says(name: str) -> None:
    now = drawings(PAGE.read_text("utf-8"))[name]
    assert (ROOT / "docs" / name).read_text("utf-8") == now, "run `make docs` and commit docs/"


def test_the_table_of_rooms_has_those_that_are_there() -> None:
    page = PAGE.read_text("utf-8")
    assert with_rooms(page) == page, "run `make docs` and commit docs/"


@pytest.mark.parametrize("stop", IN_PYTHON, ids=lambda stop: f"{stop.module}:{stop.function}")
def test_a_stop_of_the_attempt_is_a_function_that_is_called(stop: Stop) -> None:
    assert stop.module in MODULES, f"docs/architecture.md names {stop.module}, which is not there"
    assert stop.function in function_names(stop.module), f"{stop.module} has no {stop.function}"
    assert callers(stop), f"nothing calls {stop.module}:{stop.function}"


def test_a_stop_is_known_to_an_earlier_one_of_its_process_or_to_a_caller_of_one() -> None:
    around: defaultdict[str, set[str]] = defaultdict(set)
    for stop in IN_PYTHON:
        above = around[stop.process]
        known = above.union(*(IMPORTED[module] for module in above))
        assert not above or stop.module in known, (
            f"{stop.module}:{stop.function} follows from nothing before it"
        )
        above |= {stop.module, *callers(stop)}


def test_what_carries_an_attempt_between_processes_exists() -> None:
    worker = (ROOT / "verifier/lean/Worker.lean").read_text("utf-8")
    for stop, following in pairwise(STOPS):
        if stop.process == following.process:
            assert not stop.carries
        elif following.process.startswith("Lean"):
            assert stop.carries == following.function
            assert re.search(f'"{stop.carries}" =>', worker), stop.carries
        elif not stop.process.startswith("Lean"):
            assert hasattr(StreamNames("run"), stop.carries)


def test_an_import_that_follows_from_others_is_left_out() -> None:
    a, b, c = "verifier.judging", "verifier.sandbox", "verifier.errors"
    assert shortened({a: [b, c], b: [c], c: []}) == {a: [b], b: [c], c: []}


def test_an_import_against_the_order_stays() -> None:
    below, above = "verifier.sandbox", "verifier.judging"
    assert shortened({above: [below], below: [above]}) == {above: [below], below: [above]}
