"""The order in which a job takes what it learns from."""

import numpy as np


def indices_of_step(count: int, step: int, size: int, seed: int) -> list[int]:
    """Which of `count` items step `step`, counted from 0, takes: each once a pass, every pass in another order."""
    places = range(step * size, (step + 1) * size)
    orders = {
        number: np.random.default_rng([seed, number]).permutation(count) for number in {p // count for p in places}
    }
    return [int(orders[place // count][place % count]) for place in places]
