"""Losses against sums written out by hand, in float64."""

import math

import pytest
import torch

from mathmill.reward.losses import pairwise, pointwise
from mathmill.reward.reading import Example, Reader


def log_sigmoid(value: float) -> float:
    return -math.log(1 + math.exp(-value))


def test_pairwise_by_hand():
    # A right solution two above its wrong one, and one a half below it: log(1 + e^-2) + log(1 + e^0.5).
    logits = torch.tensor([3.0, 1.0, 0.25, 0.75], dtype=torch.float64)
    assert pairwise(logits).item() == pytest.approx(0.1269280110429725 + 0.9740769841801067, abs=1e-14)


def test_pairwise_pulls_apart_by_how_unlikely_the_order_was():
    logits = torch.tensor([0.3, 1.1], dtype=torch.float64, requires_grad=True)
    pairwise(logits).backward()
    pull = 1 / (1 + math.exp(0.3 - 1.1))
    assert logits.grad.tolist() == pytest.approx([-pull, pull], abs=1e-15)


def test_pointwise_by_hand_for_hard_and_soft_labels():
    logits, labels = [0.5, -2.0, 1.5], [1.0, 0.0, 0.625]
    expected = -sum(y * log_sigmoid(z) + (1 - y) * log_sigmoid(-z) for z, y in zip(logits, labels, strict=True))
    found = pointwise(torch.tensor(logits, dtype=torch.float64), torch.tensor(labels, dtype=torch.float64))
    assert found.item() == pytest.approx(expected, abs=1e-14)


def test_loss_of_steps_in_a_ragged_batch(make_reward_model, tokenizer):
    model = make_reward_model("process")[0].double()
    reader = Reader("process", tokenizer, "!")
    examples = [
        reader.steps("1 + 1?", ["\\boxed{2}"], [1.0]),
        reader.steps("12 + 30 + 4?", ["12 + 30 = 41", "41 + 4 = 45", "\\boxed{45}"], [0.25, 0.0, 0.0]),
        reader.steps("9 + 9 + 1 + 0?", ["= 19", "\\boxed{19}"], [1.0, 1.0]),
    ]
    logits = reader.logits(model, examples, torch.device("cpu"))
    labels = torch.tensor([label for example in examples for label in example.labels])
    assert logits.shape == (6,)
    expected = 0.0
    for example in examples:
        with torch.no_grad():
            alone = model(torch.tensor([example.ids])).logits[0, :, 0]
        for end, label in zip(example.ends, example.labels, strict=True):
            z = alone[end].item()
            expected -= label * log_sigmoid(z) + (1 - label) * log_sigmoid(-z)
    # The head's logits are read in float32, as in training.
    assert pointwise(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_a_batch_without_any_step_has_no_logits(make_reward_model, tokenizer):
    reader = Reader("process", tokenizer, "")
    model, _ = make_reward_model("process")
    assert reader.logits(model, [Example([1, 2], [], [])], torch.device("cpu")).shape == (0,)
