"""Kimina-Prover: a chat with the problem in words and its statement; thought comes before the answer."""

from prover.formats.base import UNPROVED, Problem, Prompt, PromptFormat, Turn, file_up_to
from prover.formats.chat import LAST_BLOCK, last_block

__all__ = ["KIMINA"]

# The words are those of the model's own card: it was trained on them.
_SYSTEM = "You are an expert in mathematics and Lean 4."
_STEP_BY_STEP = "Think about and solve the following problem step by step in Lean 4."


def _ask(problem: Problem) -> Prompt:
    words = f"\n# Problem:{problem.informal}" if problem.informal else ""
    block = f"```lean4\n{file_up_to(Problem(problem.theorem), UNPROVED)}\n```\n"
    return (
        Turn("system", _SYSTEM),
        Turn("user", f"{_STEP_BY_STEP}{words}\n# Formal statement:\n{block}"),
    )


KIMINA = PromptFormat(
    name="kimina",
    source="Kimina-Prover",
    is_chat=True,
    reads=LAST_BLOCK,
    prompt=_ask,
    answer=last_block,
)
