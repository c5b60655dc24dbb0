"""The weights of a model as values: copied, averaged, put back."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

from trainer.model.distributed import divide_tensor_like
from verifier.errors import InvalidInput

__all__ = [
    "Weights",
    "average_weights",
    "copy_state",
    "copy_weights",
    "divide_like",
    "freeze_copy",
    "load_weights",
]

Weights = dict[str, Tensor]
"""What `Module.state_dict` returns."""


def copy_state(value: Any) -> Any:
    """A copy on the CPU of a state, or of a part of one, that later changes of the original do not reach.

    It is whole: where tensors are divided among processes, every process must ask.
    """
    match value:
        case Tensor():
            if isinstance(value, DTensor):
                value = value.full_tensor()
            return value.detach().to("cpu", copy=True)
        case dict():
            return {name: copy_state(part) for name, part in value.items()}
        case list() | tuple():
            return type(value)(map(copy_state, value))
    return value


def copy_weights(model: nn.Module) -> Weights:
    """A copy of the weights on their device that later changes of the model do not reach."""
    return {name: values.detach().clone() for name, values in model.state_dict().items()}


def average_weights(checkpoints: Iterable[Weights]) -> Weights:
    """The mean of the weights of several checkpoints of one model."""
    kept = list(checkpoints)
    return {name: torch.stack([weights[name] for weights in kept]).mean(0) for name in kept[0]}


def load_weights(module: nn.Module, weights: Weights) -> None:
    """Give `module` the weights that a state has of it, divided among the processes as its own are.

    Raises:
        InvalidInput: they are of a module of another shape; some may have been given all the same.
    """
    try:
        module.load_state_dict(divide_like(weights, module.state_dict()))
    except RuntimeError as error:
        raise InvalidInput(
            f"the weights of this state are of another model, go on with that one: {error}"
        ) from error


def divide_like(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Weights:
    """Whole weights, where `own` are and divided as they are; every process must ask."""
    return {name: divide_tensor_like(values, own.get(name)) for name, values in weights.items()}


def freeze_copy(model: PreTrainedModel) -> PreTrainedModel:
    """A copy of the policy as it is now, to compare later ones with: no dropout, no gradients."""
    reference = copy.deepcopy(model)
    reference.train(False)
    reference.requires_grad_(False)
    return reference
