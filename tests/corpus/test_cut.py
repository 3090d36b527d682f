"""The first rows that fit a budget, to one bin."""

from hypothesis import given
from hypothesis import strategies as st

from mathmill.corpus.cut import first_bins


def test_bins_are_taken_from_the_lowest_on() -> None:
    weights = {-90: 10, -80: 20, -70: 30}
    assert first_bins(weights, 30) == -80
    assert first_bins(weights, 59) == -80
    assert first_bins(weights, 60) == -70
    assert first_bins(weights, 9) == -91, "not even the first bin fits"


@given(st.dictionaries(st.integers(0, 1000), st.integers(1, 100), min_size=1), st.integers(0, 2000))
def test_what_is_taken_fits_the_budget_and_one_bin_more_would_not(weights: dict[int, int], budget: int) -> None:
    last = first_bins(weights, budget)
    assert sum(weight for number, weight in weights.items() if number <= last) <= budget
    above = [number for number in weights if number > last]
    if above:
        assert sum(weight for number, weight in weights.items() if number <= min(above)) > budget
