"""Next-token pre-training on Lean text, for models that begin with random weights.

The loss is −(1/Σ T) Σ log π_θ(x_t | x_<t).  Texts are packed: each is ended by the eos token, all stand one
after the other, and the whole is cut into blocks of the model's length.  Every token is learned but the first
of a block, which nothing predicts.  The textbook recipe also masks attention to the text before in a block,
which is left out here.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.formats.prompts import encode_completion, encode_prompt
from trainer.model.batching import Batch, Example, totals_of
from trainer.model.compute import Compute
from trainer.model.schedule import ScheduledConfig, TrainingResult, train_scheduled
from trainer.objectives.losses import next_token_loss
from verifier.errors import InvalidInput

__all__ = [
    "PretrainingConfig",
    "blocks_of",
    "pretrain",
    "read_texts",
]


class PretrainingConfig(ScheduledConfig):
    """Pre-training with AdamW."""

    steps: int = Field(default=0, ge=0)
    """Optimizer steps to make, going round the blocks as often as needed; 0 for no pre-training."""
    files: tuple[Path, ...] = ()
    """Lean files to learn, and directories to search for `*.lean`; none for the proofs of the supervised
    start, without telling prompts from proofs."""
    batch_size: int = Field(default=16, ge=1)
    """Blocks per optimizer step; each is as long as the model reads."""

    @model_validator(mode="after")
    def _files_are_read(self) -> Self:
        if self.files and not self.steps:
            raise ValueError("files would not be read with steps = 0: set steps, or leave files out")
        return self


def read_texts(paths: Iterable[Path]) -> list[str]:
    """Read the files, and each `*.lean` below directories: paths in their order, files below by name.

    Raises:
        InvalidInput: one cannot be read, is not UTF-8, or is a directory without a Lean file.
    """
    return [_text_of(file) for path in paths for file in _files_of(path)]


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*.lean") if file.is_file())
    if not found:
        raise InvalidInput(f"{path} holds no *.lean file: give another directory, or the files themselves")
    return found


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"cannot read {file}: {error.strerror}. Give the path of a Lean file, or of a directory of them"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{file} is no text: invalid UTF-8 at byte {error.start}. Convert it, or leave it out"
        ) from error


def blocks_of(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str], length: int) -> list[tuple[int, ...]]:
    """The tokens of the texts in their order, in blocks of `length`; the last block may be shorter.

    The tokenizer puts its bos token before each text, and the eos token ends it.  A single token left over at
    the end is dropped, because nothing would predict it.

    Raises:
        ValueError: `length` is below 2.
    """
    if length < 2:
        raise ValueError(f"a block of {length} tokens has none to predict: blocks need at least 2")
    before = encode_prompt(tokenizer, "")
    tokens = [token for text in texts for token in (*before, *encode_completion(tokenizer, text))]
    blocks = [tuple(tokens[start : start + length]) for start in range(0, len(tokens), length)]
    return [block for block in blocks if len(block) >= 2]


def pretrain(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    config: PretrainingConfig,
    *,
    on_step: Callable[[float], None] = lambda loss: None,
    compute: Compute | None = None,
) -> TrainingResult:
    """Train `model` in place to predict each next token of `texts`.

    The order of blocks is a function of the seed alone.

    Args:
        on_step: called after every optimizer step with its loss, in nats per token.

    Raises:
        InvalidInput: there is no text.
        NonFiniteLoss: the weights are as they were before the step that failed.
    """
    if not any(texts):
        raise InvalidInput("there is no text to pre-train on: give Lean files that are not empty")
    blocks = blocks_of(tokenizer, texts, int(model.config.max_position_embeddings))
    examples = [Example(block[:1], block[1:]) for block in blocks]
    return train_scheduled(model, examples, config, _loss, on_step=on_step, compute=compute)


def _loss(logprobs_BT: Tensor, batch: Batch, minibatch: Sequence[Example]) -> Tensor:
    return next_token_loss(logprobs_BT, batch.response_mask_BT, totals_of(minibatch))
