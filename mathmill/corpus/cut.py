"""How many of the first rows fit a budget, found with a histogram instead of a global sort."""

from collections.abc import Mapping


def first_bins(weights: Mapping[int, int], budget: int) -> int:
    """How far to go up the bins, from the lowest on, until the next one would exceed `budget`.

    Args:
        weights: total weight of the rows of each bin; bins that are missing are empty.
        budget: greatest total weight.

    Returns:
        The highest bin that still fits, or one below the lowest when not even that does.
    """
    total = 0
    last = min(weights, default=0) - 1
    for number in sorted(weights):
        total += weights[number]
        if total > budget:
            break
        last = number
    return last
