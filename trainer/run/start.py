"""How a run of the daemon begins: alone in its directory, from a policy that is given or one trained here."""

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import redis

from prover.formats.prompts import load_tokenizer
from prover.library.store import TheoremStore
from prover.library.training_set import TrainingSet
from prover.sources.datasets import load_theorems
from trainer.config import RunConfig, run_config
from trainer.curriculum.catalogue import Catalogue, ListedTheorems
from trainer.curriculum.scheduler import Scheduler
from trainer.experiments.demo import dataset_of, supervised_start, training_theorems, verified_pairs
from trainer.learners.supervised import encode_pairs
from trainer.model.batching import Example
from trainer.run.checkpoints import Versions
from trainer.run.exchange import Exchange
from trainer.run.session import Session
from trainer.run.writer import RunWriter
from verifier.console import progress_bars, say
from verifier.errors import InvalidInput
from verifier.sandbox.lock import locked

__all__ = [
    "StopRequest",
    "alone_in",
    "catalogue_of",
    "clear",
    "curriculum_of",
    "known_examples",
    "scheduler_of_run",
    "start_policy",
]

PAIRS = "pairs.json"
POLICIES = "policies"
"""Where the start goes that is trained here."""


class StopRequest:
    """SIGTERM and SIGINT, taken note of, so that they end the daemon only where nothing is half done."""

    def __init__(self) -> None:
        self._signal: int | None = None

    def __enter__(self) -> Self:
        self._before = {
            number: signal.signal(number, self._take_note) for number in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises SystemExit, with 128 plus the signal's number as shells have it, if one has come."""
        if self._signal is not None:
            raise SystemExit(128 + self._signal)

    def _take_note(self, number: int, frame: FrameType | None) -> None:
        self._signal = number


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Make the run directory, and hold its lock.

    Raises:
        InvalidInput: it cannot be written, or another daemon has the lock.
    """
    busy = f"another daemon trains in {directory}: end that one first, or choose another --out"
    with ExitStack() as stack:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(directory / "daemon.lock", busy))
        except OSError as error:
            raise InvalidInput(
                f"cannot write to {directory}: {error.strerror}; choose another --out"
            ) from error
        yield


def clear(directory: Path) -> None:
    """Remove what is left of a beginning: without its version 0 a run is not there yet."""
    shutil.rmtree(directory / POLICIES, ignore_errors=True)
    for name in ("attempts.jsonl", "metrics.jsonl", "summary.json", PAIRS):
        (directory / name).unlink(missing_ok=True)


def start_policy(config: RunConfig, writer: RunWriter, client: redis.Redis, run: str) -> Path:
    """The policy to begin with; one is trained where none is given and none is there."""
    if config.daemon.start is not None:
        return config.daemon.start.absolute()
    directory = writer.directory
    start = directory.absolute() / POLICIES / "v0000"
    if not (directory / PAIRS).is_file():
        with progress_bars() as progress:
            session = Session(config, directory, writer, Exchange(client, run), progress)
            pairs = verified_pairs(session)
            supervised_start(session, pairs)
        (directory / PAIRS).write_text(json.dumps(pairs), encoding="utf-8")
    return start


def known_examples(config: RunConfig, directory: Path, start: Path) -> tuple[Example, ...]:
    """The proofs that the start was trained on here, as its tokens; none where it was given."""
    if config.daemon.start is not None:
        return ()
    pairs = [(prompt, proof) for prompt, proof in json.loads((directory / PAIRS).read_bytes())]
    return tuple(encode_pairs(load_tokenizer(start), pairs, max_length=config.policy.max_length))


def curriculum_of(config: RunConfig, catalogue: Catalogue) -> Scheduler:
    """What chooses among the theorems of a run, as it begins."""
    return Scheduler(catalogue, config.curriculum, samples=config.sampling.samples, seed=config.seed)


def catalogue_of(config: RunConfig) -> Catalogue:
    """The theorems that the settings name.

    Raises:
        InvalidInput: their file cannot be read, or has a malformed row; or there is nothing to train on.
    """
    file, store = config.data.theorems, config.data.store
    if store is not None:
        theorems = TrainingSet(TheoremStore(store), allow_contaminated=config.data.allow_contaminated)
        say(str(theorems))
        return theorems
    if file is not None:
        return ListedTheorems(load_theorems(file, source=file.stem))
    return training_theorems(dataset_of(config))


def scheduler_of_run(run_dir: Path) -> Scheduler:
    """What chooses the theorems of a run of the daemon.

    Raises:
        BrokenDirectory: the newest version is not as it was written.
        InvalidInput: there is no version, or its theorems are not there any more.
    """
    version = Versions(run_dir / "versions").newest
    if version is None:
        raise InvalidInput(f"{run_dir} holds no version: give the directory of a run of `proofmill train`")
    kept = version.run()
    config = run_config(kept["config"], f"the settings in {version.directory}")
    scheduler = curriculum_of(config, catalogue_of(config))
    scheduler.restore(kept["curriculum"])
    return scheduler
