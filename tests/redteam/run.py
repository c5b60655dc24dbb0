"""Judges the whole corpus and says, class by class, who got through and who was wronged.

    python -m tests.redteam.run          the table; exit 1 when any verdict is wrong

A cheat that is `proved` is a false accept; an honest proof that is not is a
false reject.  A cheat may also get a status that does not say what is wrong
with it: that is counted apart.  The zoo (`zoo.py`, `hijack.py`) comes last, with
tables of its own.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from verifier.console import progress_bars
from verifier.doctor.corpus import Case, read_cases
from verifier.judging.pool import LeanPool
from verifier.lean.runtime import LeanRuntime, resolve_runtime
from verifier.options import Options
from verifier.verdict import Status, Verdict

from .honest import honest_cases
from .hunt import Hunted, hunt
from .primitives import primitive_hijacks
from .zoo import read_zoo, zoo_cases

__all__ = ["Judged", "all_cases", "judge_corpus", "main"]

WORKERS = 2
TIMEOUT_S = 60.0

T = TypeVar("T")


@dataclass(frozen=True)
class Judged:
    """A case with its verdict."""

    case: Case
    verdict: Verdict

    @property
    def is_as_it_must_be(self) -> bool:
        return self.verdict.status in self.case.must

    @property
    def is_false_accept(self) -> bool:
        return self.verdict.status is Status.PROVED and not self.is_as_it_must_be

    @property
    def is_false_reject(self) -> bool:
        return self.case.is_honest and self.verdict.status is not Status.PROVED

    def __str__(self) -> str:
        expected = " or ".join(self.case.must)
        return f"{self.case.submission.id}: {self.verdict.status}, not {expected}: {self.verdict.reason}"


def all_cases() -> list[Case]:
    """Cheats, controls and honest proofs; those that run out of time last, as each costs a worker."""
    cases = [*read_cases("cheats"), *read_cases("controls"), *honest_cases()]
    return sorted(cases, key=lambda case: case.seconds is not None)


async def judge_corpus(
    runtime: LeanRuntime, cases: Iterable[Case], on_verdict: Callable[[], object] = lambda: None
) -> list[Judged]:
    """Every case with its verdict, in the order given."""

    async def judged(case: Case) -> Judged:
        verdict = await pool.verify(case.submission, pool.options.but(timeout_s=case.seconds))
        on_verdict()
        return Judged(case, verdict)

    async with LeanPool(runtime, workers=WORKERS, options=Options(timeout_s=TIMEOUT_S)) as pool:
        return list(await asyncio.gather(*map(judged, cases)))


def main() -> int:
    started = time.monotonic()
    cases, zoo, exhibits = all_cases(), zoo_cases(), read_zoo()
    runtime = resolve_runtime(None)
    with progress_bars() as progress:
        bar = progress.add_task("judging", total=len(cases) + len(zoo))
        judged = asyncio.run(judge_corpus(runtime, [*cases, *zoo], lambda: progress.advance(bar)))
        bar = progress.add_task("hunting hijacks", total=None)
        hunted = asyncio.run(
            hunt(
                runtime,
                exhibits,
                [*primitive_hijacks()],
                workers=WORKERS,
                on_verdict=lambda: progress.advance(bar),
            )
        )
    judged, of_zoo = judged[: len(cases)], judged[len(cases) :]
    console = Console()
    console.print(_cheats_table([each for each in judged if not each.case.is_honest]))
    console.print(_honest_table("honest proofs by class", [each for each in judged if each.case.is_honest]))
    console.print(_honest_table("honest proofs of the zoo by form", of_zoo))
    console.print(_hijacks_table(hunted))
    wrong: list[Judged | Hunted] = [each for each in judged if not each.is_as_it_must_be]
    wrong += [each for each in of_zoo if each.is_false_reject]
    wrong += [each for each in hunted if each.is_false_accept]
    for each in wrong:
        console.print(str(each), style="red", markup=False, highlight=False, soft_wrap=True)
    print(
        f"{len(judged)} cases, {len(exhibits)} statements of the zoo in {len(of_zoo)} forms and "
        f"{len(hunted)} hijacks judged in {time.monotonic() - started:.0f} s, {len(wrong)} wrong"
    )
    return 1 if wrong else 0


def _cheats_table(judged: Sequence[Judged]) -> Table:
    counts = {
        "cheats": lambda each: True,
        "false accepts": lambda each: each.is_false_accept,
        "other wrong statuses": lambda each: not each.is_as_it_must_be and not each.is_false_accept,
    }
    return _table("cheats by class", judged, counts)


def _honest_table(title: str, judged: Sequence[Judged]) -> Table:
    return _table(
        title, judged, {"honest": lambda each: True, "false rejects": lambda each: each.is_false_reject}
    )


def _hijacks_table(hunted: Sequence[Hunted]) -> Table:
    counts: dict[str, Callable[[Hunted], bool]] = {
        "hijacks": lambda each: True,
        "false accepts": lambda each: each.is_false_accept,
        "accepted by Lean itself": lambda each: each.is_accepted_by_lean,
        "with the statement's type, name for name": lambda each: each.agrees_by_name,
    }
    return _counted("hijacks by way", [(each.hijack.way, each) for each in hunted], counts)


def _table(title: str, judged: Sequence[Judged], counts: dict[str, Callable[[Judged], bool]]) -> Table:
    return _counted(title, [(each.case.group, each) for each in judged], counts)


def _counted(title: str, grouped: Sequence[tuple[str, T]], counts: dict[str, Callable[[T], bool]]) -> Table:
    table = Table("class", *counts, title=title)
    groups = list(dict.fromkeys(group for group, _ in grouped))
    for group, of_group in [
        *((group, [each for its, each in grouped if its == group]) for group in groups),
        ("all", [each for _, each in grouped]),
    ]:
        figures = [sum(map(is_counted, of_group)) for is_counted in counts.values()]
        table.add_row(group, *map(str, figures))
    return table


if __name__ == "__main__":
    sys.exit(main())
