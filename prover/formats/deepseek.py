"""DeepSeek-Prover: version 1.5 continues a file, version 2 plans a proof in a chat.

The words are those of the models' own cards: they were trained on them.
"""

import re
from collections.abc import Callable

from prover.formats.base import UNPROVED, Answer, Problem, Prompt, PromptFormat, Turn, file_up_to
from prover.formats.chat import LAST_BLOCK, last_block
from prover.formats.fences import END_OF_TURN

__all__ = ["DEEPSEEK_V1_5", "DEEPSEEK_V1_5_COT", "DEEPSEEK_V2", "ask_for_a_plan"]

_COMPLETE = "Complete the following Lean 4 code"
_COMMENTED = f"{_COMPLETE} with explanatory comments preceding each line of code"
_PLAN = (
    "Before producing the Lean 4 code to formally prove the given theorem, provide a detailed proof plan "
    "outlining the main proof steps and strategies.\n"
    "The plan should highlight key ideas, intermediate lemmas, and proof structures that will guide the "
    "construction of the final formal proof."
)
_REST = "`by` and all up to the end of the block"
_ENDED = re.compile(rf"^\s*```|```[ \t]*(?=$|<)|{END_OF_TURN.pattern}", re.MULTILINE)
"""A fence at the start or the end of a line, or the end of a turn."""


def ask_for_a_plan(problem: Problem) -> Prompt:
    """A chat that shows the file with a `sorry`, and asks for a plan before the code."""
    block = f"```lean4\n{file_up_to(problem, UNPROVED)}\n```"
    return (Turn("user", f"{_COMPLETE}:\n\n{block}\n\n{_PLAN}"),)


def _ask_to_continue(instruction: str) -> Callable[[Problem], Prompt]:
    return lambda problem: f"{instruction}:\n\n```lean4\n{file_up_to(problem, ' by')}\n"


def _read_continuation(text: str) -> Answer:
    """The rest of a proof after `by`, up to where the block that the prompt has opened ends."""
    rest = _ENDED.split(text.replace("\r\n", "\n"), maxsplit=1)[0].rstrip()
    return Answer(proof=f"by\n{rest}") if rest.strip() else Answer(missing="the answer is empty")


DEEPSEEK_V1_5 = PromptFormat(
    name="deepseek-v1.5",
    source="DeepSeek-Prover-V1.5",
    is_chat=False,
    reads=_REST,
    prompt=_ask_to_continue(_COMPLETE),
    answer=_read_continuation,
)
DEEPSEEK_V1_5_COT = PromptFormat(
    name="deepseek-v1.5-cot",
    source="the same, with thought",
    is_chat=False,
    reads=_REST,
    prompt=_ask_to_continue(_COMMENTED),
    answer=_read_continuation,
)
DEEPSEEK_V2 = PromptFormat(
    name="deepseek-v2",
    source="DeepSeek-Prover-V2",
    is_chat=True,
    reads=LAST_BLOCK,
    prompt=ask_for_a_plan,
    answer=last_block,
)
