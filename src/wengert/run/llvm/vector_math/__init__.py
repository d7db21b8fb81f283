"""Elementary functions as plain LLVM IR, on floats, doubles and vectors of them of any width.

`emit` writes the instructions of one function at a builder's position: fused multiply-adds, comparisons,
selects and integer operations on whole vectors, no call into a mathematics library. Each lane's result
depends on that lane alone, so it is bitwise the same in every vector width and on every target that has
(or, as the x86-64 baseline, emulates) fused multiply-add. Infinities, NaN, signed zeros and subnormal
numbers, given or resulting, are right.

Nothing branches, but for one case: sin, cos and tan of a vector with a lane beyond 2^18 (float32) or 2^30
call a slow reduction that serves arguments of any size.

`SUPPORTED` states the largest error.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from . import exponential, logarithm, trigonometric
from .lanes import Lanes, Value

_FUNCTIONS: dict[str, Callable[..., Value]] = {
    "cos": trigonometric.as_function("cos", trigonometric.cos),
    "erf": exponential.erf,
    "exp": exponential.exp,
    "expm1": exponential.expm1,
    "log": logarithm.log,
    "log1p": logarithm.log1p,
    "sigmoid": exponential.sigmoid,
    "sin": trigonometric.as_function("sin", trigonometric.sin),
    "softplus": logarithm.softplus,
    "tan": trigonometric.as_function("tan", trigonometric.tan),
    "tanh": exponential.tanh,
}

_LARGEST_ERROR = {
    "cos": 2,
    "erf": 2,
    "exp": 2,
    "expm1": 2,
    "log": 2,
    "log1p": 2,
    "sigmoid": 3,
    "sin": 2,
    "softplus": 3,
    "tan": 4,
    "tanh": 2,
}

SUPPORTED: dict[tuple[str, str], int] = {
    (name, dtype): error for name, error in _LARGEST_ERROR.items() for dtype in ("float32", "float64")
}
"""Largest error in units in the last place of the correctly rounded result, by function and dtype."""


def emit(builder: ir.IRBuilder, name: str, *values: Value) -> Value:
    """Write the function `name` of the values where the builder stands.

    Parameters
    ----------
    builder : ir.IRBuilder
        Instructions are appended to its block, which stays its block.
    name : str
        A function of `SUPPORTED`.
    *values : ir.Value
        The arguments: all of one type, float or double or a vector of either.

    Returns
    -------
    ir.Value
        The result, of the arguments' type.
    """
    return _FUNCTIONS[name](Lanes(builder, values[0].type), *values)
