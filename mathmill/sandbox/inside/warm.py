"""Importing and using libraries before the first fork, so that no program pays for it."""

import gc
import importlib
from collections.abc import Sequence


def warm(modules: Sequence[str]) -> None:
    """Import the modules, and exercise NumPy and SymPy, which import and cache much at first use."""
    for name in modules:
        importlib.import_module(name)
    if "numpy" in modules:
        _exercise_numpy()
    if "sympy" in modules:
        _exercise_sympy()
    gc.collect()
    gc.freeze()  # a collection in a program would otherwise copy every page of ours


def _exercise_numpy() -> None:
    import numpy as np

    matrix = np.random.default_rng(0).normal(size=(4, 4))
    np.random.seed(0)  # noqa: NPY002 - what programs use
    np.linalg.solve(matrix, np.ones(4))
    np.roots([1, -3, 2])
    str(matrix.mean().round(2))


def _exercise_sympy() -> None:
    import sympy  # type: ignore[import-untyped]

    x, y = sympy.symbols("x y")
    n = sympy.symbols("n", integer=True, positive=True)
    sympy.solve(x**2 - 5 * x + 6, x)
    sympy.solve([x + y - 3, x - y - 1], [x, y])
    sympy.solveset(x**2 - 4, x, sympy.S.Reals)
    sympy.simplify(sympy.sin(x) ** 2 + sympy.cos(x) ** 2)
    sympy.factor(sympy.expand((x + 1) ** 3))
    sympy.integrate(x * sympy.exp(x), (x, 0, 1))
    sympy.diff(sympy.log(x) * x, x)
    sympy.limit(sympy.sin(x) / x, x, 0)
    sympy.summation(n, (n, 1, 10))
    sympy.Matrix([[1, 2], [3, 4]]).inv()
    sympy.nsimplify(sympy.sqrt(2).evalf(20))
    sympy.factorint(360)
    sympy.latex(sympy.Rational(1, 3) * sympy.sqrt(x))
    str(sympy.sympify("x**2/3"))
