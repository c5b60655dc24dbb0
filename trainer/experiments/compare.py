"""`proofmill compare`: several ways to learn, from one start, on the same theorems, with as many Lean calls.

For each seed: data, supervised start and measurement as in the demo; then each arm goes on from that start
for the same number of attempts; then the control, for the optimizer steps and tokens of the first arm.  All
are measured on the same held-out theorems.

Each part leaves `seed-S/ARM/result.json`, and what has one is not done again: a comparison that was stopped
goes on with the part that it was at, unless code or settings have changed.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from prover.families import Dataset
from trainer.config import RunConfig
from trainer.experiments.comparison_table import ArmResult, write_comparison
from trainer.experiments.demo import (
    Pairs,
    Start,
    dataset_of,
    new_summary,
    supervised_start,
    train_control,
    training_theorems,
    verified_pairs,
)
from trainer.experiments.held_out import measure
from trainer.experiments.variants import CONTROL, START, arm_config
from trainer.learners.supervised import encode_pairs
from trainer.model.optimizer import Budget
from trainer.run.directory import read_run
from trainer.run.loop import train
from trainer.run.session import Policy, Session, open_session
from verifier.console import say
from verifier.errors import InvalidInput
from verifier.lean.runtime import code_in, resolve_runtime
from verifier.sandbox.lock import locked

__all__ = ["compare"]

RESULT = "result.json"
PAIRS = "pairs.json"
LOCK = ".comparison"


def compare(settings: Mapping[str, Any], directory: Path, seeds: Sequence[int], arms: Sequence[str]) -> Path:
    """Do what is not yet done in `directory`; returns the file with the table.

    Raises:
        InvalidInput: an arm is unknown or named twice; `directory` holds something else, or results of other
            code or settings, or is being written.
        ProofmillError: a part of the machine failed; what was finished stays.
    """
    if len(set(arms)) < len(arms) or START in arms:
        raise InvalidInput(f"name each arm once, and none of them {START!r}: {', '.join(arms)}")
    configs = {(seed, arm): arm_config(settings, arm, seed) for seed in seeds for arm in (START, *arms)}
    results: list[ArmResult] = []
    with held(directory):
        for seed in seeds:
            part = directory / f"seed-{seed}"
            control = [CONTROL] if arms else []
            for arm in (START, *arms, *control):
                budget = None
                if arm == CONTROL:
                    first = next(each for each in results if (each.seed, each.arm) == (seed, arms[0]))
                    budget = Budget(first.optimizer_steps, first.tokens)
                config = configs[seed, arms[0] if arm == CONTROL else arm]
                results.append(result_of(config, part, arm, budget))
                table = write_comparison(directory, results)
    say(table.read_text(encoding="utf-8"))
    return table


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Make `directory` if it is not there, and keep other comparisons out of it.

    Raises:
        InvalidInput: it holds something else, or another comparison is writing there.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = directory / LOCK
    if not lock.exists() and any(directory.iterdir()):
        raise InvalidInput(f"{directory} holds something else: choose another --out")
    with locked(lock, f"another comparison is writing to {directory}: wait for it"):
        yield


def result_of(config: RunConfig, directory: Path, arm: str, budget: Budget | None = None) -> ArmResult:
    """The result of an arm, from disk if it is there; `budget` is the control's.

    Raises:
        InvalidInput: what is there was made by other code or settings.
    """
    path = directory / arm / RESULT
    made_by = fingerprint(config, budget)
    if path.is_file():
        try:
            result = ArmResult.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise InvalidInput(f"{path} cannot be read: {error}") from error
        if result.made_by != made_by:
            raise InvalidInput(
                f"{path} was made by other code or settings: remove it to have it made anew, or compare into "
                "another --out"
            )
        return result
    # What was interrupted does not say how far it came.
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir(parents=True)
    data = dataset_of(config)
    began = time.monotonic()
    say(f"seed {config.seed}, {arm}")
    with open_session(config, path.parent, new_summary(config)) as session:
        policy, spent = run_arm(session, directory / START, data, arm, budget)
        measured = measure(session, "after", [*data.held_out, *data.held_out_family], policy)
    attempts = read_run(path.parent).attempts
    result = ArmResult(
        arm=arm,
        seed=config.seed,
        counts=[measured.counts[each.name] for each in data.held_out],
        family_counts=[measured.counts[each.name] for each in data.held_out_family],
        greedy=[measured.greedy[each.name] for each in data.held_out],
        entropy=measured.entropy,
        attempts=sum(row.phase in ("train", "disproof") for row in attempts),
        optimizer_steps=spent.optimizer_steps,
        tokens=spent.tokens,
        minutes=(time.monotonic() - began) / 60,
        made_by=made_by,
    )
    draft = path.with_suffix(".new")
    draft.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
    return result


def fingerprint(config: RunConfig, budget: Budget | None) -> str:
    """A hash of what decides a result: the project's own code, Lean, the settings, and a control's budget."""
    settings = config.model_dump_json(exclude={"redis_url", "compute"})
    judge = resolve_runtime(config.lean.project).fingerprint
    digest = hashlib.sha256(repr((settings, budget, judge)).encode())
    for package in ("prover", "trainer"):
        digest.update(code_in(Path(__file__).parents[2] / package))
    return digest.hexdigest()


def run_arm(
    session: Session, start_directory: Path, data: Dataset, arm: str, budget: Budget | None
) -> tuple[Policy, Budget]:
    """Make the start, or go on from it; the policy and what it took."""
    if arm == START:
        pairs = verified_pairs(session)
        (start_directory / PAIRS).write_text(json.dumps(pairs, ensure_ascii=False), encoding="utf-8")
        return supervised_start(session, pairs).policy, Budget()
    pairs, start = load_start(session, start_directory)
    if budget is not None:
        return train_control(session, pairs, start, budget)
    return train(session, start.policy, training_theorems(data), start.examples)


def load_start(session: Session, directory: Path) -> tuple[Pairs, Start]:
    """The start that `run_arm` left in `directory`, and the pairs that it was trained on."""
    pairs: Pairs = [(prompt, proof) for prompt, proof in json.loads((directory / PAIRS).read_text("utf-8"))]
    policy = Policy(0, directory / "policies" / "v0000")
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(policy.directory)
    examples = encode_pairs(tokenizer, pairs, max_length=session.config.policy.max_length)
    return pairs, Start(tokenizer, policy, examples)
