"""From what the curriculum chooses to what is issued, and from what came of that back to it; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from prover.conjectures.negation import candidate_disproofs, negate
from prover.generators.base import SamplingParams
from prover.generators.messages import TASKS_PER_ORDER, Task
from trainer.curriculum.scheduler import Choice, Outcome
from trainer.run.checkpoints import Version
from verifier.errors import InvalidInput
from verifier.verdict import Kind, Verdict

__all__ = ["orders_of", "outcome_of", "task_of"]


def orders_of(
    choices: Sequence[Choice],
    version: Version,
    digest: str,
    sampling: SamplingParams,
    first: int,
    *,
    tactics: bool,
) -> Iterator[tuple[int, list[Task]]]:
    """The tasks of each order, numbered from `first`, all sampled from `version`.

    Each version has a seed of its own, which is the seed of `sampling` and its number.

    Args:
        tactics: whether their verdicts have to bring tactics.
    """
    seed = sampling.seed * 1_000_003 + version.number + 1
    seeded = sampling.model_copy(update={"seed": seed})
    for number, at in enumerate(range(0, len(choices), TASKS_PER_ORDER), start=first):
        tasks = []
        for place, choice in enumerate(choices[at : at + TASKS_PER_ORDER]):
            task = Task(
                id=f"{number}.{place}/{choice.theorem.name}",
                theorem=choice.theorem,
                policy=str(version.policy),
                policy_version=version.number,
                policy_digest=digest,
                sampling=seeded,
                tactics=tactics,
            )
            tasks.append(task_of(choice, task))
        yield number, tasks


def task_of(choice: Choice, usual: Task) -> Task:
    """The usual task at the theorem with the samples that were chosen; or the attempts at its negation."""
    if not choice.disprove:
        return _with_samples(usual, choice.samples)
    try:
        negation, proofs = negate(choice.theorem), candidate_disproofs(choice.theorem)
    except InvalidInput:
        # Lean may read what we can't: it is tried once more itself.
        return _with_samples(usual, choice.samples)
    given = {"theorem": negation, "negates": choice.theorem.name, "proofs": proofs}
    return _with_samples(usual, len(proofs)).model_copy(update=given)


def outcome_of(task: Task, verdicts: Iterable[Verdict]) -> Outcome:
    """What the curriculum learns of a task: unknown verdicts are in neither number."""
    kinds = Counter(verdict.kind for verdict in verdicts)
    return Outcome(
        task.negates or task.theorem.name,
        proved=kinds[Kind.PROVED],
        refuted=kinds[Kind.REFUTED],
        disproof=task.negates is not None,
    )


def _with_samples(task: Task, samples: int) -> Task:
    return task.model_copy(update={"sampling": task.sampling.model_copy(update={"samples": samples})})
