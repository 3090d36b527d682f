"""Mathematics read as the published evaluation reads it, without evaluating what a model wrote.

Where that code hands a model's text to Python's `eval` (by itself, or inside sympy's `parse_expr` and `sympify`), the
text is parsed here and its arithmetic carried out node by node: numbers, operators, sympy's functions and constants.
Whatever else Python would have run is not run, and the text counts as unreadable.
"""

import ast
import builtins
import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from types import BuiltinFunctionType
from typing import Any

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.MatMult: operator.matmul,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
CONSTRUCTORS = frozenset({"Symbol", "Function", "Integer", "Float", "Rational"})
"""What sympy's parser wraps names and numbers into; the only ones that may be given a string, since they parse none."""
FUNCTIONS = frozenset({"sqrt", "cbrt", "root", "real_root", "abs", "pow", "round"})
"""Functions of numbers that are no classes of sympy."""


class UnreadableError(ValueError):
    """The text is more than arithmetic."""


def calculate(code: str, names: Mapping[str, Any]) -> Any:
    """The value of an arithmetical expression in Python's syntax.

    Args:
        code: the expression.
        names: what names may stand for.

    Raises:
        UnreadableError: it holds something else.
        Exception: whatever parsing or arithmetic raises.
    """
    body = ast.parse(code.lstrip(" \t"), mode="eval").body
    return body.value if isinstance(body, ast.Constant) else _value(body, names)


@lru_cache(maxsize=4096)
def read_expression(text: str) -> Any:
    """What `text` says as LaTeX, else in Python's notation, else `text` itself."""
    from sympy.parsing.latex import parse_latex

    for read in (parse_latex, read_notation):
        with suppress(Exception):  # whatever they raise, the text is not in that notation
            return read(text)
    return text


def read_notation(text: str, *, rational: bool = False) -> Any:
    """What sympy's `parse_expr` gives, or `sympify` with `rational=True`: powers by `^`, and fractions for decimals.

    Raises:
        Exception: whatever tokenization, parsing or arithmetic raises.
    """
    from sympy.parsing import sympy_parser

    transformations = sympy_parser.standard_transformations
    if rational:
        transformations = (*transformations, sympy_parser.rationalize, sympy_parser.convert_xor)
    code = sympy_parser.stringify_expr(text, {}, _sympy_namespace(), transformations)
    return calculate(code, _known_names())


def numerical_value(value: Any) -> Any:
    """The floating-point value, to 15 digits, of what `read_expression` gave.

    Raises:
        Exception: it has none.
    """
    from sympy import N

    return N(read_notation(value.replace("\n", ""), rational=True) if isinstance(value, str) else value)


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    result: Any
    match node:
        case ast.Constant(value=value) if not isinstance(value, str):
            result = value
        case ast.Name(id=name) if name in names:
            result = names[name]
        case ast.UnaryOp(op=op, operand=operand):
            result = UNARY[type(op)](_value(operand, names))
        case ast.BinOp(left=left, op=op, right=right):
            result = BINARY[type(op)](_value(left, names), _value(right, names))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
            result = COMPARISONS[type(op)](_value(left, names), _value(right, names))
        case ast.Tuple(elts=parts):
            result = tuple(_value(part, names) for part in parts)
        case ast.List(elts=parts):
            result = [_value(part, names) for part in parts]
        case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=value)], keywords=[]) if name in CONSTRUCTORS:
            result = names[name](value)
        case ast.Call(func=function, args=arguments, keywords=[]):
            result = _value(function, names)(*(_value(argument, names) for argument in arguments))
        case _:
            raise UnreadableError(f"{type(node).__name__} is no arithmetic")
    return result


@cache
def _sympy_namespace() -> dict[str, Any]:
    """What the parser takes for names of their own; it makes symbols of all others."""
    import sympy

    known = {name: getattr(sympy, name) for name in sympy.__all__}
    known |= {name: one for name, one in vars(builtins).items() if isinstance(one, BuiltinFunctionType)}
    return known | {"max": sympy.Max, "min": sympy.Min}


@cache
def _known_names() -> dict[str, Any]:
    """The names of sympy that stand for numbers and for functions of numbers, none of which parses a string."""
    import sympy

    namespace = _sympy_namespace()
    safe = {
        name: one
        for name, one in namespace.items()
        if isinstance(one, sympy.Expr) or (isinstance(one, type) and issubclass(one, sympy.Expr))
    }
    return safe | {name: namespace[name] for name in FUNCTIONS | CONSTRUCTORS}
