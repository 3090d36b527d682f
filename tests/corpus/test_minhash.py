"""Signatures estimate the Jaccard index, and bands collide, as the formulas of the recipe say."""

import numpy as np
import pytest

from mathmill.corpus.minhash import are_near, band_keys, containment, minimums, signatures, similarity
from mathmill.corpus.shingles import shingle_hashes
from mathmill.recipe_corpus import MinHashRecipe

RECIPE = MinHashRecipe()
PAIRS = 400


def _pairs(jaccard: float, shingles: int) -> tuple[np.ndarray, np.ndarray]:
    """Minimums of pairs of random sets whose union has `shingles` elements and whose Jaccard index is `jaccard`."""
    generator = np.random.default_rng(int(1000 * jaccard) + shingles)
    common = round(jaccard * shingles)
    left, right = [], []
    for _ in range(PAIRS):
        union = generator.choice(np.iinfo(np.uint32).max, shingles, replace=False).astype(np.uint32) + np.uint32(1)
        half = common + (shingles - common) // 2
        left.append(union[:half])
        right.append(np.concatenate([union[:common], union[half:]]))
    return minimums(left, RECIPE.permutations), minimums(right, RECIPE.permutations)


@pytest.mark.parametrize("shingles", [40, 1000])
@pytest.mark.parametrize("jaccard", [0.5, 0.7, 0.75, 0.8, 0.9])
def test_the_estimate_is_unbiased_and_has_the_stated_error(jaccard: float, shingles: int) -> None:
    left, right = _pairs(jaccard, shingles)
    estimates = similarity(signatures(left), signatures(right))
    # Entries agree with probability J + (1 - J) / 16, and the estimate stretches their share by 16 / 15.
    agreeing = jaccard + (1 - jaccard) / 16
    error = np.sqrt(agreeing * (1 - agreeing) / RECIPE.permutations) * 16 / 15
    assert abs(estimates.mean() - jaccard) < 4 * error / np.sqrt(PAIRS)
    assert 0.85 * error < estimates.std() < 1.15 * error


@pytest.mark.parametrize("jaccard", [0.3, 0.5, 0.6, 0.8])
def test_bands_collide_with_the_stated_probability(jaccard: float) -> None:
    left, right = _pairs(jaccard, 200)
    same = band_keys(left, RECIPE.bands, RECIPE.rows) == band_keys(right, RECIPE.bands, RECIPE.rows)
    for observed, expected, trials in (
        (same.mean(), jaccard**RECIPE.rows, same.size),
        (same.any(axis=1).mean(), 1 - (1 - jaccard**RECIPE.rows) ** RECIPE.bands, PAIRS),
    ):
        assert abs(observed - expected) <= 4 * np.sqrt(expected * (1 - expected) / trials) + 1e-3


def test_the_parameters_leave_a_margin_to_what_must_be_found() -> None:
    from math import erf, sqrt

    must = 0.8
    meets = 1 - (1 - must**RECIPE.rows) ** RECIPE.bands
    error = sqrt(must * (1 - must) / RECIPE.permutations) * 16 / 15
    passes = (1 + erf((must - RECIPE.threshold) / error / sqrt(2))) / 2
    assert meets * passes > 0.99


def test_texts_of_known_index() -> None:
    text = " ".join(f"word{number}" for number in range(500))
    changed = text.replace("word250 ", "other ")
    left, right, apart = signatures(minimums(shingle_hashes([text, changed, text[::-1]], 5), RECIPE.permutations))
    # One changed word of 500 changes 5 of 496 shingles.
    assert similarity(left, right) == pytest.approx(491 / 501, abs=0.02)
    assert similarity(left, left) == 1.0
    assert similarity(left, apart) < 0.1
    assert similarity(np.array([left, right]), right).tolist() == [similarity(left, right), 1.0]


@pytest.mark.parametrize(
    ("jaccard", "left", "right", "near"),
    [
        (0.75, 900, 1000, True),
        (0.74, 900, 1000, False),
        (30 / 50, 30, 50, True),
        (30 / 50, 50, 30, True),
        (27 / 53, 30, 50, False),
        (30 / 61, 30, 61, False),
        (300 / 350, 300, 350, True),
        (300 / 420, 300, 420, False),
    ],
)
def test_near_duplicates_are_similar_or_differ_by_a_banner(jaccard: float, left: int, right: int, near: bool) -> None:
    assert are_near(np.array([jaccard]), np.array([left]), np.array([right]), RECIPE).tolist() == [near]


def test_containment() -> None:
    assert containment(np.array([0.6]), np.array([30]), np.array([50])) == pytest.approx(1.0)
    assert containment(np.array([0.5]), np.array([100]), np.array([100])) == pytest.approx(2 / 3)


def test_kept_signatures_stay_comparable() -> None:
    """Keys of earlier builds lie in files: when this fails, raise `mathmill.corpus.page_keys.FORMAT`."""
    smallest = minimums(shingle_hashes(["the quick brown fox jumps over the lazy dog"], 5), 16)
    expected = _by_pythons_integers(["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"], 16)
    assert smallest[0].tolist() == expected
    low = [number & 15 for number in expected]
    assert signatures(smallest)[0].tolist() == [low[place] | low[place + 1] << 4 for place in range(0, 16, 2)]


def _by_pythons_integers(tokens: list[str], permutations: int) -> list[int]:
    base, top = 0xD6E8FEB86659FD93, (1 << 64) - 1

    def mixed(number: int) -> int:
        number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & top
        number = (number ^ (number >> 27)) * 0x94D049BB133111EB & top
        return number ^ (number >> 31)

    words = [
        mixed(sum(mixed((ord(c) + 1) * base & top) * base**i for i, c in enumerate(word)) & top) for word in tokens
    ]
    shingles = [
        mixed(sum(word * base ** (4 - i) for i, word in enumerate(words[start : start + 5])) & top) >> 32
        for start in range(len(words) - 4)
    ]
    factors = [mixed(number * base & top) >> 32 | 1 for number in range(1, permutations + 1)]
    return [min(shingle * factor & 0xFFFFFFFF for shingle in shingles) for factor in factors]
