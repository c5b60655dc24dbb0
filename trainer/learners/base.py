"""What the training loop holds: something that turns rollouts into better weights."""

from collections.abc import Sequence
from typing import Any, Protocol

from trainer.model.optimizer import UpdateStats
from trainer.rollout import Rollout
from verifier.errors import InvalidInput

__all__ = ["Learner", "LearnerState", "check_state"]

LearnerState = dict[str, Any]
"""Tensors on the CPU, numbers, texts, tuples, lists and dicts: what `torch.save` writes and
`torch.load(weights_only=True)` reads."""


class Learner(Protocol):
    """GRPO and expert iteration alike; the loop holds one and asks no more of it."""

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Learn from the rollouts of one iteration, changing the model in place.

        Raises:
            NonFiniteLoss: several steps in a row could not be made; one alone is left out.
        """
        ...

    def state(self) -> LearnerState:
        """All that decides later updates and is not the model's own weights, as a copy.

        That is the name of the `algorithm`, the moments and rates of its optimizer, its random state,
        and what it keeps of its beginning and of earlier rounds: a reference, a critic, proofs, weights
        to average.  Not in it is what a learner is made with: model, settings, known proofs.
        """
        ...

    def restore(self, state: LearnerState) -> None:
        """Go on as the learner would have that `state` was taken from, given its weights as well.

        Raises:
            InvalidInput: it is another algorithm's state, or was taken under other settings.
        """
        ...


def check_state(state: LearnerState, own: LearnerState) -> None:
    """Check that a learner whose own state is `own` can go on from `state`.

    Raises:
        InvalidInput: it is of another algorithm, or has other parts.
    """
    if state.get("algorithm") != own["algorithm"] or _parts_of(state) != _parts_of(own):
        raise InvalidInput(
            f"a state of {_describe(state)} is none of {_describe(own)}: go on with the settings under which "
            "it was taken, or begin a new run"
        )


def _parts_of(state: LearnerState) -> set[str]:
    return {name for name, part in state.items() if part is not None and name != "algorithm"}


def _describe(state: LearnerState) -> str:
    parts = ", ".join(sorted(_parts_of(state)))
    return f"{state.get('algorithm', 'no known algorithm')} ({parts or 'nothing kept'})"
