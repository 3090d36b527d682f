"""Some rows of each kind stand for all."""

from mathmill.evaluation.shown import first_of_each


def test_the_first_of_each_group_are_shown_in_their_order():
    assert first_of_each(["a1", "b1", "a2", "a3", "c1", "b2"], lambda row: row[0], 2) == ["a1", "b1", "a2", "c1", "b2"]
    assert first_of_each([], len, 2) == []
