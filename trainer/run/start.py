"""How a run begins: alone in its directory, from a policy that is given or one that is trained here."""

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from prover.families import Dataset, build_dataset, supervised_pairs
from prover.formats.prompts import completion_of, load_tokenizer, prompt_of
from prover.generators.sealed import new_sealed
from prover.library.store import TheoremStore
from prover.library.training_set import TrainingSet
from prover.search.examples import tactic_pairs
from prover.sources.datasets import load_theorems
from trainer.config import RunConfig, run_config
from trainer.curriculum.catalogue import Catalogue, ListedTheorems
from trainer.curriculum.scheduler import Scheduler
from trainer.learners.pretraining import pretrain, read_texts
from trainer.learners.supervised import encode_pairs, train_supervised
from trainer.model.batching import Example
from trainer.model.compute import Compute
from trainer.model.policy import build_policy, save_policy
from trainer.model.tokenizer import train_tokenizer
from trainer.run.checkpoints import Versions
from trainer.run.directory import ATTEMPTS, METRICS, SUMMARY, AttemptRow, timed
from verifier.console import progress_bars, say
from verifier.errors import InvalidInput, ProofmillError
from verifier.sandbox.lock import locked
from verifier.verdict import Kind, Submission, Verdict

__all__ = [
    "START",
    "Judge",
    "Pairs",
    "alone_in",
    "catalogue_of",
    "clear",
    "curriculum_of",
    "dataset_of",
    "defer_stop",
    "known_examples",
    "known_pairs",
    "make_start",
    "progress_bar",
    "scheduler_of_run",
    "supervised_start",
    "training_theorems",
    "write_pairs",
]

Pairs = list[tuple[str, str]]
"""Prompts and the proofs that follow them."""
Judge = Callable[[Sequence[Submission]], Iterable[Verdict]]
"""Gives the verdicts on submissions as they come, in any order."""

START = "start"
"""Where the policy goes that a run begins with, if it is trained here."""

PAIRS = "pairs.json"


@contextmanager
def defer_stop() -> Iterator[Callable[[], None]]:
    """Take note of SIGTERM and SIGINT, so that they end the daemon only where nothing is half done.

    That is where it calls what this gives, which raises SystemExit if one has come, with 128 plus the
    signal's number as shells have it.
    """
    came: list[int] = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    handlers = [signal.signal(number, lambda which, _: came.append(which)) for number in numbers]

    def stop_if_asked() -> None:
        if came:
            raise SystemExit(128 + came[-1])

    try:
        yield stop_if_asked
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)


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
    shutil.rmtree(directory / START, ignore_errors=True)
    for name in (ATTEMPTS, METRICS, SUMMARY):
        (directory / name).unlink(missing_ok=True)


def dataset_of(config: RunConfig) -> Dataset:
    """The theorems of the families that a run gets."""
    return build_dataset(
        config.seed,
        train=config.data.train,
        held_out=config.data.held_out,
        held_out_family=config.data.held_out_family,
        max_difficulty=config.data.max_difficulty,
    )


def training_theorems(data: Dataset) -> ListedTheorems:
    """What a run trains on, to choose from."""
    return ListedTheorems(data.train, data.train_features)


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


def curriculum_of(config: RunConfig, catalogue: Catalogue) -> Scheduler:
    """What chooses among the theorems of a run, as it begins."""
    return Scheduler(catalogue, config.curriculum, samples=config.sampling.samples, seed=config.seed)


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


def make_start(config: RunConfig, directory: Path, judge: Judge) -> Path:
    """The supervised start in `directory`, trained now unless it is there; the directory of its policy.

    A new model, pre-trained if the settings say so by −(1/Σ T) Σ log π_θ(x_t | x_<t), then trained by
    −(1/Q) Σ_q (1/T_q) Σ_t log π_θ(y_t | x, y_<t) on the reference proofs of easy theorems that Lean accepts.
    `directory` appears whole or not at all, with

        policy/           the policy, and in `pairs.json` the proofs that it was trained on
        attempts.jsonl    all the reference proofs, with their verdicts
        times.json        seconds of each part

    Raises:
        InvalidInput: a file to pre-train on cannot be read.
        ProofmillError: Lean accepts no proof.
    """
    policy = directory / "policy"
    if directory.is_dir():
        return policy
    with new_sealed(directory) as draft:
        with timed(draft, "supervised"):
            pairs = verified_pairs(config, judge, draft / ATTEMPTS)
        supervised_start(config, pairs, draft)
    return policy


