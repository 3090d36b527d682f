"""Paired tests and intervals against published examples and sums by hand."""

import pytest

from mathmill.evaluation.paired import compare, paired_difference, paired_rows
from tests.evaluation.items import item


def pairs(both, only_one, only_other, neither):
    """Single verdicts on questions that both, one or neither of two models has right."""
    one = [1] * (both + only_one) + [0] * (only_other + neither)
    other = [1] * both + [0] * only_one + [1] * only_other + [0] * neither
    return [[bool(right)] for right in one], [[bool(right)] for right in other]


@pytest.mark.parametrize(
    ("better", "worse", "p"),
    [
        # Twice the binomial tail: (1 + 6) / 2^6; (1 + 10 + 45) / 2^10; an even split is no sign of anything.
        (5, 1, 2 * 7 / 64),
        (2, 8, 2 * 56 / 1024),
        (4, 4, 1.0),
        (0, 0, 1.0),
        (9, 0, 2 / 512),
    ],
)
def test_mcnemar_s_test_is_twice_the_binomial_tail(better, worse, p):
    found = compare(*pairs(20, better, worse, 3))
    assert (found.test, found.n, found.better, found.worse) == ("exact McNemar", 23 + better + worse, better, worse)
    assert found.p == pytest.approx(p)
    assert found.difference.value == pytest.approx((better - worse) / found.n)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Cavo et al. (2012), complete response before and after consolidation therapy; the interval is that of
        # Fagerland, Lydersen and Laake, "Statistical Analysis of Contingency Tables" (2017), chapter 8.
        ((59, 6, 16, 80), -0.1186, -0.0046),
        # Mirrored, the models change places.
        ((59, 16, 6, 80), 0.0046, 0.1186),
    ],
)
def test_the_interval_is_newcombe_s(table, low, high):
    found = compare(*pairs(*table)).difference
    assert found.value == pytest.approx((table[1] - table[2]) / sum(table))
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_pairs_that_agree_narrow_the_interval():
    apart = paired_difference([1] * 60 + [0] * 40, [1] * 30 + [0] * 40 + [1] * 30)
    alike = paired_difference([1] * 60 + [0] * 40, [1] * 60 + [0] * 40)
    assert alike.high - alike.low < apart.high - apart.low
    # Two models that have nothing right are not known to be equal.
    assert paired_difference([0] * 20, [0] * 20).high == pytest.approx(0.1611, abs=5e-5)


def test_several_samples_are_compared_by_student_s_t():
    # Differences 1/2, 1/2, 0, 1: mean 1/2, standard deviation 0.40825; t = 0.5 / (0.40825 / 2) = 2.4495 of three
    # degrees of freedom, whose two-sided p is 0.0917 and whose 0.975 quantile is 3.1824.
    ours = [[True, True], [True, False], [False, False], [True, True]]
    theirs = [[True, False], [False, False], [False, False], [False, False]]
    found = compare(ours, theirs)
    assert (found.test, found.better, found.worse) == ("paired t", 3, 0)
    assert found.p == pytest.approx(0.0917, abs=5e-5)
    half = 3.1824 * 0.40825 / 2
    assert (found.difference.low, found.difference.high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-4)


def test_equal_differences_are_tested_by_their_sign():
    right, wrong, half = [True, True], [False, False], [True, False]
    found = compare([right] * 5, [half] * 5)
    assert (found.test, found.p) == ("exact McNemar", pytest.approx(2 / 32))
    assert (found.difference.value, found.difference.low < 0) == (0.5, True)
    assert compare([wrong, right], [wrong, right]).p == 1.0


def test_every_pair_of_models_on_every_task():
    verdicts = {
        ("base", "sums"): [False, False, True],
        ("base", "products"): [True, False],
        ("rl", "sums"): [True, True, True],
        ("rl", "products"): [True, False],
        ("instruct", "sums"): [True, False, True],
    }
    items = [
        item(label, task, f"q{number}", 0, right)
        for (label, task), rights in verdicts.items()
        for number, right in enumerate(rights)
    ]
    rows = paired_rows(items)
    assert [(row.task, row.model, row.against) for row in rows] == [
        ("sums", "rl", "base"),
        ("sums", "instruct", "base"),
        ("sums", "instruct", "rl"),
        ("products", "rl", "base"),
    ]
    assert (rows[0].n, rows[0].accuracy, rows[0].accuracy_against) == (3, 1.0, pytest.approx(1 / 3))
    assert (rows[0].difference, rows[0].better, rows[0].worse) == (pytest.approx(2 / 3), 2, 0)
    assert (rows[-1].difference, rows[-1].p) == (0.0, 1.0)
