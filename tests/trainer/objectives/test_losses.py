"""The losses against their formulas written out in plain Python, and what must not change them."""

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainer.objectives.algorithms import ALGORITHMS, KLEstimator, PolicyLoss
from trainer.objectives.losses import (
    Totals,
    bradley_terry_loss,
    dpo_loss,
    gae_advantages,
    kl_estimates,
    kl_penalised_rewards,
    next_token_loss,
    policy_loss,
    sft_loss,
    value_loss,
)

LENGTH = 9
LOSSES = {
    name: algorithm.loss.model_copy(update={"max_length": algorithm.loss.max_length or LENGTH})
    for name, algorithm in ALGORITHMS.items()
} | {
    "wide clip with KL": PolicyLoss(clip_high=0.28, beta=0.1),
    "k1": PolicyLoss(beta=0.1, kl="k1"),
    "k2": PolicyLoss(beta=0.1, kl="k2"),
    "dual clip": PolicyLoss(dual_clip=1.5),
    "entropy": PolicyLoss(entropy_weight=0.05),
    "engine": PolicyLoss(engine_cap=1.1, reduction="token_mean"),
    "engine, whole sequences alone": PolicyLoss(sequence_cap=1.2),
    "engine, whole sequences": PolicyLoss(engine_cap=1.1, sequence_cap=1.2, beta=0.1),
    "tight": PolicyLoss(objective="cispo", cap=1.05, reduction="token_mean"),
}


def random_batch(seed: int, *, sequences: int = 5, length: int = LENGTH) -> dict[str, Tensor]:
    """Log-probabilities, advantages and a mask with prompts and padding, in float64."""
    torch.manual_seed(seed)
    starts = torch.randint(1, length - 1, (sequences, 1))
    stops = starts + 1 + (torch.rand(sequences, 1) * (length - starts)).long()
    positions = torch.arange(length)

    def near(values: Tensor, scale: float) -> Tensor:
        return values + scale * torch.randn(values.shape, dtype=torch.float64)

    old = -3 * torch.rand(sequences, length, dtype=torch.float64)
    return {
        "logprobs": near(old, 0.4),
        "old": old,
        "ref": near(old, 0.3),
        "engine": near(old, 0.1),
        "entropies": torch.rand(sequences, length, dtype=torch.float64),
        "advantages": torch.randn(sequences, length, dtype=torch.float64),
        "mask": ((positions >= starts) & (positions < stops)).double(),
    }


def loss_of(batch: dict[str, Tensor], config: PolicyLoss, totals: Totals | None = None) -> Tensor:
    loss, _ = policy_loss(
        batch["logprobs"],
        batch["old"],
        batch["advantages"],
        batch["mask"],
        config,
        totals=totals,
        ref_logprobs_BT=batch["ref"] if config.beta else None,
        engine_logprobs_BT=batch["engine"] if config.engine_cap or config.sequence_cap else None,
        entropies_BT=batch["entropies"] if config.entropy_weight else None,
    )
    return loss


def rows_of(batch: dict[str, Tensor]) -> Iterator[dict[str, list[float]]]:
    """Each sequence's response tokens as plain numbers."""
    for b in range(len(batch["mask"])):
        kept = batch["mask"][b] == 1
        yield {name: values[b][kept].tolist() for name, values in batch.items() if name != "mask"}


