"""A search over tactic states, by a fixed list of tactics or by a model."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from anyio.from_thread import BlockingPortal, start_blocking_portal

from prover.evaluation.config import EvalConfig
from prover.evaluation.provers.base import Prover, Written
from prover.evaluation.provers.model import generator_of, named
from prover.formats.base import Answer, Failed, Problem
from prover.generators.registry import ENGINES
from prover.search.config import SearchConfig
from prover.search.model import ModelTactics
from prover.search.record import SearchRecord
from prover.search.search import Value, search_proof
from prover.search.tactics import FixedTactics, TacticPolicy
from verifier.errors import InvalidInput, NoAnswer
from verifier.judging.pool import LeanPool

__all__ = ["SearchProver", "open_search"]

NO_REPAIRS = "a search has tried what Lean complains of: leave --repairs at 0"
SEARCHES_A_WORKER = 2
"""Theorems that are searched at a time for each worker; it keeps the states of as many."""


class SearchProver:
    """A search over tactic states, in a pool of its own; an answer is the text of what it found.

    Args:
        portal: runs what is asynchronous, in a thread of its own that Lean's processes end with.
        timeout_s: seconds for one request to a worker.
    """

    in_order = True
    answers_alone = True

    def __init__(
        self,
        portal: BlockingPortal,
        pool: LeanPool,
        policy: TacticPolicy,
        config: SearchConfig,
        *,
        value: Value | None = None,
        timeout_s: float,
    ) -> None:
        self._portal = portal
        self._value = value
        self._pool = pool
        self._policy = policy
        self._config = config
        self._timeout_s = timeout_s

    @property
    def fingerprint(self) -> dict[str, str]:
        return {
            "strategy": "search",
            **self._policy.fingerprint,
            "search": self._config.model_dump_json(),
        }

    def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
        assert samples == 1
        return [[written] for written in self._portal.call(self._search_all, problems)]

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        raise InvalidInput(NO_REPAIRS)

    def read(self, text: str) -> Answer:
        return Answer(proof=text)

    async def _search_all(self, problems: Sequence[Problem]) -> list[Written]:
        """Some more at a time than there are workers: while Lean tries tactics, others are written."""
        turns = asyncio.Semaphore(SEARCHES_A_WORKER * self._pool.workers)
        return await asyncio.gather(*(self._search(problem, turns) for problem in problems))

    async def _search(self, problem: Problem, turns: asyncio.Semaphore) -> Written:
        async with turns:
            began = time.monotonic()
            try:
                found = await search_proof(
                    self._pool,
                    self._policy,
                    problem.theorem,
                    self._config,
                    value=self._value,
                    timeout_s=self._timeout_s,
                )
            except NoAnswer as error:
                return Written("", refused=f"the search was broken off: {error}", status=error.status)
            cost = found.cost
            why = f"no proof after {cost.tactics} tactics: {found.reason}" if found.proof is None else ""
            return Written(
                found.proof or "",
                tokens=cost.tokens,
                sampling_ms=(time.monotonic() - began) * 1e3,
                refused=why,
                lean_calls=cost.requests,
                heartbeats=cost.heartbeats,
                search=SearchRecord.of(problem.theorem.name, found),
            )


@contextmanager
def open_search(config: EvalConfig) -> Iterator[Prover]:
    """A search on Lean workers of this machine, by a fixed list of tactics or by a model.

    Raises:
        InvalidInput: the settings name a server that judges, more than one attempt, or what cannot propose.
        ProofmillError: there is no Lean, or it does not start.
    """
    # The command line's, which whoever only imports this package need not load.
    from verifier.cli.app import confined_runtime

    if config.url is not None:
        raise InvalidInput("a search needs Lean workers of its own: leave --url out")
    if config.sampling.samples != 1:
        raise InvalidInput("a search ends with the first proof that it finds: set --samples 1")
    if config.repairs:
        raise InvalidInput(NO_REPAIRS)
    if config.sampling.greedy:
        raise InvalidInput("greedy decoding has one tactic for a goal, and a search needs more: leave it out")
    lean = config.lean
    with policy_of(config) as policy, start_blocking_portal() as portal:
        value = value_of(config)
        pool = LeanPool(confined_runtime(lean), workers=lean.workers)
        with portal.wrap_async_context_manager(pool):
            yield SearchProver(portal, pool, policy, config.search, value=value, timeout_s=lean.timeout_s)


def value_of(config: EvalConfig) -> Value | None:
    """What says how likely goals are to be proved, if the settings ask for it.

    Raises:
        InvalidInput: they name no model, or one without a value head.
    """
    if config.search.value == "uniform":
        return None
    if config.model is None:
        raise InvalidInput("search.value: a learned value stands beside a model: name it as --model")
    # Torch, which a search by a fixed list need not wait for.
    from prover.search.value import ModelValue

    return ModelValue.open(config.model, config.device)


@contextmanager
def policy_of(config: EvalConfig) -> Iterator[TacticPolicy]:
    """What proposes tactics: the model that the settings name, or a fixed list.

    Raises:
        InvalidInput: there is no such model, or the generator is neither an engine nor `portfolio`.
    """
    if config.generator == "portfolio":
        if config.model is not None:
            raise InvalidInput(
                f"model: the fixed list of tactics has none: name what runs it as --generator, one of "
                f"{', '.join(ENGINES)}"
            )
        yield FixedTactics()
        return
    if config.generator not in ENGINES:
        raise InvalidInput(
            f"--generator {config.generator} writes whole proofs: for a search choose portfolio, which is a "
            f"fixed list of tactics, or one of {', '.join(ENGINES)}"
        )
    with generator_of(config) as (model, generator):
        tokens = min(config.search.tactic_tokens, config.sampling.max_new_tokens)
        sampling = config.sampling.model_copy(update={"max_new_tokens": tokens})
        yield ModelTactics(generator, sampling, named(config, model))
