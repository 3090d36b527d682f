"""Figures of trust against sums done by hand."""

import pytest

from mathmill.reward.calibration import (
    expected_calibration_error,
    held_out_figures,
    reliability,
    reliability_figure,
)

SCORES = [0.05, 0.1, 0.19, 0.55, 0.55, 0.95, 1.0, 0.9]
LABELS = [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.5]


def test_bins_hold_their_lower_edge_and_the_last_one_both():
    assert [(one.low, one.count) for one in reliability(SCORES, LABELS)] == [(0.0, 1), (0.1, 2), (0.5, 2), (0.9, 3)]


def test_expected_calibration_error_by_hand():
    # |0.05 - 0| x 1 + |0.145 - 0.5| x 2 + |0.55 - 0.5| x 2 + |0.95 - 2.5 / 3| x 3 = 0.05 + 0.71 + 0.1 + 0.35, of 8.
    assert expected_calibration_error(reliability(SCORES, LABELS)) == pytest.approx(1.21 / 8, abs=1e-12)


def test_perfect_and_worst_calibration():
    assert expected_calibration_error(reliability([0.25] * 4, [1.0, 0.0, 0.0, 0.0])) == 0
    assert expected_calibration_error(reliability([1.0, 0.0], [0.0, 1.0])) == 1


def test_accuracy_and_auc_by_hand():
    found = held_out_figures([0.9, 0.8, 0.4, 0.3], [1.0, 0.0, 0.5, 0.25])
    # Right: 0.9 and 0.4 (half right). Of four pairs with a wrong one three are in order.
    assert found["accuracy"] == 0.5
    assert found["auc"] == 0.75


def test_no_auc_where_all_are_right():
    assert set(held_out_figures([0.9, 0.8], [1.0, 1.0])) == {"accuracy", "ece"}


def test_the_plot_shows_every_bin():
    bins = reliability(SCORES, LABELS)
    upper, lower = reliability_figure({"solutions": bins, "steps": bins}).axes
    assert upper.lines[1].get_xdata().tolist() == [one.predicted for one in bins]
    assert [bar.get_height() for bar in lower.patches] == [one.count for one in bins] * 2