def plain_policy_loss(batch: dict[str, Tensor], config: PolicyLoss) -> float:
    """The same from the formulas, a token at a time."""
    sums, means, tokens = [], [], 0
    for row in rows_of(batch):
        ratios = [math.exp(new - old) for new, old in zip(row["logprobs"], row["old"], strict=True)]
        if config.ratio == "sequence":
            one = math.exp(sum(map(math.log, ratios)) / len(ratios))
            ratios = [one] * len(ratios)
        gaps = [math.exp(old - engine) for old, engine in zip(row["old"], row["engine"], strict=True)]
        terms = []
        for t, (ratio, advantage) in enumerate(zip(ratios, row["advantages"], strict=True)):
            if config.objective == "reinforce":
                term = advantage * row["logprobs"][t]
            elif config.objective == "cispo":
                term = min(ratio, config.cap) * advantage * row["logprobs"][t]
            else:
                clipped = min(max(ratio, 1 - config.clip_low), 1 + config.clip_high)
                term = min(ratio * advantage, clipped * advantage)
                if config.dual_clip and advantage < 0:
                    term = max(term, config.dual_clip * advantage)
            if config.engine_cap:
                term *= min(gaps[t], config.engine_cap)
            if config.sequence_cap and math.prod(gaps) > config.sequence_cap:
                term = 0.0
            if config.beta:
                d = row["logprobs"][t] - row["ref"][t]
                term -= config.beta * {"k1": d, "k2": d * d / 2, "k3": math.exp(-d) - 1 + d}[config.kl]
            if config.entropy_weight:
                term += config.entropy_weight * row["entropies"][t]
            terms.append(term)
        sums.append(sum(terms))
        means.append(sum(terms) / len(terms))
        tokens += len(terms)
    count = len(sums)
    return -{
        "sequence_mean": sum(means) / count,
        "token_mean": sum(sums) / tokens,
        "constant_length": sum(sums) / (count * (config.max_length or 1)),
    }[config.reduction]


@pytest.mark.parametrize("name", LOSSES)
def test_a_policy_loss_is_its_formula(name: str) -> None:
    for seed in range(20):
        batch = random_batch(seed)
        assert float(loss_of(batch, LOSSES[name])) == pytest.approx(
            plain_policy_loss(batch, LOSSES[name]), abs=1e-6
        )


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.objective != "cispo"])
def test_the_gradient_of_a_policy_loss_is_that_of_finite_differences(name: str) -> None:
    """CISPO has none of the loss it computes: its weight is held constant.

    Nor has GSPO where the tokens of a sequence have advantages of their own.
    """
    batch = random_batch(7, sequences=3)
    if LOSSES[name].ratio == "sequence":
        batch["advantages"] = batch["advantages"][:, :1]

    def loss(logprobs: Tensor) -> Tensor:
        return loss_of(batch | {"logprobs": logprobs}, LOSSES[name])

    torch.autograd.gradcheck(loss, batch["logprobs"].clone().requires_grad_())


def test_cispo_gives_each_token_the_policy_gradient_times_its_capped_ratio() -> None:
    batch, config = random_batch(3), LOSSES["tight"]
    logprobs = batch["logprobs"].clone().requires_grad_()
    loss_of(batch | {"logprobs": logprobs}, config).backward()
    ratios = (batch["logprobs"] - batch["old"]).exp().clamp(max=config.cap)
    expected = -ratios * batch["advantages"] * batch["mask"] / batch["mask"].sum()
    assert logprobs.grad is not None
    torch.testing.assert_close(logprobs.grad, expected)


