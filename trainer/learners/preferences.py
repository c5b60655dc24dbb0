"""Pairs of responses, a better one and a worse one: from verdicts, or from preference data as JSONL."""

import json
import random
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from transformers import PreTrainedTokenizerBase

from prover.theorem import Attempt
from trainer.learners.anchor import normalise_proof
from trainer.learners.supervised import encode_pairs
from trainer.model.batching import Example
from trainer.rollout import Rollout
from verifier.errors import InvalidInput
from verifier.jsonl import BadRow, numbered_rows, reason_of
from verifier.verdict import Kind

__all__ = [
    "Candidate",
    "Pair",
    "Preference",
    "draw_pairs",
    "encode_preferences",
    "length_parts",
    "load_preferences",
    "pairs_of",
    "read_preferences",
]


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two responses to one prompt, the better one first."""

    chosen: Example
    rejected: Example


class Preference(BaseModel):
    """One row of preference data; what else a row has is for people and left aside.

    `chosen` and `rejected` are texts, or chats: lists of `{role, content}` of which the last is the
    assistant's and is the text.  What comes before it stands in `prompt`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    prompt: str = Field(min_length=1)
    chosen: str = Field(min_length=1)
    rejected: str = Field(min_length=1)

    @field_validator("chosen", "rejected", mode="before")
    @classmethod
    def _answer_of_a_chat(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        last = value[-1] if value else None
        if not isinstance(last, dict) or last.get("role") != "assistant":
            raise ValueError("the last message of a chat must be the assistant's")
        if not isinstance(last.get("content"), str):
            raise ValueError("the assistant's message must have a text as its `content`")
        return last["content"]

    @model_validator(mode="after")
    def _they_differ(self) -> Self:
        if self.chosen == self.rejected:
            raise ValueError("`chosen` and `rejected` are the same text, so nothing is preferred")
        return self


def read_preferences(lines: Iterable[bytes]) -> Iterator[Preference | BadRow]:
    """Yield a preference or a complaint for each line that is not blank; lines count from 1."""
    for number, line in numbered_rows(lines):
        try:
            yield _preference(line)
        # ValidationError, JSONDecodeError and UnicodeDecodeError are ValueErrors.
        except (ValueError, RecursionError) as error:
            yield BadRow(number, reason_of(error))


def load_preferences(path: Path) -> tuple[list[Preference], list[BadRow]]:
    """The preferences of a JSONL file in its order, and its malformed rows, which cost only themselves.

    Raises:
        InvalidInput: the file cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}. Give the path of a JSONL file") from error
    preferences: list[Preference] = []
    bad: list[BadRow] = []
    for row in read_preferences(lines):
        if isinstance(row, BadRow):
            bad.append(row)
        else:
            preferences.append(row)
    return preferences, bad


def encode_preferences(
    tokenizer: PreTrainedTokenizerBase, preferences: Sequence[Preference], *, max_length: int
) -> list[Pair]:
    """Tokens of each preference, every response ended by the eos token.

    Raises:
        InvalidInput: no preferences, or a prompt and response of more than `max_length` tokens.
    """
    chosen = [(preference.prompt, preference.chosen) for preference in preferences]
    rejected = [(preference.prompt, preference.rejected) for preference in preferences]
    encoded = (encode_pairs(tokenizer, texts, max_length=max_length) for texts in (chosen, rejected))
    return [Pair(*both) for both in zip(*encoded, strict=True)]


def pairs_of(rollouts: Iterable[Rollout], *, eos_id: int, per_theorem: int, seed: int = 0) -> list[Pair]:
    """(proved, refuted) pairs of attempts with the same prompt, at most `per_theorem` of each theorem.

    Attempts with an unknown verdict are in no pair.  Of attempts with the same text, up to blank lines, the
    first stands for all, so that a mistake made often counts once.  Which pairs are drawn depends on the seed
    and on the theorem's own attempts, not on other theorems.

    Args:
        eos_id: the end token, which is put behind attempts that the length limit cut: else it alone would
            tell some of the pairs apart.
    """
    attempts = (
        Candidate(
            rollout.attempt.theorem,
            rollout.attempt.prompt_ids,
            rollout.attempt.proof,
            rollout.verdict.kind,
            rollout.attempt,
        )
        for rollout in rollouts
        if rollout.attempt.token_ids
    )
    return [
        Pair(_example(better, eos_id), _example(worse, eos_id))
        for better, worse in draw_pairs(attempts, per_theorem=per_theorem, seed=seed)
    ]


@dataclass(frozen=True, slots=True)
class Candidate(Generic[T]):
    """An attempt that may be half of a pair, as `draw_pairs` reads it; `value` is what the pair is of."""

    theorem: str
    prompt: Hashable
    proof: str
    kind: Kind
    value: T


def draw_pairs(candidates: Iterable[Candidate[T]], *, per_theorem: int, seed: int) -> list[tuple[T, T]]:
    """Draw (proved, refuted) pairs with the same prompt, as `pairs_of` describes."""
    by_theorem: defaultdict[str, dict[tuple[Hashable, str], Candidate[T]]] = defaultdict(dict)
    for candidate in candidates:
        if candidate.kind is not Kind.UNKNOWN:
            text = normalise_proof(candidate.proof)
            by_theorem[candidate.theorem].setdefault((candidate.prompt, text), candidate)
    pairs: list[tuple[T, T]] = []
    for name, members in by_theorem.items():
        proved = [member for member in members.values() if member.kind is Kind.PROVED]
        refuted = [member for member in members.values() if member.kind is Kind.REFUTED]
        possible = [(w.value, r.value) for w in proved for r in refuted if w.prompt == r.prompt]
        pairs += random.Random(f"{seed} {name}").sample(possible, min(per_theorem, len(possible)))
    return pairs


def length_parts(pairs: Sequence[Pair], max_tokens: int) -> Iterator[list[Pair]]:
    """Yield all pairs in parts of like length, none over `max_tokens` with its padding.

    The loss needs both scores of a pair at once, so a pair longer than that is a part of its own.
    """
    part: list[Pair] = []
    for pair in sorted(pairs, key=_longest):
        if part and 2 * (len(part) + 1) * _longest(pair) > max_tokens:
            yield part
            part = []
        part.append(pair)
    yield part


def _longest(pair: Pair) -> int:
    return max(len(pair.chosen), len(pair.rejected))


def _preference(line: bytes) -> Preference:
    value: Any = json.loads(line.decode("utf-8"))
    if not isinstance(value, dict):
        raise ValueError("a row must be a JSON object")
    return Preference.model_validate(value)


def _example(attempt: Attempt, eos_id: int) -> Example:
    ending = () if attempt.finished else (eos_id,)
    return Example(attempt.prompt_ids, attempt.token_ids + ending)
