"""The prompt formats by the name that `--format` has for them: one line each.

To add one, write its module with a `PromptFormat`, and name it here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from prover.formats.base import PromptFormat
from prover.registry import choose

__all__ = ["FORMATS", "FormatName", "format_named"]

FORMATS: Mapping[str, str] = {
    "completion": "prover.formats.completion:COMPLETION",
    "deepseek-v1.5": "prover.formats.deepseek:DEEPSEEK_V1_5",
    "deepseek-v1.5-cot": "prover.formats.deepseek:DEEPSEEK_V1_5_COT",
    "deepseek-v2": "prover.formats.deepseek:DEEPSEEK_V2",
    "goedel-v2": "prover.formats.goedel:GOEDEL_V2",
    "kimina": "prover.formats.kimina:KIMINA",
}

if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[tuple(FORMATS)]


def format_named(name: str) -> PromptFormat:
    """The prompt format of a name.

    Raises:
        InvalidInput: there is none.
    """
    found: PromptFormat = choose("prompt format", FORMATS, name)
    return found
