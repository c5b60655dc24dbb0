"""`proofmill worker generator`: what cannot be sampled hurts nothing else; what is stopped is handed on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from prover.generators.base import SamplingParams
from prover.generators.messages import Order, Task
from prover.generators.sealed import SUMS, BrokenDirectory, digest_of_seal, seal
from prover.generators.transformers import TransformersEngine
from prover.generators.worker import GENERATOR_GROUP, load_with, sample_order
from prover.theorem import Attempt, Theorem
from trainer.model.policy import save_policy
from verifier.streams.connection import REDIS_VARIABLE, connect
from verifier.streams.judge_request import JudgeRequest
from verifier.streams.stream import Stream, StreamNames
from verifier.streams.valkey import EmbeddedRedis

NAMES = StreamNames("run")


@pytest.fixture
def policy(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> Path:
    save_policy(model, tokenizer, tmp_path / "policy")
    seal(tmp_path / "policy")
    return tmp_path / "policy"


def task(policy: Path, name: str, statement: str, samples: int = 2) -> Task:
    return Task(
        id=name,
        theorem=Theorem(name=name, statement=statement, source="test", split="train"),
        policy=str(policy),
        policy_version=1,
        policy_digest=digest_of_seal(policy) if (policy / SUMS).exists() else None,
        sampling=SamplingParams(samples=samples, max_new_tokens=8),
    )


def test_a_theorem_that_is_too_long_is_refused_and_its_neighbours_are_sampled(policy: Path) -> None:
    order = Order(
        tasks=(
            task(policy, "a", "theorem a : True"),
            task(policy, "long", "theorem long : " + "x + " * 200),
            task(policy, "b", "theorem b : True"),
        )
    )
    sampled = sample_order(load_with(TransformersEngine("cpu", threads=1)), order)
    assert [each.id for each in sampled.attempts] == ["a/0", "a/1", "b/0", "b/1"]
    assert [each.id for each in sampled.submissions] == ["a/0", "a/1", "b/0", "b/1"]
    ((who, why),) = sampled.refused
    assert who.id == "long"
    assert "leaves no room" in why


def test_given_proofs_go_to_the_verifier_and_take_nothing_from_their_neighbours(policy: Path) -> None:
    alone = Order(tasks=(task(policy, "a", "theorem a : True"), task(policy, "b", "theorem b : True")))
    given = task(policy, "n", "theorem n : ¬ False").model_copy(update={"proofs": ("id", "by simp")})
    order = Order(tasks=(alone.tasks[0], given, alone.tasks[1]))
    load = load_with(TransformersEngine("cpu", threads=1))
    sampled = sample_order(load, order)
    assert not sampled.refused
    assert [each.id for each in sampled.submissions] == ["a/0", "a/1", "n/0", "n/1", "b/0", "b/1"]
    assert [each.proof for each in sampled.submissions[2:4]] == ["id", "by simp"]
    assert [each.id for each in sampled.attempts] == ["a/0", "a/1", "b/0", "b/1"], "nobody sampled the others"


def test_an_order_is_sampled_to_the_same_bits_whoever_samples_it(policy: Path) -> None:
    tasks = [task(policy, f"t{n}", f"theorem t{n} : {'a ' * n}= b", samples=4) for n in range(6)]
    order = Order(tasks=tuple(tasks))
    first, second = (
        sample_order(load_with(TransformersEngine("cpu", threads=1)), order).attempts for _ in range(2)
    )
    untimed = [
        [each.model_copy(update={"sampling_ms": 0.0}) for each in attempts] for attempts in (first, second)
    ]
    assert untimed[0] == untimed[1]


def test_what_goes_back_to_the_trainer_names_the_theorem_and_has_neither_its_statement_nor_its_header(
    policy: Path,
) -> None:
    with_header = task(policy, "a", "theorem a : True").theorem.model_copy(update={"header": "open Nat"})
    order = Order(tasks=(task(policy, "a", "theorem a : True").model_copy(update={"theorem": with_header}),))
    sampled = sample_order(load_with(TransformersEngine("cpu", threads=1)), order)
    for attempt, submission in zip(sampled.attempts, sampled.submissions, strict=True):
        assert (attempt.theorem, attempt.group, attempt.id) == ("a", "a", submission.id)
        assert (submission.header, submission.proof) == ("open Nat", attempt.proof)
        assert "open Nat" not in attempt.model_dump_json() and "True" not in attempt.model_dump_json()


def test_a_policy_that_was_cut_short_is_not_sampled_from(policy: Path) -> None:
    order = Order(tasks=(task(policy, "a", "theorem a : True"),))
    weights = policy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(BrokenDirectory, match=r"model\.safetensors is not as it was written"):
        sample_order(load_with(TransformersEngine("cpu", threads=1)), order)


@pytest.mark.e2e
def test_a_generator_that_is_stopped_hands_its_order_on_at_once(
    policy: Path, redis_server: EmbeddedRedis
) -> None:
    with connect(redis_server.url) as client:
        orders = Stream(client, NAMES.tasks, Order)
        # Too much to finish, so that it is stopped in the middle.
        busy = task(policy, "a", "theorem a : True").model_copy(
            update={"sampling": SamplingParams(samples=60_000, max_new_tokens=100)}
        )
        orders.publish(Order(tasks=(busy,)))
        process = start_generator(redis_server)
        try:
            wait_until_taken(client, orders, process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            (left,) = orders.read(GENERATOR_GROUP, "another", 1, 0)
            assert left.message.tasks == (busy,)
            assert Stream(client, NAMES.attempts, Attempt).length() == 0
            assert Stream(client, NAMES.submissions, JudgeRequest).length() == 0
        finally:
            process.kill()
            process.wait()


@pytest.mark.e2e
def test_a_generator_waits_while_too_many_attempts_are_not_judged(
    policy: Path, redis_server: EmbeddedRedis
) -> None:
    with connect(redis_server.url) as client:
        orders = Stream(client, NAMES.tasks, Order)
        submissions = Stream(client, NAMES.submissions, JudgeRequest)
        tasks = [task(policy, f"t{n}", "theorem t : True") for n in range(8)]
        orders.publish_many(Order(tasks=(each,)) for each in tasks)
        process = start_generator(redis_server, "--max-backlog", "5")
        try:
            deadline = time.monotonic() + 60
            while submissions.length() < 6 and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(1.0)
            assert submissions.length() == 6, "three orders of two samples, and then no more"
            submissions.ack(submissions.read("verifiers", "v", 4, 0))
            while submissions.length() < 10 and time.monotonic() < deadline:
                time.sleep(0.05)
            assert submissions.length() == 10
        finally:
            process.kill()
            process.wait()


def start_generator(server: EmbeddedRedis, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "trainer.cli", "worker", "generator", "--run", NAMES.run, *options]
    return subprocess.Popen(command, env={**os.environ, REDIS_VARIABLE: server.url})


def wait_until_taken(client: redis.Redis, orders: Stream[Order], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        groups = client.xinfo_groups(orders.key)
        if groups and groups[0]["pending"]:
            time.sleep(1.0)
            return
        time.sleep(0.05)
    raise AssertionError("the generator did not take the order")
