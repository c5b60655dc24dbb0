"""The seam to whatever judges, and the judge of arithmetic: right, wrong, or no fault of the answer."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.generators.base import SamplingParams
from prover.generators.transformers import TransformersGenerator
from prover.theorem import Theorem
from tests.support.toys import CONFIG, attempt_of
from trainer.learners.policy_gradient import PolicyGradientConfig, PolicyGradientLearner
from trainer.learners.supervised import SupervisedConfig, train_supervised
from trainer.model.policy import build_policy
from trainer.model.tokenizer import train_tokenizer
from trainer.rollout import Rollout
from verifier.judging.pool import LeanPool
from verifier.judging.reward import MAX_STATEMENT, ArithmeticVerifier, Verifier
from verifier.verdict import Kind, Status, Submission, Verdict


async def verdicts_of(verifier: Verifier, submissions: list[Submission]) -> dict[str, Verdict]:
    return {verdict.id: verdict async for verdict in verifier.verify_many(submissions)}


async def judged(statement: str, proof: str) -> Verdict:
    submission = Submission(id="a", statement=statement, proof=proof)
    return (await verdicts_of(ArithmeticVerifier(), [submission]))["a"]


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("17 + 25 * 3", 92),
        ("(17 + 25) * 3", 126),
        (" 1 - 2 - 3\n", -4),
        ("-3 * -(2 + +1)", 9),
        ("7", 7),
        ("9" * 95 + "*" + "9" * 95, int("9" * 95) ** 2),
        ("-" * 190 + "1", 1),
    ],
)
async def test_the_value_of_the_expression_is_proved_and_no_other(statement: str, answer: int) -> None:
    assert (await judged(statement, f"Answer: {answer}")).status is Status.PROVED
    assert (await judged(statement, f"Answer: {answer + 1}")).status is Status.REJECTED


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("25 * 3 = 75, so 92.\nAnswer: 92", Status.PROVED),
        ("Answer:92.", Status.PROVED),
        ("Answer: 092, surely", Status.PROVED),
        ("Answer: 91\nNo.  Answer: 92", Status.PROVED),
        ("Answer: 92\nAnswer: 93", Status.REJECTED),
        ("Answer: 92 or else\nAnswer: I do not know", Status.REJECTED),
        ("Answer: 92.5", Status.REJECTED),
        ("Answer: 92,000", Status.REJECTED),
        ("Answer: 921", Status.REJECTED),
        ("Answer: -92", Status.REJECTED),
        ("Answer: 17 + 25 * 3", Status.REJECTED),
        ("Answer:\n92", Status.REJECTED),
        ("Answer: " + "9" * 10_000, Status.REJECTED),
        ("92", Status.REJECTED),
        ("", Status.REJECTED),
    ],
)
async def test_the_last_answer_counts_so_that_listing_all_of_them_earns_nothing(
    text: str, status: Status
) -> None:
    assert (await judged("17 + 25 * 3", text)).status is status


@pytest.mark.parametrize(
    "statement",
    [
        "17 +",
        "2 ** 9",
        "9 // 2",
        "1 / 1",
        "1.5 + 1",
        "True + 1",
        "x + 1",
        "'a' * 3",
        "int(1)",
        "__import__('os').getpid()",
        "(lambda: 1)()",
        "[1][0]",
        "~1",
        "1 < 2",
        "1 +\n2",
        "1\0",
        "1" * (MAX_STATEMENT + 1),
        "(" * 99 + "1",
        "(" * 200,
        "theorem t : 1 + 1 = 2",
    ],
)
async def test_what_cannot_be_computed_is_unknown_because_the_task_is_at_fault(statement: str) -> None:
    verdict = await judged(statement, "Answer: 1")
    assert (verdict.status, verdict.kind) == (Status.INFRA_ERROR, Kind.UNKNOWN)
    assert "mend the task" in verdict.reason


@given(statement=st.text("0123456789+-*() ~/.eEjx_'\"[]{}:=\n\0", min_size=1, max_size=250), text=st.text())
async def test_no_text_whatsoever_makes_judging_fail(statement: str, text: str) -> None:
    assert (await judged(statement, text)).kind in (Kind.REFUTED, Kind.UNKNOWN, Kind.PROVED)


async def test_the_longest_product_is_judged_at_once() -> None:
    started = time.monotonic()
    await judged("*".join(["9"] * 100), "Answer: 1")
    assert time.monotonic() - started < 1


async def test_every_submission_gets_its_own_verdict() -> None:
    submissions = [
        Submission(id="right", statement="1 + 1", proof="Answer: 2"),
        Submission(id="wrong", statement="1 + 1", code="Answer: 3"),
        Submission(id="broken", statement="1 +", proof="Answer: 1"),
    ]
    verdicts = await verdicts_of(ArithmeticVerifier(), submissions)
    assert {each: verdict.kind for each, verdict in verdicts.items()} == {
        "right": Kind.PROVED,
        "wrong": Kind.REFUTED,
        "broken": Kind.UNKNOWN,
    }


async def test_a_policy_learns_from_what_the_checker_of_arithmetic_says(one_thread: None) -> None:
    """Sampled, judged, rewarded: it knows two answers and comes to give the right one."""
    prompt, answers = "17 + 25 = ", ("Answer: 42", "Answer: 24")
    tokenizer = train_tokenizer([f"{prompt}{each}" for each in answers], CONFIG.vocab_size)
    model = build_policy(CONFIG, tokenizer, seed=0)
    pairs = [(prompt, each) for each in answers]
    train_supervised(
        model, tokenizer, pairs, SupervisedConfig(learning_rate=5e-3, batch_size=2, steps=80, warmup_steps=5)
    )
    theorem = Theorem(name="sum", statement="17 + 25", source="test", split="train")
    learner = PolicyGradientLearner(model, PolicyGradientConfig(learning_rate=1e-3, epochs=2))
    proved = []
    for seed in range(12):
        params = SamplingParams(samples=64, max_new_tokens=16, seed=seed)
        (samples,) = TransformersGenerator(model, tokenizer).sample([prompt], params)
        attempts = [attempt_of(each, index=i) for i, each in enumerate(samples)]
        said = await verdicts_of(
            ArithmeticVerifier(),
            [Submission(id=each.id, statement=theorem.statement, proof=each.proof) for each in attempts],
        )
        proved.append(sum(verdict.kind is Kind.PROVED for verdict in said.values()))
        learner.update([Rollout(attempt=each, verdict=said[each.id]) for each in attempts])
    assert 15 < proved[0] < 49
    assert proved[-1] > 54


async def test_leans_pool_fits_the_same_seam(pool: LeanPool) -> None:
    submissions = [
        Submission(id="right", statement="theorem t : 1 + 1 = 2", proof="rfl"),
        Submission(id="wrong", statement="theorem t : 1 + 1 = 3", proof="rfl"),
    ]
    verdicts = await verdicts_of(pool, submissions)
    assert verdicts["right"].kind is Kind.PROVED
    assert verdicts["wrong"].kind is Kind.REFUTED
