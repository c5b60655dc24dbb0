"""`proofmill demo`: a model learns to prove, and a report says by how much and compared to what.

The flow: a supervised start on proofs that Lean has accepted, a measurement on
held-out theorems, training on verdicts, the measurement again.  Two baselines
keep it honest: the best fixed list of tactics, and a control that trains on the
supervised proofs for as many optimizer steps and tokens as the trained model had.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from transformers import PreTrainedTokenizerBase

from prover.evaluation.statistics import Estimate, paired_difference
from prover.families import FAMILIES, Dataset, Role, build_dataset, supervised_pairs
from prover.formats.prompts import completion_of, prompt_of
from prover.generators.transformers import load_model
from trainer.config import RunConfig
from trainer.curriculum.catalogue import ListedTheorems
from trainer.experiments.findings import findings, write_report
from trainer.experiments.held_out import (
    SAMPLES,
    Measured,
    MeasuredPortfolio,
    arm_of,
    measure,
    measure_portfolio,
    rate_by_family,
)
from trainer.learners.policy_gradient import PolicyGradientConfig
from trainer.learners.pretraining import pretrain, read_texts
from trainer.learners.supervised import SupervisedConfig, encode_pairs, train_supervised
from trainer.model.batching import Example
from trainer.model.compute import Compute
from trainer.model.lora import merged, with_lora
from trainer.model.optimizer import Budget, OptimizerConfig
from trainer.model.policy import build_policy, save_policy
from trainer.model.tokenizer import train_tokenizer
from trainer.run.directory import Arm, FamilyRates, LeanBuild, Paired, Rate, Summary
from trainer.run.loop import train
from trainer.run.session import Policy, Session, open_session
from verifier.console import say
from verifier.errors import InvalidInput, ProofmillError
from verifier.lean.runtime import resolve_runtime
from verifier.verdict import Kind

__all__ = [
    "Pairs",
    "Start",
    "dataset_of",
    "new_summary",
    "run_demo",
    "supervised_start",
    "train_control",
    "training_theorems",
    "verified_pairs",
]

Pairs = list[tuple[str, str]]


def run_demo(config: RunConfig, directory: Path) -> Summary:
    """Run everything into `directory`; what is finished stays readable if it is interrupted.

    Raises:
        ProofmillError: a part of the machine failed; no verdict is invented for it.
    """
    began = time.monotonic()
    data = dataset_of(config)
    summary = new_summary(config)
    make_run_directory(directory)
    try:
        with open_session(config, directory, summary) as session:
            try:
                experiment(session, data)
            except BaseException:
                session.writer.finish(time.monotonic() - began, finished=False)
                raise
            session.writer.finish(time.monotonic() - began, finished=True)
    except BaseException:
        # The cause matters more than the page about what was finished before it.
        with suppress(ProofmillError, OSError):
            say(f"report of what was finished: {write_report(directory)}")
        raise
    for sentence in findings(session.writer.summary):
        say(f"- {sentence}")
    say(f"report: {write_report(directory)}")
    return session.writer.summary


def dataset_of(config: RunConfig) -> Dataset:
    """The theorems of a run."""
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


def new_summary(config: RunConfig) -> Summary:
    """The summary of a run in which nothing has happened yet.

    Raises:
        ProofmillError: there is no Lean to run it with.
    """
    runtime = resolve_runtime(config.lean.project)
    return Summary(
        algorithm=config.algorithm,
        lean=LeanBuild(version=runtime.version, runtime=runtime.name),
        seed=config.seed,
        config=config.public,
    )


def make_run_directory(directory: Path) -> None:
    """Make a new directory.

    Raises:
        InvalidInput: it is there already, or cannot be made.
    """
    try:
        directory.mkdir(parents=True)
    except FileExistsError as error:
        raise InvalidInput(f"{directory} exists already: choose another --out") from error
    except OSError as error:
        raise InvalidInput(f"cannot make {directory}: {error.strerror}") from error


def experiment(session: Session, data: Dataset) -> None:
    """The whole experiment, top to bottom."""
    pairs = verified_pairs(session)
    start = supervised_start(session, pairs)
    measure_arm(session, "before", data, start.policy)
    portfolio = measure_baseline(session, data)
    trained, budget = train(session, start.policy, training_theorems(data), start.examples)
    after = measure_arm(session, "after", data, trained)
    control, _ = train_control(session, pairs, start, budget)
    compare(session, data, after, measure_arm(session, "control", data, control), portfolio)


def verified_pairs(session: Session) -> Pairs:
    """Prompts and reference proofs of easy theorems, as far as Lean accepts them.

    Raises:
        ProofmillError: it accepts none.
    """
    settings = session.config.data
    with timed(session, "supervised"):
        candidates = supervised_pairs(session.config.seed, settings.supervised_pairs, settings.rare_pairs)
        verdicts = session.judge("supervised", candidates)
    pairs = [
        (prompt_of(theorem), completion_of(proof))
        for (theorem, proof), verdict in zip(candidates, verdicts, strict=True)
        if verdict.kind is Kind.PROVED
    ]
    if not pairs:
        raise ProofmillError(
            f"Lean proved none of {len(verdicts)} reference proofs; of the first it says: "
            f"{verdicts[0].reason}"
        )
    return pairs


@dataclass(frozen=True)
class Start:
    """The supervised start, saved; with the proofs it was trained on as tokens."""

    tokenizer: PreTrainedTokenizerBase
    policy: Policy
    examples: list[Example]


def supervised_start(session: Session, pairs: Pairs) -> Start:
    """A new model, pre-trained if the settings say so and trained on the pairs: policy version 0.

    Raises:
        InvalidInput: a file to pre-train on cannot be read.
    """
    config = session.config
    own_texts = [prompt + proof for prompt, proof in pairs]
    with timed(session, "supervised"):
        texts = read_texts(config.pretraining.files)
        tokenizer = train_tokenizer([*own_texts, *texts], config.policy.vocab_size)
        compute = Compute.of(config.compute).alone
        model = compute.prepared(build_policy(config.policy, tokenizer, seed=config.seed))
    if steps := config.pretraining.steps:
        with (
            timed(session, "pretraining"),
            session.bar("pre-training", "optimizer steps", steps) as advance,
        ):
            pretrain(
                model,
                tokenizer,
                texts or own_texts,
                config.pretraining,
                on_step=lambda _: advance(),
                compute=compute,
            )
    with timed(session, "supervised"):
        with session.bar("supervised start", "optimizer steps", config.supervised.steps) as advance:
            train_supervised(
                model, tokenizer, pairs, config.supervised, on_step=lambda _: advance(), compute=compute
            )
        policy = Policy(0, session.directory / "policies" / "v0000")
        save_policy(model, tokenizer, policy.directory)
        examples = encode_pairs(tokenizer, pairs, max_length=config.policy.max_length)
    return Start(tokenizer, policy, examples)


def train_control(session: Session, pairs: Pairs, start: Start, budget: Budget) -> tuple[Policy, Budget]:
    """The start, trained further on the same proofs alone, for the optimizer steps and tokens of training.

    Returns what it read as well: fewer tokens where a step asks for more pairs than there are.
    It has the settings of the trained model's optimizer, which began as new as this one; for TRPO, which has
    no such settings, those of policy gradients.
    """
    config = session.config
    learner = config.learner
    chosen = learner if isinstance(learner, OptimizerConfig) else config.section(PolicyGradientConfig)
    steps = budget.optimizer_steps
    spent = Budget()
    with timed(session, "control"):
        model, _ = load_model(start.policy.directory, dtype=torch.float32)
        adapted = with_lora(model, config.lora, seed=config.seed) if config.lora is not None else None
        compute = Compute.of(config.compute).alone
        compute.prepared(model)
        if steps:
            mean_tokens = sum(map(len, start.examples)) / len(start.examples)
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
            with session.bar("control", "optimizer steps", steps) as advance:
                result = train_supervised(
                    model, start.tokenizer, pairs, settings, on_step=lambda _: advance(), compute=compute
                )
            spent = Budget(result.steps, result.tokens)
        policy = Policy(0, session.directory / "policies" / "control")
        save_policy(model if adapted is None else merged(adapted), start.tokenizer, policy.directory)
    session.writer.trained_on(trained=budget, control=spent)
    return policy, spent


def measure_arm(
    session: Session, phase: Literal["before", "after", "control"], data: Dataset, policy: Policy
) -> Measured:
    """Measure a policy on both kinds of held-out theorems, and write down what was seen."""
    with timed(session, "evaluation"):
        measured = measure(session, phase, [*data.held_out, *data.held_out_family], policy)
    held_out = session.writer.summary.held_out
    greedy: dict[str, Rate] = {phase: measured.greedy_rate(data.held_out)}
    families: dict[str, Arm] = {phase: arm_of(measured, data.held_out_family)}
    rates = rate_by_family(measured, [*data.held_out, *data.held_out_family])
    session.writer.held_out(
        **{phase: arm_of(measured, data.held_out)},
        greedy=held_out.greedy.model_copy(update=greedy),
        held_out_families=held_out.held_out_families.model_copy(update=families),
        by_family=with_column(held_out.by_family, phase, rates, data),
    )
    return measured


def measure_baseline(session: Session, data: Dataset) -> MeasuredPortfolio:
    """Choose and measure the fixed list of tactics."""
    with timed(session, "portfolio"):
        chosen_on = data.train[: session.config.measure.portfolio_theorems]
        measured = measure_portfolio(session, chosen_on, data.held_out)
    known = session.writer.summary.held_out.by_family
    by_family = with_column(known, "portfolio", measured.by_family, data)
    session.writer.held_out(portfolio=measured.portfolio, by_family=by_family)
    return measured


def with_column(
    known: dict[str, FamilyRates], column: str, rates: dict[str, float], data: Dataset
) -> dict[str, FamilyRates]:
    """The summary's table by family with one more column filled in."""
    sizes = Counter(theorem.family for theorem in (*data.held_out, *data.held_out_family))
    table = {}
    for family in FAMILIES:
        empty = FamilyRates(
            n=sizes[family.name],
            supervised=family.role in (Role.SUPERVISED, Role.RARE),
            held_out=family.role is Role.HELD_OUT,
        )
        row = known.get(family.name, empty)
        table[family.name] = row.model_copy(update={column: rates.get(family.name)})
    return {name: row for name, row in table.items() if row.n}


def compare(
    session: Session, data: Dataset, after: Measured, control: Measured, portfolio: MeasuredPortfolio
) -> None:
    """The trained model against its control at one attempt and the portfolio at eight, theorem by theorem."""
    trained = after.counts_of(data.held_out)
    session.writer.held_out(
        control_paired=_paired(paired_difference(trained, control.counts_of(data.held_out))),
        portfolio_paired=_paired(paired_difference(trained, portfolio.counts, k=SAMPLES)),
    )


def _paired(difference: Estimate) -> Paired:
    return Paired(difference=difference.value, ci=difference.ci, n=difference.n)


@contextmanager
def timed(session: Session, what: str) -> Iterator[None]:
    """Add the wall-clock seconds of a part to the summary's time."""
    began = time.monotonic()
    try:
        yield
    finally:
        session.writer.took(what, time.monotonic() - began)
