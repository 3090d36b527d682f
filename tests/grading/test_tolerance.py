"""Numbers that are near enough to the right one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.grading.tolerance import as_number, is_near


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5.0),
        ("-1.6", -1.6),
        (".5", 0.5),
        ("1,000.", 1000.0),
        ("1,234,567.5", 1234567.5),
        ("4.45e33", 4.45e33),
        ("6.02 \\times 10^{23}", 6.02e23),
        ("6.02\\cdot 10^{-3}", 6.02e-3),
        ("2 * 10**3", 2000.0),
        ("10^{-5}", 1e-5),
        ("-10^4", -1e4),
        ("\\frac{1}{4}", 0.25),
        ("-\\dfrac{1}{4}", -0.25),
        ("3/8", 0.375),
        ("\\$12.50", 12.5),
        ("1e999", None),
        ("1/0", None),
        ("x+1", None),
        ("", None),
        ("12 m", None),
        ("__import__('os')", None),
    ],
)
def test_numbers_are_read_as_they_are_written(text, value):
    assert as_number(text) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_python_writes_is_read(value):
    assert as_number(repr(value)) == value


@pytest.mark.parametrize(
    ("answer", "gold", "near"),
    [
        ("1.61", "1.6", True),
        ("1.62", "1.6", False),
        ("-1.61", "-1.6", True),
        ("0", "0", True),
        ("0.001", "0", False),
        ("1.6", "x", False),
    ],
)
def test_near_is_relative_to_the_right_one(answer, gold, near):
    assert is_near(answer, gold, 0.01) is near
