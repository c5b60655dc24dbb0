"""TRPO (arXiv 1502.05477): one natural gradient step inside a trust region, for small models.

    maximise  L(θ) = E_t[ρ_t Â_t]   subject to   E_t[KL(π_old(·|s_t) ‖ π_θ(·|s_t))] ≤ δ

E_t is the mean over all response tokens of all attempts, also of those with advantage 0: the policy may not
move there either.  The KL is that of whole distributions, not an estimate from the tokens that were sampled.

Two parts of the textbook algorithm are left out: the critic, because advantages come from groups as in GRPO,
and the line search's demand for a share of the predicted improvement, because any improvement will do.  One
update takes a copy of the model and reads the attempts some 3 × `cg_steps` times, so it is for small models.
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import PreTrainedModel

from trainer.learners.base import LearnerKind, LearnerState, check_state
from trainer.model.batching import Batch, Example, micro_batches
from trainer.model.optimizer import NonFiniteLoss, UpdateStats
from trainer.model.policy import response_logits
from trainer.objectives.advantages import Baseline, group_advantages
from trainer.rollout import Rollout, empty_responses, groups_of
from verifier.errors import InvalidInput
from verifier.settings import Section

__all__ = [
    "FisherProduct",
    "TRPOConfig",
    "TRPOLearner",
    "conjugate_gradient",
    "surrogate_gradient",
    "trpo_update",
]


class TRPOConfig(Section):
    """One TRPO update.  There is no learning rate: the trust region decides how far a step goes."""

    max_kl: float = Field(default=0.01, gt=0)
    """δ: most KL(π_old ‖ π_θ) of one update, in nats, mean over response tokens."""
    damping: float = Field(default=0.1, ge=0)
    """Added to the diagonal of the Fisher matrix, which has directions without any curvature."""
    cg_steps: int = Field(default=10, ge=1)
    """Most steps of conjugate gradients; each reads all attempts."""
    cg_tolerance: float = Field(default=1e-4, gt=0, lt=1)
    """Conjugate gradients stop when the residual is this share of the gradient."""
    backtracks: int = Field(default=10, ge=0)
    """Shorter steps that are tried before the update is given up."""
    shrink: float = Field(default=0.5, gt=0, lt=1)
    """Length of each next try, as a share of the one before."""
    baseline: Baseline = "standardised"
    """How the rewards of a group become advantages."""
    temperature: float = Field(default=1.0, gt=0)
    """Temperature the attempts were sampled at; the trust region holds at it."""
    max_tokens: int = Field(default=4096, ge=1)
    """Most tokens, padding included, in one forward pass; bounds the memory and changes nothing else."""


class TRPOLearner:
    """A `Learner` that keeps nothing from one update to the next."""

    def __init__(self, model: PreTrainedModel, config: TRPOConfig) -> None:
        self._model = model
        self._config = config

    def update(self, rollouts: Sequence[Rollout]) -> UpdateStats:
        """Make one step on the group advantages of the rollouts with a known verdict; see `trpo_update`.

        `details` holds `empty_responses` as well, where there were any.
        """
        stats = trpo_update(self._model, _examples(rollouts, self._config.baseline), self._config)
        return replace(stats, details={**stats.details, **empty_responses(rollouts)})

    def state(self) -> LearnerState:
        """The name of the algorithm alone."""
        return {"algorithm": "trpo"}

    def restore(self, state: LearnerState) -> None:
        """Check that `state` is TRPO's, which has nothing else to go on from.

        Raises:
            InvalidInput: it is another algorithm's.
        """
        check_state(state, "trpo", set())


def trpo_update(model: PreTrainedModel, examples: Sequence[Example], config: TRPOConfig) -> UpdateStats:
    """Change `model` in place by one step that improves the surrogate inside the trust region, or not at all.

    `loss` is −L(θ) before the step and `grad_norm` the norm of its gradient; `optimizer_steps` is 1 when a
    step was accepted.  `tokens` counts each pass that takes gradients, and not those of the line search.
    `details` holds `accepted` (1 or 0), `kl` and `improvement` (both of the weights as they are now),
    `step_share` (of the step at which the quadratic model of the KL is δ) and `fisher_products`.  Without
    examples, or when all advantages are 0, nothing is read and `details` is empty.

    Raises:
        InvalidInput: an example without log-probabilities or advantages, weights of low precision, or an
            attention implementation without a second derivative.
        NonFiniteLoss: the weights are as they were.
    """
    _check(model, examples)
    if not any(any(example.advantages) for example in examples):
        return UpdateStats(loss=0.0, grad_norm=0.0, optimizer_steps=0, tokens=0, sequences=0)
    batches = micro_batches(examples, max_tokens=config.max_tokens, device=model.device)
    was_training = model.training
    # Dropout would make another policy of every pass.
    model.train(False)
    try:
        return _update(model, batches, config)
    finally:
        model.train(was_training)


def conjugate_gradient(matvec: Callable[[Tensor], Tensor], b: Tensor, steps: int, tolerance: float) -> Tensor:
    """x with A x ≈ b for a symmetric positive semi-definite A, known by its products only; shape of `b`.

    Starts from 0 and ends after `steps` products, when ‖b − A x‖ ≤ `tolerance` ‖b‖, or where A has no
    curvature, so that what comes back is never worse than what was there.

    Args:
        matvec: v ↦ A v.
    """
    x = torch.zeros_like(b)
    residual = b.clone()
    direction = b.clone()
    squared = residual @ residual
    goal = tolerance**2 * float(squared)
    for _ in range(steps):
        if float(squared) <= goal:
            break
        product = matvec(direction)
        curvature = direction @ product
        # Not <= 0, which would let through what is not a number.
        if not float(curvature) > 0:
            break
        length = squared / curvature
        x = x + length * direction
        residual = residual - length * product
        before, squared = squared, residual @ residual
        direction = residual + (squared / before) * direction
    return x


@dataclass
class FisherProduct:
    """v ↦ F v with F = E_t[J_tᵀ (diag π − π πᵀ) J_t], J_t = ∂logits_t/∂θ: the Hessian of the mean KL at θ.

    F is never built: the product is the gradient of ⟨∇KL, v⟩.  Vectors have one entry per trainable weight,
    in the order of `model.parameters()`.
    """

    model: PreTrainedModel
    batches: Sequence[Batch]
    temperature: float = 1.0
    calls: int = field(default=0, init=False)
    """Products taken so far; each reads all batches."""

    def __call__(self, vector_P: Tensor) -> Tensor:
        self.calls += 1
        parameters = _trainable(self.model)
        tokens = _response_tokens(self.batches)
        product_P = torch.zeros_like(vector_P)
        for batch in self.batches:
            logits_NV, _ = _logits(self.model, batch, self.temperature)
            logprobs_NV = logits_NV.log_softmax(-1)
            old_NV = logprobs_NV.detach()
            kl = (old_NV.exp() * (old_NV - logprobs_NV)).sum() / tokens
            slope_P = _flatten(torch.autograd.grad(kl, parameters, create_graph=True, materialize_grads=True))
            product_P += _flatten(torch.autograd.grad(slope_P @ vector_P, parameters, materialize_grads=True))
        return product_P


def surrogate_gradient(
    model: PreTrainedModel, batches: Sequence[Batch], *, temperature: float = 1.0
) -> tuple[float, Tensor]:
    """L(θ) = E_t[ρ_t Â_t] with ρ_t = π_θ/π_old from the recorded log-probabilities, and ∇L, shape (P,)."""
    parameters = _trainable(model)
    tokens = _response_tokens(batches)
    value = 0.0
    gradient_P = torch.zeros(sum(p.numel() for p in parameters), device=model.device)
    for batch in batches:
        wanted_BT = batch.response_mask_BT.bool()
        logits_NV, targets_N = _logits(model, batch, temperature)
        ratio_N = (
            _gather_chosen(logits_NV.log_softmax(-1), targets_N) - batch.old_logprobs_BT[wanted_BT]
        ).exp()
        surrogate = (ratio_N * batch.advantages_BT[wanted_BT]).sum() / tokens
        gradient_P += _flatten(torch.autograd.grad(surrogate, parameters, materialize_grads=True))
        value += float(surrogate.detach())
    return value, gradient_P


def _update(model: PreTrainedModel, batches: Sequence[Batch], config: TRPOConfig) -> UpdateStats:
    surrogate, gradient_P = surrogate_gradient(model, batches, temperature=config.temperature)
    fisher = FisherProduct(model, batches, config.temperature)
    direction_P = conjugate_gradient(
        lambda vector_P: fisher(vector_P) + config.damping * vector_P,
        gradient_P,
        config.cg_steps,
        config.cg_tolerance,
    )
    # Without the damping, so that the model of the KL is the KL's own: ½ sᵀ F s = δ.
    curvature = float(direction_P @ fisher(direction_P))
    grad_norm = float(gradient_P.norm())
    if not all(map(math.isfinite, (surrogate, grad_norm, curvature))):
        raise NonFiniteLoss(
            f"the surrogate is {surrogate}, the norm of its gradient {grad_norm}, the curvature {curvature}: "
            "raise the damping, or look at the attempts; the weights were not changed"
        )
    kept = _Kept(0.0, 0.0, 0.0)
    if curvature > 0:
        kept = _line_search(model, batches, direction_P * math.sqrt(2 * config.max_kl / curvature), config)
    accepted = kept.share > 0
    return UpdateStats(
        loss=-surrogate,
        grad_norm=grad_norm,
        optimizer_steps=int(accepted),
        tokens=(1 + fisher.calls) * sum(batch.tokens for batch in batches),
        sequences=sum(map(len, batches)),
        details={
            "accepted": float(accepted),
            "kl": kept.kl,
            "improvement": kept.improvement,
            "step_share": kept.share,
            "fisher_products": float(fisher.calls),
        },
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    """The part of a step that the line search kept, 0 for none of it, and what it did."""

    share: float
    improvement: float
    kl: float


def _line_search(
    model: PreTrainedModel, batches: Sequence[Batch], step_P: Tensor, config: TRPOConfig
) -> _Kept:
    """Move `model` by the longest of the steps tried that improves the surrogate within the trust region."""
    old = copy.deepcopy(model)
    kept = _Kept(0.0, 0.0, 0.0)
    try:
        for tries in range(config.backtracks + 1):
            share = config.shrink**tries
            _move(model, old, share * step_P)
            improvement, kl = _compare(model, old, batches, config.temperature)
            # Not a number compares as false, so it is never accepted.
            if improvement > 0 and kl <= config.max_kl:
                kept = _Kept(share, improvement, kl)
                break
    finally:
        # Also when a pass fails, for example for want of memory.
        if not kept.share:
            _move(model, old, None)
    return kept


@torch.no_grad()
def _move(model: PreTrainedModel, old: PreTrainedModel, step_P: Tensor | None) -> None:
    """Set the weights to those of `old` plus a step; without one, to those of `old` bit by bit."""
    start = 0
    for weight, old_weight in zip(_trainable(model), _trainable(old), strict=True):
        weight.copy_(old_weight)
        if step_P is not None:
            weight.add_(step_P[start : start + weight.numel()].view_as(weight))
            start += weight.numel()


@torch.no_grad()
def _compare(
    model: PreTrainedModel, old: PreTrainedModel, batches: Sequence[Batch], temperature: float
) -> tuple[float, float]:
    """L(θ) − L(θ_old), and the mean KL(π_old ‖ π_θ) in nats per token.

    In float64 and from differences of log-probabilities: near δ = 0 both would drown in rounding.
    """
    tokens = _response_tokens(batches)
    improvement = kl = 0.0
    for batch in batches:
        wanted_BT = batch.response_mask_BT.bool()
        logits_NV, targets_N = _logits(model, batch, temperature)
        old_logits_NV, _ = _logits(old, batch, temperature)
        new_NV, old_NV = logits_NV.double().log_softmax(-1), old_logits_NV.double().log_softmax(-1)
        before_N = _gather_chosen(old_NV, targets_N)
        ratio_N = (before_N - batch.old_logprobs_BT[wanted_BT]).exp()
        change_N = ratio_N * torch.expm1(_gather_chosen(new_NV, targets_N) - before_N)
        improvement += float((batch.advantages_BT[wanted_BT] * change_N).sum()) / tokens
        kl += float((old_NV.exp() * (old_NV - new_NV)).sum()) / tokens
    return improvement, kl


def _logits(model: PreTrainedModel, batch: Batch, temperature: float) -> tuple[Tensor, Tensor]:
    """Twice differentiable logits (N, V) that predict the N response tokens, and those tokens."""
    # The fused kernels of attention have no second derivative.
    with sdpa_kernel(SDPBackend.MATH):
        return response_logits(
            model, batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT, temperature
        )


def _gather_chosen(logprobs_NV: Tensor, targets_N: Tensor) -> Tensor:
    return logprobs_NV.gather(-1, targets_N[:, None]).squeeze(-1)


def _trainable(model: PreTrainedModel) -> list[Parameter]:
    return [p for p in model.parameters() if p.requires_grad]


def _flatten(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _response_tokens(batches: Sequence[Batch]) -> int:
    return int(sum(batch.response_mask_BT.sum() for batch in batches))


def _check(model: PreTrainedModel, examples: Sequence[Example]) -> None:
    attention = model.config._attn_implementation
    if attention not in ("sdpa", "eager"):
        raise InvalidInput(
            f"{attention} attention has no second derivative, which TRPO takes: "
            "load the policy with attn_implementation='sdpa'"
        )
    if any(p.dtype != torch.float32 for p in _trainable(model)):
        raise InvalidInput("TRPO needs float32 weights to measure a small KL: load the policy in float32")
    if any(not example.old_logprobs or not example.advantages for example in examples):
        raise InvalidInput("TRPO needs the log-probabilities and advantages of every example: record both")


def _examples(rollouts: Sequence[Rollout], baseline: Baseline) -> list[Example]:
    """Examples of the rollouts with a known verdict and tokens; each token has its attempt's advantage."""
    examples = []
    for members in groups_of(rollouts):
        advantages = group_advantages([rollout.reward for rollout in members], baseline)
        for rollout, advantage in zip(members, advantages, strict=True):
            attempt = rollout.attempt
            if advantage is not None and attempt.token_ids:
                per_token = (advantage,) * len(attempt.token_ids)
                examples.append(Example(attempt.prompt_ids, attempt.token_ids, attempt.logprobs, per_token))
    return examples


LEARNER = LearnerKind(
    titles={"trpo": "TRPO"},
    section="trpo",
    config=TRPOConfig,
    make=lambda given, config: TRPOLearner(given.model, config),
    copies_model=lambda config: True,
)
