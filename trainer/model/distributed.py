"""Learning by several processes, one a device: each reads its share of a step, and gradients are added up.

`accelerate launch` and `torchrun` start them.  The first process runs everything; the others only learn with
it.  Each process has all weights, or, where they are sharded, a part of them (FSDP2).
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel

__all__ = ["Ranks", "divide_tensor_like", "full_weights", "is_sharded", "norm_of", "shard"]

WAIT = timedelta(days=1)
"""How long processes wait for each other: the others are idle while the first samples and measures."""

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This process's place among those that learn together."""

    rank: int = 0
    world: int = 1

    @classmethod
    def here(cls, device: torch.device) -> "Ranks":
        """This process's place as the launcher says; the first call waits for the others.

        That call makes `device` the one of this process, where it is a GPU.
        """
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if world == 1:
            return cls()
        if not dist.is_initialized() and device.type == "cuda":
            torch.cuda.set_device(device)
            dist.init_process_group("nccl", timeout=WAIT, device_id=device)
        elif not dist.is_initialized():
            dist.init_process_group("gloo", timeout=WAIT)
        return cls(dist.get_rank(), world)

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that runs everything."""
        return self.rank == 0

    def share(self, parts: Iterable[T]) -> list[tuple[T, float]]:
        """The parts of one kind that this process reads in a step, with the weight of each.

        Every process reads as many, because sharded weights are gathered part by part, and weights that only
        one kind uses have a gradient in all processes or in none; where there are too few parts, one is read
        again with weight 0.
        """
        every = list(parts)
        mine = [(part, 1.0) for part in every[self.rank :: self.world]]
        return mine + [(part, 0.0) for part in every[:1]] * (-(-len(every) // self.world) - len(mine))

    def add_up(self, figures: dict[str, float]) -> dict[str, float]:
        """Sum figures over the processes, by name; not all need have the same names."""
        if self.world == 1:
            return figures
        every: list[dict[str, float]] = [{} for _ in range(self.world)]
        dist.all_gather_object(every, dict(figures))
        names = sorted({name for each in every for name in each})
        return {name: sum(each.get(name, 0.0) for each in every) for name in names}

    def add_up_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Sum the gradients of whole weights over the processes; those of sharded ones are summed already."""
        if self.world == 1:
            return
        for weight in weights:
            if weight.grad is not None and not isinstance(weight.grad, DTensor):
                dist.all_reduce(weight.grad)

    def from_first(self, value: T) -> T:
        """Hand the value of the first process to all; what the others give is not looked at."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]


def shard(model: PreTrainedModel, methods: Iterable[str]) -> None:
    """Divide the weights of `model` among the processes and their devices, block by block, in place.

    Args:
        methods: the names of those through which it is called, beside `forward`.
    """
    blocks = set(model._no_split_modules or ())
    device = _device_of_collectives().type
    mesh = init_device_mesh(device, (dist.get_world_size(),))
    for module in model.modules():
        if type(module).__name__ in blocks:
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            # A loss is a share of the step's, so gradients are sums.
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)
    for method in methods:
        register_fsdp_forward_method(model, method)


def is_sharded(model: nn.Module) -> bool:
    """Whether its weights are divided among processes."""
    return isinstance(model, FSDPModule)


def full_weights(model: nn.Module) -> dict[str, Tensor]:
    """Gather the weights of a sharded model on the CPU; every process must ask, and the first gets them."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights = get_model_state_dict(model, options=options)
    return {name: weight for name, weight in weights.items() if isinstance(weight, Tensor)}


def divide_tensor_like(values: Tensor, own: Tensor | None) -> Tensor:
    """`values`, which are whole, on the device of `own`, and divided as it is; every process must ask."""
    if own is None:
        return values
    values = values.to(own.device)
    return distribute_tensor(values, own.device_mesh, own.placements) if isinstance(own, DTensor) else values


def norm_of(norm: Tensor) -> float:
    """The norm of gradients as a number, over all processes where the gradients are divided."""
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


def _device_of_collectives() -> torch.device:
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
