"""What a prompt format is: how a prover is asked, and where the proof is in what it answers.

A prover that answers with a file is submitted as a file: the verifier elaborates the statement by itself and
compares, so a theorem that the model restates in other words is refused and never counts.
"""

from collections.abc import Callable
from dataclasses import dataclass

from prover.theorem import Theorem
from verifier.verdict import Message

__all__ = ["UNPROVED", "Answer", "Failed", "Problem", "Prompt", "PromptFormat", "Turn", "file_up_to"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A theorem to prove, with what its data set says of it."""

    theorem: Theorem
    informal: str = ""
    """What it says in words, without comment signs."""
    faulty: str | None = None
    """Why it says something else than it should."""
    answer_given: bool = False
    """Whether it asks for an object, and was given the published one."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a chat."""

    role: str
    content: str


UNPROVED = " by\n  sorry"
"""How a file ends in which the proof is left to the model."""

Prompt = str | tuple[Turn, ...]
"""A text to continue, or a chat to answer in the model's own template."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wants judged: a proof, or a file that states the theorem again; or why it is neither."""

    proof: str | None = None
    code: str | None = None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """An answer that proves nothing, and what Lean says of it."""

    problem: Problem
    answer: str
    """All that the model wrote."""
    judged: str
    """What of it Lean has read; nothing, where there was nothing to read."""
    reason: str
    errors: tuple[Message, ...] = ()
    round: int = 0
    """How many answers there were before it."""


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """How one kind of prover is asked, and how its answers are read."""

    name: str
    """The one that `prover/formats/registry.py` lists it by."""
    source: str
    """Whose models are asked so."""
    is_chat: bool
    reads: str
    """What of an answer is judged."""
    prompt: Callable[[Problem], Prompt]
    answer: Callable[[str], Answer]

    def again(self, failed: Failed) -> Prompt:
        """The prompt for another answer.

        A chat goes on with what Lean says; a text shows the answer and the errors, and begins again.
        """
        prompt = self.prompt(failed.problem)
        if not isinstance(prompt, str):
            return (*prompt, Turn("assistant", failed.answer), Turn("user", _complaint(failed)))
        errors = "\n".join(error.text for error in failed.errors) or failed.reason
        return f"{prompt}{failed.answer.rstrip()}\n/- {errors.strip().replace('-/', '- /')} -/\n{prompt}"


def file_up_to(problem: Problem, ending: str) -> str:
    """A Lean file that states the theorem, up to `ending`, which follows `:=`."""
    theorem = problem.theorem
    words = f"/-- {problem.informal} -/\n" if problem.informal else ""
    header = f"{theorem.header.rstrip()}\n\n" if theorem.header.strip() else ""
    return f"{header}{words}{theorem.statement} :={ending}"


# The words are those of the models' own cards: they were trained on them.
_NOT_CORRECT = (
    "The proof (Round {round}) is not correct. Following is the compilation error message, where we use "
    "<error></error> to signal the position of the error."
)
_ANALYSE = (
    "Before producing the Lean 4 code to formally prove the given theorem, provide a detailed analysis of "
    "the error message."
)
_MOST_ERRORS = 8


def _complaint(failed: Failed) -> str:
    """What a chat is told of an answer: each error with its line, marked from where Lean points at."""
    lines = failed.judged.split("\n")
    errors = []
    for number, error in enumerate(failed.errors[:_MOST_ERRORS], start=1):
        where = ""
        if error.start >= 0 and 1 <= error.line <= len(lines):
            line = lines[error.line - 1]
            marked = f"{line[: error.column]}<error>{line[error.column :]}</error>"
            where = f"Corresponding Code:\n```lean4\n{marked}\n```\n\n"
        errors.append(f"Error {number}:\n\n{where}Error Message: {error.text}")
    said = "\n\n".join(errors) or f"Error Message: {failed.reason}"
    return f"{_NOT_CORRECT.format(round=failed.round)}\n\n{said}\n\n{_ANALYSE}"
