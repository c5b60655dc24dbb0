"""What of the answer in a chat is judged: the last block of Lean, as a file; pure."""

import re

from prover.formats.base import Answer
from prover.formats.fences import LEAN, Block, Blocks, blocks_of

__all__ = ["LAST_BLOCK", "last_block"]

LAST_BLOCK = "the last block, a file"
"""What `last_block` reads, in words."""


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
        return _find_last(blocks_of(text))
    # The thought ends at the last of them behind which there is an answer: words behind one may name another.
    ends = [found.end() for found in re.finditer("</think>", text)]
    missing: list[Answer] = []
    for end in reversed(ends):
        answer = _find_last(blocks_of(text[end:]))
        if answer.code is not None:
            return answer
        missing.append(answer)
    return next((answer for answer in missing if answer.missing == _CUT_OFF), missing[0])


def _find_last(blocks: Blocks) -> Answer:
    """The answer among the blocks behind a thought."""
    named = [block.text for block in blocks.closed if _is_lean(block)]
    if blocks.opened is not None and _is_answer(blocks.opened, any_text=not named):
        return Answer(missing=_CUT_OFF)
    found = named or [block.text for block in blocks.closed if not block.language]
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
