"""Tokenizer and policy: every text round-trips, log-probabilities are aligned, what is saved comes back."""

import random
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from prover.formats.prompts import completion_of, encode_completion, encode_prompt, prompt_of
from prover.generators.transformers import load_model
from prover.theorem import Theorem
from trainer.model.batching import Example, micro_batches, minibatches
from trainer.model.policy import (
    PolicyConfig,
    build_policy,
    save_policy,
    token_logprobs,
    token_logprobs_and_entropies,
)
from trainer.model.tokenizer import BOS, EOS, PAD, train_tokenizer
from verifier.errors import InvalidInput

LEAN_TEXTS = [
    "theorem t (a b : Nat) (h : a ≤ b) : a < b + 1 := by omega",
    "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := ⟨hp, hq⟩",
    "theorem t (n : Nat) : 0 + n = n := by\n  induction n with\n  | zero => rfl\n  | succ n ih => rw [← ih]",
    "theorem t : ∀ ε₁ : Int, ∃ δ, δ * 12 = 120 + ε₁ ↔ ¬ False := by\n\tsimp  -- ℝ₀",
]
SMALL = PolicyConfig(layers=2, width=64, heads=2, ffn=96, vocab_size=320, max_length=64)

lean_text = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("⟨⟩∀∃ℝℕ₀ε·←∣≤\n\t 0123456789"))


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(LEAN_TEXTS, SMALL.vocab_size)


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    return build_policy(SMALL, tokenizer, seed=1)


@pytest.fixture(scope="module")
def examples(tokenizer: PreTrainedTokenizerFast) -> list[Example]:
    pairs = [text.split(" := ") for text in LEAN_TEXTS]
    return [
        Example(
            tuple(encode_prompt(tokenizer, prompt))[-20:], tuple(encode_completion(tokenizer, proof))[-30:]
        )
        for prompt, proof in pairs
    ]


