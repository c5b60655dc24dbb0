"""A search for one proof: nodes in their order, tactics tried on each, until the goals are closed.

What is found is made again from the start, so that its text can be written down with the goals in Lean's
order; then it is for the verifier to judge.
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from prover.search.config import SearchConfig
from prover.search.tactics import Proposal, TacticPolicy
from prover.search.tree import Node, SearchTree
from prover.theorem import Theorem
from verifier.errors import InvalidInput, NoAnswer
from verifier.options import Options
from verifier.proof_text import MadeStep, proof_text
from verifier.tactic_state import TacticState, TacticStep

__all__ = ["Cost", "Outcome", "Tactician", "search_proof"]

GOALS_TRIED = 3
"""Of goals that stand together, those that tactics are tried on."""


class Tactician(Protocol):
    """What tries tactics: a `LeanPool`."""

    async def tactics(
        self,
        statement: str,
        tactics: Sequence[str] = (),
        *,
        path: Sequence[TacticStep] = (),
        goal: int = 0,
        header: str = "",
        options: Options | None = None,
    ) -> TacticState:
        """As `LeanPool.tactics`."""
        ...


@dataclass
class Cost:
    """What a search took."""

    tactics: int = 0
    """Tactics that were tried."""
    heartbeats: int = 0
    """Of these, in thousands of small allocations."""
    requests: int = 0
    lost: int = 0
    """Requests that no worker answered."""


@dataclass
class Outcome:
    """What came of a search."""

    proof: str | None
    """The text of what it found, still to be judged."""
    reason: str
    """Why there is none, if so."""
    cost: Cost
    tree: SearchTree | None = None


@dataclass
class _Search:
    tactician: Tactician
    policy: TacticPolicy
    config: SearchConfig
    theorem: Theorem
    timeout_s: float
    cost: Cost = field(default_factory=Cost)

    async def run(self) -> Outcome:
        start = await self.ask(())
        if start.error is not None:
            return Outcome(None, start.error, self.cost)
        if len(start.goals) != 1:
            return Outcome(None, "the statement has no goal", self.cost)
        tree = SearchTree(start.goals)
        await self.grow(tree)
        if not tree.is_proved:
            spent = self.cost.tactics >= self.config.tactics or self.is_spent
            reason = "the budget is spent" if spent else "nothing more can be tried"
            return Outcome(None, reason, self.cost, tree)
        proof = await self.write_down(tree, start)
        reason = "" if proof is not None else "what was proved goal by goal cannot be made again in one go"
        return Outcome(proof, reason, self.cost, tree)

    async def grow(self, tree: SearchTree) -> None:
        """Try tactics on node after node until the theorem is proved or the budget spent."""
        number = count()
        frontier = [(0.0, next(number), tree.root)]
        while frontier and not tree.is_proved and not self.is_spent:
            _, _, node = heapq.heappop(frontier)
            if node.is_exhausted or not tree.is_wanted(node):
                continue
            edges = len(node.edges)
            await self.expand(tree, node)
            # One that is known may have been passed over, because nothing could rest on it then.
            for below in dict.fromkeys(each for edge in node.edges[edges:] for each in edge.below):
                if not below.is_exhausted:
                    heapq.heappush(frontier, (self.rank(below), next(number), below))

    async def expand(self, tree: SearchTree, node: Node) -> None:
        """Try the policy's tactics on the goals of a node."""
        for number, goal in enumerate(node.goals[:GOALS_TRIED]):
            if self.is_spent:
                break
            left = self.config.tactics - self.cost.tactics
            if not (proposals := self.policy.propose(goal, min(self.config.width, left))):
                continue
            try:
                state = await self.ask(node.path, node.numbers[number], proposals)
            except NoAnswer:
                # One of them took a worker down: each is tried alone, and that one is left out.
                self.cost.lost += 1
                self.cost.tactics -= len(proposals)
                await self.one_by_one(tree, node, number, proposals)
                continue
            self.enter(tree, node, number, proposals, state)
        node.is_exhausted = True

    async def one_by_one(
        self, tree: SearchTree, node: Node, number: int, proposals: Sequence[Proposal]
    ) -> None:
        for proposal in proposals:
            if self.is_spent:
                return
            try:
                state = await self.ask(node.path, node.numbers[number], [proposal])
            except NoAnswer:
                self.cost.lost += 1
                continue
            self.enter(tree, node, number, [proposal], state)

    def enter(
        self,
        tree: SearchTree,
        node: Node,
        number: int,
        proposals: Sequence[Proposal],
        state: TacticState,
    ) -> None:
        for proposal, tried in zip(proposals, state.tried, strict=False):
            self.cost.heartbeats += tried.heartbeats
            if tried.goals is not None:
                tree.add(node, proposal.tactic, proposal.logprob, state.goals, tried.goals, number=number)

    async def write_down(self, tree: SearchTree, start: TacticState) -> str | None:
        """The text of the proof, made again from the start; None where a step does not do so again."""
        made: list[MadeStep] = []
        goals = start.goals
        for tactic, key in tree.proof():
            places = [place for place, goal in enumerate(goals) if goal.key == key]
            if not places:
                return None
            path = tuple(each.step for each in made)
            try:
                state = await self.ask(path, places[0], [Proposal(tactic, 0.0)])
            except NoAnswer:
                return None
            after = state.tried[0].goals if state.tried else None
            if after is None:
                return None
            made.append(MadeStep(TacticStep(tactic=tactic, goal=places[0]), state.goals, after))
            goals = after
        try:
            return proof_text(made) if not goals else None
        except InvalidInput:
            return None

    async def ask(
        self, path: Sequence[TacticStep], goal: int = 0, proposals: Sequence[Proposal] = ()
    ) -> TacticState:
        self.cost.requests += 1
        self.cost.tactics += len(proposals)
        return await self.tactician.tactics(
            self.theorem.statement,
            [proposal.tactic for proposal in proposals],
            path=path,
            goal=goal,
            header=self.theorem.header,
            options=Options(heartbeats=self.config.heartbeats, timeout_s=self.timeout_s),
        )

    @property
    def is_spent(self) -> bool:
        config, cost = self.config, self.cost
        return cost.tactics >= config.tactics or cost.heartbeats >= config.total_heartbeats

    def rank(self, node: Node) -> float:
        """The smallest is next."""
        if self.config.order == "breadth_first":
            return float(node.depth)
        length = float(max(1, node.depth))
        return -node.score / math.pow(length, self.config.length_power)


async def search_proof(
    tactician: Tactician,
    policy: TacticPolicy,
    theorem: Theorem,
    config: SearchConfig,
    *,
    timeout_s: float = Options.timeout_s,
) -> Outcome:
    """Search for a proof of a theorem.

    Args:
        timeout_s: for one request; it guards the machine.

    Raises:
        NoAnswer: no worker answers at all.
        PoolClosed
    """
    return await _Search(tactician, policy, config, theorem, timeout_s).run()
