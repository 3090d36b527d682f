"""Telling expressions that differ apart at once, by their values at one point, with bounds of the values' errors.

Simplification, by which math-verify compares, takes milliseconds a pair. A value is found once an expression, and where
two of them lie further apart than their errors no simplification can make the expressions equal.
"""

import cmath
import math
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import sympy

ROUNDING = 2.0**-50
"""Bound of the relative error of one operation on Python's complex numbers."""
RESOLUTION = 1e-5
"""Nothing nearer is told apart: math-verify rounds decimals to six places."""
LONGEST_PRODUCT = 64
"""Greatest exponent that is multiplied out."""


class Value(NamedTuple):
    """A number that is known up to an error."""

    number: complex
    error: float
    """Greatest distance from the true value."""


class _NoValueError(Exception):
    """An expression that has no value at the point, or holds what is not known here."""


def surely_differ(one: Any, other: Any) -> bool:
    """Whether math-verify is bound to find two things that it read different; False tells nothing.

    It compares sympy objects with one another and texts with one another.
    """
    if isinstance(one, str) or isinstance(other, str):
        return not (isinstance(one, str) and isinstance(other, str) and one.strip() == other.strip())
    if isinstance(one, sympy.Symbol) or isinstance(other, sympy.Symbol):
        return False  # math-verify takes `abc` for the product of `a`, `b` and `c`
    if isinstance(one, sympy.Expr) and isinstance(other, sympy.Expr):
        return are_apart(one, other)
    number, numbers = (one, other) if isinstance(one, sympy.Expr) else (other, one)
    return isinstance(number, sympy.Expr) and _holds_an_interval(numbers)


def are_apart(one: Any, other: Any) -> bool:
    """Whether the values of two expressions at the point surely differ.

    Symbols stand for positive numbers there, the same in both for the same name.
    """
    first, second = value(one), value(other)
    if first is None or second is None:
        return False
    return abs(first.number - second.number) > first.error + second.error + RESOLUTION


def _holds_an_interval(numbers: Any) -> bool:
    """Whether a set holds more than one number, as an interval or as one part of it."""
    if isinstance(numbers, sympy.Union):
        return any(map(_holds_an_interval, numbers.args))
    if not isinstance(numbers, sympy.Interval):
        return False
    return numbers.start is sympy.S.NegativeInfinity or numbers.end is sympy.oo or are_apart(numbers.start, numbers.end)


@lru_cache(maxsize=65_536)
def value(expression: Any) -> Value | None:
    """The value of an expression at the point; None where there is none, or none that floating point can hold."""
    try:
        found = _value(expression)
    except (_NoValueError, ArithmeticError, RecursionError):
        return None
    return found if math.isfinite(abs(found.number) + found.error) else None


def _value(expression: Any) -> Value:
    if not expression.args:
        return _atom(expression)
    arguments = [_value(argument) for argument in expression.args]
    if expression.is_Add:
        return _sum(arguments)
    if expression.is_Mul:
        return _product(arguments)
    if expression.is_Pow:
        return _power(arguments[0], arguments[1], expression.exp)
    if expression.func in FUNCTIONS and len(arguments) == 1:
        return FUNCTIONS[expression.func](arguments[0])
    raise _NoValueError


def _atom(expression: Any) -> Value:
    if expression.is_Rational or expression.is_Float or expression.is_NumberSymbol:
        return _rounded(complex(float(expression)))
    if expression.is_Symbol:
        return Value(complex(0.5 + zlib.crc32(expression.name.encode()) / 2**32), 0.0)
    if expression is sympy.I:
        return Value(1j, 0.0)
    raise _NoValueError


def _rounded(number: complex, error: float = 0.0) -> Value:
    return Value(number, error + ROUNDING * abs(number))


def _sum(terms: Sequence[Value]) -> Value:
    rounding = ROUNDING * len(terms) * sum(abs(term.number) for term in terms)
    return Value(sum((term.number for term in terms), 0j), sum(term.error for term in terms) + rounding)


def _product(factors: Sequence[Value]) -> Value:
    size = math.prod(abs(factor.number) for factor in factors)
    greatest = math.prod(abs(factor.number) + factor.error for factor in factors)
    rounding = 2 * ROUNDING * len(factors) * greatest
    return Value(math.prod((factor.number for factor in factors), start=1 + 0j), greatest - size + rounding)


def _power(base: Value, exponent: Value, exact: Any) -> Value:
    """`base` to the power of `exponent`, which is known exactly as well."""
    if exact.is_Integer and abs(exact) <= LONGEST_PRODUCT:
        return _product([base if exact > 0 else _inverse(base)] * abs(int(exact)))
    return _exponential(_product([_logarithm(base), exponent]))


def _inverse(one: Value) -> Value:
    least = abs(one.number) - one.error
    if least <= 0:
        raise _NoValueError
    return _rounded(1 / one.number, one.error / (least * abs(one.number)))


def _logarithm(one: Value) -> Value:
    """Of a positive number: elsewhere it jumps, and the error would choose the side."""
    least = one.number.real - one.error
    if one.number.imag or least <= 0:
        raise _NoValueError
    return _rounded(cmath.log(one.number), one.error / least + ROUNDING)


def _exponential(one: Value) -> Value:
    number = cmath.exp(one.number)
    return _rounded(number, abs(number) * math.expm1(one.error + ROUNDING * abs(one.number)))


def _wave(number: complex, angle: Value) -> Value:
    """A sine or cosine, which of real angles moves no further than they do."""
    if angle.number.imag:
        raise _NoValueError
    return Value(number, angle.error + ROUNDING * (1 + abs(angle.number)))


def _sine(one: Value) -> Value:
    return _wave(cmath.sin(one.number), one)


def _cosine(one: Value) -> Value:
    return _wave(cmath.cos(one.number), one)


def _tangent(one: Value) -> Value:
    return _product([_sine(one), _inverse(_cosine(one))])


def _absolute(one: Value) -> Value:
    return _rounded(complex(abs(one.number)), one.error)


FUNCTIONS = {
    sympy.exp: _exponential,
    sympy.log: _logarithm,
    sympy.sin: _sine,
    sympy.cos: _cosine,
    sympy.tan: _tangent,
    sympy.Abs: _absolute,
}
