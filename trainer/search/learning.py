"""Expert iteration on searches: a policy learns from the proofs that they found, its value from all goals.

Of every goal that a search has proved, the theorem's among them, the tactic is learned with which its
shortest proof begins; HTPS (arXiv 2205.11491) finds learning from all proofs much worse.  Proofs of theorems
that the verifier has accepted are learned whole as well, so one model serves both ways to prove.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from pydantic import BaseModel, Field
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.evaluation.files import EvalRecord
from prover.formats.prompts import completion_of, prompt_of
from prover.generators.sealed import new_sealed
from prover.generators.transformers import load_model
from prover.search.model import tactic_prompt
from prover.search.record import SearchRecord
from prover.search.value import HeadOfValue, values_of
from trainer.learners.supervised import SupervisedConfig, train_supervised
from trainer.model.compute import Compute
from trainer.model.policy import save_policy
from trainer.run.start import Pairs, known_pairs, progress_bar, write_pairs
from trainer.search.value import (
    Reliability,
    ValueConfig,
    ValueExample,
    expected_error,
    reliability,
    train_value,
    value_examples,
)
from trainer.sections import ComputeConfig
from verifier.errors import InvalidInput
from verifier.settings import Section
from verifier.tactic_state import Goal
from verifier.verdict import Kind

__all__ = ["LearnConfig", "Learned", "apart", "found_pairs", "learn_from_searches", "mixture", "proved_pairs"]

LEARNED = "learned.json"


class LearnConfig(Section):
    """What is learned from searches, and how."""

    policy: SupervisedConfig = SupervisedConfig(learning_rate=8e-4, warmup_steps=0)
    """Of the policy; the trunk of the value head is what comes of it."""
    policy_steps: int = Field(default=150, ge=0)
    """Optimizer steps of the policy, which take the place of `policy.steps`; 0 leaves it as it is."""
    known: float = Field(default=0.5, ge=0, lt=1)
    """Share of the pairs that are those which the policy began with."""
    value: ValueConfig = ValueConfig()
    """Of the value head."""
    compute: ComputeConfig = ComputeConfig()
    held_out: float = Field(default=0.2, gt=0, lt=1)
    """Share of the theorems whose goals are left out of the value's training, to calibrate it on."""


class Learned(BaseModel):
    """What came of it: `learned.json` beside the policy."""

    searches: int
    solved: int
    """Of these."""
    pairs: int
    """Prompts with a tactic or a proof, each once."""
    goals: int
    """From which the value learned."""
    calibration: list[Reliability]
    """On goals of theorems that the head did not learn from; the policy may have learned proofs of them."""
    calibration_error: float
    """Mean distance of what it said from what came, weighted by goals (expected calibration error)."""


def found_pairs(records: Iterable[SearchRecord]) -> Iterator[tuple[str, str]]:
    """Of every goal that is proved, its prompt and the tactic that its shortest proof begins with."""
    for record in records:
        for node, edge in record.solved:
            yield tactic_prompt(Goal(text=node.goals[edge.number])), edge.tactic


def proved_pairs(evaluation: EvalRecord) -> Iterator[tuple[str, str]]:
    """Of every attempt that is proved, the prompt of its theorem and the proof."""
    for row in evaluation.attempts:
        if row.kind is Kind.PROVED and row.proof is not None:
            yield prompt_of(evaluation.problems[row.name].theorem), completion_of(row.proof)


