"""What the modules of the three packages offer: every module says it, and all that it says is there."""

import ast
from importlib import import_module

import pytest

from docs.rooms import modules

PROGRAMS = {"trainer.cli.__main__", "verifier.sandbox.set_limits", "verifier.sandbox.tie_to_parent"}
"""Nobody imports these: they are run."""
MODULES = {name: path for name, path in modules().items() if name not in PROGRAMS}
WRITTEN = [name for name, path in MODULES.items() if path.read_text("utf-8").strip()]
"""All but the empty `__init__.py` of folders without a face."""


def test_every_module_says_what_it_is_and_what_it_offers() -> None:
    silent = []
    for name in WRITTEN:
        tree = ast.parse(MODULES[name].read_text("utf-8"))
        assigned = {target.id for node in tree.body for target in targets(node)}
        if ast.get_docstring(tree) is None or "__all__" not in assigned:
            silent.append(name)
    assert not silent, f"give these modules a docstring and an `__all__`: {', '.join(silent)}"


def targets(node: ast.stmt) -> list[ast.Name]:
    """The names that a statement assigns to."""
    if isinstance(node, ast.Assign):
        return [target for target in node.targets if isinstance(target, ast.Name)]
    return [node.target] if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else []


@pytest.mark.parametrize("name", WRITTEN)
def test_every_name_that_a_module_offers_is_there(name: str) -> None:
    module = import_module(name)
    assert len(module.__all__) == len(set(module.__all__))
    assert [offered for offered in module.__all__ if not hasattr(module, offered)] == []
