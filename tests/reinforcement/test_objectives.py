"""Golden values by hand of what is maximised, and how tokens become one number."""

import math

import pytest
import torch

from mathmill.recipe_reinforcement import ReinforceRecipe
from mathmill.reinforcement.objectives import (
    Clip,
    Totals,
    cispo,
    clipped_ratio,
    importance,
    is_clipped,
    k3,
    sequence_mean,
    sequence_ratio,
    token_weights,
)

CLIP = Clip(0.2, 0.2)


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


def doubles(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_clip_higher_lets_a_good_token_rise_further():
    """DAPO's two ranges: up to 1.28, down to 0.8."""
    ratio, good, bad = doubles(1.5, 0.5), doubles(1.0, 1.0), doubles(-1.0, -1.0)
    assert clipped_ratio(ratio, good, Clip(0.2, 0.28)).tolist() == pytest.approx([1.28, 0.5])
    assert clipped_ratio(ratio, bad, Clip(0.2, 0.28)).tolist() == pytest.approx([-1.5, -0.8])
    assert is_clipped(ratio, good, Clip(0.2, 0.28)).tolist() == [True, False]
    assert is_clipped(ratio, bad, Clip(0.2, 0.28)).tolist() == [False, True]


def test_a_clipped_token_has_no_gradient():
    log_probs = torch.log(doubles(0.6, 0.5)).requires_grad_()
    old = torch.log(doubles(0.4, 0.5))
    clipped_ratio(torch.exp(log_probs - old), doubles(1.0, 1.0), CLIP).sum().backward()
    assert log_probs.grad is not None
    assert log_probs.grad.tolist() == pytest.approx([0.0, 1.0])


def test_cispo_clips_the_weight_and_never_the_token():
    """MiniMax-M1, Eq. 4: ratios 1.5 and 0.5 weigh as 1.2 and 0.8, and both tokens keep a gradient."""
    log_probs = torch.log(doubles(0.6, 0.2)).requires_grad_()
    ratio = torch.exp(log_probs - torch.log(doubles(0.4, 0.4)))
    value = cispo(log_probs, ratio, doubles(2.0, -1.0), CLIP)
    assert value.tolist() == pytest.approx([1.2 * 2 * math.log(0.6), -0.8 * math.log(0.2)])
    value.sum().backward()
    assert log_probs.grad is not None
    assert log_probs.grad.tolist() == pytest.approx([2.4, -0.8])


def test_sequence_ratio_is_the_geometric_mean():
    """GSPO: ratios 2 and 1/8 of two tokens give sqrt(1/4) = 1/2 at both, and half its gradient each."""
    log_probs = torch.log(doubles(0.8, 0.1))[None].requires_grad_()
    old = torch.log(doubles(0.4, 0.8))[None]
    mask = torch.ones(1, 2, dtype=torch.float64)
    ratio = sequence_ratio(log_probs, old, mask)
    assert ratio.tolist() == [pytest.approx([0.5, 0.5])]
    sequence_mean(ratio, mask).sum().backward()
    assert log_probs.grad is not None
    assert log_probs.grad.tolist() == [pytest.approx([0.25, 0.25])]


def test_sequence_ratio_leaves_padding_out():
    log_probs = torch.log(doubles(0.8, 0.1))[None]
    old = torch.log(doubles(0.4, 0.8))[None]
    assert sequence_ratio(log_probs, old, doubles(1.0, 0.0)[None])[0, 0] == pytest.approx(2.0)


def test_importance_weights_are_truncated_above_only():
    old, sampler = torch.log(doubles(0.9, 0.2, 0.3)), torch.log(doubles(0.1, 0.1, 0.6))
    assert importance(old, sampler, 4.0).tolist() == pytest.approx([4.0, 2.0, 0.5])


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("sequence", [[1 / 6, 1 / 6, 1 / 6], [1 / 2, 0.0, 0.0]]),  # 1/(2 completions x own length)
        ("token", [[1 / 4] * 3, [1 / 4, 0.0, 0.0]]),  # 4 tokens
        ("constant", [[1 / 16] * 3, [1 / 16, 0.0, 0.0]]),  # 2 completions x at most 8 tokens
    ],
)
def test_token_weights_by_hand(aggregation, expected):
    mask = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
    settings = ReinforceRecipe.model_validate({"aggregation": aggregation, "sampling": {"max_new_tokens": 8}})
    weights = token_weights(mask, settings, Totals(completions=2, tokens=4))
    torch.testing.assert_close(weights, torch.tensor(expected, dtype=torch.float64))
