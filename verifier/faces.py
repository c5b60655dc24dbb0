"""The faces of the packages: names that are imported when they are first asked for.

So importing a package costs nothing, and works where the packages that some of its modules need are missing:
the environment of vLLM has no torch of ours, and the image of a verifier has none at all.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["face_of"]


def face_of(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and the `__dir__` of a package (PEP 562).

    Args:
        package: name of it, for the message.
        homes: the module of each name that it offers.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    def names() -> list[str]:
        return sorted(homes)

    return get, names
