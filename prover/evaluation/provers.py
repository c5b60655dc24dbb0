"""What an evaluation measures: a model asked in a format, a choice among its answers, a search."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from anyio.from_thread import BlockingPortal, start_blocking_portal

from prover.evaluation.config import EvalConfig
from prover.evaluation.registry import PROVERS
from prover.formats.base import Answer, Failed, Problem, Prompt, PromptFormat, Turn
from prover.formats.prompts import encode_prompt, load_tokenizer
from prover.formats.registry import format_named
from prover.generators.base import EngineSettings, Generator, SamplingParams, sample_each
from prover.generators.registry import open_engine
from prover.generators.sealed import SUMS, digest_of_seal
from prover.registry import choose
from prover.search.config import SearchConfig
from prover.search.search import search_proof
from prover.search.tactics import FixedTactics, TacticPolicy
from verifier.errors import InvalidInput, NoAnswer
from verifier.judging.pool import LeanPool
from verifier.verdict import Status

if TYPE_CHECKING:
    # A portfolio needs no model, and the command line no second more.
    from transformers import PreTrainedTokenizerBase

__all__ = [
    "BestOf",
    "ModelProver",
    "Prover",
    "Scorer",
    "SearchProver",
    "Written",
    "digest_of_model",
    "open_model",
    "open_prover",
    "open_search",
]


@dataclass(frozen=True, slots=True)
class Written:
    """One answer, and what it took."""

    text: str
    tokens: int = 0
    nats: float = 0.0
    """−log of its probability, at the sampling temperature."""
    sampling_ms: float = 0.0
    refused: str = ""
    """Why there is none: the prompt leaves no room for it, or a search found none."""
    status: Status = Status.MISSING_DECLARATION
    """Of an answer that holds nothing to be judged; of kind unknown where the machine decided."""


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
    model = config.model
    if model is None:
        raise InvalidInput(f"--generator {config.generator} needs a model: name its directory as --model")
    style = format_named(config.format)
    named = {"generator": config.generator, "model": model.name, "model_sha256": digest_of_model(model)}
    with open_engine(config.generator, EngineSettings(config.device, url=config.vllm_url)) as engine:
        generator = engine.generator(model, version=0)
        yield ModelProver(generator, load_tokenizer(model), style, config.sampling, named)


class SearchProver:
    """A search over tactic states, in a pool of its own; an answer is the text of what it found.

    Args:
        portal: runs what is asynchronous, in a thread of its own that Lean's processes end with.
        timeout_s: seconds for one request to a worker.
    """

    in_order = True

    def __init__(
        self,
        portal: BlockingPortal,
        pool: LeanPool,
        policy: TacticPolicy,
        config: SearchConfig,
        *,
        timeout_s: float,
    ) -> None:
        self._portal = portal
        self._pool = pool
        self._policy = policy
        self._config = config
        self._timeout_s = timeout_s

    @property
    def fingerprint(self) -> dict[str, str]:
        return {
            "generator": "search",
            **self._policy.fingerprint,
            "search": self._config.model_dump_json(),
        }

    def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
        assert samples == 1
        return [[written] for written in self._portal.call(self._search_all, problems)]

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        raise InvalidInput("a search has tried what Lean complains of: leave --repairs at 0")

    def read(self, text: str) -> Answer:
        return Answer(proof=text)

    async def _search_all(self, problems: Sequence[Problem]) -> list[Written]:
        """As many at a time as there are workers, so that each stays with the states of its theorem."""
        cores = asyncio.Semaphore(self._pool.workers)
        return await asyncio.gather(*(self._search(problem, cores) for problem in problems))

    async def _search(self, problem: Problem, cores: asyncio.Semaphore) -> Written:
        async with cores:
            began = time.monotonic()
            try:
                found = await search_proof(
                    self._pool, self._policy, problem.theorem, self._config, timeout_s=self._timeout_s
                )
            except NoAnswer as error:
                return Written("", refused=f"the search was broken off: {error}", status=error.status)
            took_ms = (time.monotonic() - began) * 1e3
            if found.proof is None:
                why = f"no proof after {found.cost.tactics} tactics: {found.reason}"
                return Written("", sampling_ms=took_ms, refused=why)
            return Written(found.proof, sampling_ms=took_ms)


@contextmanager
def open_search(config: EvalConfig) -> Iterator[Prover]:
    """A search by a fixed list of tactics, on Lean workers of this machine.

    Raises:
        InvalidInput: the settings name a model, a server that judges, or more than one attempt.
        ProofmillError: there is no Lean, or it does not start.
    """
    # The command line's, which whoever only imports this package need not load.
    from verifier.cli.app import confined_runtime

    if config.model is not None or config.url is not None:
        raise InvalidInput(
            "generator: the search goes by a fixed list of tactics, on Lean workers of its own: leave model "
            "and url out"
        )
    if config.sampling.samples != 1:
        raise InvalidInput("a search ends with the first proof that it finds: set --samples 1")
    lean = config.lean
    runtime = confined_runtime(lean)
    with start_blocking_portal() as portal:
        pool = LeanPool(runtime, workers=lean.workers)
        with portal.wrap_async_context_manager(pool):
            yield SearchProver(portal, pool, FixedTactics(), config.search, timeout_s=lean.timeout_s)


def open_prover(config: EvalConfig) -> AbstractContextManager[Prover]:
    """The prover that `config.generator` names, for as long as the context is open.

    Raises:
        InvalidInput: there is none of this name.
    """
    open_it: Callable[[EvalConfig], AbstractContextManager[Prover]] = choose(
        "prover", PROVERS, config.generator
    )
    return open_it(config)


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
        return [
            self._rank(problem, found)[:samples] for problem, found in zip(problems, written, strict=True)
        ]

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        return self._prover.second_thoughts(failed, round)

    def read(self, text: str) -> Answer:
        return self._prover.read(text)

    def _rank(self, problem: Problem, written: Sequence[Written]) -> list[Written]:
        """By score, the first of equals first; what says the same as a better one stands at the end."""
        scores = self._scorer(problem, [answer.text for answer in written])
        ranked = [
            answer for _, answer in sorted(zip(scores, written, strict=True), key=lambda pair: -pair[0])
        ]
        distinct: dict[str, Written] = {}
        repeated = []
        for answer in ranked:
            if answer.text in distinct:
                repeated.append(answer)
            distinct.setdefault(answer.text, answer)
        return [*distinct.values(), *repeated]


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
