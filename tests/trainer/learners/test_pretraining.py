"""Pre-training: what is read of which files, how it is cut into blocks, and what a model learns from it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.nn.functional import cross_entropy
from transformers import LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from prover.generators.transformers import load_model
from tests.support.toys import CONFIG, PAIRS, unchanged, weights
from trainer.config import RunConfig
from trainer.learners.pretraining import PretrainingConfig, blocks_of, pretrain, read_texts
from trainer.model.policy import build_policy
from trainer.model.tokenizer import train_tokenizer
from trainer.run.directory import read_times
from trainer.run.start import supervised_start
from verifier.errors import InvalidInput

pytestmark = pytest.mark.usefixtures("one_thread")

TEXTS = [prompt + proof for prompt, proof in PAIRS]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, CONFIG.vocab_size)


@torch.no_grad()
def loss_on(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> float:
    """Nats per predicted token, block by block, without any of the code that training uses."""
    blocks = [torch.tensor(each) for each in blocks_of(tokenizer, texts, CONFIG.max_length)]
    losses = [cross_entropy(model(each[None, :-1]).logits[0], each[1:], reduction="sum") for each in blocks]
    return float(sum(losses)) / sum(len(each) - 1 for each in blocks)


def test_pretraining_lowers_the_next_token_loss_on_the_text(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    before = loss_on(model, tokenizer, TEXTS)
    config = PretrainingConfig(learning_rate=5e-3, warmup_steps=5, batch_size=2, steps=40)
    result = pretrain(model, tokenizer, TEXTS, config)
    assert loss_on(model, tokenizer, TEXTS) < before / 2
    assert result.final_loss < before / 2
    assert result.steps == 40


def test_the_loss_is_the_mean_over_all_predicted_tokens_however_a_step_is_cut(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    size = len(blocks_of(tokenizer, TEXTS, CONFIG.max_length))
    assert size > 1

    def train(max_tokens: int) -> tuple[float, list[torch.Tensor]]:
        model = build_policy(CONFIG, tokenizer)
        expected = loss_on(model, tokenizer, TEXTS)
        losses: list[float] = []
        config = PretrainingConfig(batch_size=size, steps=2, warmup_steps=0, max_tokens=max_tokens)
        pretrain(model, tokenizer, TEXTS, config, on_step=losses.append)
        assert len(losses) == 2
        assert losses[0] == pytest.approx(expected, abs=1e-4)
        return losses[1], weights(model)

    (loss_small, small), (loss_large, large) = train(1), train(10_000)
    assert loss_small == pytest.approx(loss_large, abs=1e-4)
    for a, b in zip(small, large, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=0)


@given(st.lists(st.text(max_size=12), max_size=6), st.integers(2, 9))
def test_blocks_lose_no_token_and_keep_the_order(
    tokenizer: PreTrainedTokenizerFast, texts: list[str], length: int
) -> None:
    blocks = blocks_of(tokenizer, texts, length)
    tokens = [token for block in blocks for token in block]
    every = [token for text in texts for token in (*tokenizer.encode(text), tokenizer.eos_token_id)]
    # One token alone at the end is no block: it has none before it to be predicted from.
    assert tokens == (every[:-1] if len(every) % length == 1 else every)
    assert all(len(block) == length for block in blocks[:-1])
    assert all(2 <= len(block) <= length for block in blocks[-1:])


@settings(max_examples=20)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_texts_can_be_read_off_the_blocks_again(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> None:
    (block,) = blocks_of(tokenizer, texts, 10_000)
    decoded_block = tokenizer.decode(list(block))
    assert isinstance(decoded_block, str)
    *decoded, after_the_last = decoded_block.split(tokenizer.eos_token)
    assert decoded == [tokenizer.bos_token + text for text in texts]
    assert after_the_last == ""


def test_a_block_of_one_token_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        blocks_of(tokenizer, TEXTS, 1)


def test_pretraining_is_a_function_of_its_seed(tokenizer: PreTrainedTokenizerFast) -> None:
    def trained(seed: int) -> list[torch.Tensor]:
        model = build_policy(CONFIG, tokenizer)
        pretrain(model, tokenizer, TEXTS, PretrainingConfig(batch_size=1, steps=3, seed=seed))
        return weights(model)

    first = trained(1)
    assert all(torch.equal(a, b) for a, b in zip(first, trained(1), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, trained(2), strict=True))


def test_no_steps_change_nothing(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    before = weights(model)
    result = pretrain(model, tokenizer, TEXTS, PretrainingConfig())
    assert (result.steps, result.tokens, result.final_loss) == (0, 0, 0.0)
    assert unchanged(model, before)


def test_tokens_are_counted_each_time_they_are_read(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    blocks = blocks_of(tokenizer, TEXTS, CONFIG.max_length)
    config = PretrainingConfig(batch_size=len(blocks), steps=2)
    assert pretrain(model, tokenizer, TEXTS, config).tokens == 2 * sum(map(len, blocks))


def test_there_must_be_text(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(InvalidInput, match="not empty"):
        pretrain(model, tokenizer, ["", ""], PretrainingConfig(steps=1))


def lean_files(directory: Path) -> Path:
    for name in ("b.lean", "a.lean", "deep/er/c.lean", "notes.txt"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"-- ∀ {path.stem}\n", encoding="utf-8")
    (directory / "d.lean").mkdir()
    return directory


def test_directories_are_searched_and_files_read_as_they_are_named(tmp_path: Path) -> None:
    directory = lean_files(tmp_path)
    found = ["-- ∀ a\n", "-- ∀ b\n", "-- ∀ c\n"]
    assert read_texts([directory]) == found
    assert read_texts([directory / "notes.txt", directory]) == ["-- ∀ notes\n", *found]
    assert read_texts([]) == []


def test_paths_that_cannot_be_read_are_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "latin.lean").write_bytes("-- é".encode("latin-1"))
    (tmp_path / "empty").mkdir()
    for name, advice in (
        ("missing.lean", "cannot read .*missing.lean: No such file.* Give the path of a Lean file"),
        ("latin.lean", "latin.lean is no text: invalid UTF-8 at byte 3. Convert it"),
        ("empty", "empty holds no .*lean file: give another directory"),
    ):
        with pytest.raises(InvalidInput, match=advice):
            read_texts([tmp_path / name])


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValidationError, match="only falls"):
        PretrainingConfig(learning_rate=1e-4, final_learning_rate=1e-3)
    with pytest.raises(ValidationError, match="would not be read"):
        PretrainingConfig(files=(Path("Proofs"),))


def start_with(
    directory: Path, **pretraining: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, set[str]]:
    """The model and the tokenizer of a supervised start of one tiny step, and what its time was spent on."""
    config = RunConfig.model_validate(
        {
            "policy": CONFIG,
            "pretraining": pretraining,
            "supervised": {"steps": 1, "learning_rate": 1e-6, "final_learning_rate": 0},
        }
    )
    directory.mkdir()
    supervised_start(config, PAIRS, directory)
    model, tokenizer = load_model(directory / "policy")
    return model, tokenizer, set(read_times(directory))


def test_the_supervised_start_begins_from_the_pretrained_model(tmp_path: Path) -> None:
    (tmp_path / "a.lean").write_text("-- Zermelo Zermelo Zermelo\n" * 20, encoding="utf-8")
    untrained, plain_tokenizer, times = start_with(tmp_path / "without")
    assert times == {"supervised"}

    pretraining = {"steps": 30, "learning_rate": 5e-3, "warmup_steps": 3}
    on_pairs, tokenizer, times = start_with(tmp_path / "pairs", **pretraining)
    assert times == {"pretraining", "supervised"}
    assert tokenizer.get_vocab() == plain_tokenizer.get_vocab()
    assert loss_on(on_pairs, tokenizer, TEXTS) < loss_on(untrained, tokenizer, TEXTS) / 2

    on_files, tokenizer, _ = start_with(tmp_path / "files", **pretraining, files=[str(tmp_path)])
    assert any("Zermelo" in token for token in tokenizer.get_vocab())
    text = [(tmp_path / "a.lean").read_text("utf-8")]
    assert loss_on(on_files, tokenizer, text) < 1 < loss_on(on_files, tokenizer, TEXTS)
