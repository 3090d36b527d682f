"""The order of learning."""

from collections import Counter

import pytest

from mathmill.training.passes import indices_of_step


@pytest.mark.parametrize(("count", "size"), [(10, 4), (7, 7), (5, 12)])
def test_every_item_comes_once_a_pass(count: int, size: int) -> None:
    taken = [i for step in range(count) for i in indices_of_step(count, step, size, seed=3)]
    for start in range(0, len(taken), count):
        assert Counter(taken[start : start + count]) == Counter(range(count))
    assert taken[:count] != taken[count : 2 * count]


def test_a_step_takes_the_same_however_it_is_reached() -> None:
    assert indices_of_step(100, 57, 8, seed=1) == indices_of_step(100, 57, 8, seed=1)
