"""`proofmill demo`: a model learns to prove, and a report says by how much and compared to what.

The flow: a supervised start on proofs that Lean has accepted, a measurement on
held-out theorems, training on verdicts, the measurement again.  Two baselines
keep it honest: the best fixed list of tactics, and a control that trains on the
supervised proofs for as many optimizer steps and tokens as the trained model had.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.families import FAMILIES, Dataset, Role, build_dataset, supervised_pairs
from prover.prompts import completion_of, prompt_of
from prover.statistics import paired_difference
from trainer.config import RunConfig
from trainer.learner import OptimizerState
from trainer.loop import Budget, train
from trainer.measure import Measured, arm_of, measure, measure_portfolio, rate_by_family
from trainer.policy import build_policy, save_policy
from trainer.report import findings, write_report
from trainer.run_files import ArmStages, FamilyRates, GreedyRates, LeanBuild, Paired, Phase, Summary
from trainer.session import Policy, Session, open_session
from trainer.supervised import SupervisedConfig, train_supervised
from trainer.tokenizer import train_tokenizer
from verifier.console import say
from verifier.lean.runtime import resolve_runtime
from verifier.verdict import Kind

__all__ = ["run_demo"]

Pairs = list[tuple[str, str]]


def run_demo(config: RunConfig, directory: Path) -> Summary:
    """Run everything into `directory`; what is finished stays readable if it is interrupted.

    Raises:
        ProofmillError: a part of the machine failed; no verdict is invented for it.
    """
    began = time.monotonic()
    runtime = resolve_runtime(config.lean.project)
    summary = Summary(
        algorithm=config.algorithm,
        lean=LeanBuild(version=runtime.version, runtime=runtime.name),
        seed=config.seed,
        config=config.model_dump(mode="json"),
    )
    directory.mkdir(parents=True)
    try:
        with open_session(config, directory, summary) as session:
            try:
                experiment(session)
                session.writer.finish(time.monotonic() - began, finished=True)
            except BaseException:
                session.writer.finish(time.monotonic() - began, finished=False)
                raise
    finally:
        report = write_report(directory)
        say(f"report: {report}")
    for sentence in findings(session.writer.summary):
        say(f"- {sentence}")
    return session.writer.summary


def experiment(session: Session) -> None:
    """The whole experiment, top to bottom."""
    config = session.config
    data = build_dataset(
        config.seed,
        train=config.data.train,
        held_out=config.data.held_out,
        held_out_family=config.data.held_out_family,
    )
    pairs = verified_pairs(session)
    start = supervised_start(session, pairs)
    before = measure_arm(session, "before", data, start.policy)
    measure_baseline(session, data)
    trained, budget = train(session, start.model, start.tokenizer, start.policy, data.train)
    after = measure_arm(session, "after", data, trained)
    control = train_control(session, pairs, start, budget)
    control_measured = measure_arm(session, "control", data, control)
    compare(session, data, before, after, control_measured)


def verified_pairs(session: Session) -> Pairs:
    """Prompts and reference proofs of easy theorems, as far as Lean accepts them."""
    with timed(session, "supervised"):
        candidates = supervised_pairs(session.config.seed, session.config.data.supervised_pairs)
        verdicts = session.judge("supervised", candidates)
    return [
        (prompt_of(theorem), completion_of(proof))
        for (theorem, proof), verdict in zip(candidates, verdicts, strict=True)
        if verdict.kind is Kind.PROVED
    ]


@dataclass(frozen=True)
class Start:
    """The supervised start, in memory and saved.  Training changes `model`; `policy` stays."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    policy: Policy
    optimizer_state: OptimizerState


def supervised_start(session: Session, pairs: Pairs) -> Start:
    """A new model trained on the pairs (2.2), saved as policy version 0."""
    config = session.config
    with timed(session, "supervised"):
        tokenizer = train_tokenizer((prompt + proof for prompt, proof in pairs), config.policy.vocab_size)
        model = build_policy(config.policy, tokenizer, seed=config.seed)
        steps = config.supervised.steps or -(-len(pairs) // config.supervised.batch_size) * (
            config.supervised.epochs or 1
        )
        with session.bar("supervised start: optimizer steps", steps) as advance:
            result = train_supervised(model, tokenizer, pairs, config.supervised, on_step=lambda _: advance())
        policy = Policy(0, session.directory / "policies" / "v0000")
        save_policy(model, tokenizer, policy.directory)
    return Start(model, tokenizer, policy, result.optimizer_state)


