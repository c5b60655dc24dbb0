"""The ranker: what makes a pair, which rows are preference data, and that it learns to choose."""

import copy
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    AutoModelForSequenceClassification,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from prover.formats.prompts import encode_completion, encode_prompt
from prover.theorem import Attempt
from trainer.learners.preferences import (
    Pair,
    Preference,
    encode_preferences,
    load_preferences,
    pairs_of,
    read_preferences,
)
from trainer.learners.ranker import RankerConfig, build_ranker, load_ranker, score, train_ranker
from trainer.model.batching import Example
from trainer.model.policy import PolicyConfig, build_policy, save_policy
from trainer.model.tokenizer import train_tokenizer
from trainer.rollout import Rollout
from verifier.errors import InvalidInput
from verifier.jsonl import BadRow
from verifier.verdict import Status, Verdict

PROMPTS = ["(a b : Nat) : a + b = b + a := ", "(n : Nat) : n = n := ", "(p : Prop) (h : p) : p := "]
GOOD = ["by omega", "by exact h", "by rfl", "by decide"]
CONFIG = PolicyConfig(layers=1, width=32, heads=2, ffn=32, vocab_size=300, max_length=64)
ROW = {"prompt": "x := ", "chosen": "by simp", "rejected": "by omega"}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer([*PROMPTS, *GOOD], CONFIG.vocab_size)


