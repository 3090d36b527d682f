"""Pairs, and the two forms of direct preference optimisation, by hand."""

import math

import pytest
import torch

from mathmill.reinforcement.preferences import dpo, pairs_of
from tests.reinforcement.samples import make_sample


def test_pairs_are_of_one_question_and_use_a_sample_once():
    first = [make_sample([1], [place], reward) for place, reward in enumerate([1.0, 0.0, 1.0, 0.0, 0.0])]
    second = [make_sample([2], [place], 1.0) for place in range(5)]
    assert pairs_of([first, second]) == [(first[0], first[1]), (first[2], first[3])]


@pytest.mark.parametrize(("normalised", "argument"), [(False, 0.5 * (2 - 1)), (True, 0.5 * (1 - 1))])
def test_dpo_by_hand(normalised, argument):
    # Log-ratios 1 and 1 of the accepted completion, 1 of the shorter rejected one: sums 2 and 1, means 1 and 1.
    reference = torch.zeros(2, 2, dtype=torch.float64)
    log_probs = torch.tensor([[1.0, 1.0], [1.0, 9.0]], dtype=torch.float64)
    mask = torch.tensor([[1.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    value = dpo(log_probs, reference, mask, beta=0.5, normalised=normalised)
    assert value.tolist() == pytest.approx([-math.log(1 + math.exp(-argument))])
