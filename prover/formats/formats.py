"""How the provers people use are asked, and where the proof is in what they answer; pure.

A prover that answers with a file is submitted as a file: the verifier elaborates the statement by itself and
compares, so a theorem that the model restates in other words is refused and never counts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from prover.formats.fences import END_OF_TURN, LEAN, Block, Blocks, blocks_of
from prover.formats.prompts import prompt_of
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.verdict import Message

__all__ = [
    "FORMATS",
    "Answer",
    "Failed",
    "Problem",
    "Prompt",
    "PromptFormat",
    "Turn",
    "format_named",
    "last_block",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """A theorem to prove, and what it says in words, where the data set has that."""

    theorem: Theorem
    informal: str = ""
    """Without comment signs."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a chat."""

    role: str
    content: str


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
    source: str
    """Whose models are asked so."""
    is_chat: bool
    reads: str
    """What of an answer is judged."""
    prompt: Callable[[Problem], Prompt]
    answer: Callable[[str], Answer]
    again: Callable[[Failed], Prompt]
    """How it is asked for another answer."""


def format_named(name: str) -> PromptFormat:
    """Raises InvalidInput when there is none of this name."""
    found = FORMATS.get(name)
    if found is None:
        raise InvalidInput(f"there is no prompt format `{name}`: choose among {', '.join(FORMATS)}")
    return found


def last_block(text: str) -> Answer:
    """The last block of Lean of an answer, as a file; a chain of thought before it is not looked at.

    A block is between two fences, the first with `lean` or `lean4` behind it, or with nothing and something
    that reads like a theorem within; other blocks without a language count where there is no such.
    """
    text = text.replace("\r\n", "\n")
    if "</think>" not in text:
        opened = _THOUGHT.search(text)
        if opened is not None and not blocks_of(text[: opened.start()]).closed:
            return Answer(missing="the chain of thought has no end: the answer was cut off")
        return _last_of(blocks_of(text))
    # The thought ends at the last of them behind which there is an answer: words behind one may name another.
    ends = [found.end() for found in re.finditer("</think>", text)]
    missing: list[Answer] = []
    for end in reversed(ends):
        answer = _last_of(blocks_of(text[end:]))
        if answer.code is not None:
            return answer
        missing.append(answer)
    return next((each for each in missing if each.missing == _CUT_OFF), missing[0])


def _last_of(blocks: Blocks) -> Answer:
    """The answer among the blocks behind a thought."""
    named = [each.text for each in blocks.closed if _is_lean(each)]
    if blocks.opened is not None and _is_answer(blocks.opened, any_text=not named):
        return Answer(missing=_CUT_OFF)
    found = named or [each.text for each in blocks.closed if not each.language]
    # An empty block behind the answer is none; alone it is what was answered.
    found = [text for text in found if text.strip()] or found
    return Answer(code=found[-1]) if found else Answer(missing="the answer has no block of Lean")


def _is_lean(block: Block) -> bool:
    if block.language:
        return block.language in LEAN
    states = _STATES.search(block.text)
    return states is not None and ":=" in block.text[states.end() :]


def _is_answer(block: Block, *, any_text: bool) -> bool:
    """Whether a block without an end may have been to become the answer: a fence too many opens one, too."""
    return _is_lean(block) or (any_text and not block.language and bool(block.text.strip()))


_STATES = re.compile(
    r"^[ \t]*(?:@\[[^\]\n]*\][ \t]*)?(?:(?:private|protected|noncomputable|public|local)[ \t]+)*"
    r"(?:theorem|lemma|example|def|abbrev|instance)\b",
    re.MULTILINE,
)
_THOUGHT = re.compile("(?<!`)<think>(?!`)")
_CUT_OFF = "the last block has no end: the answer was cut off"


def _file(problem: Problem, ending: str) -> str:
    """A Lean file up to `ending`, which follows `:=`."""
    theorem = problem.theorem
    words = f"/-- {problem.informal} -/\n" if problem.informal else ""
    header = f"{theorem.header.rstrip()}\n\n" if theorem.header.strip() else ""
    return f"{header}{words}{theorem.statement} :={ending}"


def _own_prompt(problem: Problem) -> Prompt:
    return prompt_of(problem.theorem)


def _own_answer(text: str) -> Answer:
    return Answer(proof=text) if text.strip() else Answer(missing="the answer is empty")


def _continued(instruction: str) -> Callable[[Problem], Prompt]:
    def prompt(problem: Problem) -> Prompt:
        return f"{instruction}:\n\n```lean4\n{_file(problem, ' by')}\n"

    return prompt