def test_gspo_gives_each_token_its_own_advantage_times_the_ratio_of_its_sequence() -> None:
    """GSPO-token, equations 13 and 14 of arXiv 2507.18071."""
    batch, config = random_batch(3), PolicyLoss(ratio="sequence", clip_low=0.99, clip_high=99.0)
    logprobs = batch["logprobs"].clone().requires_grad_()
    loss_of(batch | {"logprobs": logprobs}, config).backward()
    mask, tokens = batch["mask"], batch["mask"].sum(-1, keepdim=True)
    ratios = (((batch["logprobs"] - batch["old"]) * mask).sum(-1, keepdim=True) / tokens).exp()
    assert logprobs.grad is not None
    torch.testing.assert_close(logprobs.grad, -ratios * batch["advantages"] * mask / tokens / len(mask))


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 10_000), columns=st.integers(1, 6), garbage=st.floats(-50, 50))
@settings(max_examples=20)
def test_padding_changes_nothing(name: str, seed: int, columns: int, garbage: float) -> None:
    batch = random_batch(seed)
    padded = {
        key: torch.nn.functional.pad(value, (0, columns), value=0.0 if key == "mask" else garbage)
        for key, value in batch.items()
    }
    torch.testing.assert_close(loss_of(padded, LOSSES[name]), loss_of(batch, LOSSES[name]))


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 4))
@settings(max_examples=20)
def test_the_parts_of_a_batch_add_up_to_its_loss_and_gradient(name: str, seed: int, cut: int) -> None:
    batch, totals = random_batch(seed), Totals.of(random_batch(seed)["mask"])
    whole = batch["logprobs"].clone().requires_grad_()
    parts = batch["logprobs"].clone().requires_grad_()
    loss = loss_of(batch | {"logprobs": whole}, LOSSES[name])
    loss.backward()
    added = torch.zeros_like(loss)
    for rows in (slice(0, cut), slice(cut, None)):
        part = {key: value[rows] for key, value in (batch | {"logprobs": parts}).items()}
        of_part = loss_of(part, LOSSES[name], totals)
        of_part.backward()
        added += of_part.detach()
    torch.testing.assert_close(added, loss.detach())
    torch.testing.assert_close(parts.grad, whole.grad)


@given(seed=st.integers(0, 10_000), cut=st.integers(1, 4))
@settings(max_examples=20)
def test_the_figures_of_the_parts_add_up_too(seed: int, cut: int) -> None:
    batch, config = random_batch(seed), LOSSES["engine, whole sequences"]

    def figures(rows: slice) -> dict[str, float]:
        keys = ("logprobs", "old", "advantages", "mask", "ref", "engine")
        logprobs, old, advantages, mask, ref, engine = (batch[key][rows] for key in keys)
        totals = Totals.of(batch["mask"])
        _, stats = policy_loss(
            logprobs,
            old,
            advantages,
            mask,
            config,
            totals=totals,
            ref_logprobs_BT=ref,
            engine_logprobs_BT=engine,
        )
        return stats.figures()

    first, second, whole = (figures(rows) for rows in (slice(0, cut), slice(cut, None), slice(None)))
    assert {key: first[key] + second[key] for key in whole} == pytest.approx(whole)


def test_figures_are_means_over_what_is_read_and_the_loss_over_all() -> None:
    """Of a batch of which half has advantage 0, that half need not be read."""
    batch = random_batch(2)
    batch["advantages"][3:] = 0.0
    read = {key: value[:3] for key, value in batch.items()}
    config, totals = PolicyLoss(reduction="token_mean"), Totals.of(batch["mask"])

    def found(part: dict[str, Tensor], **of: Any) -> tuple[float, dict[str, float]]:
        loss, stats = policy_loss(
            part["logprobs"], part["old"], part["advantages"], part["mask"], config, **of
        )
        return float(loss), stats.figures()

    loss, figures = found(read, totals=totals, read=Totals.of(read["mask"]))
    assert loss == pytest.approx(found(batch)[0])
    assert figures == pytest.approx(found(read)[1])
    assert figures != pytest.approx(found(read, totals=totals)[1])


def test_infinite_values_outside_the_mask_reach_neither_loss_nor_gradient() -> None:
    batch = random_batch(1)
    batch["old"] = batch["old"].masked_fill(batch["mask"] == 0, -math.inf)
    for config in LOSSES.values():
        logprobs = batch["logprobs"].clone().requires_grad_()
        loss = loss_of(batch | {"logprobs": logprobs}, config)
        loss.backward()
        assert logprobs.grad is not None
        assert torch.isfinite(loss)
        assert torch.isfinite(logprobs.grad).all()
        assert not logprobs.grad[batch["mask"] == 0].any()


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if not loss.beta])
def test_advantages_of_zero_give_no_gradient(name: str) -> None:
    batch = random_batch(3)
    logprobs = batch["logprobs"].clone().requires_grad_()
    zero = batch | {"logprobs": logprobs, "advantages": torch.zeros(5, 1, dtype=torch.float64)}
    loss_of(zero, LOSSES[name]).backward()
    assert logprobs.grad is not None
    assert not logprobs.grad.any()


