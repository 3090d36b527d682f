"""Golden values, independent computations, and the gradients that the paper derives (appendix A.1)."""

import math

import numpy as np
import pytest
import torch

from mathmill.reinforcement.advantages import group_normalised, right_only
from mathmill.reinforcement.objectives import clipped_ratio, grpo, k3, online_rft, sequence_mean

CLIP, BETA = 0.2, 0.04


def ragged(seed: int, rows: int = 6, width: int = 9) -> tuple[torch.Tensor, ...]:
    """Log-probabilities of three policies in float64 and a mask of unequal lengths."""
    generator = torch.Generator().manual_seed(seed)
    policy, old, reference = (
        torch.log(torch.rand(rows, width, generator=generator, dtype=torch.float64) * 0.98 + 0.01) for _ in range(3)
    )
    lengths = torch.randint(1, width + 1, (rows,), generator=generator)
    lengths[0], lengths[1] = 1, width
    mask = (torch.arange(width) < lengths[:, None]).double()
    advantages = torch.randn(rows, generator=generator, dtype=torch.float64)
    return policy.requires_grad_(), old, reference, advantages, mask


def test_advantages_by_hand():
    # Mean 1/4, population standard deviation sqrt(3)/4: the right one gets (3/4)/(sqrt(3)/4) = sqrt(3).
    rewards = torch.tensor([[1.0, 0.0, 0.0, 0.0], [2.0, 4.0, 4.0, 6.0]], dtype=torch.float64)
    expected = [
        [math.sqrt(3), -1 / math.sqrt(3), -1 / math.sqrt(3), -1 / math.sqrt(3)],
        [-math.sqrt(2), 0.0, 0.0, math.sqrt(2)],
    ]
    torch.testing.assert_close(group_normalised(rewards, 0.0), torch.tensor(expected, dtype=torch.float64))


def test_a_group_of_equal_rewards_has_no_advantage():
    rewards = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    assert group_normalised(rewards, 1e-6).tolist() == [[0.0] * 3] * 2


def test_epsilon_is_added_to_the_standard_deviation():
    assert group_normalised(torch.tensor([[1.0, -1.0]]), 1.0).tolist() == [[0.5, -0.5]]


@pytest.mark.parametrize(
    ("ratio", "advantage", "expected"),
    [
        (1.5, 2.0, 2.4),  # a good token is pushed up to 1.2 only
        (1.5, -2.0, -3.0),  # a bad one that became likelier is pushed down in full
        (0.5, 2.0, 1.0),  # a good one that became less likely is pushed up in full
        (0.5, -2.0, -1.6),  # a bad one is pushed down to 0.8 only
        (1.1, 2.0, 2.2),
        (1.0, -3.0, -3.0),
    ],
)
def test_clipped_ratio_by_hand(ratio, advantage, expected):
    one = torch.tensor([ratio], dtype=torch.float64)
    value = clipped_ratio(one, torch.tensor([advantage], dtype=torch.float64), CLIP)
    assert float(value) == pytest.approx(expected, abs=1e-15)


def test_k3_by_hand():
    # pi_ref/pi = 1, 2 and 1/2: 0, 2 - ln 2 - 1 and 1/2 + ln 2 - 1.
    policy = torch.log(torch.tensor([0.3, 0.2, 0.4], dtype=torch.float64))
    reference = torch.log(torch.tensor([0.3, 0.4, 0.2], dtype=torch.float64))
    expected = torch.tensor([0.0, 1 - math.log(2), math.log(2) - 0.5], dtype=torch.float64)
    torch.testing.assert_close(k3(policy, reference), expected, atol=1e-15, rtol=0)


def test_each_sequence_is_divided_by_its_own_length():
    values = torch.tensor([[2.0, 4.0, 6.0], [5.0, math.nan, math.inf]])
    mask = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    assert sequence_mean(values, mask).tolist() == [4.0, 5.0]


@pytest.mark.parametrize("seed", range(5))
def test_grpo_equals_a_loop_over_equation_3(seed):
    policy, old, reference, advantages, mask = ragged(seed)
    value = grpo(policy, old, reference, advantages, mask, clip=CLIP, kl_coefficient=BETA)
    expected = []
    for row in range(len(mask)):
        terms = []
        for t in range(int(mask[row].sum())):
            p, q, r = (math.exp(one[row, t].item()) for one in (policy, old, reference))
            rho, advantage = p / q, float(advantages[row])
            divergence = r / p - math.log(r / p) - 1
            terms.append(min(rho * advantage, min(max(rho, 0.8), 1.2) * advantage) - BETA * divergence)
        expected.append(sum(terms) / len(terms))
    np.testing.assert_allclose(value.detach().numpy(), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("seed", range(5))
def test_gradient_of_grpo_is_equation_21(seed):
    """GC = A + beta (pi_ref/pi - 1), where policy and sampling policy are one (a single update an exploration)."""
    policy, _, reference, advantages, mask = ragged(seed)
    grpo(policy, policy.detach(), reference, advantages, mask, clip=CLIP, kl_coefficient=BETA).mean().backward()
    coefficient = advantages[:, None] + BETA * (torch.exp(reference - policy.detach()) - 1)
    expected = mask * coefficient / mask.sum(dim=1, keepdim=True) / len(mask)
    torch.testing.assert_close(policy.grad, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("seed", range(5))
def test_gradient_of_online_rft_is_equation_10(seed):
    policy, _, _, advantages, mask = ragged(seed)
    right = advantages > 0
    online_rft(policy, right_only(right).double(), mask).mean().backward()
    expected = mask * right.double()[:, None] / mask.sum(dim=1, keepdim=True) / len(mask)
    torch.testing.assert_close(policy.grad, expected, atol=1e-12, rtol=0)


def test_a_clipped_token_has_no_gradient_but_that_of_the_divergence():
    policy = torch.log(torch.tensor([[0.6, 0.5]], dtype=torch.float64)).requires_grad_()
    old = torch.log(torch.tensor([[0.4, 0.5]], dtype=torch.float64))
    ones = torch.ones(1, dtype=torch.float64)
    grpo(policy, old, policy.detach(), ones, torch.ones(1, 2), clip=CLIP, kl_coefficient=BETA).sum().backward()
    torch.testing.assert_close(policy.grad, torch.tensor([[0.0, 0.5]], dtype=torch.float64), atol=1e-12, rtol=0)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(side):
    policy, old, reference, advantages, mask = ragged(7)

    def padded(values: torch.Tensor, fill: float) -> torch.Tensor:
        block = torch.full((len(values), 4), fill, dtype=torch.float64)
        return torch.cat([block, values] if side == "left" else [values, block], dim=1)

    plain = grpo(policy, old, reference, advantages, mask, clip=CLIP, kl_coefficient=BETA)
    wide = grpo(
        padded(policy, -1.0),
        padded(old, -2.0),
        padded(reference, -3.0),
        advantages,
        padded(mask, 0.0),
        clip=CLIP,
        kl_coefficient=BETA,
    )
    torch.testing.assert_close(plain, wide, atol=1e-15, rtol=0)
