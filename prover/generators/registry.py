"""The engines that sample by the name that `generator.engine` has in the settings: one line each.

To add one, write its module with an `Engine` and a function that opens it, and name it here.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal

from prover.generators.base import Engine, EngineSettings
from prover.registry import choose

__all__ = ["ENGINES", "EngineName", "open_engine"]

ENGINES: Mapping[str, str] = {
    "transformers": "prover.generators.transformers:open_engine",
    "vllm": "prover.generators.vllm.engine:open_engine",
}

if TYPE_CHECKING:
    EngineName = str
else:
    EngineName = Literal[tuple(ENGINES)]


def open_engine(name: str, settings: EngineSettings) -> AbstractContextManager[Engine]:
    """The engine of a name, for as long as the context is open.

    Raises:
        InvalidInput: there is none of this name.
    """
    open_it: Callable[[EngineSettings], AbstractContextManager[Engine]] = choose("engine", ENGINES, name)
    return open_it(settings)