def test_one_advantage_for_a_sequence_is_that_of_all_its_tokens() -> None:
    batch = random_batch(4)
    one = batch | {"advantages": batch["advantages"][:, :1]}
    all_tokens = batch | {"advantages": one["advantages"].expand(-1, LENGTH)}
    for config in LOSSES.values():
        assert torch.equal(loss_of(one, config), loss_of(all_tokens, config))


def test_a_sequence_without_response_tokens_counts_and_adds_nothing() -> None:
    batch = random_batch(5)
    batch["mask"][0] = 0
    rest = {key: value[1:] for key, value in batch.items()}
    for config in LOSSES.values():
        share = 1.0 if config.reduction == "token_mean" else 4 / 5
        assert float(loss_of(batch, config)) == pytest.approx(share * float(loss_of(rest, config)))


@pytest.mark.parametrize(
    ("ratio", "advantage", "clipped"), [(1.5, 1, True), (0.5, -1, True), (1.5, -1, False), (0.5, 1, False)]
)
def test_clipping_stops_the_gradient_only_where_the_ratio_went_too_far_already(
    ratio: float, advantage: float, clipped: bool
) -> None:
    old = torch.full((1, 2), -1.0, dtype=torch.float64)
    logprobs = (old + math.log(ratio)).requires_grad_()
    mask = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    advantages = torch.tensor([[float(advantage)]], dtype=torch.float64)
    loss, stats = policy_loss(logprobs, old, advantages, mask, PolicyLoss())
    loss.backward()
    assert logprobs.grad is not None
    assert (float(logprobs.grad[0, 1]) == 0) == clipped
    assert stats.clip_fraction == float(clipped)


def test_kl_estimates_have_the_divergence_as_their_mean() -> None:
    """k1 and k3 exactly; k2 nearly, where the two are close."""
    p, q = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([0.45, 0.3, 0.25]).double()
    exact = float((p * (p / q).log()).sum())
    d = (p / q).log()
    tolerances: dict[KLEstimator, float] = {"k1": 1e-7, "k3": 1e-7, "k2": 0.1 * exact}
    for estimator, tolerance in tolerances.items():
        assert float((p * kl_estimates(d, estimator)).sum()) == pytest.approx(exact, abs=tolerance)


@pytest.mark.parametrize(
    ("config", "missing"),
    [
        (PolicyLoss(beta=0.1), "reference"),
        (PolicyLoss(engine_cap=2.0), "engine"),
        (PolicyLoss(sequence_cap=2.0), "engine"),
        (PolicyLoss(entropy_weight=0.1), "entropies"),
        (PolicyLoss(reduction="constant_length"), "max_length"),
    ],
)
def test_what_a_loss_needs_and_is_not_given_is_named(config: PolicyLoss, missing: str) -> None:
    batch = random_batch(4)
    with pytest.raises(ValueError, match=missing):
        policy_loss(batch["logprobs"], batch["old"], batch["advantages"], batch["mask"], config)


@pytest.mark.parametrize("seed", range(20))
def test_supervised_losses_are_equations_2_1_and_2_2(seed: int) -> None:
    batch = random_batch(seed)
    rows = [row["logprobs"] for row in rows_of(batch)]
    means = [sum(row) / len(row) for row in rows]
    assert float(sft_loss(batch["logprobs"], batch["mask"])) == pytest.approx(-sum(means) / len(means))
    every = [value for row in rows for value in row]
    assert float(next_token_loss(batch["logprobs"], batch["mask"])) == pytest.approx(-sum(every) / len(every))


