"""The parts that experiments are made of, each of which leaves its result on the disk and is done once.

A part appears whole or not at all, and training is a run that goes on where it was: so an experiment that was
killed goes on with the part that it was at when it is started again in the same directory.
"""

import asyncio
import hashlib
import json
import os
import secrets
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from prover.formats.prompts import load_tokenizer
from prover.generators.sealed import new_sealed
from prover.generators.transformers import load_model
from trainer.config import RunConfig, write_settings
from trainer.launch.supervisor import SUPERVISOR
from trainer.launch.up import run_up
from trainer.learners.policy_gradient import PolicyGradientConfig
from trainer.learners.supervised import SupervisedConfig, train_supervised
from trainer.model.compute import Compute
from trainer.model.lora import add_adapter, merge_adapter
from trainer.model.optimizer import Budget, OptimizerConfig
from trainer.model.policy import save_policy
from trainer.run.checkpoints import Version, Versions
from trainer.run.directory import SUMMARY, Summary, write_whole
from trainer.run.start import known_examples, known_pairs, progress_bar
from verifier.cli.app import confined_runtime
from verifier.console import say
from verifier.errors import InvalidInput, ProofmillError, StalledError
from verifier.judging.cache import VerdictCache
from verifier.judging.pool import LeanPool
from verifier.judging.verdict_file import FileVerdicts
from verifier.lean.runtime import code_in, resolve_runtime
from verifier.sandbox.lock import locked
from verifier.verdict import Submission, Verdict

__all__ = [
    "Judging",
    "Trained",
    "budget_of",
    "control_of",
    "fingerprint",
    "lock_directory",
    "mismatch",
    "newest_version",
    "open_judge",
    "sharing_verdicts",
    "start_or_resume",
    "train",
    "train_control",
]

T = TypeVar("T")

LOCK = ".experiment"
MADE_BY = "made_by"
VERDICTS = "verdicts.sqlite"
BUDGET = "budget.json"
TRAINER = "trainer"


@contextmanager
def lock_directory(directory: Path) -> Iterator[None]:
    """Make the directory of an experiment if it is not there, and keep other processes out of it.

    Raises:
        InvalidInput: it cannot be made or holds something else, another process is writing there, or this
            process is one of several that learn together.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InvalidInput(
            "an experiment starts its trainer itself, as one process: have several learn together in a run "
            "of `proofmill train` (docs/algorithms.md)"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"cannot make {directory}: {error.strerror}") from error
    lock = directory / LOCK
    if not lock.exists() and any(directory.iterdir()):
        raise InvalidInput(f"{directory} holds something else: choose another --out")
    with locked(lock, f"another process is writing to {directory}: wait for it"):
        yield


def fingerprint(config: RunConfig, budget: Budget | None = None) -> str:
    """A hash of what decides a result: the project's own code, Lean, the settings, and a control's budget.

    Raises:
        ProofmillError: there is no Lean.
    """
    settings = config.model_dump_json(exclude={"redis_url": True, "compute": True, "lean": {"verdicts"}})
    lean = resolve_runtime(config.lean.project).fingerprint
    digest = hashlib.sha256(repr((settings, budget, lean)).encode())
    for package in ("prover", "trainer"):
        digest.update(code_in(Path(__file__).parents[2] / package))
    return digest.hexdigest()


def sharing_verdicts(config: RunConfig, directory: Path) -> RunConfig:
    """The settings, with one file for the verdicts of all parts of the experiment in `directory`.

    Policies that begin alike find the same proofs again and again.
    """
    if config.lean.verdicts is not None:
        return config
    lean = config.lean.model_copy(update={"verdicts": (directory / VERDICTS).absolute()})
    return config.model_copy(update={"lean": lean})


def start_or_resume(directory: Path, made_by: str) -> None:
    """Begin to make something in `directory`, or go on with it; `made_by` is its fingerprint.

    Raises:
        InvalidInput: what is there was made by other code or settings.
    """
    directory.mkdir(parents=True, exist_ok=True)
    note = directory / MADE_BY
    if not note.is_file():
        write_whole(note, made_by)
    elif note.read_text(encoding="utf-8") != made_by:
        raise mismatch(directory)


def mismatch(path: Path) -> InvalidInput:
    """What to say of a result that is not the one that is asked for."""
    return InvalidInput(
        f"{path} was made by other code or settings: remove it to have it made anew, or choose another --out"
    )


class Judging:
    """Lean workers of this process, which start with the first submission; what repeats is judged once.

    Called with submissions it gives their verdicts, as a `Judge` does.  For coroutines, which `run` runs, it
    is a `Verifier`.
    """

    def __init__(self, config: RunConfig, runner: asyncio.Runner) -> None:
        """Raises InvalidInput where nothing confines Lean, and the settings do not allow that."""
        lean = config.lean
        runtime = confined_runtime(lean)
        goals = config.data.tactic_pairs
        self._options = lean.options(tactics=config.needs_tactics or goals, goals=goals)
        self._pool = LeanPool(runtime, workers=lean.workers, options=self._options)
        self._store = FileVerdicts(lean.verdicts) if lean.verdicts is not None else None
        self._cache = VerdictCache(runtime.fingerprint, store=self._store)
        self._runner = runner
        self._opening = asyncio.Lock()
        self._is_open = False

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What the coroutine returns, which may ask for verdicts."""
        return self._runner.run(coroutine)

    def __call__(self, submissions: Iterable[Submission]) -> Iterator[Verdict]:
        coming = self.verify_many(submissions)
        while (verdict := self.run(_next(coming))) is not None:
            yield verdict

    async def verify_many(self, submissions: Iterable[Submission]) -> AsyncIterator[Verdict]:
        """Verdicts on all submissions, in the order in which they finish."""
        asked = list(submissions)
        async with self._opening:
            if asked and not self._is_open:
                await self._pool.__aenter__()
                self._is_open = True
        tasks = [asyncio.create_task(self._verdict(submission)) for submission in asked]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()

    async def close(self) -> None:
        """End the workers."""
        await self._pool.close()
        if self._store is not None:
            self._store.close()

    async def _verdict(self, submission: Submission) -> Verdict:
        async with self._cache.turn(submission, self._options) as turn:
            return turn.known or await turn.keep(await self._pool.verify(submission))


