"""`proofmill bench trainer`: one GRPO step, ours and trl's, on the same model and batch.

Each runs in a process of its own, so that the peak of its memory is its own.  Prompts and responses have the
lengths of a group of proof attempts: most are much shorter than the longest.  A first step is not timed.
Both begin with the same weights and make the same number of steps; how far apart their weights are at the end
is part of the result.
"""

import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import torch
from pydantic import BaseModel, Field
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from prover.theorem import Attempt
from trainer.bench.settings import StepBenchSettings
from trainer.learners.policy_gradient import PolicyGradientConfig, PolicyGradientLearner, examples_of
from trainer.model.batching import Example, micro_batches
from trainer.model.optimizer import Stepper
from trainer.model.policy import token_logprobs
from trainer.model.tokenizer import train_tokenizer
from trainer.rollout import Rollout
from verifier.verdict import Status, Verdict

__all__ = ["TrainerBench", "bench_trainer"]

VOCABULARY = 2048
LONGEST = 128
MICRO_BATCH = 8
"""Sequences in one forward pass of trl; ours is bounded by as many tokens."""


class StepBench(BaseModel):
    """Some optimizer steps of one trainer."""

    tokens_per_s: float
    """Prompt and response tokens of the batch, without padding."""
    step_s: float
    """The median."""
    peak_mb: float
    """Peak resident memory of the process (10^6 bytes); on a GPU, of what torch allocated there."""


class TrainerBench(BaseModel):
    """A GRPO step, ours and trl's."""

    device: str
    parameters: int
    sequences: int
    tokens: int
    ours: StepBench
    trl: StepBench | None
    """None where trl is not installed."""
    over_trl: float | None = Field(default=None)
    """Tokens per second of ours over trl's."""
    memory_over_trl: float | None = Field(default=None)
    largest_difference: float | None = Field(default=None)
    """Between a weight of ours and of trl's after the last step."""


def bench_trainer(settings: StepBenchSettings, on_done: Callable[[], None] = lambda: None) -> TrainerBench:
    """Measure both; `on_done` is called after each."""
    model = _model(settings.width, settings.layers)
    rollouts = _rollouts(model, settings.sequences)
    with tempfile.TemporaryDirectory() as directory:
        ours = _in_a_process(_our_steps, settings, Path(directory) / "ours.pt")
        on_done()
        theirs = None
        if find_spec("trl") is not None:
            theirs = _in_a_process(_their_steps, settings, Path(directory) / "trl.pt")
        on_done()
        difference = None
        if theirs is not None:
            weights = [torch.load(Path(directory) / name) for name in ("ours.pt", "trl.pt")]
            difference = max(float((a - b).abs().max()) for a, b in zip(*weights, strict=True))
    return TrainerBench(
        device=settings.device,
        parameters=sum(p.numel() for p in model.parameters()),
        sequences=settings.sequences,
        tokens=_tokens(rollouts),
        ours=ours,
        trl=theirs,
        over_trl=None if theirs is None else round(ours.tokens_per_s / theirs.tokens_per_s, 2),
        memory_over_trl=None if theirs is None else round(ours.peak_mb / theirs.peak_mb, 3),
        largest_difference=difference,
    )


def _in_a_process(
    run: Callable[[StepBenchSettings, Path], None], settings: StepBenchSettings, weights: Path
) -> StepBench:
    process = multiprocessing.get_context("spawn").Process(target=run, args=(settings, weights))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise RuntimeError(f"{run.__name__} ended with {process.exitcode}; its traceback is above")
    return StepBench.model_validate(json.loads(weights.with_suffix(".json").read_text("utf-8")))


def _our_steps(settings: StepBenchSettings, weights: Path) -> None:
    model = _model(settings.width, settings.layers)
    rollouts = _rollouts(model, settings.sequences)
    model.to(settings.device)  # type: ignore[arg-type]
    config = PolicyGradientConfig(
        minibatch_size=settings.sequences,
        max_tokens=MICRO_BATCH * 2 * LONGEST,
        longest_response=LONGEST,
    )
    learner = PolicyGradientLearner(model, config)
    _measure(settings, model, rollouts, weights, lambda: learner.update(rollouts))


