"""`proofmill compare`: several ways to learn, from one start, on the same theorems, with as many Lean calls.

For each seed: data, supervised start and measurement as in the demo; then each arm goes on from that start
for the same number of attempts; then the control, for the optimizer steps and tokens of the arm that read
most.  All are measured on the same held-out theorems.

Each part leaves `seed-S/ARM/result.json`, and what has one is not done again: a comparison that was stopped
goes on with the part that it was at.
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prover.families import Dataset
from prover.generators.transformers import load_model
from trainer.arms import CONTROL, START, arm_config
from trainer.comparison import ArmResult, write_comparison
from trainer.config import RunConfig
from trainer.demo import (
    Pairs,
    Start,
    dataset_of,
    new_summary,
    supervised_start,
    train_control,
    verified_pairs,
)
from trainer.learner import Budget
from trainer.loop import train
from trainer.measure import measure
from trainer.session import Policy, Session, open_session
from trainer.supervised import encode_pairs
from verifier.console import say
from verifier.errors import InvalidInput

__all__ = ["compare"]

RESULT = "result.json"
PAIRS = "pairs.json"
SETTINGS = "settings.json"


def compare(settings: Mapping[str, Any], directory: Path, seeds: Sequence[int], arms: Sequence[str]) -> Path:
    """Do what is not yet done in `directory`; returns the file with the table.

    Raises:
        InvalidInput: an arm is unknown, or `directory` holds a comparison with other settings.
        ProofmillError: a part of the machine failed; what was finished stays.
    """
    configs = {(seed, arm): arm_config(settings, arm, seed) for seed in seeds for arm in (START, *arms)}
    keep_settings(directory, settings)
    results: list[ArmResult] = []
    for seed in seeds:
        part = directory / f"seed-{seed}"
        for arm in (START, *arms):
            results.append(result_of(configs[seed, arm], part, arm))
            table = write_comparison(directory, results)
        most = max((each for each in results if each.seed == seed), key=lambda each: each.tokens)
        if most.arm != START:
            budget = Budget(most.optimizer_steps, most.tokens)
            results.append(result_of(configs[seed, most.arm], part, CONTROL, budget))
            table = write_comparison(directory, results)
    say(table.read_text(encoding="utf-8"))
    return table


def keep_settings(directory: Path, settings: Mapping[str, Any]) -> None:
    """Write down with which settings `directory` was begun.

    Raises:
        InvalidInput: it was begun with others, or is no comparison's.
    """
    path, text = directory / SETTINGS, json.dumps(settings, indent=1, default=str) + "\n"
    if not path.is_file():
        if directory.exists() and any(directory.iterdir()):
            raise InvalidInput(f"{directory} holds something else: choose another --out")
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        raise InvalidInput(f"{directory} was begun with the settings in {path}: use them, or another --out")


def result_of(config: RunConfig, directory: Path, arm: str, budget: Budget | None = None) -> ArmResult:
    """The result of an arm, from disk if it is there; `budget` is the control's."""
    path = directory / arm / RESULT
    if path.is_file():
        return ArmResult.model_validate_json(path.read_bytes())
    # What was interrupted does not say how far it came.
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir(parents=True)
    data = dataset_of(config)
    began = time.monotonic()
    say(f"seed {config.seed}, {arm}")
    with open_session(config, path.parent, new_summary(config)) as session:
        policy, spent = run_arm(session, directory / START, data, arm, budget)
        measured = measure(session, "after", [*data.held_out, *data.held_out_family], policy)
        trains = arm not in (START, CONTROL)
        result = ArmResult(
            arm=arm,
            seed=config.seed,
            counts=[measured.counts[each.name] for each in data.held_out],
            family_counts=[measured.counts[each.name] for each in data.held_out_family],
            greedy=[measured.greedy[each.name] for each in data.held_out],
            entropy=measured.entropy,
            attempts=config.attempts_per_iteration * config.iterations if trains else 0,
            optimizer_steps=spent.optimizer_steps,
            tokens=spent.tokens,
            minutes=(time.monotonic() - began) / 60,
        )
    draft = path.with_suffix(".new")
    draft.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
    return result


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
        return train_control(session, pairs, start, budget), budget
    return train(session, start.policy, data.train, start.examples)


def load_start(session: Session, directory: Path) -> tuple[Pairs, Start]:
    """The start that `run_arm` left in `directory`, and the pairs that it was trained on."""
    pairs: Pairs = [(prompt, proof) for prompt, proof in json.loads((directory / PAIRS).read_text("utf-8"))]
    policy = Policy(0, directory / "policies" / "v0000")
    _, tokenizer = load_model(policy.directory)
    examples = encode_pairs(tokenizer, pairs, max_length=session.config.policy.max_length)
    return pairs, Start(tokenizer, policy, examples)