def _continuation(text: str) -> Answer:
    """The rest of a proof after `by`, up to where the block that the prompt has opened ends."""
    rest = _ENDED.split(text.replace("\r\n", "\n"), maxsplit=1)[0].rstrip()
    return Answer(proof=f"by\n{rest}") if rest.strip() else Answer(missing="the answer is empty")


_ENDED = re.compile(rf"^\s*```|```[ \t]*(?=$|<)|{END_OF_TURN.pattern}", re.MULTILINE)
"""A fence at the start or the end of a line, or the end of a turn."""


def _planned(problem: Problem) -> Prompt:
    block = f"```lean4\n{_file(problem, f' by{_SORRY}')}\n```"
    return (Turn("user", f"{_COMPLETE}:\n\n{block}\n\n{_PLAN}"),)


def _thought_about(problem: Problem) -> Prompt:
    words = f"\n# Problem:{problem.informal}" if problem.informal else ""
    block = f"```lean4\n{_file(Problem(problem.theorem), f' by{_SORRY}')}\n```\n"
    return (
        Turn("system", "You are an expert in mathematics and Lean 4."),
        Turn("user", f"{_STEP_BY_STEP}{words}\n# Formal statement:\n{block}"),
    )


def _told(failed: Failed, prompt: Prompt) -> Prompt:
    """A chat goes on with what Lean says; a text shows the answer and the errors, and begins again."""
    if isinstance(prompt, str):
        errors = "\n".join(error.text for error in failed.errors) or failed.reason
        return f"{prompt}{failed.answer.rstrip()}\n/- {errors.strip().replace('-/', '- /')} -/\n{prompt}"
    said = f"{_NOT_CORRECT.format(round=failed.round)}\n\n{_errors(failed)}\n\n{_ANALYSE}"
    return (*prompt, Turn("assistant", failed.answer), Turn("user", said))


def _errors(failed: Failed) -> str:
    """Each error with its line, marked from where Lean points at."""
    lines = failed.judged.split("\n")
    told = []
    for number, error in enumerate(failed.errors[:_MOST_ERRORS], start=1):
        where = ""
        if error.start >= 0 and 1 <= error.line <= len(lines):
            line = lines[error.line - 1]
            marked = f"{line[: error.column]}<error>{line[error.column :]}</error>"
            where = f"Corresponding Code:\n```lean4\n{marked}\n```\n\n"
        told.append(f"Error {number}:\n\n{where}Error Message: {error.text}")
    return "\n\n".join(told) or f"Error Message: {failed.reason}"


# The words are those of the models' own cards: they were trained on them.
_SORRY = "\n  sorry"
_COMPLETE = "Complete the following Lean 4 code"
_COMMENTED = f"{_COMPLETE} with explanatory comments preceding each line of code"
_PLAN = (
    "Before producing the Lean 4 code to formally prove the given theorem, provide a detailed proof plan "
    "outlining the main proof steps and strategies.\n"
    "The plan should highlight key ideas, intermediate lemmas, and proof structures that will guide the "
    "construction of the final formal proof."
)
_NOT_CORRECT = (
    "The proof (Round {round}) is not correct. Following is the compilation error message, where we use "
    "<error></error> to signal the position of the error."
)
_ANALYSE = (
    "Before producing the Lean 4 code to formally prove the given theorem, provide a detailed analysis of "
    "the error message."
)
_MOST_ERRORS = 8
_STEP_BY_STEP = "Think about and solve the following problem step by step in Lean 4."


_ALL, _REST, _LAST_BLOCK = "all of it", "`by` and all up to the end of the block", "the last block, a file"


def _asked(
    name: str,
    source: str,
    prompt: Callable[[Problem], Prompt],
    answer: Callable[[str], Answer] = last_block,
    reads: str = _LAST_BLOCK,
) -> PromptFormat:
    is_chat = answer is last_block
    return PromptFormat(
        name, source, is_chat, reads, prompt, answer, lambda failed: _told(failed, prompt(failed.problem))
    )


_FORMATS: Sequence[PromptFormat] = (
    _asked("completion", "policies that this project trains", _own_prompt, _own_answer, _ALL),
    _asked("deepseek-v1.5", "DeepSeek-Prover-V1.5", _continued(_COMPLETE), _continuation, _REST),
    _asked("deepseek-v1.5-cot", "the same, with thought", _continued(_COMMENTED), _continuation, _REST),
    _asked("deepseek-v2", "DeepSeek-Prover-V2", _planned),
    _asked("goedel-v2", "Goedel-Prover-V2", _planned),
    _asked("kimina", "Kimina-Prover", _thought_about),
)
FORMATS: Mapping[str, PromptFormat] = {each.name: each for each in _FORMATS}
