"""What an evaluation measures: a fixed list of proofs, or a model that is asked in a format."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from prover.evaluation.tactic_lists import PORTFOLIO
from prover.formats.base import Answer, Failed, Problem, Prompt, PromptFormat, Turn
from prover.formats.prompts import encode_prompt
from prover.generators.base import Generator, SamplingParams, sample_each
from verifier.errors import InvalidInput

if TYPE_CHECKING:
    # The portfolio needs no model, and the command line no second more.
    from transformers import PreTrainedTokenizerBase

__all__ = ["BestOf", "ModelProver", "Portfolio", "Prover", "Scorer", "Written"]


@dataclass(frozen=True, slots=True)
class Written:
    """One answer, and what it took."""

    text: str
    tokens: int = 0
    sampling_ms: float = 0.0
    refused: str = ""
    """Why there is none: the prompt leaves no room for it."""


class Prover(Protocol):
    """Answers problems; the same problems in the same order get the same answers."""

    @property
    def fingerprint(self) -> dict[str, str]:
        """What it is: hashes and names by what they are of."""
        ...

    @property
    def in_order(self) -> bool:
        """Whether the first answer to a problem is held to be the best, and so on; else they are alike."""
        ...

    def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
        """So many answers to each problem.  Raises InvalidInput for what cannot be asked."""
        ...

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        """Another answer in place of each; `round` counts from 1.  Raises InvalidInput."""
        ...

    def read(self, text: str) -> Answer:
        """What is to be judged of an answer."""
        ...


class Portfolio:
    """A fixed list of proofs, the same for every theorem, the one that proves the most first."""

    in_order = True

    def __init__(self, proofs: Sequence[str] = PORTFOLIO) -> None:
        self._proofs = tuple(proofs)

    @property
    def fingerprint(self) -> dict[str, str]:
        return {"generator": "portfolio", "proofs_sha256": _sha256("\n".join(self._proofs))}

    def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
        if samples > len(self._proofs):
            raise InvalidInput(f"the portfolio has {len(self._proofs)} proofs: ask for no more --samples")
        return [[Written(proof) for proof in self._proofs[:samples]] for _ in problems]

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        raise InvalidInput("the portfolio learns nothing from Lean's complaints: leave --repairs at 0")

    def read(self, text: str) -> Answer:
        return Answer(proof=text)


class ModelProver:
    """A generator that is asked in a format."""

    in_order = False

    def __init__(
        self,
        generator: Generator,
        tokenizer: "PreTrainedTokenizerBase",
        style: PromptFormat,
        sampling: SamplingParams,
        model: dict[str, str],
    ) -> None:
        """`model` says what the generator samples from."""
        self._generator = generator
        self._tokenizer = tokenizer
        self._format = style
        self._sampling = sampling
        self._model = model
        self._in_front = "".join(tokenizer.convert_ids_to_tokens(encode_prompt(tokenizer, "")))

    @property
    def fingerprint(self) -> dict[str, str]:
        sampling = self._sampling.model_dump_json(exclude={"samples"})
        return {**self._model, "format": self._format.name, "sampling": sampling}

    def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
        return self._sampled([self._format.prompt(each) for each in problems], samples, self._sampling.seed)

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        prompts = [self._text(self._format.again(each)) for each in failed]
        # Equal prompts have equal random numbers: each is asked once, for as many answers as it is there.
        times = Counter(prompts)
        waiting: dict[str, list[Written]] = {}
        for samples in sorted(set(times.values())):
            alike = [prompt for prompt, count in times.items() if count == samples]
            answers = self._sampled(alike, samples, self._sampling.seed + round)
            waiting |= dict(zip(alike, answers, strict=True))
        return [waiting[prompt].pop(0) for prompt in prompts]

    def read(self, text: str) -> Answer:
        return self._format.answer(text)

    def _sampled(self, prompts: Sequence[Prompt], samples: int, seed: int) -> list[list[Written]]:
        params = self._sampling.model_copy(update={"samples": samples, "seed": seed})
        began = time.monotonic()
        groups = sample_each(self._generator, [self._text(each) for each in prompts], params)
        share_ms = (time.monotonic() - began) * 1e3 / (len(prompts) * samples)
        return [
            [Written("", refused=str(group))] * samples
            if isinstance(group, InvalidInput)
            else [Written(each.text, len(each.token_ids), share_ms) for each in group]
            for group in groups
        ]

    def _text(self, prompt: Prompt) -> str:
        return prompt if isinstance(prompt, str) else self._chat(prompt)

    def _chat(self, messages: Sequence[Turn]) -> str:
        if not self._tokenizer.chat_template:
            raise InvalidInput(
                f"the format `{self._format.name}` is a chat, and the model has no template for one: choose "
                "`completion`, or a model that was trained on chats"
            )
        turns = [{"role": each.role, "content": each.content} for each in messages]
        text = str(self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        # A template may begin with a token that a tokenizer puts in front of every text: once is enough.
        return text.removeprefix(self._in_front)


Scorer = Callable[[Problem, Sequence[str]], Sequence[float]]
"""How likely each answer is to be a proof; only differences between answers to one problem mean anything."""


class BestOf:
    """Of so many answers of another prover, those with the highest scores: the others cost no Lean call."""

    in_order = True

    def __init__(self, prover: Prover, scorer: Scorer, candidates: int, ranker: dict[str, str]) -> None:
        """`ranker` says what the scores are from."""
        self._prover = prover
        self._scorer = scorer
        self._candidates = candidates
        self._ranker = ranker

    @property
    def fingerprint(self) -> dict[str, str]:
        return {**self._prover.fingerprint, **self._ranker, "candidates": str(self._candidates)}

    def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
        if samples > self._candidates:
            raise InvalidInput(f"of {self._candidates} candidates no {samples} can be chosen: ask for more")
        written = self._prover.answers(problems, self._candidates)
        return [self._best(each, found)[:samples] for each, found in zip(problems, written, strict=True)]

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        return self._prover.second_thoughts(failed, round)

    def read(self, text: str) -> Answer:
        return self._prover.read(text)

    def _best(self, problem: Problem, written: Sequence[Written]) -> list[Written]:
        """By score, the first of equals first; what says the same as a better one stands at the end."""
        scores = self._scorer(problem, [each.text for each in written])
        ranked = [each for _, each in sorted(zip(scores, written, strict=True), key=lambda pair: -pair[0])]
        distinct: dict[str, Written] = {}
        repeated = []
        for each in ranked:
            if each.text in distinct:
                repeated.append(each)
            distinct.setdefault(each.text, each)
        return [*distinct.values(), *repeated]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