@pytest.mark.parametrize("seed", range(20))
def test_advantages_and_value_losses_of_a_critic_are_equations_2_8_and_2_9(seed: int) -> None:
    batch = random_batch(seed)
    rewards, values, old_values = batch["ref"], batch["entropies"], batch["old"]
    gamma, lam, clip = 0.9, 0.8, 0.2
    found = gae_advantages(rewards, values, batch["mask"], gamma=gamma, lam=lam)
    assert not found[batch["mask"] == 0].any()
    errors = []
    for b in range(len(found)):
        kept = batch["mask"][b] == 1
        r, v, old = (each[b][kept].tolist() for each in (rewards, values, old_values))
        deltas = [r[t] + gamma * (v[t + 1] if t + 1 < len(v) else 0.0) - v[t] for t in range(len(v))]
        expected = [
            sum((gamma * lam) ** l * deltas[t + l] for l in range(len(v) - t))  # noqa: E741
            for t in range(len(v))
        ]
        assert found[b][kept].tolist() == pytest.approx(expected, abs=1e-6)
        for t, value in enumerate(v):
            moved = old[t] + min(max(value - old[t], -clip), clip)
            errors.append(max((value - r[t]) ** 2, (moved - r[t]) ** 2) / 2)
    clipped = value_loss(values, old_values, rewards, batch["mask"], clip=clip)
    assert float(clipped) == pytest.approx(sum(errors) / len(errors), abs=1e-6)


def test_a_discounted_return_is_gae_without_a_critic() -> None:
    rewards = torch.tensor([[0.0, 0.0, 0.0, 1.0]])
    mask = torch.tensor([[0.0, 1.0, 1.0, 1.0]])
    found = gae_advantages(rewards, torch.zeros(1, 4), mask, gamma=0.5, lam=1.0)
    assert found.tolist() == [[0.0, 0.25, 0.5, 1.0]]


def test_the_reward_stands_at_the_last_response_token_and_the_kl_at_each() -> None:
    logprobs = torch.tensor([[9.0, -1.0, -2.0, 9.0], [9.0, 9.0, 9.0, -1.0]])
    mask = torch.tensor([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    found = kl_penalised_rewards(torch.tensor([1.0, 2.0]), logprobs, logprobs - 0.5, mask, beta=0.1)
    torch.testing.assert_close(found, torch.tensor([[0.0, -0.05, 0.95, 0.0], [0.0, 0.0, 0.0, 1.95]]))


@pytest.mark.parametrize("seed", range(10))
def test_losses_of_pairs_are_their_formulas(seed: int) -> None:
    rng = random.Random(seed)
    chosen, rejected, chosen_ref, rejected_ref = ([rng.gauss(-5, 2) for _ in range(6)] for _ in range(4))

    def expected(margins: list[float]) -> float:
        return sum(math.log1p(math.exp(-m)) for m in margins) / len(margins)

    tensors = [
        torch.tensor(each, dtype=torch.float64) for each in (chosen, rejected, chosen_ref, rejected_ref)
    ]
    margins = [
        0.3 * ((a - c) - (b - d))
        for a, b, c, d in zip(chosen, rejected, chosen_ref, rejected_ref, strict=True)
    ]
    assert float(dpo_loss(*tensors, beta=0.3)) == pytest.approx(expected(margins), abs=1e-9)
    differences = [a - b for a, b in zip(chosen, rejected, strict=True)]
    assert float(bradley_terry_loss(*tensors[:2])) == pytest.approx(expected(differences), abs=1e-9)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: sft_loss(x, random_batch(0)["mask"]),
        lambda x: next_token_loss(x, random_batch(0)["mask"]),
        lambda x: value_loss(x, random_batch(0)["old"], random_batch(0)["ref"], random_batch(0)["mask"]),
        lambda x: value_loss(
            x, random_batch(0)["old"], random_batch(0)["ref"], random_batch(0)["mask"], clip=0.2
        ),
        lambda x: dpo_loss(x[0], x[1], *random_batch(0)["ref"][:2], beta=0.5),
        lambda x: bradley_terry_loss(x[0], x[1]),
    ],
)
def test_the_gradient_of_the_other_losses_is_that_of_finite_differences(
    loss: Callable[[Tensor], Tensor],
) -> None:
    torch.autograd.gradcheck(loss, random_batch(0)["logprobs"].clone().requires_grad_())
