"""A toy prompt format: the proof is what stands behind the word ANSWER."""

from prover.formats.base import Answer, Problem, Prompt, PromptFormat

__all__ = ["MARKED"]


def _ask(problem: Problem) -> Prompt:
    return f"{problem.theorem.statement}\nSay ANSWER before the proof.\n"


def _read(text: str) -> Answer:
    _, mark, proof = text.partition("ANSWER")
    return Answer(proof=proof.strip()) if mark else Answer(missing="there is no ANSWER")


MARKED = PromptFormat(
    name="marked", source="nobody's model", is_chat=False, reads="what is marked", prompt=_ask, answer=_read
)
