"""The format of the policies that this project trains: the statement without its name, to be continued."""

from prover.formats.base import Answer, Problem, Prompt, PromptFormat
from prover.formats.prompts import prompt_of

__all__ = ["COMPLETION"]


def _ask(problem: Problem) -> Prompt:
    return prompt_of(problem.theorem)


def _read(text: str) -> Answer:
    return Answer(proof=text) if text.strip() else Answer(missing="the answer is empty")


COMPLETION = PromptFormat(
    name="completion",
    source="policies that this project trains",
    is_chat=False,
    reads="all of it",
    prompt=_ask,
    answer=_read,
)
