"""Goedel-Prover-V2, which is asked as DeepSeek-Prover-V2 is."""

from prover.formats.base import PromptFormat
from prover.formats.chat import LAST_BLOCK, last_block
from prover.formats.deepseek import ask_for_a_plan

__all__ = ["GOEDEL_V2"]

GOEDEL_V2 = PromptFormat(
    name="goedel-v2",
    source="Goedel-Prover-V2",
    is_chat=True,
    reads=LAST_BLOCK,
    prompt=ask_for_a_plan,
    answer=last_block,
)
