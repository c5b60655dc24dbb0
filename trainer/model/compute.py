"""How learning uses the machine: where, in which precision, and what of a pass is kept in memory.

None of it changes what is learned, except by rounding; bfloat16 rounds more than GSPO's clipping allows.  In
bfloat16 policy gradients also take log π_old from the trainer (`learners/policy_gradient.py`); attempts that
were sampled from an earlier policy need `engine_cap` then.
"""

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

import torch
from transformers import PreTrainedModel

from trainer.model.distributed import Ranks
from trainer.model.policy import shard_policy
from trainer.sections import ComputeConfig
from verifier.errors import InvalidInput

__all__ = ["Compute", "ComputeConfig", "device_named"]


@dataclass(frozen=True)
class Compute:
    """The settings as this machine can fulfil them."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    bfloat16: bool = False
    activation_checkpointing: bool = False
    ranks: Ranks = field(default_factory=Ranks)
    shard: bool = False

    @classmethod
    def of(cls, config: ComputeConfig) -> "Compute":
        """The settings as this machine can fulfil them; where several processes learn, it waits for them.

        Raises:
            InvalidInput: there is no such device.
        """
        device = device_named(config.device)
        ranks = Ranks.here(device)
        by_itself = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        bfloat16 = by_itself if config.precision == "auto" else config.precision == "bfloat16"
        return cls(device, bfloat16, config.activation_checkpointing, ranks, config.shard and ranks.world > 1)

    @property
    def alone(self) -> "Compute":
        """The same for this process by itself."""
        return replace(self, ranks=Ranks(), shard=False)

    def prepare(self, model: PreTrainedModel) -> PreTrainedModel:
        """Move `model` to the device in place, and divide its weights if they shall be.

        An adapter has to be in the model already.
        """
        if self.activation_checkpointing:
            # The other kind does not know weights that are frozen, as LoRA's are.
            model.activation_checkpointing_enable({"use_reentrant": False})
        if self.shard:
            # Which moves the weights as it divides them: no device has to hold all.
            shard_policy(model)
        else:
            model.to(self.device)  # type: ignore[arg-type]
        return model

    def autocast(self) -> AbstractContextManager[object]:
        """The context of forward passes, in the precision of the settings."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)


def device_named(name: str) -> torch.device:
    """The device that `compute.device` names; where several processes learn together, this one's GPU.

    Raises:
        InvalidInput: there is no such device.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if gpus else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InvalidInput(f"compute.device: {name!r} is no device: use cpu, cuda or cuda:1") from error
    if device.type == "cuda" and not gpus:
        raise InvalidInput("compute.device: torch finds no GPU here: use cpu, or install torch with CUDA")
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise InvalidInput(f"compute.device: there is no {device}: torch finds {gpus} GPUs here")
    return device
