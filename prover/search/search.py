"""A search for one proof: nodes in their order, tactics tried on each, until the goals are closed.

What is found is made again from the start, so that its text can be written down with the goals in Lean's
order; then it is for the verifier to judge.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from prover.search.config import SearchConfig
from prover.search.orders import ORDERS, Order
from prover.search.tactics import Proposal, TacticPolicy
from prover.search.tree import Edge, Node, SearchTree
from prover.theorem import Theorem
from verifier.errors import InvalidInput, NoAnswer
from verifier.options import Options
from verifier.proof_text import MadeStep, proof_text
from verifier.tactic_state import Goal, TacticState, TacticStep

__all__ = ["Cost", "Outcome", "Tactician", "Value", "search_proof"]

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


class Value(Protocol):
    """Thinks of goals that stand together how likely they are to be proved."""

    async def of(self, nodes: Sequence[Sequence[Goal]]) -> list[float]:
        """A number between 0 and 1 for each."""
        ...


@dataclass
class Cost:
    """What a search took."""

    tactics: int = 0
    """Tactics that were tried."""
    heartbeats: int = 0
    """Of these, in thousands of small allocations."""
    tokens: int = 0
    """What the policy wrote."""
    requests: int = 0
    lost: int = 0
    """Requests that no worker answered."""
    unmade: int = 0
    """Steps that proved a goal by themselves, and in the whole proof did not."""


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
    value: Value | None
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
        order = ORDERS[self.config.order](tree, self.config)
        while True:
            await self.grow(tree, order)
            if not tree.is_proved:
                reason = "the budget is spent" if self.is_spent else "nothing more can be tried"
                if self.cost.unmade:
                    reason += f"; {self.cost.unmade} steps could not be made again in one go"
                return Outcome(None, reason, self.cost, tree)
            proof = await self.write_down(tree, start)
            if isinstance(proof, str):
                return Outcome(proof, "", self.cost, tree)
            # What a step did by itself it does not do beside others: the search goes on without it.
            self.cost.unmade += 1
            tree.withdraw(proof)

    async def grow(self, tree: SearchTree, order: Order) -> None:
        """Try tactics on node after node until the theorem is proved, or the budget spent."""
        while not tree.is_proved and not self.is_spent:
            node = order.next()
            if node is None:
                return
            edges = len(node.edges)
            await self.expand(tree, node, min(order.batch, self.config.width - node.tried))
            found = node.edges[edges:]
            if self.value is not None:
                await self.see(self.value, (below for edge in found for below in edge.below))
            order.enter(node, found)

    async def expand(self, tree: SearchTree, node: Node, count: int) -> None:
        """Try the policy's next tactics on the goals of a node."""
        is_over = True
        for number, goal in enumerate(node.goals[:GOALS_TRIED]):
            left = self.config.tactics - self.cost.tactics
            if self.is_spent:
                break
            proposed = await self.policy.propose(goal, min(count, left), after=node.tried)
            self.cost.tokens += proposed.tokens
            is_over = is_over and proposed.is_all
            proposals = [each for each in proposed.tactics if (number, each.tactic) not in node.known]
            if not proposals:
                continue
            node.known.update((number, each.tactic) for each in proposals)
            try:
                state = await self.ask(node.path, node.numbers[number], proposals)
            except NoAnswer:
                # One of them took a worker down: each is tried alone, and that one is left out.
                self.cost.lost += 1
                self.cost.tactics -= len(proposals)
                await self.one_by_one(tree, node, number, proposals)
                continue
            self.enter(tree, node, number, proposals, state)
        node.tried += count
        if is_over or node.tried >= self.config.width:
            tree.exhaust(node)

    async def see(self, value: Value, nodes: Iterable[Node]) -> None:
        """Ask what new nodes are worth."""
        new = list(dict.fromkeys(node for node in nodes if node.value is None))
        for node, worth in zip(new, await value.of([node.goals for node in new]), strict=True):
            node.value = worth

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

    async def write_down(self, tree: SearchTree, start: TacticState) -> str | Edge:
        """The text of the proof, made again from the start; or the edge that does not do so again."""
        made: list[MadeStep] = []
        goals = start.goals
        edges = tree.proof()
        for edge in edges:
            places = [place for place, goal in enumerate(goals) if goal.key == edge.goal]
            if not places:
                return edge
            path = tuple(each.step for each in made)
            state = await self.ask(path, places[0], [Proposal(edge.tactic, 0.0)])
            after = state.tried[0].goals if state.tried else None
            self.cost.heartbeats += sum(tried.heartbeats for tried in state.tried)
            if after is None:
                return edge
            made.append(MadeStep(TacticStep(tactic=edge.tactic, goal=places[0]), state.goals, after))
            goals = after
        try:
            return proof_text(made) if not goals else edges[-1]
        except InvalidInput:
            return edges[-1]

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
        return (
            cost.tactics >= config.tactics
            or cost.heartbeats >= config.total_heartbeats
            or cost.tokens >= config.tokens
        )


async def search_proof(
    tactician: Tactician,
    policy: TacticPolicy,
    theorem: Theorem,
    config: SearchConfig,
    *,
    value: Value | None = None,
    timeout_s: float = Options.timeout_s,
) -> Outcome:
    """Search for a proof of a theorem.

    Args:
        value: what `mcts` asks of new goals; none for `config.unknown_value` of all.
        timeout_s: for one request; it guards the machine.

    Raises:
        NoAnswer: no worker answers at all.
        PoolClosed
    """
    return await _Search(tactician, policy, config, value, theorem, timeout_s).run()
