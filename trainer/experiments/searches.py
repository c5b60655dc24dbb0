"""`proofmill compare-search`: whole proofs and searches at equal budgets, and a round of learning from each.

For each seed a policy is trained on the families' proofs, whole and tactic by tactic.  Then each arm proves
held-out theorems with as many tokens and as many of Lean's heartbeats for each; it proves training theorems
alike, the policy learns from what it found there, and is measured again.  Only what lies within both budgets
counts: of whole proofs the samples in their order, equal ones judged once.

    OUT/seed-S/start/             the policy that all begin with
    OUT/seed-S/value/             the same, with a value head trained on best-first searches
    OUT/seed-S/ARM/held-out/      evaluations, as `proofmill eval` writes them
    OUT/seed-S/ARM/training/
    OUT/seed-S/ARM/learned/       the policy after a round of learning
    OUT/seed-S/ARM/after/         its evaluation
    OUT/comparison.md

What is there is not done again: a study that was stopped goes on.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, get_args

from pydantic import Field

from prover.evaluation.benchmark import Benchmark
from prover.evaluation.config import EvalConfig, EvalSampling
from prover.evaluation.files import EvalRecord, read_record
from prover.evaluation.provers.base import open_prover
from prover.evaluation.summary import Evaluated
from prover.search.config import OrderName, SearchConfig
from prover.theorem import Theorem
from trainer.config import RunConfig, run_config
from trainer.experiments.comparison_table import percent
from trainer.experiments.held_out import CHOSEN_ON, HELD_OUT, measure
from trainer.experiments.parts import (
    Judging,
    fingerprint,
    lock_directory,
    open_judge,
    sharing_verdicts,
    start_or_resume,
)
from trainer.model.compute import device_named
from trainer.run.directory import write_whole
from trainer.run.start import dataset_of, make_start
from trainer.search.learning import LearnConfig, learn_from_searches
from verifier.console import say
from verifier.settings import Section, merged
from verifier.verdict import Kind

__all__ = [
    "ARMS",
    "ArmName",
    "Measured",
    "Spent",
    "StudyConfig",
    "spent_within",
    "study_searches",
    "table_of",
]

ArmName = Literal["whole", "breadth_first", "best_first", "mcts", "mcts_value"]
ARMS: Mapping[ArmName, str] = {
    "whole": "Whole proofs",
    "breadth_first": "Breadth-first",
    "best_first": "Best-first",
    "mcts": "MCTS, one value for all goals",
    "mcts_value": "MCTS, learned value",
}
"""Ways to prove, and what the table calls them."""
FINDS_FOR_VALUE: ArmName = "best_first"
"""The arm whose searches of training theorems the value head of `mcts_value` is trained on."""

ORDERS: Mapping[ArmName, OrderName] = {
    "breadth_first": "breadth_first",
    "best_first": "best_first",
    "mcts": "mcts",
    "mcts_value": "mcts",
}


class StudyConfig(Section):
    """The budgets of a comparison of searches."""

    theorems: int = Field(default=160, ge=1)
    """Training theorems on which each arm finds what it learns from."""
    held_out: int = Field(default=240, ge=1)
    """Theorems on which it is measured, at most as many as there are."""
    tokens: int = Field(default=2000, ge=1)
    """Tokens that the model may write for a theorem."""
    heartbeats: int = Field(default=3000, ge=1)
    """What Lean may take for a theorem, as `maxHeartbeats`."""
    samples: int = Field(default=256, ge=1)
    """Whole proofs at most; the budgets should end them before."""
    width: int = Field(default=128, ge=1)
    """Tactics on a goal at most; the budgets should end a search before."""
    learning: bool = True
    """Whether the arms learn, too."""
    arms: tuple[ArmName, ...] = Field(default=get_args(ArmName), min_length=1)
    """Ways to prove; the first is what the others are compared to."""
    learn: LearnConfig = LearnConfig()
    """How each arm learns."""


@dataclass(frozen=True)
class _Seed:
    """What one seed is made with."""

    config: RunConfig
    study: StudyConfig
    judge: Judging
    directory: Path
    training: Sequence[Theorem]
    held_out: Sequence[Theorem]

    def run(self) -> dict[ArmName, "Measured"]:
        start_or_resume(self.directory, self.made_by)
        start = make_start(self.config, self.directory / "start", self.judge)
        value = self.directory / "value"
        if not value.is_dir():
            alone = self.study.learn.model_copy(update={"policy_steps": 0})
            searches = self.prove(FINDS_FOR_VALUE, "training", start)
            learn_from_searches([searches], start, value, alone)
        policy = value / "policy"
        before = {arm: self.within(self.prove(arm, "held-out", policy)) for arm in self.study.arms}
        learning = self.study.arms if self.study.learning else ()
        after = {arm: self.within(self.learned(arm, policy)) for arm in learning}
        return {arm: Measured(spent, after.get(arm)) for arm, spent in before.items()}

    @property
    def made_by(self) -> str:
        """A hash of the code, the settings and the budgets that decide what is in the directory."""
        study = self.study.model_dump_json(exclude={"arms", "learning"})
        return hashlib.sha256(f"{fingerprint(self.config)} {study}".encode()).hexdigest()

    def learned(self, arm: ArmName, policy: Path) -> EvalRecord:
        """The evaluation of an arm after a round of learning from what it finds within the budgets."""
        found = self.prove(arm, "training", policy)
        spent = self.within(found)
        if not any(each.is_proved for each in spent.values()):
            return self.prove(arm, "held-out", policy)
        learned = self.directory / arm / "learned"
        if not learned.is_dir():
            afforded = [row for row in found.attempts if row.sample < spent[row.name].attempts]
            learn_from_searches([replace(found, attempts=afforded)], policy, learned, self.study.learn)
        return self.prove(arm, "after", learned / "policy")

    def prove(self, arm: ArmName, part: str, policy: Path) -> EvalRecord:
        """The evaluation of an arm, done now as far as it is not there."""
        directory = self.directory / arm / part
        if (directory / "summary.json").is_file():
            return read_record(directory)
        theorems, name = (self.training, CHOSEN_ON) if part == "training" else (self.held_out, HELD_OUT)
        settings = self.settings(arm, directory, policy)
        with open_prover(settings) as prover:
            evaluation = measure(
                self.config,
                directory,
                f"seed {self.config.seed}, {arm}, {part}",
                Benchmark.of(name, theorems),
                prover,
                settings.sampling.samples,
                self.judge,
            )
            return self.judge.run(evaluation)

    def settings(self, arm: ArmName, directory: Path, policy: Path) -> EvalConfig:
        """The evaluation of an arm, as `proofmill eval` has its settings."""
        study, sampling, is_whole = self.study, self.config.sampling, arm == "whole"
        return EvalConfig(
            data=directory,
            out=directory,
            strategy="whole" if is_whole else "search",
            generator=self.config.generator.engine,
            vllm_url=self.config.generator.vllm_url,
            device=str(device_named(self.config.compute.device)),
            model=policy,
            search=SearchConfig() if is_whole else self.search(arm),
            sampling=EvalSampling(
                samples=study.samples if is_whole else 1,
                max_new_tokens=sampling.max_new_tokens,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                seed=self.config.seed,
            ),
            lean=self.config.lean.model_copy(update={"workers": 1}),
        )

    def search(self, arm: ArmName) -> SearchConfig:
        """How an arm searches for a proof within the budgets."""
        return SearchConfig(
            order=ORDERS[arm],
            value="learned" if arm == "mcts_value" else "uniform",
            tactics=10**6,
            heartbeats=min(self.config.lean.heartbeats, self.study.heartbeats),
            total_heartbeats=self.study.heartbeats,
            tokens=self.study.tokens,
            width=self.study.width,
            tactic_tokens=self.config.sampling.max_new_tokens,
        )

    def within(self, record: EvalRecord) -> dict[str, "Spent"]:
        """What became of each theorem within the budgets, by its name."""
        rows: defaultdict[str, list[Evaluated]] = defaultdict(list)
        for row in record.attempts:
            rows[row.name].append(row)
        study = self.study
        return {
            name: spent_within(rows[name], tokens=study.tokens, heartbeats=study.heartbeats)
            for name in record.kinds
        }


@dataclass(frozen=True, slots=True)
class Spent:
    """What an arm spent on a theorem, up to its proof or the end of a budget."""

    is_proved: bool
    is_broken_off: bool
    """Whether a budget ended it; else it had nothing more to try."""
    attempts: int
    """Whole proofs, or 1 for a search."""
    tokens: int
    heartbeats: int


def spent_within(attempts: Iterable[Evaluated], *, tokens: int, heartbeats: int) -> Spent:
    """The attempts in their order, until one is proved or a budget is exceeded.

    Of equal answers the first is judged, and the others cost their tokens alone.
    """
    judged: set[str] = set()
    written = taken = count = 0
    for row in attempts:
        written += row.tokens
        if row.answer not in judged:
            taken += row.heartbeats
            judged.add(row.answer)
        if written > tokens or taken > heartbeats:
            return Spent(False, True, count, written, taken)
        count += 1
        if row.kind is Kind.PROVED:
            return Spent(True, False, count, written, taken)
        if "the budget is spent" in row.reason:
            return Spent(False, True, count, written, taken)
    return Spent(False, False, count, written, taken)


@dataclass(frozen=True)
class Measured:
    """An arm with one seed: what became of each held-out theorem."""

    before: Mapping[str, Spent]
    after: Mapping[str, Spent] | None
    """None where it did not learn."""


def study_searches(
    settings: Mapping[str, Any], study: StudyConfig, directory: Path, seeds: Sequence[int]
) -> Path:
    """Do what is not yet done in `directory`; returns the file with the table.

    Args:
        settings: of a run: its data, its policy, its start, how it samples, its Lean.

    Raises:
        InvalidInput: `directory` holds something else, or is being written.
        ProofmillError: a part of the machine failed; what was finished stays.
    """
    found: dict[int, dict[ArmName, Measured]] = {}
    table = directory / "comparison.md"
    with lock_directory(directory):
        for seed in seeds:
            own = merged(settings, {"seed": seed, "data": {"tactic_pairs": True}})
            config = sharing_verdicts(run_config(own), directory)
            data = dataset_of(config)
            with open_judge(config) as judge:
                found[seed] = _Seed(
                    config,
                    study,
                    judge,
                    directory / f"seed-{seed}",
                    data.train[: study.theorems],
                    data.held_out[: study.held_out],
                ).run()
            write_whole(table, table_of(found, study))
            say(f"seed {seed}: {table}")
    return table


def table_of(found: Mapping[int, Mapping[ArmName, Measured]], study: StudyConfig) -> str:
    """A row for each arm in Markdown: shares of theorems and differences with 95% intervals, in percent."""
    lines = [
        f"| | proved | over {ARMS[study.arms[0]].lower()} | after learning from it | gained | tokens "
        "| heartbeats | broken off |",
        "| --- " * 8 + "|",
    ]
    seeds = list(found)
    for arm in study.arms:
        of_arm = [found[seed][arm] for seed in seeds]
        first = [found[seed][study.arms[0]].before for seed in seeds]
        before = [each.before for each in of_arm]
        after = [each.after for each in of_arm if each.after is not None]
        spent = [each for of_seed in before for each in of_seed.values()]
        unproved = [each for each in spent if not each.is_proved]
        columns = [
            ARMS[arm],
            _share(before),
            "" if arm == study.arms[0] else _points(before, first),
            *((_share(after), _points(after, before)) if after else ("", "")),
            f"{fmean(each.tokens for each in spent):,.0f}",
            f"{fmean(each.heartbeats for each in spent):,.0f}",
            f"{100 * fmean(each.is_broken_off for each in unproved):.0f}%" if unproved else "",
        ]
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(
        [
            *lines,
            "",
            f"Seeds {', '.join(map(str, seeds))}, {len(first[0])} held-out theorems each; budget of a "
            f"theorem: {study.tokens:,} tokens and {study.heartbeats:,} heartbeats.  95% intervals over "
            "seeds and theorems.  Tokens and heartbeats are means over theorems before learning, up to the "
            "proof or the end of a budget.  Broken off: of the theorems without a proof, those that a budget "
            "ended; the others had nothing more to try.  What the learned value took, and the searches that "
            "it learned from, are not counted.",
            "",
        ]
    )


def _share(found: Sequence[Mapping[str, Spent]]) -> str:
    return percent([[float(each.is_proved) for each in of_seed.values()] for of_seed in found])


def _points(found: Sequence[Mapping[str, Spent]], others: Sequence[Mapping[str, Spent]]) -> str:
    differences = [
        [
            float(spent.is_proved) - float(of_other[name].is_proved)
            for name, spent in of_seed.items()
            if name in of_other
        ]
        for of_seed, of_other in zip(found, others, strict=True)
    ]
    return percent(differences, "+.1f")
