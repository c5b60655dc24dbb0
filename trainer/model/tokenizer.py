"""A byte-level BPE tokenizer trained on Lean text.

Every byte is in the alphabet, so every text round-trips, `⟨∀ℝ₀` included.
Digits are never merged: a number is read digit by digit.
"""

from collections.abc import Iterable

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits
from tokenizers.pre_tokenizers import Sequence as PreTokenizers
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from verifier.errors import InvalidInput

__all__ = ["BOS", "EOS", "MIN_VOCAB_SIZE", "PAD", "train_tokenizer"]

BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
MIN_VOCAB_SIZE = 256 + 3
"""The 256 bytes and the three special tokens; merges come on top."""


def train_tokenizer(texts: Iterable[str], vocab_size: int = 512) -> PreTrainedTokenizerFast:
    """Train a tokenizer of at most `vocab_size` tokens (fewer when `texts` has too few pairs to merge).

    Encoding puts the bos token in front and adds no eos token.  Special tokens
    written out in a text are read as plain characters, so no proof can forge them.

    Raises:
        InvalidInput: `vocab_size` has no room for the bytes, or there is no text.
    """
    if vocab_size < MIN_VOCAB_SIZE:
        raise InvalidInput(f"vocab_size is {vocab_size}, but the byte alphabet alone takes {MIN_VOCAB_SIZE}")
    corpus = [text for text in texts if text]
    if not corpus:
        raise InvalidInput("a tokenizer needs text to learn from: pass statements and proofs")

    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = PreTokenizers(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.train_from_iterator(
        corpus,
        BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[BOS, EOS, PAD],
            initial_alphabet=ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        padding_side="left",
        split_special_tokens=True,
        clean_up_tokenization_spaces=False,
    )
