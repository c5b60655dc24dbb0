"""What a policy reads and writes, as text and as tokens.

A prompt is the statement's binders and claim followed by ` := `; the completion is the proof.  The two are
tokenised apart and joined as token ids, in training and in sampling alike, so that no token straddles the
boundary.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prover.theorem import Theorem
from verifier.errors import InvalidInput

if TYPE_CHECKING:
    # Who only wants the text of a prompt need not wait for it, nor have it.
    from transformers import PreTrainedTokenizerBase

NAMED = re.compile(r"^\s*(?:theorem|lemma)\s+\S+")

__all__ = ["completion_of", "encode_completion", "encode_prompt", "load_tokenizer", "prompt_of"]


def prompt_of(theorem: Theorem) -> str:
    """The text a policy continues: the statement without `theorem NAME`.

    No proof depends on the name, and a name may give away what the statement is meant to say.  The header is
    left out, because a small model gains nothing from it.
    """
    return f"{NAMED.sub('', theorem.statement).strip()} := "


def completion_of(proof: str) -> str:
    """The text a policy should write for `proof`, which is what follows `:=`."""
    return proof.strip()


def encode_prompt(tokenizer: "PreTrainedTokenizerBase", prompt: str) -> list[int]:
    """The token ids of a prompt, with what the tokenizer puts in front of a text (its bos token)."""
    return _ids(tokenizer.encode(prompt))


def encode_completion(tokenizer: "PreTrainedTokenizerBase", completion: str) -> list[int]:
    """The token ids of a completion, ended by the eos token."""
    eos = tokenizer.eos_token_id
    if not isinstance(eos, int):
        raise TypeError("the tokenizer has no eos token, so a policy could never end a proof")
    return [*_ids(tokenizer.encode(completion, add_special_tokens=False)), eos]


def load_tokenizer(base: Path) -> "PreTrainedTokenizerBase":
    """The tokenizer of a model directory.

    Raises:
        InvalidInput: it has no eos token.
    """
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
    if not isinstance(tokenizer.eos_token_id, int):
        raise InvalidInput(f"the tokenizer in {base} has no eos token, so a sample could never end")
    return tokenizer


def _ids(ids: Sequence[int]) -> list[int]:
    return [int(i) for i in ids]
