"""Comparisons and logic: piecewise constant, so nothing flows back through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.primitive import Interval, NotDifferentiable, Primitive
from wengert.primitives.kinds import BOOL, REAL_LINE, elementwise

_CONSTANT = NotDifferentiable("piecewise constant: the derivative is 0 wherever it exists")
_TRUTH = Interval(0, 1, integer=True)


def _comparison(
    name: str,
    ufunc: np.ufunc,
    python: str,
    decomposition: Callable[..., Any] | None = None,
) -> Primitive:
    return elementwise(
        name,
        numpy=ufunc,
        vjp=_CONSTANT,
        python=f"{{0}} {python} {{1}}",
        domain=(REAL_LINE, REAL_LINE),
        result=BOOL,
        special=(0.0, float("nan"), float("inf")),
        complex=True,  # ordered by the real part, then by the imaginary part, as NumPy has it
        source="IEEE 754-2019, 5.11",
        decomposition=decomposition,
    )


eq = _comparison("eq", np.equal, "==")
ne = _comparison("ne", np.not_equal, "!=", lambda x, y: np.logical_not(x == y))
lt = _comparison("lt", np.less, "<")
le = _comparison("le", np.less_equal, "<=")
gt = _comparison("gt", np.greater, ">")
ge = _comparison("ge", np.greater_equal, ">=")


def _logic(name: str, ufunc: np.ufunc, formula: str, operands: int) -> Primitive:
    places = ", ".join(f"{{{position}}}" for position in range(operands))
    return elementwise(
        name,
        numpy=ufunc,
        vjp=_CONSTANT,
        formula=formula,
        python=f"np.{ufunc.__name__}({places})",
        domain=(_TRUTH,) * operands,
        # Numbers count as true where they are not 0; converted first, every executor meets booleans only.
        promote=lambda dtypes: (BOOL,) * len(dtypes),
        result=BOOL,
        source="IEEE 754-2019, 5.11",
    )


logical_and = _logic("logical_and", np.logical_and, "x & y", 2)
logical_or = _logic("logical_or", np.logical_or, "x | y", 2)
logical_xor = _logic("logical_xor", np.logical_xor, "x ^ y", 2)
logical_not = _logic("logical_not", np.logical_not, "not x", 1)


def _classification(name: str, ufunc: np.ufunc, decomposition: Callable[..., Any] | None = None) -> Primitive:
    return elementwise(
        name,
        numpy=ufunc,
        vjp=_CONSTANT,
        python=f"np.{name}({{0}})",
        result=BOOL,
        special=(0.0, float("nan"), float("inf"), float("-inf")),
        complex=True,
        source="IEEE 754-2019, 5.7.2",
        decomposition=decomposition,
    )


isnan = _classification("isnan", np.isnan)
isinf = _classification("isinf", np.isinf)
isfinite = _classification("isfinite", np.isfinite, lambda x: np.logical_not(np.isnan(x) | np.isinf(x)))
