"""The mixture's shares are exact, and its sources begin and end where they should."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from mathmill.recipe_training import MixtureSource
from mathmill.training.mixture import Mixture

PAPER = [0.56, 0.04, 0.10, 0.20, 0.10]


def _sources(weights: Sequence[float]) -> list[MixtureSource]:
    return [MixtureSource(name=str(i), weight=weight) for i, weight in enumerate(weights)]


def test_shares_are_exact_to_one_sequence_at_every_moment() -> None:
    chosen, numbers = Mixture(_sources(PAPER)).deal(1000, 0.0)
    for index, weight in enumerate(PAPER):
        behind = np.cumsum(chosen == index) - weight * np.arange(1, 1001)
        assert np.abs(behind).max() <= 1
        assert numbers[chosen == index].tolist() == list(range(round(weight * 1000)))


@given(weights=st.lists(st.integers(1, 50), min_size=2, max_size=6), sequences=st.integers(200, 600))
def test_counts_fit_the_weights_better_than_chance(weights: list[int], sequences: int) -> None:
    shares = np.array(weights) / sum(weights)
    mixture = Mixture(_sources(shares.tolist()))
    mixture.deal(sequences, 0.0)
    assert chisquare(mixture.dealt, shares * sequences).pvalue > 0.5


def test_dealing_goes_on_from_a_state_as_if_it_had_not_stopped() -> None:
    whole = Mixture(_sources(PAPER))
    expected = [whole.deal(7, 0.0) for _ in range(20)]
    first = Mixture(_sources(PAPER))
    parts = [first.deal(7, 0.0) for _ in range(9)]
    second = Mixture(_sources(PAPER), first.state())
    parts += [second.deal(7, 0.0) for _ in range(11)]
    assert np.array_equal(np.array(parts), np.array(expected))


def test_two_stages_follow_each_other() -> None:
    sources = [
        MixtureSource(name="code", weight=1.0, span=[0.0, 0.7]),
        MixtureSource(name="mathematics", weight=0.8, span=[0.7, 1.0]),
        MixtureSource(name="text", weight=0.2, span=[0.7, 1.0]),
    ]
    mixture = Mixture(sources)
    steps = [np.bincount(mixture.deal(10, step / 10)[0], minlength=3).tolist() for step in range(10)]
    assert steps == [[10, 0, 0]] * 7 + [[0, 8, 2]] * 3
