"""A language model as a policy of tactics: it is shown a goal, and continues it with a tactic.

The prompt is the goal as Lean prints it, and `:::`, as BFS-Prover has it (arXiv 2502.03438; V2, 2509.06493).
The tag of a case is left out: a goal is the same wherever it comes from.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prover.generators.base import Generator, Sample, SamplingParams, sample_each
from prover.search.tactics import Proposal, Proposals
from verifier.errors import InvalidInput
from verifier.tactic_state import Goal

__all__ = ["ModelTactics", "tactic_prompt"]

SEPARATOR = ":::"


def tactic_prompt(goal: Goal) -> str:
    """The text that a model continues with a tactic."""
    return f"{goal.untagged}{SEPARATOR}"


@dataclass(frozen=True, slots=True)
class _Asked:
    prompt: str
    params: SamplingParams
    answer: asyncio.Future[Sequence[Sample]]


class ModelTactics:
    """A `TacticPolicy` that samples from a generator; what many searches ask at a time is one call of it.

    Args:
        sampling: how; the number of samples is that of the tactics that are asked for.
        model: what the generator samples from, for the fingerprint.
    """

    def __init__(self, generator: Generator, sampling: SamplingParams, model: Mapping[str, str]) -> None:
        self._generator = generator
        self._sampling = sampling
        self._model = dict(model)
        self._waiting: list[_Asked] = []
        self._turn = asyncio.Lock()

    @property
    def fingerprint(self) -> dict[str, str]:
        return {**self._model, "sampling": self._sampling.model_dump_json(exclude={"samples"})}

    async def propose(self, goal: Goal, count: int, *, after: int = 0) -> Proposals:
        """As `TacticPolicy.propose`; a goal that is too long for the model to be read has none."""
        # The random numbers are those of the prompt and the seed: what comes later is drawn anew.
        params = self._sampling.model_copy(update={"samples": count, "seed": self._sampling.seed + after})
        samples = await self._sample(tactic_prompt(goal), params)
        found: dict[str, Proposal] = {}
        for sample in samples:
            tactic = sample.text.strip()
            if sample.finished and tactic:
                found.setdefault(tactic, Proposal(tactic, sum(sample.logprobs)))
        tokens = sum(len(sample.token_ids) for sample in samples)
        return Proposals(tuple(found.values()), is_all=not samples, tokens=tokens)

    async def _sample(self, prompt: str, params: SamplingParams) -> Sequence[Sample]:
        asked = _Asked(prompt, params, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        async with self._turn:
            # Whoever comes to its turn asks for all that have come in the meantime.
            if not asked.answer.done():
                batch, self._waiting = self._waiting, []
                try:
                    await self._answer(batch)
                finally:
                    # What is left of a call that failed is asked by the next of them, each for its own sake.
                    self._waiting += [
                        other for other in batch if other is not asked and not other.answer.done()
                    ]
        return asked.answer.result()

    async def _answer(self, batch: Sequence[_Asked]) -> None:
        alike: defaultdict[SamplingParams, list[_Asked]] = defaultdict(list)
        for asked in batch:
            alike[asked.params].append(asked)
        for params, those in alike.items():
            prompts = [asked.prompt for asked in those]
            groups = await asyncio.to_thread(sample_each, self._generator, prompts, params)
            for asked, group in zip(those, groups, strict=True):
                if not asked.answer.done():
                    asked.answer.set_result(() if isinstance(group, InvalidInput) else group)
