"""The HTML page of a report: plain values for the template.

The page is one file without scripts or requests (`prover/pages`); its figures are drawn by
`trainer/experiments/figures.py`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prover.evaluation.summary import EvalSummary, Group
from prover.families import FAMILIES, Role
from prover.pages import page_environment
from trainer.experiments.figures import learning_curve, training_figures, verdict_mix
from trainer.experiments.held_out import CANDIDATES, PORTFOLIO, SAMPLES, HeldOut
from trainer.learners.registry import title_of
from trainer.run.directory import Run
from verifier.verdict import Kind, Status

__all__ = ["render_page"]

ARMS = {"before": "Before learning", "after": "After learning", "control": "Control"}
TIME_LABELS = {"pretraining": "pre-training", "supervised": "supervised start", "lean": "Lean"}
EXAMPLES = 6
REFUTED_EXAMPLES = 4
LONGEST_EXAMPLE = 700


@dataclass(frozen=True)
class ArmRow:
    """A line of the table of arms; `colour` names a CSS variable."""

    label: str
    colour: str
    sampled: EvalSummary
    greedy: EvalSummary | None = None
    counted: Sequence[EvalSummary] = ()
    """The evaluations whose Lean calls are shown: all of an arm, once."""


@dataclass(frozen=True)
class Example:
    """An attempt to be shown."""

    theorem: str
    family: str
    statement: str
    proof: str
    status: Status
    reason: str
    origin: str


def render_page(run: Run, held_out: HeldOut, findings: Sequence[str]) -> str:
    """The report as one HTML document; `findings[0]` is its headline."""
    summary, measured = run.summary, held_out.evaluations.values()
    statuses = Counter(row.status for record in measured for row in record.attempts)
    statuses.update(summary.verdicts)
    lean_calls = summary.lean_calls + sum(record.summary.lean_calls for record in measured)
    times, rates = _times(run, held_out), _family_rates(held_out)
    attempts = _examples(run, held_out)
    template = page_environment(Path(__file__).parent).get_template("report.html.j2")
    return template.render(
        summary=summary,
        findings=findings,
        algorithm=title_of(summary.algorithm),
        arm_groups=_arm_groups(held_out),
        samples=SAMPLES,
        control=held_out.arm("control"),
        tactics=held_out.tactics if held_out.portfolio is not None else None,
        curve=learning_curve(held_out, run.iterations),
        mix=verdict_mix(run.iterations),
        training=training_figures(run.iterations),
        rates=rates,
        family_groups=_family_groups(rates),
        times=times,
        longest=max((seconds for _, seconds in times), default=0.0) or 1.0,
        known=_status_counts(statuses, unknown=False),
        unknown=_status_counts(statuses, unknown=True),
        verdicts=statuses.total(),
        lean_calls=lean_calls,
        proofs=_proof_examples(attempts, held_out),
        refuted=_refuted_examples(attempts),
        config=json.dumps(summary.config, indent=2, ensure_ascii=False),
    )


def _times(run: Run, held_out: HeldOut) -> list[tuple[str, float]]:
    """Seconds by what they were spent on, those of measuring from the evaluations."""
    spent = {TIME_LABELS.get(part, part): seconds for part, seconds in run.summary.time_s.items()}
    for name, record in held_out.evaluations.items():
        part = "portfolio" if name in (PORTFOLIO, CANDIDATES) else "measuring"
        spent[part] = spent.get(part, 0.0) + record.summary.wall_seconds
    return list(spent.items())


def _arm_groups(held_out: HeldOut) -> list[tuple[str, list[ArmRow]]]:
    whole, new_families = [], []
    for name, label in ARMS.items():
        if (arm := held_out.arm(name)) is not None:
            counted = [arm.sampled.summary, arm.greedy.summary, arm.new_families.summary]
            whole.append(ArmRow(label, name, arm.sampled.summary, arm.greedy.summary, counted))
            new_families.append(ArmRow(label, name, arm.new_families.summary))
    if held_out.portfolio is not None:
        counted = [held_out.evaluations[name].summary for name in (PORTFOLIO, CANDIDATES)]
        whole.append(ArmRow("Portfolio", PORTFOLIO, held_out.portfolio.summary, None, counted))
    groups = [("Held-out theorems", whole), ("Families held out whole", new_families)]
    return [(title, rows) for title, rows in groups if rows]


def _family_rates(held_out: HeldOut) -> dict[str, dict[str, Group]]:
    """Of each arm, what it came to on each family; of the portfolio the first tactic is its pass@1."""
    rates: dict[str, dict[str, Group]] = {}
    for name in (*ARMS, PORTFOLIO):
        records = map(held_out.evaluations.get, (name, f"{name}-new-families"))
        groups = [record.summary.groups.get("source", {}) for record in records if record is not None]
        rates[name] = {family: group for of_kind in groups for family, group in of_kind.items()}
    return rates


def _family_groups(rates: Mapping[str, Mapping[str, Group]]) -> list[tuple[str, list[str]]]:
    """The names of the families that were measured, by what was learned of them, the best first."""
    titles = {
        "Held out whole: no theorem of the family was trained on": (Role.HELD_OUT,),
        "Trained on through verdicts alone: no supervised proofs": (Role.EXPLORED,),
        "Trained on, with supervised proofs of easy instances": (Role.SUPERVISED, Role.RARE),
    }

    def rank(family: str) -> tuple[float, float, str]:
        before, after = (rates[name].get(family) for name in ("before", "after"))
        return -((after and after.pass_at_1) or 0.0), -((before and before.pass_at_1) or 0.0), family

    measured = [family for family in FAMILIES if family.name in rates["before"]]
    groups = [
        (title, [family.name for family in measured if family.role in roles])
        for title, roles in titles.items()
    ]
    return [(title, sorted(families, key=rank)) for title, families in groups if families]


def _status_counts(verdicts: Mapping[Status, int], unknown: bool) -> list[tuple[Status, int]]:
    return [
        (status, verdicts[status])
        for status in Status
        if verdicts.get(status) and (status.kind is Kind.UNKNOWN) == unknown
    ]


def _examples(run: Run, held_out: HeldOut) -> list[Example]:
    """The attempts of training and after it that are short enough to be shown, the latest last."""
    examples = [
        Example(
            theorem=row.theorem,
            family=row.family,
            statement=row.statement,
            proof=row.proof,
            status=row.status,
            reason=row.reason,
            origin=f"training, iteration {row.iteration}",
        )
        for row in run.attempts
        if row.phase == "train"
    ]
    after = held_out.arm("after")
    for record in (after.sampled, after.new_families, after.greedy) if after is not None else ():
        for attempt in record.attempts:
            theorem = record.problems[attempt.name].theorem
            examples.append(
                Example(
                    theorem=theorem.name,
                    family=theorem.family,
                    statement=theorem.statement,
                    proof=attempt.answer,
                    status=attempt.status,
                    reason=attempt.reason,
                    origin="held-out theorem",
                )
            )
    return [example for example in examples if len(example.proof) <= LONGEST_EXAMPLE]


def _proof_examples(attempts: Sequence[Example], held_out: HeldOut) -> list[tuple[Example, str]]:
    """Proofs that the policy found, of distinct families, the hardest to come by first, with a note."""
    unsupervised = {family.name for family in FAMILIES if family.role in (Role.EXPLORED, Role.HELD_OUT)}
    new = _unproved_before(held_out)

    def worth(example: Example) -> tuple[bool, bool, bool, int]:
        lines = example.proof.strip().count("\n")
        return example.family in unsupervised, lines > 0, example.theorem in new, lines

    proved = [example for example in attempts if example.status is Status.PROVED]
    hardest_first = sorted(proved, key=worth, reverse=True)
    return [
        (example, "No attempt proved it before learning" if example.theorem in new else "")
        for example in _first_of_each(hardest_first, lambda example: example.family)[:EXAMPLES]
    ]


def _unproved_before(held_out: HeldOut) -> set[str]:
    """The theorems at which all attempts before learning failed."""
    if (arm := held_out.arm("before")) is None:
        return set()
    records = (arm.sampled, arm.greedy, arm.new_families)
    proved = {row.name for record in records for row in record.attempts if row.kind is Kind.PROVED}
    return {name for record in records for name in record.problems} - proved


def _refuted_examples(attempts: Sequence[Example]) -> list[Example]:
    """The latest refuted attempts, of distinct statuses where there are several."""
    refuted = [
        example for example in reversed(attempts) if example.status.kind is Kind.REFUTED and example.reason
    ]
    of_each_status = _first_of_each(refuted, lambda example: example.status)
    return _first_of_each([*of_each_status, *refuted], lambda example: example.family)[:REFUTED_EXAMPLES]


def _first_of_each(examples: Iterable[Example], key: Callable[[Example], str]) -> list[Example]:
    """One of each key, in the order given."""
    chosen: dict[str, Example] = {}
    for example in examples:
        chosen.setdefault(key(example), example)
    return list(chosen.values())