def learn_from_searches(
    evaluations: Sequence[EvalRecord], start: Path, out: Path, config: LearnConfig
) -> Learned:
    """Train the policy in `start` on what evaluations found, and a value head on the goals of their searches.

    `out` appears whole or not at all, with the policy, its value head where there were searches, the pairs it
    was trained on, and `learned.json`.

    Raises:
        InvalidInput: nothing was found, or `start` holds no policy.
    """
    if out.exists():
        raise InvalidInput(f"{out} exists already: choose another --out")
    records = [search for evaluation in evaluations for search in evaluation.searches.values()]
    new = [pair for evaluation in evaluations for pair in proved_pairs(evaluation)]
    pairs = list(dict.fromkeys([*new, *found_pairs(records)]))
    if not pairs and config.policy_steps:
        raise InvalidInput("no proof was found, so there is nothing to learn: search with a larger budget")
    known = known_pairs(start)
    model, tokenizer = load_model(start, dtype=torch.float32)
    compute = Compute.of(config.compute).alone
    compute.prepare(model)
    if config.policy_steps:
        settings = config.policy.model_copy(update={"steps": config.policy_steps})
        mixed = mixture(pairs, known, config.known)
        with progress_bar("learning", "optimizer steps", settings.steps) as advance:
            train_supervised(model, tokenizer, mixed, settings, on_step=lambda _: advance(), compute=compute)
    learned, left_out = apart(records, config.held_out)
    examples = value_examples(learned, config.value)
    if not examples and not config.policy_steps:
        raise InvalidInput("there are no goals to learn a value from: give evaluations with more searches")
    head = train_value(model, tokenizer, examples, config.value) if examples else None
    calibration = list[Reliability]()
    if head is not None and left_out:
        seen = {example.prompt for example in examples}
        unseen = [example for example in value_examples(left_out, config.value) if example.prompt not in seen]
        calibration = reliability(*said_and_came(model, tokenizer, head, unseen))
    came = Learned(
        searches=len(records),
        solved=sum(record.proof is not None for record in records),
        pairs=len(pairs),
        goals=len(examples),
        calibration=calibration,
        calibration_error=expected_error(calibration),
    )
    with new_sealed(out) as draft:
        policy = draft / "policy"
        save_policy(model, tokenizer, policy)
        if head is not None:
            head.save(policy)
        write_pairs(policy, [*known, *pairs] if config.policy_steps else known)
        (draft / LEARNED).write_text(came.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if calibration:
            draw_calibration(calibration, draft / "calibration.svg")
    return came


def mixture(new: Pairs, known: Pairs, share: float) -> Pairs:
    """Both, the rarer ones repeated, so that about `share` of all are known; the new alone where none is."""
    if not known or not share:
        return new
    wanted = len(known) * (1 - share) / share
    return [*new * max(1, round(wanted / len(new))), *known * max(1, round(len(new) / wanted))]


def apart(records: Sequence[SearchRecord], share: float) -> tuple[list[SearchRecord], list[SearchRecord]]:
    """The searches that a value learns from, and the others, of about `share` of the theorems, to test it."""

    def is_left_out(record: SearchRecord) -> bool:
        return int.from_bytes(hashlib.sha256(record.name.encode()).digest()[:4]) < share * 2**32

    learned = [record for record in records if not is_left_out(record)]
    return learned, [record for record in records if is_left_out(record)]


def said_and_came(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    head: HeadOfValue,
    examples: Sequence[ValueExample],
) -> tuple[list[float], list[float]]:
    """What the value network says of goals, and their targets; without those that it cannot read."""
    said = values_of(model, tokenizer, head, [example.prompt for example in examples])
    known = [
        (value, example.target) for value, example in zip(said, examples, strict=True) if value is not None
    ]
    return [value for value, _ in known], [target for _, target in known]


def draw_calibration(calibration: Sequence[Reliability], path: Path) -> None:
    """The reliability diagram: what came over what was said, a dot for each bin, larger for more goals."""
    figure, axes = plt.subplots(figsize=(4.2, 4.2))
    axes.plot([0, 1], [0, 1], color="0.8", zorder=0)
    most = max(each.count for each in calibration)
    axes.scatter(
        [each.said for each in calibration],
        [each.came for each in calibration],
        s=[20 + 180 * each.count / most for each in calibration],
    )
    axes.set(xlabel="value that was said", ylabel="mean of what came", xlim=(0, 1), ylim=(0, 1))
    axes.set_title(f"expected calibration error {expected_error(calibration):.3f}")
    figure.savefig(path, bbox_inches="tight")
    plt.close(figure)