@pytest.fixture
def policy(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    return build_policy(CONFIG, tokenizer)


def example_of(tokenizer: PreTrainedTokenizerBase, prompt: str, proof: str) -> Example:
    return Example(tuple(encode_prompt(tokenizer, prompt)), tuple(encode_completion(tokenizer, proof)))


def toy_pairs(tokenizer: PreTrainedTokenizerFast, prompts: list[str]) -> list[Pair]:
    """A proof is better than the same proof with `sorry` somewhere in it."""
    pairs = []
    for prompt in prompts:
        for proof in GOOD:
            for worse in (f"{proof}; sorry", f"by sorry; {proof}"):
                chosen = example_of(tokenizer, prompt, proof)
                pairs.append(Pair(chosen, example_of(tokenizer, prompt, worse)))
    return pairs


def rollout(
    token: int,
    status: Status,
    *,
    name: str = "t",
    proof: str | None = None,
    prompt: int = 1,
    finished: bool = True,
) -> Rollout:
    attempt = Attempt(
        group=name,
        index=0,
        theorem=name,
        policy_version=0,
        proof=str(token) if proof is None else proof,
        prompt_ids=(prompt,),
        token_ids=(token,),
        logprobs=(-1.0,),
        finished=finished,
    )
    return Rollout(attempt=attempt, verdict=Verdict(id="a", status=status, reason=""))


def tokens_of(pairs: list[Pair]) -> set[tuple[int, int]]:
    return {(pair.chosen.token_ids[0], pair.rejected.token_ids[0]) for pair in pairs}


def test_pairs_are_proved_over_refuted_attempts_of_one_theorem_and_unknown_ones_are_in_none() -> None:
    rollouts = [
        rollout(10, Status.PROVED),
        rollout(11, Status.REJECTED),
        rollout(12, Status.INCOMPLETE),
        rollout(13, Status.TIMEOUT),
        rollout(14, Status.CRASHED),
        rollout(20, Status.PROVED, name="only proved"),
        rollout(21, Status.TIMEOUT, name="only proved"),
        rollout(30, Status.REJECTED, name="only refuted"),
    ]
    pairs = pairs_of(rollouts, eos_id=2, per_theorem=10)
    assert tokens_of(pairs) == {(10, 11), (10, 12)}
    assert all(pair.chosen.prompt_ids == pair.rejected.prompt_ids == (1,) for pair in pairs)


def test_answers_to_different_prompts_make_no_pair() -> None:
    rollouts = [rollout(10, Status.PROVED, prompt=1), rollout(11, Status.REJECTED, prompt=3)]
    assert pairs_of(rollouts, eos_id=2, per_theorem=10) == []


def test_the_same_text_again_makes_no_new_pair() -> None:
    proved = rollout(10, Status.PROVED)
    again = [rollout(t, Status.REJECTED, proof=f"by simp{' ' * t}\n\n") for t in range(11, 15)]
    assert tokens_of(pairs_of([proved, proved, *again], eos_id=2, per_theorem=10)) == {(10, 11)}
    unknown = rollout(9, Status.TIMEOUT, proof="10")
    assert tokens_of(pairs_of([unknown, proved, *again], eos_id=2, per_theorem=10)) == {(10, 11)}


def test_a_theorem_gives_at_most_its_cap_drawn_by_seed_and_not_by_its_neighbours() -> None:
    def attempts(name: str) -> list[Rollout]:
        proved = [rollout(t, Status.PROVED, name=name) for t in range(10, 15)]
        return proved + [rollout(t, Status.REJECTED, name=name) for t in range(20, 25)]

    alone = pairs_of(attempts("a"), eos_id=2, per_theorem=4, seed=1)
    both = pairs_of([*attempts("b"), *attempts("a")], eos_id=2, per_theorem=4, seed=1)
    assert len(tokens_of(alone)) == len(alone) == 4
    assert len(both) == 8
    assert both[4:] == alone
    assert pairs_of(attempts("a"), eos_id=2, per_theorem=4, seed=2) != alone
    assert len(pairs_of(attempts("a"), eos_id=2, per_theorem=100)) == 25


def test_a_missing_end_token_does_not_give_a_refuted_attempt_away() -> None:
    cut = rollout(11, Status.REJECTED, finished=False)
    (pair,) = pairs_of([rollout(2, Status.PROVED), cut], eos_id=2, per_theorem=1)
    assert (pair.chosen.token_ids, pair.rejected.token_ids) == ((2,), (11, 2))


def test_a_new_ranker_prefers_nothing_and_leaves_the_policy_alone(
    policy: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    before = policy.model.embed_tokens.weight.clone()
    ranker = build_ranker(policy)
    examples = [example_of(tokenizer, PROMPTS[0], proof) for proof in GOOD]
    assert score(ranker, examples) == [0.0] * 4
    stats = train_ranker(ranker, toy_pairs(tokenizer, PROMPTS[:1]), RankerConfig(batch_size=100))
    assert stats.loss == pytest.approx(math.log(2))
    assert stats.details["accuracy"] == 0.5
    assert torch.equal(policy.model.embed_tokens.weight, before)


def test_a_score_is_the_head_on_the_last_token_in_the_order_given_whatever_the_padding(
    policy: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    ranker = build_ranker(policy)
    torch.manual_seed(0)
    torch.nn.init.normal_(ranker.get_parameter("score.weight"))
    proofs = ["by exact h; sorry; sorry", "h", "by omega", "by rfl <;> simp"]
    examples = [example_of(tokenizer, PROMPTS[0], proof) for proof in proofs]
    expected = []
    for example in examples:
        with torch.no_grad():
            hidden = ranker.model(torch.tensor([example.prompt_ids + example.token_ids])).last_hidden_state
            expected.append(float(hidden[0, -1] @ ranker.get_parameter("score.weight")[0]))
    for max_tokens in (1, 60, 10_000):
        assert score(ranker, examples, max_tokens=max_tokens) == pytest.approx(expected, abs=1e-4)


def test_it_learns_a_preference_and_has_it_on_a_prompt_it_never_saw(
    policy: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    ranker = build_ranker(policy)
    config = RankerConfig(learning_rate=3e-3, epochs=15, batch_size=8)
    stats = train_ranker(ranker, toy_pairs(tokenizer, PROMPTS[:2]), config)
    assert stats.optimizer_steps == 15 * 2
    assert stats.sequences == 2 * (4 + 8)
    for pair in toy_pairs(tokenizer, PROMPTS[2:]):
        chosen, rejected = score(ranker, [pair.chosen, pair.rejected])
        assert chosen > rejected
    texts = ["by sorry; by decide", "by decide; sorry", "by decide", "by sorry; by rfl"]
    candidates = [example_of(tokenizer, PROMPTS[2], text) for text in texts]
    scores = score(ranker, candidates)
    assert scores.index(max(scores)) == 2


def test_micro_batches_and_the_order_of_pairs_within_a_step_change_no_update(
    policy: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    pairs = toy_pairs(tokenizer, PROMPTS)
    after = []
    for max_tokens in (1, 100, 100_000):
        ranker = build_ranker(policy)
        train_ranker(ranker, pairs, RankerConfig(batch_size=len(pairs), epochs=3, max_tokens=max_tokens))
        after.append(score(ranker, [pair.chosen for pair in pairs]))
    assert after[0] == pytest.approx(after[2], abs=1e-4)
    assert after[1] == pytest.approx(after[2], abs=1e-4)
    assert any(after[2])


def test_a_saved_ranker_comes_back_for_us_and_for_transformers(
    tmp_path: Path, policy: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    ranker = build_ranker(policy)
    torch.nn.init.normal_(ranker.get_parameter("score.weight"))
    save_policy(ranker, tokenizer, tmp_path / "ranker")
    loaded, loaded_tokenizer = load_ranker(tmp_path / "ranker")
    examples = [example_of(loaded_tokenizer, PROMPTS[0], proof) for proof in GOOD]
    assert score(loaded, examples) == score(ranker, examples)
    elsewhere = AutoModelForSequenceClassification.from_pretrained(tmp_path / "ranker")
    ids = torch.tensor([examples[0].prompt_ids + examples[0].token_ids])
    assert float(elsewhere(ids).logits.detach()) == pytest.approx(score(ranker, examples[:1])[0], abs=1e-5)


def test_the_policy_of_a_ranker_may_be_in_bfloat16(
    policy: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    low = copy.deepcopy(policy).bfloat16()
    low.config.dtype = torch.bfloat16
    ranker = build_ranker(low)
    assert {each.dtype for each in ranker.parameters()} == {torch.float32}
    train_ranker(ranker, toy_pairs(tokenizer, PROMPTS[:1]), RankerConfig())
    assert any(score(ranker, [example_of(tokenizer, PROMPTS[0], "by rfl")]))


def test_a_directory_without_a_ranker_is_refused(
    tmp_path: Path, policy: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(InvalidInput, match="holds no model"):
        load_ranker(tmp_path)
    save_policy(policy, tokenizer, tmp_path / "policy")
    with pytest.raises(InvalidInput, match="no head to score with"):
        load_ranker(tmp_path / "policy")


def test_nothing_to_learn_from_or_to_choose_from_is_refused(policy: LlamaForCausalLM) -> None:
    ranker = build_ranker(policy)
    with pytest.raises(InvalidInput):
        train_ranker(ranker, [], RankerConfig())
    with pytest.raises(InvalidInput):
        score(ranker, [])


def chat(*messages: tuple[str, object]) -> list[dict[str, object]]:
    return [{"role": role, "content": content} for role, content in messages]


def line(**changes: object) -> bytes:
    row = {name: value for name, value in (ROW | changes).items() if value is not None}
    return json.dumps(row).encode()


def test_texts_and_chats_are_read_alike_and_other_columns_are_left_aside() -> None:
    question = ("user", "Prove x.")
    chats = line(
        chosen=chat(question, ("assistant", "by simp")),
        rejected=chat(("system", "You prove."), question, ("assistant", "by omega")),
        score_chosen=0.9,
    )
    assert list(read_preferences([line(), b" \n", chats])) == [Preference(**ROW)] * 2
    marked = [b"\xef\xbb\xbf" + line() + b"\r\n", b"\r\n", line() + b"\r\n"]
    assert list(read_preferences(marked)) == [Preference(**ROW)] * 2


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        (b'{"prompt": ', "malformed JSON"),
        (b"[1]", "JSON object"),
        (b"\xff", "invalid UTF-8 at byte 0"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (line(prompt=None), "field `prompt`"),
        (line(prompt=""), "field `prompt`"),
        (line(prompt="\ud800"), "field `prompt`"),
        (line(chosen=None), "field `chosen`"),
        (line(chosen=3), "field `chosen`"),
        (line(rejected=""), "field `rejected`"),
        (line(rejected="by simp"), "nothing is preferred"),
        (line(chosen=[]), "field `chosen`: the last message of a chat must be the assistant's"),
        (line(chosen=["by simp"]), "the assistant's"),
        (line(chosen=chat(("assistant", "by simp"), ("user", "thanks"))), "the assistant's"),
        (line(rejected=chat(("assistant", [{"type": "text", "text": "x"}]))), "must have a text"),
        (line(rejected=chat(("assistant", ""))), "field `rejected`"),
    ],
)
def test_a_bad_row_is_named_by_line_and_cause_and_its_neighbours_are_kept(
    tmp_path: Path, bad: bytes, cause: str
) -> None:
    path = tmp_path / "preferences.jsonl"
    path.write_bytes(b"\n".join([line(), b"", bad, line(prompt="y := ")]))
    preferences, (complaint,) = load_preferences(path)
    assert [each.prompt for each in preferences] == ["x := ", "y := "]
    assert complaint.line == 3
    assert cause in complaint.reason


@given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda x: line(chosen=x)))
def test_no_bytes_whatsoever_make_reading_fail(junk: bytes) -> None:
    rows = list(read_preferences([junk.replace(b"\n", b"")]))
    assert all(isinstance(row, Preference | BadRow) for row in rows)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        load_preferences(tmp_path / "none.jsonl")


def test_preferences_become_pairs_of_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    (pair,) = encode_preferences(tokenizer, [Preference(**ROW)], max_length=64)
    assert pair.chosen == example_of(tokenizer, "x := ", "by simp")
    assert pair.rejected == example_of(tokenizer, "x := ", "by omega")
    with pytest.raises(InvalidInput, match="max_length"):
        encode_preferences(tokenizer, [Preference(**ROW)], max_length=3)