@given(text=lean_text | st.sampled_from([*LEAN_TEXTS, EOS, f"by {BOS}{PAD} simp"]))
@settings(max_examples=300, deadline=None)
def test_every_text_round_trips(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    ids = encode_completion(tokenizer, text)
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_special_tokens_written_in_a_proof_are_plain_text(tokenizer: PreTrainedTokenizerFast) -> None:
    ids = encode_completion(tokenizer, f"by {EOS} omega")
    assert ids.count(tokenizer.eos_token_id) == 1
    assert ids[-1] == tokenizer.eos_token_id


def test_numbers_are_read_digit_by_digit(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = ["120 120 120 120"] * 50
    tokens = train_tokenizer(texts, 320).tokenize("120")
    assert tokens == ["1", "2", "0"]


def test_a_prompt_begins_with_bos_and_is_the_statement_without_its_name_and_header(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    theorem = Theorem(
        name="t", statement="theorem t (n : Nat) : n = n\n", header="open Nat", source="test", split="train"
    )
    assert prompt_of(theorem) == "(n : Nat) : n = n := "
    ids = encode_prompt(tokenizer, prompt_of(theorem))
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.eos_token_id not in ids
    assert completion_of("\n by rfl\n") == "by rfl"


def test_a_tokenizer_without_text_or_room_is_refused() -> None:
    with pytest.raises(InvalidInput, match="text"):
        train_tokenizer([""])
    with pytest.raises(InvalidInput, match="vocab_size"):
        train_tokenizer(LEAN_TEXTS, 100)


def test_saved_policy_reloads_to_the_same_logits(
    tmp_path: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    directory = tmp_path / "policies" / "v1"
    save_policy(model, tokenizer, directory)
    loaded, loaded_tokenizer = load_model(directory)
    ids = torch.tensor([encode_prompt(tokenizer, LEAN_TEXTS[1])])
    assert torch.equal(loaded(ids).logits, model(ids).logits)
    assert all(encode_prompt(loaded_tokenizer, t) == encode_prompt(tokenizer, t) for t in [*LEAN_TEXTS, EOS])
    assert loaded_tokenizer.eos_token_id == loaded.config.eos_token_id == tokenizer.eos_token_id
    assert [path.name for path in directory.parent.iterdir()] == ["v1"], "a temporary directory was left"


def test_a_policy_version_is_never_overwritten(
    tmp_path: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(InvalidInput, match="exists already"):
        save_policy(model, tokenizer, tmp_path)


def test_loading_from_a_directory_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no model"):
        load_model(tmp_path)


def test_the_seed_decides_the_weights(tokenizer: PreTrainedTokenizerFast, model: LlamaForCausalLM) -> None:
    def same_as_model(seed: int) -> bool:
        other = build_policy(SMALL, tokenizer, seed=seed)
        return all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))

    assert same_as_model(1)
    assert not same_as_model(2)


def test_the_default_policy_has_as_many_parameters_as_its_documentation_says() -> None:
    config = PolicyConfig()
    with torch.device("meta"):
        llama = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=config.vocab_size,
                hidden_size=config.width,
                intermediate_size=config.ffn,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                tie_word_embeddings=config.tie_embeddings,
            )
        )
    parameters = sum(weight.numel() for weight in llama.parameters())
    assert f"about {round(parameters, -3):,} float32 parameters" in (PolicyConfig.__doc__ or "")
    assert config.width / config.heads == 32


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_logprobs_are_those_of_the_full_softmax_aligned_with_the_token(
    model: LlamaForCausalLM, examples: list[Example], temperature: float
) -> None:
    for example in examples:
        (batch,) = micro_batches([example], max_tokens=1)
        inputs = (batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
        with torch.no_grad():
            logprobs_BT, entropies_BT = token_logprobs_and_entropies(model, *inputs, temperature=temperature)
            log_TV = (model(batch.input_ids_BT).logits[0] / temperature).log_softmax(-1)
        for t, token in enumerate(batch.input_ids_BT[0].tolist()):
            if t < len(example.prompt_ids):
                assert logprobs_BT[0, t] == entropies_BT[0, t] == 0
                continue
            log_V = log_TV[t - 1]
            assert float(logprobs_BT[0, t]) == pytest.approx(float(log_V[token]), abs=1e-5)
            assert float(entropies_BT[0, t]) == pytest.approx(float(-(log_V.exp() * log_V).sum()), abs=1e-4)


def test_padding_and_neighbours_change_no_logprob(model: LlamaForCausalLM, examples: list[Example]) -> None:
    (together,) = micro_batches(examples, max_tokens=10_000)
    inputs = (together.input_ids_BT, together.attention_mask_BT, together.response_mask_BT)
    logprobs_BT = token_logprobs(model, *inputs)
    for row, example in enumerate(sorted(examples, key=len)):
        (alone,) = micro_batches([example], max_tokens=1)
        expected = token_logprobs(model, alone.input_ids_BT, alone.attention_mask_BT, alone.response_mask_BT)
        torch.testing.assert_close(logprobs_BT[row, : len(example)], expected[0], atol=1e-5, rtol=0)


@given(
    lengths=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=40),
    max_tokens=st.integers(1, 200),
)
@settings(deadline=None)
def test_micro_batches_hold_every_example_once_within_the_budget(
    lengths: list[tuple[int, int]], max_tokens: int
) -> None:
    examples = [
        Example((1,) * p, (i + 2,) * r, old_logprobs=(-float(i),) * r, advantages=(float(i),) * r)
        for i, (p, r) in enumerate(lengths)
    ]
    seen = []
    for batch in micro_batches(examples, max_tokens=max_tokens):
        assert len(batch) == 1 or batch.input_ids_BT.numel() <= max_tokens
        for b in range(len(batch)):
            response = batch.response_mask_BT[b] == 1
            (i,) = set(batch.advantages_BT[b][response].int().tolist())
            assert batch.input_ids_BT[b][response].tolist() == list(examples[i].token_ids)
            assert batch.old_logprobs_BT[b][response].tolist() == list(examples[i].old_logprobs or ())
            assert int(batch.attention_mask_BT[b].sum()) == len(examples[i])
            seen.append(i)
    assert sorted(seen) == list(range(len(examples)))


@pytest.mark.parametrize(
    ("examples", "cause"),
    [
        ([], "no example"),
        ([Example((), (1,))], "empty prompt"),
        ([Example((1,), ())], "empty response"),
        ([Example((1,), (1, 2), old_logprobs=(-1.0,))], "recorded whole"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_by_cause(examples: list[Example], cause: str) -> None:
    with pytest.raises(InvalidInput, match=cause):
        micro_batches(examples, max_tokens=100)


def test_minibatches_hold_every_item_once_in_an_order_of_the_seed() -> None:
    def draw(seed: int) -> list[list[int]]:
        return list(minibatches(range(10), 4, random.Random(seed)))

    assert sorted(x for batch in draw(0) for x in batch) == list(range(10))
    assert [len(batch) for batch in draw(0)] == [4, 4, 2]
    assert draw(0) == draw(0) != draw(1)
    with pytest.raises(InvalidInput, match="nothing"):
        next(minibatches([], 4, random.Random(0)))
