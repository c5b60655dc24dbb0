"""A task and a model small enough to learn it in seconds."""

from collections.abc import Sequence

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from prover.formats.prompts import encode_completion, encode_prompt
from prover.generators.base import Sample, SamplingParams
from prover.generators.transformers import TransformersGenerator
from prover.theorem import Attempt
from trainer.model.policy import PolicyConfig
from trainer.rollout import Rollout
from verifier.verdict import Status, Tactic, Verdict

PAIRS = [
    ("theorem t (a b : Nat) : a + b = b + a := ", "by omega"),
    ("theorem t (p : Prop) (h : p) : p := ", "h"),
    ("theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := ", "⟨hp, hq⟩"),
    ("theorem t (n : Nat) : n = n := ", "by\n  rfl"),
    ("theorem t : 2 + 2 = 4 := ", "by decide"),
    ("theorem t (a : Nat) : 0 ≤ a := ", "Nat.zero_le a"),
    ("theorem t (xs : List Nat) : xs ++ [] = xs := ", "by simp"),
    (
        "theorem t (n : Nat) : 0 + n = n := ",
        "by\n  induction n with\n  | zero => rfl\n  | succ n ih => omega",
    ),
]
CONFIG = PolicyConfig(layers=2, width=64, heads=2, ffn=128, vocab_size=320, max_length=128)


def weights(model: torch.nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def unchanged(model: torch.nn.Module, before: Sequence[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True))


def attempt_of(sample: Sample, *, group: str = "g", index: int = 0, theorem: str = "t") -> Attempt:
    return Attempt(
        group=group,
        index=index,
        theorem=theorem,
        policy_version=0,
        proof=sample.text,
        prompt_ids=sample.prompt_ids,
        token_ids=sample.token_ids,
        logprobs=sample.logprobs,
        finished=sample.finished,
    )


def rollout_of(text: str, verdict: Verdict) -> Rollout:
    """Of a text that nobody sampled."""
    return Rollout(attempt=attempt_of(Sample(text, (), (), (), finished=True)), verdict=verdict)


def rollout(sample: Sample, status: Status, *, group: str = "g", name: str = "t") -> Rollout:
    start = len("by ") if sample.text.startswith("by ") else 0
    tactic = Tactic(start=start, stop=len(sample.text), goals_before="", goals_after="")
    attempt = attempt_of(sample, group=group, theorem=name)
    verdict = Verdict(id=attempt.id, status=status, reason="", tactics=(tactic,) if sample.text else ())
    return Rollout(attempt=attempt, verdict=verdict)


def sample_of(tokenizer: PreTrainedTokenizerBase, text: str) -> Sample:
    token_ids = tuple(encode_completion(tokenizer, text))
    prompt_ids = tuple(encode_prompt(tokenizer, PAIRS[0][0]))
    return Sample(text, prompt_ids, token_ids, (-1.0,) * len(token_ids), finished=True)


def sampled_group(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, seed: int, temperature: float = 1.0
) -> list[Sample]:
    params = SamplingParams(samples=64, max_new_tokens=16, seed=seed, temperature=temperature)
    return TransformersGenerator(model, tokenizer).sample([PAIRS[0][0]], params)[0]


def flat(groups: list[list[Sample]]) -> list[Sample]:
    return [sample for group in groups for sample in group]
