"""`proofmill rank`: what a ranker, trained on the attempts of a run, would have saved in Lean calls.

The pairs are (proved, refuted) attempts of training; what is ranked are the samples on held-out theorems that
the run measured at the end.  Nothing is judged anew: the verdicts are those of the run.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

import torch
from pydantic import BaseModel

from prover.evaluation.provers.best_of import Scorer
from prover.evaluation.statistics import bootstrap_interval
from prover.formats.base import Problem
from prover.formats.prompts import completion_of, encode_completion, encode_prompt, prompt_of
from prover.generators.transformers import load_model
from prover.theorem import Theorem
from trainer.experiments.held_out import Arm, held_out_figures
from trainer.learners.preferences import Candidate, Preference, draw_pairs, encode_preferences
from trainer.learners.ranker import RankerConfig, build_ranker, load_ranker, score, train_ranker
from trainer.learners.supervised import encode_pairs
from trainer.model.batching import Example
from trainer.model.optimizer import NonFiniteLoss
from trainer.model.policy import save_policy
from trainer.run.checkpoints import Versions
from trainer.run.directory import TRAINING, AttemptRow, read_attempts
from verifier.errors import InvalidInput
from verifier.verdict import Kind

__all__ = ["BestOfN", "load_scorer", "ordered_calls", "preferences_of", "rank_run"]

Text = tuple[str, str]
"""A prompt and its completion."""

PAIRS_PER_THEOREM = 4
SCORED_TOKENS = 4096
"""In a batch, padding included."""


class BestOfN(BaseModel):
    """Rates are means over held-out theorems; calls are Lean calls until the first proof."""

    pairs: int
    accuracy: float
    """Share of the training pairs that were in the right order before each step on them, mean over steps."""
    theorems: int
    samples: int
    pass_at_1: float
    best_of_n: float
    """Of the samples of each theorem, the one with the highest score is a proof."""
    gain: float
    """Of that over pass@1, theorem by theorem."""
    gain_ci: tuple[float, float]
    pass_at_n: float
    """The most that any order could reach."""
    calls_in_random_order: float
    """Mean over the theorems that one of the samples proves; 0 where there is none."""
    calls_by_score: float


def rank_run(directory: Path, config: RankerConfig, more: Sequence[Preference] = ()) -> BestOfN:
    """Train a ranker on a run, keep it in `directory/ranker`, and order the run's last samples by it.

    Args:
        more: preferences from elsewhere to learn from as well.

    Raises:
        InvalidInput: the run has no training, no measurement after it, or a ranker already.
        NonFiniteLoss
    """
    attempts = read_attempts(directory)
    if (directory / "ranker").exists():
        raise InvalidInput(f"{directory / 'ranker'} exists already: move it away to train another")
    newest = Versions(directory / TRAINING / "versions").newest
    if newest is None or newest.number == 0:
        raise InvalidInput(f"{directory} has no trained policy: let the run finish its training first")
    policy, tokenizer = load_model(newest.policy, dtype=torch.float32)
    longest = int(policy.config.max_position_embeddings)
    trained = (row for row in attempts if row.phase == "train")
    preferences = preferences_of(trained, per_theorem=PAIRS_PER_THEOREM, seed=config.seed) + list(more)
    if not preferences:
        raise InvalidInput(f"{directory} has no theorem with both proved and refuted attempts to rank by")
    samples = samples_of(held_out_figures(directory).arm("after"))
    ranker = build_ranker(policy)
    stats = train_ranker(ranker, encode_preferences(tokenizer, preferences, max_length=longest), config)
    if not stats.optimizer_steps:
        raise NonFiniteLoss("no step of the ranker has a finite loss and gradient: lower the learning rate")
    save_policy(ranker, tokenizer, directory / "ranker")
    scores = [
        score(ranker, encode_pairs(tokenizer, [text for text, _ in of_theorem], max_length=longest))
        for of_theorem in samples
    ]
    proved = [[kind is Kind.PROVED for _, kind in of_theorem] for of_theorem in samples]
    first = [p[s.index(max(s))] for s, p in zip(scores, proved, strict=True)]
    gains = [best - fmean(of_theorem) for best, of_theorem in zip(first, proved, strict=True)]
    calls = [ordered_calls(s, p) for s, p in zip(scores, proved, strict=True) if any(p)]
    blind = [(len(p) + 1) / (sum(p) + 1) for p in proved if any(p)]
    return BestOfN(
        pairs=len(preferences),
        accuracy=stats.details["accuracy"],
        theorems=len(samples),
        samples=max(map(len, samples)),
        pass_at_1=fmean(map(fmean, proved)),
        best_of_n=fmean(first),
        gain=fmean(gains),
        gain_ci=bootstrap_interval(gains),
        pass_at_n=fmean(map(any, proved)),
        calls_in_random_order=fmean(blind) if blind else 0.0,
        calls_by_score=fmean(calls) if calls else 0.0,
    )


def preferences_of(rows: Iterable[AttemptRow], *, per_theorem: int, seed: int) -> list[Preference]:
    """Pairs of a proved and a refuted text of one theorem, drawn by the seed, with known verdicts."""
    texts = ((row, *text_of(row.statement, row.proof)) for row in rows)
    candidates = (
        Candidate(row.theorem, prompt, row.proof, row.kind, (prompt, completion))
        for row, prompt, completion in texts
        if completion
    )
    return [
        Preference(prompt=prompt, chosen=chosen, rejected=rejected)
        for (prompt, chosen), (_, rejected) in draw_pairs(candidates, per_theorem=per_theorem, seed=seed)
    ]


def samples_of(measured: Arm | None) -> list[list[tuple[Text, Kind]]]:
    """The samples of each held-out theorem after training that have a known verdict, with its kind.

    Raises:
        InvalidInput: there are none.
    """
    samples: defaultdict[str, list[tuple[Text, Kind]]] = defaultdict(list)
    for record in (measured.sampled, measured.new_families) if measured is not None else ():
        for row in record.attempts:
            if row.kind is not Kind.UNKNOWN:
                statement = record.problems[row.name].theorem.statement
                samples[row.name].append((text_of(statement, row.answer), row.kind))
    if not samples:
        raise InvalidInput("the run was not measured after training: let it finish, or rank another one")
    return list(samples.values())


def text_of(statement: str, proof: str) -> Text:
    theorem = Theorem(name="", statement=statement, source="run", split="train")
    return prompt_of(theorem), completion_of(proof)


def load_scorer(directory: Path, device: str = "cpu") -> Scorer:
    """How a ranker scores the answers of a model that continues the prompts of this project.

    Raises:
        InvalidInput: there is no ranker in `directory`.
    """
    ranker, tokenizer = load_ranker(directory, device)
    longest = int(ranker.config.max_position_embeddings)

    def scores(problem: Problem, answers: Sequence[str]) -> list[float]:
        prompt = tuple(encode_prompt(tokenizer, prompt_of(problem.theorem)))[: longest - 1]
        completions = (encode_completion(tokenizer, completion_of(answer)) for answer in answers)
        examples = [Example(prompt, tuple(completion)[: longest - len(prompt)]) for completion in completions]
        return score(ranker, examples, max_tokens=max(longest, SCORED_TOKENS))

    return scores


def ordered_calls(scores: Sequence[float], proved: Sequence[bool]) -> int:
    """Lean calls until the first proof, from the highest score on; among equals the refuted come first.

    Raises:
        InvalidInput: nothing is proved.
    """
    if not any(proved):
        raise InvalidInput("without a proof there is no number of calls until the first")
    order = sorted(zip(scores, proved, strict=True), key=lambda scored: (-scored[0], scored[1]))
    return 1 + [is_proof for _, is_proof in order].index(True)
