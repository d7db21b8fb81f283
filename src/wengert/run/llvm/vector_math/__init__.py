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

# The functions, each with its largest error.
_LARGEST_ERROR: dict[Callable[..., Value], int] = {
    trigonometric.cos: 2,
    exponential.erf: 2,
    exponential.exp: 2,
    exponential.expm1: 2,
    logarithm.log: 2,
    logarithm.log1p: 2,
    exponential.sigmoid: 3,
    trigonometric.sin: 2,
    logarithm.softplus: 3,
    trigonometric.tan: 4,
    exponential.tanh: 2,
}
_FUNCTIONS = {function.__name__: function for function in _LARGEST_ERROR}

SUPPORTED: dict[tuple[str, str], int] = {
    (function.__name__, dtype): error
    for function, error in _LARGEST_ERROR.items()
    for dtype in ("float32", "float64")
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
