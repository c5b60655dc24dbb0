"""A model asked in a format for whole proofs."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from prover.evaluation.config import EvalConfig
from prover.evaluation.provers.base import Prover, Written
from prover.formats.base import Answer, Failed, Problem, Prompt, PromptFormat, Turn
from prover.formats.prompts import encode_prompt, load_tokenizer
from prover.formats.registry import format_named
from prover.generators.base import EngineSettings, Generator, SamplingParams, sample_each
from prover.generators.registry import open_engine
from prover.generators.sealed import SUMS, digest_of_seal
from verifier.errors import InvalidInput

if TYPE_CHECKING:
    # A portfolio needs no model, and the command line no second more.
    from transformers import PreTrainedTokenizerBase

__all__ = ["ModelProver", "digest_of_model", "generator_of", "named", "open_model"]


class ModelProver:
    """A generator that is asked in a format."""

    in_order = False
    answers_alone = False

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
        return self._sample(
            [self._format.prompt(problem) for problem in problems], samples, self._sampling.seed
        )

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        prompts = [self._render(self._format.again(attempt)) for attempt in failed]
        # Equal prompts have equal random numbers: each is asked once, for as many answers as it is there.
        times = Counter(prompts)
        waiting: dict[str, list[Written]] = {}
        for samples in sorted(set(times.values())):
            alike = [prompt for prompt, count in times.items() if count == samples]
            answers = self._sample(alike, samples, self._sampling.seed + round)
            waiting |= dict(zip(alike, answers, strict=True))
        return [waiting[prompt].pop(0) for prompt in prompts]

    def read(self, text: str) -> Answer:
        return self._format.answer(text)

    def _sample(self, prompts: Sequence[Prompt], samples: int, seed: int) -> list[list[Written]]:
        params = self._sampling.model_copy(update={"samples": samples, "seed": seed})
        began = time.monotonic()
        groups = sample_each(self._generator, [self._render(prompt) for prompt in prompts], params)
        share_ms = (time.monotonic() - began) * 1e3 / (len(prompts) * samples)
        return [
            [Written("", refused=str(group))] * samples
            if isinstance(group, InvalidInput)
            else [
                Written(sample.text, len(sample.token_ids), -sum(sample.logprobs), share_ms)
                for sample in group
            ]
            for group in groups
        ]

    def _render(self, prompt: Prompt) -> str:
        return prompt if isinstance(prompt, str) else self._render_chat(prompt)

    def _render_chat(self, messages: Sequence[Turn]) -> str:
        if not self._tokenizer.chat_template:
            raise InvalidInput(
                f"the format `{self._format.name}` is a chat, and the model has no template for one: choose "
                "`completion`, or a model that was trained on chats"
            )
        turns = [{"role": turn.role, "content": turn.content} for turn in messages]
        text = str(self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        # A template may begin with a token that a tokenizer puts in front of every text: once is enough.
        return text.removeprefix(self._in_front)


@contextmanager
def open_model(config: EvalConfig) -> Iterator[Prover]:
    """The model of an evaluation, run by the engine that `generator` names.

    Raises:
        InvalidInput: the settings name no model, or one that is not there, or no known format.
    """
    style = format_named(config.format)
    with generator_of(config) as (model, generator):
        yield ModelProver(generator, load_tokenizer(model), style, config.sampling, named(config, model))


@contextmanager
def generator_of(config: EvalConfig) -> Iterator[tuple[Path, Generator]]:
    """The directory of the model that an evaluation names, and what samples from it.

    Raises:
        InvalidInput: the settings name no model, or one that is not there.
    """
    if config.model is None:
        raise InvalidInput(f"--generator {config.generator} needs a model: name its directory as --model")
    with open_engine(config.generator, EngineSettings(config.device, url=config.vllm_url)) as engine:
        yield config.model, engine.generator(config.model, version=0)


def named(config: EvalConfig, model: Path) -> dict[str, str]:
    """What a fingerprint says of a model; raises `InvalidInput` where it cannot be read."""
    return {"generator": config.generator, "model": model.name, "model_sha256": digest_of_model(model)}


def digest_of_model(directory: Path) -> str:
    """Of a sealed policy its digest; of any other directory one of all files in it.

    Raises:
        InvalidInput: it cannot be read.
    """
    if (directory / SUMS).is_file():
        return digest_of_seal(directory)
    digest = hashlib.sha256()
    try:
        for path in sorted(path for path in directory.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(directory)}\0".encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise InvalidInput(f"cannot read the model in {directory}: {error.strerror}") from error
    return digest.hexdigest()
