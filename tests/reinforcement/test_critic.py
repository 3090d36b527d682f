"""The critic's loss, by hand."""

import pytest
import torch

from mathmill.reinforcement.critic import value_error


@pytest.mark.parametrize(
    ("value", "old", "target", "expected"),
    [
        (1.0, 1.0, 3.0, 2.0),  # 1/2 (1 - 3)^2
        (2.0, 1.0, 3.0, 1.62),  # moved past the range: as if it were at 1.2, 1/2 (1.2 - 3)^2
        (0.0, 1.0, 3.0, 4.5),  # moved away: the greater error, 1/2 (0 - 3)^2
        (1.1, 1.0, 3.0, 1.805),
    ],
)
def test_value_error_by_hand(value, old, target, expected):
    one = [torch.tensor([number], dtype=torch.float64) for number in (value, old, target)]
    assert float(value_error(*one, clip=0.2)) == pytest.approx(expected)