def _their_steps(settings: StepBenchSettings, weights: Path) -> None:
    # By name: only who measures has them installed.
    trl, datasets = import_module("trl"), import_module("datasets")
    model = _model(settings.width, settings.layers)
    rollouts = _rollouts(model, settings.sequences)
    model.to(settings.device)  # type: ignore[arg-type]
    accumulated = settings.sequences // MICRO_BATCH
    tokenizer = train_tokenizer(["theorem t : 1 + 1 = 2 := by simp"])
    ours = PolicyGradientConfig()
    trainer = trl.GRPOTrainer(
        model=model,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=trl.GRPOConfig(
            output_dir=str(weights.parent),
            per_device_train_batch_size=MICRO_BATCH,
            gradient_accumulation_steps=accumulated,
            num_generations=MICRO_BATCH,
            max_completion_length=LONGEST,
            loss_type="grpo",
            epsilon=ours.loss.clip_low,
            epsilon_high=ours.loss.clip_high,
            beta=0.0,
            bf16=False,
            use_cpu=settings.device == "cpu",
            report_to=[],
        ),
        train_dataset=datasets.Dataset.from_list([{"prompt": "x"}] * settings.sequences),
        processing_class=tokenizer,
    )
    # It learns from the batches it is given, in place of sampling some.
    trainer._prepare_inputs = lambda inputs: inputs
    trainer.current_gradient_accumulation_steps = accumulated
    optimizer = Stepper(model, ours).optimizer
    examples = examples_of(rollouts, ours)
    batches = [
        _padded(examples[start : start + MICRO_BATCH], settings.device)
        for start in range(0, len(examples), MICRO_BATCH)
    ]
    model.train()

    def step() -> None:
        for batch in batches:
            trainer.training_step(model, batch, None)
        torch.nn.utils.clip_grad_norm_(model.parameters(), ours.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    _measure(settings, model, rollouts, weights, step)


def _measure(
    settings: StepBenchSettings,
    model: PreTrainedModel,
    rollouts: Sequence[Rollout],
    weights: Path,
    step: Callable[[], object],
) -> None:
    """Time `step`, and leave the figures and the weights behind."""
    step()
    seconds = []
    for _ in range(settings.steps):
        _synchronise(settings.device)
        began = time.perf_counter()
        step()
        _synchronise(settings.device)
        seconds.append(time.perf_counter() - began)
    found = StepBench(
        tokens_per_s=round(_tokens(rollouts) / median(seconds), 1),
        step_s=round(median(seconds), 3),
        peak_mb=round(_peak_bytes(settings.device) / 1e6, 1),
    )
    weights.with_suffix(".json").write_text(found.model_dump_json(), "utf-8")
    torch.save([p.detach().cpu() for p in model.parameters()], weights)


def _synchronise(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)


def _peak_bytes(device: str) -> int:
    if device != "cpu":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _model(width: int, layers: int) -> LlamaForCausalLM:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=VOCABULARY,
                hidden_size=width,
                intermediate_size=3 * width,
                num_hidden_layers=layers,
                num_attention_heads=width // 64,
            )
        )


def _rollouts(model: PreTrainedModel, count: int) -> list[Rollout]:
    """Groups of eight attempts, half of them proved by chance, of a policy a little away from the model."""
    rng = random.Random(0)
    rollouts = []
    for i in range(count):
        prompt, response = rng.randint(40, 160), min(LONGEST, 4 + int(rng.expovariate(1 / 24)))
        ids = tuple(rng.randrange(VOCABULARY) for _ in range(prompt + response))
        example = Example(ids[:prompt], ids[prompt:])
        attempt = Attempt(
            group=str(i // 8),
            index=i % 8,
            theorem="t",
            policy_version=0,
            proof="",
            prompt_ids=example.prompt_ids,
            token_ids=example.token_ids,
            logprobs=tuple(x + rng.gauss(0, 0.1) for x in _logprobs(model, example)),
            finished=True,
        )
        status = Status.PROVED if rng.random() < 0.5 else Status.REJECTED
        verdict = Verdict(id=attempt.id, status=status, reason="")
        rollouts.append(Rollout(attempt=attempt, verdict=verdict))
    return rollouts


@torch.no_grad()
def _logprobs(model: PreTrainedModel, example: Example) -> list[float]:
    (batch,) = micro_batches([example], max_tokens=1)
    mask_BT = batch.response_mask_BT
    found: list[float] = token_logprobs(model, batch.input_ids_BT, batch.attention_mask_BT, mask_BT)[
        mask_BT.bool()
    ].tolist()
    return found


def _tokens(rollouts: Sequence[Rollout]) -> int:
    return sum(len(each.attempt.prompt_ids) + len(each.attempt.token_ids) for each in rollouts)


def _padded(examples: Sequence[Example], device: str) -> dict[str, Tensor]:
    """A batch as trl has it: prompts padded on the left, responses on the right."""
    rows = len(examples)
    prompts = max(len(each.prompt_ids) for each in examples)
    responses = max(len(each.token_ids) for each in examples)
    batch = {
        "prompt_ids": torch.zeros(rows, prompts, dtype=torch.long),
        "prompt_mask": torch.zeros(rows, prompts, dtype=torch.long),
        "completion_ids": torch.zeros(rows, responses, dtype=torch.long),
        "completion_mask": torch.zeros(rows, responses, dtype=torch.long),
        "old_per_token_logps": torch.zeros(rows, responses),
        "advantages": torch.tensor([each.advantages[0] for each in examples]),
    }
    for b, each in enumerate(examples):
        batch["prompt_ids"][b, -len(each.prompt_ids) :] = torch.tensor(each.prompt_ids)
        batch["prompt_mask"][b, -len(each.prompt_ids) :] = 1
        batch["completion_ids"][b, : len(each.token_ids)] = torch.tensor(each.token_ids)
        batch["completion_mask"][b, : len(each.token_ids)] = 1
        batch["old_per_token_logps"][b, : len(each.token_ids)] = torch.tensor(each.old_logprobs)
    return {name: values.to(device) for name, values in batch.items()}
