"""The conjecturer: what a model writes becomes proposals, and what is hard but provable is rewarded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.conjectures.base import How, Proposer, Unsolved
from prover.conjectures.conjecturer import (
    HARD_BELOW,
    AttemptedConjecture,
    Conjecturer,
    conjecture_prompt,
    difficulty_reward,
    parse_conjecture,
    reward_conjectures,
    training_pairs,
)
from prover.formats.prompts import prompt_of
from prover.generators.base import Generator, Sample, SamplingParams
from prover.generators.transformers import TransformersGenerator
from prover.syntax.signature import parse_signature
from prover.theorem import Theorem
from tests.support.toys import CONFIG
from trainer.learners.supervised import SupervisedConfig, train_supervised
from trainer.model.policy import build_policy
from trainer.model.tokenizer import train_tokenizer
from verifier.judging.pool import LeanPool

SEEDS = [
    Theorem(name=name, statement=f"theorem {name} {said}", source="test", split="train", family="f")
    for name, said in (
        ("add", "(a b : Nat) : a + b = b + a"),
        ("true", ": 2 + 2 = 4"),
        ("list", "(xs : List Nat) : xs ++ [] = xs"),
    )
]
CONJECTURES = ["(a b c : Nat) : a + b + c = c + b + a", ": 2 + 3 = 5", "(xs : List Nat) : [] ++ xs = xs"]


def sample(text: str, *, finished: bool = True) -> Sample:
    return Sample(text, (), (), (), finished)


def tried(number: int, proved: int, refuted: int, shortest_proof: str = "") -> AttemptedConjecture:
    conjecture = parse_conjecture(SEEDS[1], sample(f": {number:04d} + 1 = 7"))
    assert conjecture is not None
    return AttemptedConjecture(conjecture, proved, refuted, shortest_proof)


# what is written


def test_the_prompt_shows_the_theorem_and_is_no_prompt_for_a_proof() -> None:
    prompt = conjecture_prompt(SEEDS[0])
    assert prompt == "theorem (a b : Nat) : a + b = b + a\ntheorem "
    assert not prompt.startswith(prompt_of(SEEDS[0])[:3])


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("(n : Nat) : n = n", "(n : Nat) : n = n"),
        (" : 1 = 2 := by simp", ": 1 = 2"),
        ("(h : let k := 2; k = 3) : 1 = 2\ntheorem (n : Nat", "(h : let k := 2; k = 3) : 1 = 2"),
    ],
)
def test_what_is_written_up_to_a_proof_or_another_theorem_is_the_conjecture(
    text: str, statement: str
) -> None:
    found = parse_conjecture(SEEDS[0], sample(text))
    assert found is not None
    assert found.theorem.statement == f"theorem {found.theorem.name} {statement}"
    assert found.theorem.name.startswith("add.conjecture_")
    assert (found.parent, found.how, found.theorem.split) == ("add", How.CONJECTURE, "train")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(n : Nat)",
        "(n : Nat : n = n",
        "by omega",
        "(x y : Nat)  : x + y = y + x",
        ":= rfl",
        "\ntheorem : 1 = 1",
    ],
)
def test_what_is_no_statement_or_the_same_is_none(text: str) -> None:
    assert parse_conjecture(SEEDS[0], sample(text)) is None


def test_a_statement_that_was_cut_off_is_none() -> None:
    assert parse_conjecture(SEEDS[0], sample("(n : Nat) : n = n + n", finished=False)) is None
    assert parse_conjecture(SEEDS[0], sample("(n : Nat) : n = n + n := by si", finished=False)) is not None


@given(st.text(max_size=60))
def test_any_text_is_a_statement_or_none(text: str) -> None:
    found = parse_conjecture(SEEDS[0], sample(text))
    assert found is None or parse_signature(found.theorem.statement).name == found.theorem.name


# what is rewarded


def test_low_but_positive_pass_rates_are_rewarded_and_no_others() -> None:
    rates = (None, 0.0, 1 / 64, 0.2499, HARD_BELOW, 0.5, 1.0)
    assert [difficulty_reward(rate) for rate in rates] == [None, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]


def test_the_pass_rate_is_over_what_was_decided() -> None:
    assert tried(1, 1, 7).pass_rate == 1 / 8
    assert tried(1, 0, 0).pass_rate is None


def test_of_the_hard_ones_the_fifth_with_short_proofs_for_their_length_gets_nothing() -> None:
    lengths = (9, 3, 8, 7, 6, 5, 4, 10, 2, 11)
    hard = [tried(number, 1, 7, "x" * length) for number, length in enumerate(lengths)]
    expected = [0.0 if length in (2, 3) else 1.0 for length in lengths]
    assert reward_conjectures(hard) == expected
    easy = [tried(90, 8, 0, "x"), tried(91, 0, 8), tried(92, 0, 0)]
    assert reward_conjectures([*easy, *hard]) == [0.0, 0.0, None, *expected]
    assert reward_conjectures(hard[:1]) == [1.0]
    assert reward_conjectures([]) == []


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(0, 30)), max_size=12))
def test_a_reward_never_goes_to_what_is_easy_or_unproved(rows: list[tuple[int, int, int]]) -> None:
    all_tried = [
        tried(number, proved, refuted, "x" * length) for number, (proved, refuted, length) in enumerate(rows)
    ]
    for each, reward in zip(all_tried, reward_conjectures(all_tried), strict=True):
        difficulty = difficulty_reward(each.pass_rate)
        assert reward == difficulty or (difficulty, reward) == (1.0, 0.0)
    hard = [each for each in all_tried if difficulty_reward(each.pass_rate) == 1]
    assert sum(reward == 1 for reward in reward_conjectures(all_tried)) >= len(hard) - len(hard) // 5


def test_pairs_to_learn_from_are_those_that_were_rewarded() -> None:
    easy, hard = tried(1, 8, 0), tried(2, 1, 7)
    assert training_pairs([easy, hard], {"true": SEEDS[1]}) == [
        ("theorem : 2 + 2 = 4\ntheorem ", ": 0002 + 1 = 7")
    ]


# a model that writes


@pytest.fixture(scope="module")
def writer() -> TransformersGenerator:
    """A toy that has learned one conjecture of each seed."""
    pairs = [(conjecture_prompt(seed), text) for seed, text in zip(SEEDS, CONJECTURES, strict=True)]
    tokenizer = train_tokenizer([prompt + text for prompt, text in pairs], CONFIG.vocab_size)
    model = build_policy(CONFIG, tokenizer, seed=0)
    config = SupervisedConfig(learning_rate=5e-3, warmup_steps=5, batch_size=3, steps=60)
    train_supervised(model, tokenizer, pairs, config)
    return TransformersGenerator(model, tokenizer)


@pytest.mark.usefixtures("one_thread")
async def test_a_model_that_learned_to_conjecture_proposes_what_lean_accepts(
    writer: Generator, pool: LeanPool
) -> None:
    conjecturer: Proposer = Conjecturer(writer, SamplingParams(samples=1, greedy=True, max_new_tokens=64))
    unsolved = [Unsolved(seed) for seed in SEEDS]
    unreadable = Unsolved(SEEDS[0].model_copy(update={"statement": "theorem add (a"}))
    found = conjecturer.propose([unsolved[0], unreadable, *unsolved[1:]])
    assert [each.parent for each in found] == [seed.name for seed in SEEDS]
    assert [each.theorem.statement.split(" ", 2)[2] for each in found] == CONJECTURES
    for each in found:
        assert (await pool.statement(each.theorem.statement)).statement_error is None


@pytest.mark.usefixtures("one_thread")
def test_what_is_written_twice_is_proposed_once_and_the_same_seed_writes_the_same(writer: Generator) -> None:
    sampling = SamplingParams(samples=6, temperature=1.0, max_new_tokens=64, seed=3)
    found = Conjecturer(writer, sampling).propose([Unsolved(SEEDS[0]), Unsolved(SEEDS[0])])
    assert len({each.theorem.statement for each in found}) == len(found) > 0
    assert Conjecturer(writer, sampling).propose([Unsolved(SEEDS[0]), Unsolved(SEEDS[0])]) == found