def supervised_start(config: RunConfig, pairs: Pairs, directory: Path) -> None:
    """Train a new policy on the pairs, as `make_start` says, and save it with them in `directory/policy`.

    Raises:
        InvalidInput: a file to pre-train on cannot be read.
    """
    own_texts = [prompt + proof for prompt, proof in pairs]
    with timed(directory, "supervised"):
        texts = read_texts(config.pretraining.files)
        tokenizer = train_tokenizer([*own_texts, *texts], config.policy.vocab_size)
        compute = Compute.of(config.compute).alone
        model = compute.prepare(build_policy(config.policy, tokenizer, seed=config.seed))
    if steps := config.pretraining.steps:
        with (
            timed(directory, "pretraining"),
            progress_bar("pre-training", "optimizer steps", steps) as advance,
        ):
            pretrain(
                model,
                tokenizer,
                texts or own_texts,
                config.pretraining,
                on_step=lambda _: advance(),
                compute=compute,
            )
    with timed(directory, "supervised"):
        with progress_bar("supervised start", "optimizer steps", config.supervised.steps) as advance:
            train_supervised(
                model, tokenizer, pairs, config.supervised, on_step=lambda _: advance(), compute=compute
            )
        save_policy(model, tokenizer, directory / "policy")
        write_pairs(directory / "policy", pairs)


def verified_pairs(config: RunConfig, judge: Judge, attempts: Path) -> Pairs:
    """Prompts and reference proofs of easy theorems, as far as Lean accepts them.

    With `data.tactic_pairs` come goals and the tactics of these proofs, each pair once.

    Args:
        attempts: where all of them are written with their verdicts, one a row.

    Raises:
        ProofmillError: it accepts none.
    """
    candidates = supervised_pairs(config.seed, config.data.supervised_pairs, config.data.rare_pairs)
    names = [f"supervised/{number}/{theorem.name}" for number, (theorem, _) in enumerate(candidates)]
    submissions = [
        theorem.submission(name, proof) for name, (theorem, proof) in zip(names, candidates, strict=True)
    ]
    verdicts: dict[str, Verdict] = {}
    with progress_bar("supervised", "proofs judged", len(submissions)) as advance:
        for verdict in judge(submissions):
            verdicts[verdict.id] = verdict
            advance()
    rows = [
        AttemptRow.of("supervised", theorem, proof, verdicts[name])
        for name, (theorem, proof) in zip(names, candidates, strict=True)
    ]
    attempts.write_text("".join(row.model_dump_json() + "\n" for row in rows), encoding="utf-8")
    pairs = [
        (prompt_of(theorem), completion_of(proof))
        for (theorem, proof), row in zip(candidates, rows, strict=True)
        if row.kind is Kind.PROVED
    ]
    if not pairs:
        raise ProofmillError(
            f"Lean proved none of {len(rows)} reference proofs; of the first it says: {rows[0].reason}"
        )
    if config.data.tactic_pairs:
        taught = (
            pair
            for name, (_, proof) in zip(names, candidates, strict=True)
            if verdicts[name].kind is Kind.PROVED
            for pair in tactic_pairs(proof, verdicts[name].tactics or ())
        )
        pairs += dict.fromkeys(taught)
    return pairs


def known_pairs(start: Path) -> Pairs:
    """The proofs that the policy in `start` was trained on, if `make_start` made it; else none."""
    path = start / PAIRS
    if not path.is_file():
        return []
    return [(prompt, proof) for prompt, proof in json.loads(path.read_bytes())]


def write_pairs(policy: Path, pairs: Pairs) -> None:
    """Keep with a policy what it was trained on, for `known_pairs`."""
    (policy / PAIRS).write_text(json.dumps(pairs, ensure_ascii=False), encoding="utf-8")


def known_examples(config: RunConfig, start: Path) -> tuple[Example, ...]:
    """The same, as tokens of the policy in `start`."""
    pairs = known_pairs(start)
    if not pairs:
        return ()
    return tuple(encode_pairs(load_tokenizer(start), pairs, max_length=config.policy.max_length))


@contextmanager
def progress_bar(part: str, what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar while something long goes on, then a line; call what it gives once for each step."""
    began = time.monotonic()
    progress = progress_bars()
    # Where nobody sees a bar, it would be an empty line.
    progress.disable = not progress.console.is_interactive
    with progress:
        bar = progress.add_task(f"{part}: {what}", total=total)
        try:
            yield lambda: progress.advance(bar)
        finally:
            done = round(progress.tasks[0].completed)
            progress.remove_task(bar)
            say(f"{part}: {done} of {total} {what} in {time.monotonic() - began:.0f} s")
