"""Whether statements elaborate: Lean is asked once about each, and the store keeps what it says.

That a machine gives no answer is no fault of a statement: it is not noted, and Lean is asked again next time.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from prover.library.store import TheoremStore
from prover.theorem import Theorem
from verifier.errors import NoAnswer
from verifier.judging.pool import LeanPool

__all__ = ["Elaboration", "ElaborationCheck", "check_store", "elaborate_statements"]

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Elaboration:
    """What Lean says of a statement."""

    theorem: Theorem
    message: str | None
    """What is wrong; None when it elaborates."""
    is_known: bool = True
    """False when Lean gave no answer, or cannot read the header here: then `message` says why."""


@dataclass(frozen=True, slots=True)
class ElaborationCheck:
    """What a check of a store's statements came to."""

    checked: int
    refused: list[tuple[int, str]]
    """The theorems that do not elaborate, with what Lean says."""
    unknown: Counter[str]
    """Why Lean gave no answer, and how often."""


async def elaborate_statements(theorems: Iterable[Theorem], pool: LeanPool) -> AsyncIterator[Elaboration]:
    """Ask Lean about statements, as many at a time as the pool has workers; answers come in their order."""
    workers = asyncio.Semaphore(pool.workers)

    async def ask(theorem: Theorem) -> Elaboration:
        async with workers:
            return await _elaborate(theorem, pool)

    tasks = [asyncio.create_task(ask(theorem)) for theorem in theorems]
    try:
        for task in tasks:
            yield await task
    finally:
        for task in tasks:
            task.cancel()


async def check_store(
    store: TheoremStore, pool: LeanPool, *, on_checked: Callable[[], None] = lambda: None
) -> ElaborationCheck:
    """Ask Lean about all statements it was not asked about, and note in the store what does not elaborate.

    What is noted survives an interrupt.

    Raises:
        PoolClosed
    """
    unchecked = store.unchecked().tolist()
    refused: list[tuple[int, str]] = []
    unknown: Counter[str] = Counter()
    for start in range(0, len(unchecked), _BATCH):
        indices = unchecked[start : start + _BATCH]
        elaborations = []
        async for elaboration in elaborate_statements(store.theorems(indices), pool):
            elaborations.append(elaboration)
            on_checked()
        with store.batch():
            for index, elaboration in zip(indices, elaborations, strict=True):
                if not elaboration.is_known:
                    unknown[elaboration.message or ""] += 1
                    continue
                store.flag_elaboration(index, elaboration.message)
                if elaboration.message is not None:
                    refused.append((index, elaboration.message))
    return ElaborationCheck(len(unchecked), refused, unknown)


async def _elaborate(theorem: Theorem, pool: LeanPool) -> Elaboration:
    try:
        reply = await pool.statement(theorem.statement, theorem.header)
    except NoAnswer as error:
        return Elaboration(theorem, str(error), is_known=False)
    if reply.error is not None:
        return Elaboration(theorem, reply.error, is_known=False)
    return Elaboration(theorem, reply.statement_error)
