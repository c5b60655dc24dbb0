"""The critic: values stand before the token they belong to, padding is never read, and it can learn both."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from trainer.model.batching import Batch, Example, micro_batches
from trainer.model.critic import Critic, ValueHead
from trainer.objectives.losses import value_loss

EXAMPLES = [
    Example((1, 2), (3, 4, 5)),
    Example((1, 5, 3, 2), (6,)),
    Example((1,), (2, 6, 3, 4, 2, 5)),
]
MAKERS = pytest.mark.parametrize("make", [Critic.on, Critic.copy_of], ids=["shared", "own"])
Maker = Callable[[LlamaForCausalLM], Critic]


def build(width: int = 8) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=7,
        hidden_size=width,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=32,
        initializer_range=0.5,
    )
    return LlamaForCausalLM(config)


@pytest.fixture
def policy() -> LlamaForCausalLM:
    return build()


def with_random_head(critic: Critic) -> Critic:
    torch.nn.init.normal_(critic.head.linear.weight)
    torch.nn.init.normal_(critic.head.linear.bias)
    return critic


def values_of(critic: Critic, batch: Batch) -> Tensor:
    values_BT: Tensor = critic(batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT)
    return values_BT


@MAKERS
def test_the_value_at_a_token_is_that_of_the_state_before_it(policy: LlamaForCausalLM, make: Maker) -> None:
    critic = with_random_head(make(policy))
    weight_D, bias = critic.head.linear.weight[0], critic.head.linear.bias[0]
    for example in EXAMPLES:
        (batch,) = micro_batches([example], max_tokens=1)
        values_BT = values_of(critic, batch)
        ids = example.prompt_ids + example.token_ids
        for t in range(len(ids)):
            if t < len(example.prompt_ids):
                assert values_BT[0, t] == 0
                continue
            # The trunk is shown the state alone: the tokens before t, without t itself.
            hidden_TD = policy.model(torch.tensor([ids[:t]])).last_hidden_state[0]
            expected = float((hidden_TD[-1] @ weight_D + bias).detach())
            assert float(values_BT[0, t].detach()) == pytest.approx(expected, abs=1e-5)


@MAKERS
def test_padding_and_neighbours_change_no_value(policy: LlamaForCausalLM, make: Maker) -> None:
    critic = with_random_head(make(policy))
    (together,) = micro_batches(EXAMPLES, max_tokens=10_000)
    values_BT = values_of(critic, together)
    assert not values_BT[together.response_mask_BT == 0].any()
    for row, example in enumerate(sorted(EXAMPLES, key=len)):
        (alone,) = micro_batches([example], max_tokens=1)
        torch.testing.assert_close(values_BT[row, : len(example)], values_of(critic, alone)[0])


@MAKERS
def test_a_new_critic_expects_nothing(policy: LlamaForCausalLM, make: Maker) -> None:
    (batch,) = micro_batches(EXAMPLES, max_tokens=10_000)
    assert not values_of(make(policy), batch).any()


def learn(critic: Critic, batch: Batch, returns_BT: Tensor, parameters: list[torch.nn.Parameter]) -> Tensor:
    """The values after 200 steps on the squared error."""
    optimizer = torch.optim.Adam(parameters, lr=0.03)
    for _ in range(200):
        values_BT = values_of(critic, batch)
        (0.5 * ((values_BT - returns_BT) ** 2 * batch.response_mask_BT).sum()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return values_of(critic, batch).detach()


@MAKERS
def test_it_learns_a_constant_with_the_head_alone(policy: LlamaForCausalLM, make: Maker) -> None:
    critic = make(policy)
    (batch,) = micro_batches(EXAMPLES, max_tokens=10_000)
    target_BT = 0.7 * batch.response_mask_BT
    values_BT = learn(critic, batch, target_BT, list(critic.head.parameters()))
    torch.testing.assert_close(values_BT, target_BT, atol=0.05, rtol=0)


@MAKERS
def test_it_learns_a_value_that_depends_on_the_token_before(policy: LlamaForCausalLM, make: Maker) -> None:
    critic = make(policy)
    (batch,) = micro_batches(EXAMPLES, max_tokens=10_000)
    before_BT = torch.nn.functional.pad(batch.input_ids_BT, (1, 0))[:, :-1]
    target_BT = (before_BT % 3).float() * batch.response_mask_BT
    values_BT = learn(critic, batch, target_BT, [*critic.trunk.parameters(), *critic.head.parameters()])
    torch.testing.assert_close(values_BT, target_BT, atol=0.1, rtol=0)


def test_the_value_loss_trains_it(policy: LlamaForCausalLM) -> None:
    critic = Critic.copy_of(policy)
    (batch,) = micro_batches(EXAMPLES, max_tokens=10_000)
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        values_BT = values_of(critic, batch)
        loss = value_loss(
            values_BT, values_BT.detach(), batch.response_mask_BT, batch.response_mask_BT, clip=0.2
        )
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_a_shared_trunk_gets_the_gradient_but_belongs_to_the_policy(policy: LlamaForCausalLM) -> None:
    critic = with_random_head(Critic.on(policy))
    assert {name for name, _ in critic.named_parameters()} == {"head.linear.weight", "head.linear.bias"}
    assert critic.trunk is policy.model
    (batch,) = micro_batches(EXAMPLES, max_tokens=10_000)
    values_of(critic, batch).sum().backward()
    gradient = policy.model.get_parameter("embed_tokens.weight").grad
    assert gradient is not None and gradient.any()


def test_a_trunk_of_its_own_leaves_the_policy_alone(policy: LlamaForCausalLM) -> None:
    critic = with_random_head(Critic.copy_of(policy))
    before = copy.deepcopy(policy.state_dict())
    (batch,) = micro_batches(EXAMPLES, max_tokens=10_000)
    learn(critic, batch, batch.response_mask_BT, list(critic.parameters()))
    assert all(p.grad is None for p in policy.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in policy.state_dict().items())
    assert not torch.equal(
        critic.trunk.get_parameter("embed_tokens.weight"), policy.model.get_parameter("embed_tokens.weight")
    )


def test_values_of_a_trunk_in_low_precision_are_float32(policy: LlamaForCausalLM) -> None:
    critic = Critic(policy.bfloat16().model, ValueHead(8), shared=True)
    (batch,) = micro_batches(EXAMPLES, max_tokens=10_000)
    assert values_of(critic, batch).dtype == torch.float32