def train_control(session: Session, pairs: Pairs, start: Start, budget: Budget) -> Policy:
    """The start, trained further on the same proofs for the trained model's optimizer steps and tokens."""
    config = session.config
    with timed(session, "control"):
        model = type(start.model).from_pretrained(start.policy.directory)
        mean_tokens = sum(len(start.tokenizer.encode(a + b)) + 1 for a, b in pairs) / len(pairs)
        learning_rate = (
            config.grpo.learning_rate if config.algorithm == "grpo" else config.expert_iteration.learning_rate
        )
        settings = SupervisedConfig(
            learning_rate=learning_rate,
            final_learning_rate=learning_rate,
            warmup_steps=0,
            epochs=None,
            steps=max(1, budget.optimizer_steps),
            batch_size=max(1, round(budget.tokens / max(1, budget.optimizer_steps) / mean_tokens)),
            seed=config.seed + 1,
        )
        with session.bar("control: optimizer steps", budget.optimizer_steps) as advance:
            train_supervised(
                model,
                start.tokenizer,
                pairs,
                settings,
                on_step=lambda _: advance(),
                optimizer_state=start.optimizer_state,
            )
        policy = Policy(0, session.directory / "policies" / "control")
        save_policy(model, start.tokenizer, policy.directory)
    return policy


def measure_arm(session: Session, phase: Phase, data: Dataset, policy: Policy) -> Measured:
    """Measure a policy on both kinds of held-out theorems, and write down what was seen."""
    assert phase in ("before", "after", "control")
    with timed(session, "evaluation"):
        measured = measure(session, phase, [*data.held_out, *data.held_out_family], policy)
    samples = session.config.measure.samples
    held_out = session.writer.summary.held_out
    greedy, families = held_out.greedy, held_out.held_out_families
    session.writer.held_out(
        **{phase: arm_of(measured, data.held_out, samples)},
        greedy=GreedyRates(**(dict(greedy) | {phase: measured.greedy_rate(data.held_out)})),
        held_out_families=ArmStages(
            **(dict(families) | {phase: arm_of(measured, data.held_out_family, samples)})
        ),
        by_family=by_family(
            session, phase, rate_by_family(measured, [*data.held_out, *data.held_out_family]), data
        ),
    )
    return measured


def measure_baseline(session: Session, data: Dataset) -> None:
    """Choose and measure the fixed list of tactics."""
    with timed(session, "portfolio"):
        chosen_on = data.train[: session.config.measure.portfolio_theorems]
        portfolio, rates = measure_portfolio(session, chosen_on, data.held_out)
    session.writer.held_out(portfolio=portfolio, by_family=by_family(session, "portfolio", rates, data))


def by_family(
    session: Session, column: str, rates: dict[str, float], data: Dataset
) -> dict[str, FamilyRates]:
    """The summary's table by family with one more column filled in."""
    sizes = {
        family.name: sum(each.family == family.name for each in (*data.held_out, *data.held_out_family))
        for family in FAMILIES
    }
    known = session.writer.summary.held_out.by_family
    return {
        family.name: FamilyRates(
            **(
                dict(known.get(family.name, {}))
                | {"n": sizes[family.name], "supervised": family.role is Role.SUPERVISED}
                | {"held_out": family.role is Role.HELD_OUT}
                | {column: rates.get(family.name)}
            )
        )
        for family in FAMILIES
        if sizes[family.name]
    }


def compare(session: Session, data: Dataset, before: Measured, after: Measured, control: Measured) -> None:
    """The paired comparison of the trained model with its control, over the same theorems."""
    difference = paired_difference(after.counts_of(data.held_out), control.counts_of(data.held_out))
    session.writer.held_out(
        control_paired=Paired(difference=difference.value, ci=difference.ci, n=difference.n)
    )
    del before


@contextmanager
def timed(session: Session, what: str) -> Iterator[None]:
    """Add the wall-clock seconds of a part to the summary's time."""
    began = time.monotonic()
    try:
        yield
    finally:
        session.writer.took(what, time.monotonic() - began)
