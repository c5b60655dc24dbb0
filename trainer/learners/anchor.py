"""What holds a policy to proofs while it learns: proofs that were found, and those that it began with.

Expert iteration learns from nothing else.  Learners that compare attempts may read them beside their own
loss, each step a minibatch of its own: their gradients come only from theorems whose attempts differ, and at
a rate at which they learn they forget what no attempt shows any more.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from random import Random
from typing import Self, TypeVar

from pydantic import Field, model_validator
from torch import Tensor
from transformers import PreTrainedModel

from trainer.learners.base import LearnerState
from trainer.model.batching import Batch, Example, endless_minibatches, micro_batches
from trainer.model.optimizer import Figures
from trainer.model.policy import token_logprobs
from trainer.objectives.losses import sft_loss
from trainer.rollout import Rollout
from verifier.settings import Section
from verifier.verdict import Kind

__all__ = ["Anchor", "AnchorConfig", "LossOfPart", "ProofBuffer", "normalise_proof"]

T = TypeVar("T")
LossOfPart = Callable[[], tuple[Tensor, Figures]]
"""Computes a share of a loss and of its figures."""


class AnchorConfig(Section):
    """Proofs that are read in each optimizer step beside what a learner reads itself."""

    weight: float = Field(default=0.0, ge=0)
    """Weight of their negative log-likelihood, in nats per token, beside the learner's loss; 0 for none."""
    known: int = Field(default=32, ge=0)
    """Proofs of the supervised start in each step."""
    found: int = Field(default=32, ge=0)
    """Verified proofs of the run itself in each step; all of them while there are fewer."""
    proofs_per_theorem: int = Field(default=4, ge=1)
    """Different proofs kept of one theorem, the newest."""

    @model_validator(mode="after")
    def _reads_something(self) -> Self:
        if self.is_on and self.known + self.found == 0:
            raise ValueError("anchor: with a weight it needs proofs: set `known` or `found` above 0")
        return self

    @property
    def is_on(self) -> bool:
        """Whether anything is read."""
        return self.weight > 0


def normalise_proof(proof: str) -> str:
    """Remove blank lines and spaces at line ends: proofs that agree after that count as one.

    Indentation stays, because Lean reads it.
    """
    return "\n".join(line.rstrip() for line in proof.strip().splitlines() if line.strip())


class ProofBuffer:
    """Verified proofs, each text once per theorem, at most `proofs_per_theorem` of the newest."""

    def __init__(self, proofs_per_theorem: int, *, eos_id: int) -> None:
        self._cap = proofs_per_theorem
        self._eos_id = eos_id
        self._proofs: defaultdict[str, OrderedDict[str, Example]] = defaultdict(OrderedDict)

    def add(self, rollouts: Iterable[Rollout]) -> int:
        """Keep the proved attempts among `rollouts`, and return how many texts were new."""
        new = 0
        for rollout in rollouts:
            if rollout.verdict.kind is not Kind.PROVED:
                continue
            attempt = rollout.attempt
            proofs = self._proofs[attempt.theorem]
            text = normalise_proof(attempt.proof)
            new += text not in proofs
            # A proof that hit the length limit is one all the same; what is learned is to stop there.
            ending = () if attempt.finished else (self._eos_id,)
            proofs[text] = Example(attempt.prompt_ids, attempt.token_ids + ending)
            proofs.move_to_end(text)
            if len(proofs) > self._cap:
                proofs.popitem(last=False)
        return new

    def __len__(self) -> int:
        return sum(map(len, self._proofs.values()))

    def examples(self) -> list[Example]:
        """The proofs kept, theorem by theorem, in the order their theorems were first proved."""
        return [example for proofs in self._proofs.values() for example in proofs.values()]

    def state(self) -> LearnerState:
        """The tokens of each prompt and proof, by theorem and text, in their order."""
        return {
            theorem: {text: (proof.prompt_ids, proof.token_ids) for text, proof in proofs.items()}
            for theorem, proofs in self._proofs.items()
        }

    def restore(self, state: LearnerState) -> None:
        """Keep the proofs of `state` and no others."""
        self._proofs.clear()
        for theorem, proofs in state.items():
            self._proofs[theorem].update({text: Example(*tokens) for text, tokens in proofs.items()})


class Anchor:
    """The proofs that a learner reads beside its own loss, and the loss on them.

    Args:
        known: proofs of the supervised start.
        eos_id: the policy's end token.
        max_tokens: most tokens in a micro-batch, padding included.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        config: AnchorConfig,
        *,
        known: Sequence[Example] = (),
        eos_id: int,
        max_tokens: int,
    ) -> None:
        self._model = model
        self._config = config
        self._known = tuple(known)
        self._found = ProofBuffer(config.proofs_per_theorem, eos_id=eos_id)
        self._max_tokens = max_tokens

    @property
    def is_on(self) -> bool:
        """Whether anything is read."""
        return self._config.is_on

    def add(self, rollouts: Iterable[Rollout]) -> dict[str, float]:
        """Keep the proved attempts; returns figures of what is kept."""
        if not self.is_on:
            return {}
        return {"new_proofs": self._found.add(rollouts), "proofs": len(self._found)}

    def minibatches(self, rng: Random) -> Iterator[list[Example]]:
        """What is read in each step from here on, without end; nothing while there is no proof.

        Where nothing is to be read, `rng` stays as it is.
        """
        config = self._config
        sources = ((self._known, config.known), (self._found.examples(), config.found))
        draws = [
            endless_minibatches(examples, size, rng)
            for examples, size in sources
            if self.is_on and examples and size
        ]
        if not draws:
            yield from repeat([])
        while True:
            yield [example for draw in draws for example in next(draw)]

    def beside(self, minibatches: Iterable[list[T]], rng: Random) -> list[tuple[list[T], list[Example]]]:
        """Each of a learner's own minibatches, with the proofs that are read in the same step."""
        proofs = self.minibatches(rng)
        return [(minibatch, next(proofs)) for minibatch in minibatches]

    def losses(self, minibatch: Sequence[Example]) -> list[LossOfPart]:
        """The parts of w · mean NLL, over the tokens of each proof and over the proofs of a minibatch."""
        if not minibatch:
            return []
        batches = micro_batches(minibatch, max_tokens=self._max_tokens, device=self._model.device)
        return [partial(self._loss_of, batch, len(batch) / len(minibatch)) for batch in batches]

    def _loss_of(self, batch: Batch, share: float) -> tuple[Tensor, Figures]:
        mask_BT = batch.response_mask_BT
        logprobs_BT = token_logprobs(self._model, batch.input_ids_BT, batch.attention_mask_BT, mask_BT)
        loss = sft_loss(logprobs_BT, mask_BT) * share
        return self._config.weight * loss, {"anchor_loss": float(loss.detach())}

    def state(self) -> dict[str, LearnerState]:
        """The part of a learner's state that is the anchor's: the proofs found, if any are kept."""
        return {"proofs": self._found.state()} if self.is_on else {}

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of that part."""
        return ("proofs",) if self.is_on else ()

    def restore(self, state: LearnerState) -> None:
        """Go on with the proofs of a learner's state."""
        if self.is_on:
            self._found.restore(state["proofs"])
