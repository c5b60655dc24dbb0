"""A value network: how likely goals are to be proved, read off a model where it would write a tactic.

V(s) = σ(w₂·SiLU(W₁h + b₁) + b₂), where h is the last hidden state of the model on the prompt of the goals
(`prover.search.model.tactic_prompt`).  The model is a policy's own trunk; the head stands in a file beside
its weights, so a policy has a value or has none.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.formats.prompts import encode_prompt
from prover.generators.transformers import load_model
from prover.search.model import SEPARATOR
from verifier.errors import InvalidInput
from verifier.tactic_state import Goal

__all__ = ["VALUE", "HeadOfValue", "ModelValue", "hidden_states", "value_prompt", "values_of"]

VALUE = "value.safetensors"
BATCH = 64


def value_prompt(goals: Sequence[str]) -> str:
    """What the model reads of goals that stand together; of one goal it is the prompt for a tactic.

    Args:
        goals: as Lean prints them, without tags of cases.
    """
    return "\n\n".join(goals) + SEPARATOR


class HeadOfValue(nn.Module):
    """Logits of values from hidden states.

    Args:
        width: size D of the hidden states.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def forward(self, hidden_ND: Tensor) -> Tensor:
        """Logits of V, shape (N,)."""
        logits_N: Tensor = self.out(nn.functional.silu(self.hidden(hidden_ND))).squeeze(-1)
        return logits_N

    def save(self, policy: Path) -> None:
        """Write the head into the directory of its policy."""
        save_file(self.state_dict(), policy / VALUE)

    @classmethod
    def load(cls, policy: Path) -> Self:
        """Read the head of a policy.

        Raises:
            InvalidInput: the policy has none.
        """
        if not (policy / VALUE).is_file():
            raise InvalidInput(
                f"{policy} has no {VALUE}: train one with `proofmill learn`, or leave search.value at "
                "`uniform`"
            )
        weights = load_file(policy / VALUE)
        head = cls(weights["hidden.weight"].shape[0])
        head.load_state_dict(weights)
        return head


class ModelValue:
    """A `Value`: a policy's trunk with its head."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, head: HeadOfValue) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._head = head
        self._turn = asyncio.Lock()

    @classmethod
    def open(cls, policy: Path, device: str = "cpu") -> Self:
        """The value network in the directory of a policy; raises `InvalidInput` where there is none."""
        head = HeadOfValue.load(policy)
        return cls(*load_model(policy, device), head.to(device))

    async def of(self, nodes: Sequence[Sequence[Goal]]) -> list[float]:
        """As `prover.search.search.Value.of`; 0 for goals that are too long for the model to be read."""
        prompts = [value_prompt([goal.untagged for goal in goals]) for goals in nodes]
        async with self._turn:
            return await asyncio.to_thread(self._values, prompts)

    def _values(self, prompts: Sequence[str]) -> list[float]:
        found = values_of(self._model, self._tokenizer, self._head, prompts)
        return [0.0 if value is None else value for value in found]


@torch.no_grad()
def values_of(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    head: HeadOfValue,
    prompts: Sequence[str],
) -> list[float | None]:
    """The value of each prompt; None for what is longer than the model's context."""
    if not prompts:
        return []
    hidden_ND, read = hidden_states(model, tokenizer, prompts)
    values = iter(torch.sigmoid(head(hidden_ND)).tolist())
    return [next(values) if is_read else None for is_read in read]


@torch.no_grad()
def hidden_states(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str]
) -> tuple[Tensor, list[bool]]:
    """The last hidden state of each prompt's last token, (N, D) in float32, and which prompts were read.

    What is longer than the model's context is not read, and has no row.
    """
    model.eval()  # type: ignore[no-untyped-call]
    encoded = [encode_prompt(tokenizer, prompt) for prompt in prompts]
    read = [len(ids) <= int(model.config.max_position_embeddings) for ids in encoded]
    kept = [ids for ids, is_read in zip(encoded, read, strict=True) if is_read]
    by_length = sorted(range(len(kept)), key=lambda row: len(kept[row]))
    hidden_ND = torch.zeros(len(kept), int(model.config.hidden_size), device=model.device)
    for first in range(0, len(kept), BATCH):
        rows = by_length[first : first + BATCH]
        lengths = torch.tensor([len(kept[row]) for row in rows])
        ids_BT = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
        for place, row in enumerate(rows):
            ids_BT[place, : len(kept[row])] = torch.tensor(kept[row])
        mask_BT = (torch.arange(ids_BT.shape[1])[None] < lengths[:, None]).long()
        states_BTD = model.base_model(
            ids_BT.to(model.device), attention_mask=mask_BT.to(model.device), use_cache=False
        ).last_hidden_state
        last_BD = states_BTD[torch.arange(len(rows)), lengths - 1]
        hidden_ND[rows] = last_BD.float()
    return hidden_ND, read
