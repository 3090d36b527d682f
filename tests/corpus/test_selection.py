"""The budget is met to one bin of scores."""

from hypothesis import given
from hypothesis import strategies as st

from mathmill.corpus.selection import BINS, lowest_bin


def test_bins_are_taken_from_the_top() -> None:
    tokens = {90: 10, 80: 20, 70: 30}
    assert lowest_bin(tokens, 30) == 80
    assert lowest_bin(tokens, 59) == 80
    assert lowest_bin(tokens, 60) == 70
    assert lowest_bin(tokens, 9) == BINS + 1


@given(st.dictionaries(st.integers(0, BINS), st.integers(1, 100), min_size=1), st.integers(0, 2000))
def test_what_is_kept_fits_the_budget_and_one_bin_more_would_not(tokens: dict[int, int], budget: int) -> None:
    cut = lowest_bin(tokens, budget)
    assert sum(count for number, count in tokens.items() if number >= cut) <= budget
    below = [number for number in tokens if number < cut]
    if below:
        assert sum(count for number, count in tokens.items() if number >= max(below)) > budget
