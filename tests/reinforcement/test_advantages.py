"""Advantages by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mathmill.recipe_reinforcement import ReinforceRecipe
from mathmill.reinforcement.advantages import (
    batch_normalised,
    coefficients,
    generalised,
    group_centred,
    group_normalised,
    leave_one_out,
    process_normalised,
    token_rewards,
)
from mathmill.reinforcement.sample import Steps
from tests.reinforcement.samples import make_sample


def doubles(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_group_normalised_by_hand():
    # Mean 1/4, population standard deviation sqrt(3)/4: the right one gets (3/4)/(sqrt(3)/4) = sqrt(3).
    rewards = doubles([1.0, 0.0, 0.0, 0.0], [2.0, 4.0, 4.0, 6.0])
    expected = doubles(
        [math.sqrt(3), -1 / math.sqrt(3), -1 / math.sqrt(3), -1 / math.sqrt(3)],
        [-math.sqrt(2), 0.0, 0.0, math.sqrt(2)],
    )
    torch.testing.assert_close(group_normalised(rewards, 0.0), expected)


def test_a_group_of_equal_rewards_has_no_advantage():
    assert group_normalised(doubles([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]), 1e-6).tolist() == [[0.0] * 3] * 2


def test_epsilon_is_added_to_the_standard_deviation():
    assert group_normalised(doubles([1.0, -1.0]), 1.0).tolist() == [[0.5, -0.5]]


def test_group_centred_by_hand():
    assert group_centred(doubles([1.0, 0.0, 0.0, 0.0])).tolist() == [[0.75, -0.25, -0.25, -0.25]]


def test_leave_one_out_by_hand():
    # The right one's others earn 0; a wrong one's others earn 1/3 on average.
    rewards = leave_one_out(doubles([1.0, 0.0, 0.0, 0.0]))
    torch.testing.assert_close(rewards, doubles([1.0, -1 / 3, -1 / 3, -1 / 3]))


def test_batch_normalised_by_hand():
    # Centred: +-1 and +-3; their population deviation is sqrt((1 + 1 + 9 + 9)/4) = sqrt(5).
    root = math.sqrt(5)
    expected = doubles([1 / root, -1 / root], [3 / root, -3 / root])
    torch.testing.assert_close(batch_normalised(doubles([2.0, 0.0], [6.0, 0.0]), 0.0), expected)


def test_process_advantages_by_hand():
    # Pooled 1, 0, 0, 1: mean 1/2, deviation 1/2, so steps count +1, -1, -1, +1.
    steps = [Steps([0, 2], [1.0, 0.0]), Steps([1, 2], [0.0, 1.0])]
    first, second = process_normalised(steps, [4, 3], 0.0)
    assert first.tolist() == [0.0, -1.0, -1.0, 0.0]  # token 0 ends both a good and, later, a bad step
    assert second.tolist() == [0.0, 0.0, 1.0]


def test_completions_without_steps_have_no_process_advantage():
    assert [one.tolist() for one in process_normalised([Steps([], []), Steps([], [])], [2, 1], 1e-6)] == [[0, 0], [0]]


def test_generalised_advantages_by_hand():
    # Values 1 and 2, a reward of 4 at the end, discount 1/2, lambda 1/2.
    # delta = (0 + 1/2 x 2 - 1, 4 - 2) = (0, 2); A = (0 + 1/4 x 2, 2) = (1/2, 2); returns = A + V.
    rewards, values = torch.tensor([0.0, 4.0]), torch.tensor([1.0, 2.0])
    advantages, returns = generalised(rewards, values, discount=0.5, gae_lambda=0.5)
    assert advantages.tolist() == [0.5, 2.0]
    assert returns.tolist() == [1.5, 4.0]


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=8), st.floats(0.5, 1.0))
def test_with_lambda_1_the_advantage_is_the_return_less_the_value(pairs, discount):
    rewards, values = torch.tensor(pairs, dtype=torch.float64).unbind(1)
    advantages, returns = generalised(rewards, values, discount=discount, gae_lambda=1.0)
    for t in range(len(pairs)):
        wanted = sum(discount**later * rewards[t + later] for later in range(len(pairs) - t))
        assert float(returns[t]) == pytest.approx(float(wanted), abs=1e-9)
        assert float(advantages[t]) == pytest.approx(float(wanted - values[t]), abs=1e-9)


def test_rewards_of_steps_and_of_the_whole_add_up():
    sample = make_sample([3], [4, 5, 6], steps=Steps([0, 2], [0.5, 0.25]), whole=2.0)
    assert token_rewards(sample).tolist() == [0.5, 0.0, 2.25]
    assert token_rewards(make_sample([3], [4, 5, 6], 1.5)).tolist() == [0.0, 0.0, 1.5]


def test_rewards_of_the_whole_join_those_of_steps():
    """The rule's advantage, normalised by itself, is added to every token of a completion."""
    group = [
        make_sample([3], [4, 5], steps=Steps([1], [1.0]), whole=1.0),
        make_sample([3], [4, 5], steps=Steps([0], [0.0]), whole=0.0),
    ]
    rewards = [{"kind": "rule"}, {"kind": "process_model"}]
    settings = ReinforceRecipe.model_validate(
        {"supervision": "process", "rewards": rewards, "group": 2, "advantage_epsilon": 0.0}
    )
    first, second = coefficients([group], settings)
    assert first.tolist() == [2.0, 2.0]
    assert second.tolist() == [-2.0, -1.0]