@contextmanager
def open_judge(config: RunConfig) -> Iterator[Judging]:
    """What judges by Lean workers of this process.

    Raises:
        InvalidInput: nothing confines Lean here, and the settings do not allow that.
        ProofmillError: there is no Lean, or it does not start.
    """
    with asyncio.Runner() as runner:
        judge = Judging(config, runner)
        try:
            yield judge
        finally:
            judge.run(judge.close())


async def _next(verdicts: AsyncIterator[Verdict]) -> Verdict | None:
    return await anext(verdicts, None)


@dataclass(frozen=True)
class Trained:
    """A training that has come to its end."""

    policy: Path
    budget: Budget


def train(config: RunConfig, directory: Path, start: Path) -> Trained:
    """Train from the policy in `start`, as `proofmill up` does it, with all that `directory` holds already.

    Raises:
        ProofmillError: it ended before its last round, or a setting or a part of the machine is wrong.
        KeyboardInterrupt: a signal ended it; it goes on when it is started again.
    """
    if not _is_finished(directory):
        _run_training(config, directory, start)
    return Trained(newest_version(directory).policy, budget_of(directory))


def newest_version(directory: Path) -> Version:
    """The policy that a training has come to.

    Raises:
        InvalidInput: there is none.
    """
    newest = Versions(directory / "versions").newest
    if newest is None:
        raise InvalidInput(f"{directory} holds no policy: remove it to have it made anew")
    return newest


def budget_of(directory: Path) -> Budget:
    """What a training has learned from so far."""
    return Budget(**newest_version(directory).run()["budget"])


def _run_training(config: RunConfig, directory: Path, start: Path) -> None:
    of_training = config.model_copy(
        update={"daemon": config.daemon.model_copy(update={"start": start.absolute()})}
    )
    directory.mkdir(exist_ok=True)
    # A name no earlier run has: its orders and verdicts may still be in a Redis given by URL.
    name = directory / "name"
    if not name.is_file():
        write_whole(name, f"{directory.name}-{secrets.token_hex(4)}")
    settings = write_settings(of_training, directory)
    lines = directory / "processes.log"
    with lines.open("a", encoding="utf-8", errors="backslashreplace") as file:

        def log(process: str, line: str) -> None:
            print(f"{process} | {line}", file=file, flush=True)
            if process in (TRAINER, SUPERVISOR):
                say(line)

        ended = run_up(settings, of_training, directory, run=name.read_text(encoding="utf-8"), log=log)
    if ended.code:
        error = StalledError if ended.code == os.EX_TEMPFAIL else ProofmillError
        raise error(f"the training ended with code {ended.code}: the end of {lines} says why")
    if ended.was_stopped:
        raise KeyboardInterrupt


def _is_finished(directory: Path) -> bool:
    summary = directory / SUMMARY
    return summary.is_file() and Summary.model_validate_json(summary.read_bytes()).finished


def train_control(config: RunConfig, directory: Path, start: Path, budget: Budget) -> Trained:
    """The start, trained further on the same proofs alone, for the optimizer steps and tokens of training.

    Its budget is what it read: fewer tokens where a step asks for more pairs than there are.
    It has the settings of the trained model's optimizer, which began as new as this one; for TRPO, which has
    no such settings, those of policy gradients.
    """
    if directory.is_dir():
        return control_of(directory)
    learner = config.learner
    chosen = learner if isinstance(learner, OptimizerConfig) else config.section(PolicyGradientConfig)
    steps, spent = budget.optimizer_steps, Budget()
    tokenizer = load_tokenizer(start)
    examples = known_examples(config, start)
    model, _ = load_model(start, dtype=torch.float32)
    adapted = add_adapter(model, config.lora, seed=config.seed) if config.lora is not None else None
    compute = Compute.of(config.compute).alone
    compute.prepare(model)
    if steps:
        mean_tokens = sum(map(len, examples)) / len(examples)
        settings = SupervisedConfig(
            learning_rate=chosen.learning_rate,
            final_learning_rate=chosen.learning_rate,
            warmup_steps=0,
            steps=steps,
            batch_size=max(1, round(budget.tokens / steps / mean_tokens)),
            weight_decay=chosen.weight_decay,
            max_grad_norm=chosen.max_grad_norm,
            max_tokens=chosen.max_tokens,
            seed=config.seed,
        )
        with progress_bar("control", "optimizer steps", steps) as advance:
            result = train_supervised(
                model,
                tokenizer,
                known_pairs(start),
                settings,
                on_step=lambda _: advance(),
                compute=compute,
            )
        spent = Budget(result.steps, result.tokens)
    with new_sealed(directory) as draft:
        save_policy(model if adapted is None else merge_adapter(adapted), tokenizer, draft / "policy")
        (draft / BUDGET).write_text(json.dumps(asdict(spent)), encoding="utf-8")
    return control_of(directory)


def control_of(directory: Path) -> Trained:
    """The control that is there."""
    return Trained(directory / "policy", Budget(**json.loads((directory / BUDGET).read_bytes())))
