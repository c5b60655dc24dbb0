"""The critic of PPO: V(s_t), the reward that a policy may expect from a state on.

GAE (arXiv 1506.02438) makes advantages of it, by δ_t = r_t + γV(s_{t+1}) − V(s_t).

Its values are aligned with `trainer.model.policy.token_logprobs`: entry t is the value of the state *before*
response token t, the state in which the policy chose that token.  It is read off the hidden state at position
t − 1, which has seen the tokens up to there and no further.

The trunk is the policy's own, so that both learn from one pass, or a copy that only the critic trains.
"""

import copy
from typing import Self

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

__all__ = ["Critic", "ValueHead"]


class ValueHead(nn.Module):
    """A linear map from last hidden states to values; it starts at V = 0, which biases no advantage.

    Args:
        width: size D of the hidden states.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, hidden_BTD: Tensor, response_mask_BT: Tensor) -> Tensor:
        """V(s_t) of the response tokens, shape (B, T), 0 elsewhere; in the precision of the head."""
        wanted_BT = response_mask_BT.bool()
        hidden_ND = hidden_BTD[:, :-1][wanted_BT[:, 1:]].to(self.linear.weight.dtype)
        with torch.autocast(hidden_ND.device.type, enabled=False):
            values_N = self.linear(hidden_ND).squeeze(-1)
        zeros_BT = torch.zeros(wanted_BT.shape, dtype=values_N.dtype, device=values_N.device)
        return zeros_BT.masked_scatter(wanted_BT, values_N)


class Critic(nn.Module):
    """A value head on a trunk; `on` and `copy_of` make one from a policy.

    With a shared trunk `parameters()` and `state_dict()` are the head's alone: the trunk is the policy's to
    train and to save, and gradients of the values reach it all the same.
    """

    def __init__(self, trunk: nn.Module, head: ValueHead, *, shared: bool) -> None:
        super().__init__()
        self.head = head
        self.own_trunk = None if shared else trunk
        # In a tuple it is not registered as a part of this module a second time, or at all.
        self._trunk = (trunk,)

    @classmethod
    def on(cls, policy: PreTrainedModel) -> Self:
        """A critic that reads, and trains, the trunk of `policy`."""
        return cls(policy.base_model, _head_of(policy), shared=True)

    @classmethod
    def copy_of(cls, policy: PreTrainedModel) -> Self:
        """A critic on a copy of the trunk of `policy` as it is now."""
        return cls(copy.deepcopy(policy.base_model), _head_of(policy), shared=False)

    @property
    def trunk(self) -> nn.Module:
        """What turns tokens into hidden states."""
        return self._trunk[0]

    def forward(self, input_ids_BT: Tensor, attention_mask_BT: Tensor, response_mask_BT: Tensor) -> Tensor:
        """V(s_t) of the response tokens, shape (B, T), 0 elsewhere.

        Args:
            input_ids_BT: right-padded token ids.
            attention_mask_BT: 1 on tokens, 0 on padding.
            response_mask_BT: 1 on the tokens wanted; never on position 0, before which there is no state.
        """
        hidden_BTD = self.trunk(
            input_ids_BT, attention_mask=attention_mask_BT, use_cache=False
        ).last_hidden_state
        values_BT: Tensor = self.head(hidden_BTD, response_mask_BT)
        return values_BT


def _head_of(policy: PreTrainedModel) -> ValueHead:
    return ValueHead(int(policy.config.hidden_size)).to(policy.device)
