"""LoRA (arXiv 2106.09685): h = W₀x + (α/r)BAx, of which only A and B are trained, through peft.

The adapter is put into the model in place, and the other weights are frozen, so that all that trains a model
trains an adapter as well.  A policy is published with the adapter merged into its weights, so that whatever
loads a model loads it; or as the adapter alone, which a running vLLM takes.
"""

import copy
from pathlib import Path
from typing import Literal

import torch
from peft import LoraConfig as PeftLoraConfig
from peft import PeftModel, get_peft_model
from pydantic import Field
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from verifier.errors import InvalidInput
from verifier.settings import Section

__all__ = ["LoRAConfig", "add_adapter", "merge_adapter", "save_adapter"]


class LoRAConfig(Section):
    """Which adapter is trained in place of all weights."""

    rank: int = Field(default=16, ge=1)
    """r, the inner size of BA."""
    alpha: float = Field(default=32.0, gt=0)
    """α: BA is scaled by α/r."""
    rslora: bool = False
    """Whether it is scaled by α/√r, which keeps its size the same at large ranks (arXiv 2312.03732)."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the adapter's inputs left out while it is trained."""
    separate: bool = False
    """Whether a policy is published as an adapter beside its base, which a running vLLM takes, or merged."""
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    """Names of the layers that get one; `all-linear` is all but the output layer."""


def add_adapter(model: PreTrainedModel, config: LoRAConfig, *, seed: int = 0) -> PeftModel:
    """Put a new adapter into `model`, in place, and freeze the rest; B starts at 0, so nothing changes yet.

    The same seed gives the same adapter.

    Raises:
        InvalidInput: the model has no layers of those names.
    """
    targets = config.target_modules
    settings = PeftLoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,  # type: ignore[arg-type]
        use_rslora=config.rslora,
        lora_dropout=config.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            adapted = get_peft_model(model, settings)
    except ValueError as error:
        linear = sorted(
            {name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
        )
        raise InvalidInput(
            f"lora.target_modules: {error}; the linear layers are {', '.join(linear)}"
        ) from error
    assert isinstance(adapted, PeftModel)
    return adapted


def merge_adapter(adapted: PeftModel) -> PreTrainedModel:
    """A copy of the model with its adapter added to its weights, and none beside them."""
    model = copy.deepcopy(adapted).merge_and_unload()
    assert isinstance(model, PreTrainedModel)
    return model


def save_adapter(adapted: PeftModel, base: Path, tokenizer: PreTrainedTokenizerBase, directory: Path) -> None:
    """Write the adapter alone to `directory`, naming `base`, the directory of the model it belongs to."""
    settings = adapted.peft_config["default"]
    settings.base_model_name_or_path = str(base)
    adapted.save_pretrained(str(directory), safe_serialization=True)
    tokenizer.save_pretrained(directory)
