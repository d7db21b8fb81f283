"""Comparisons and logic: piecewise constant, so nothing flows back through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.primitive import Interval, Notation, NotDifferentiable, Primitive
from wengert.primitives.kinds import BOOL, REAL_LINE, elementwise

_CONSTANT = NotDifferentiable("piecewise constant: the derivative is 0 wherever it exists")
_TRUTH = Interval(0, 1, integer=True)


def _comparison(
    name: str, ufunc: np.ufunc, latex: str, python: str, decomposition: Callable[..., Any] | None = None
) -> Primitive:
    return elementwise(
        name,
        numpy=ufunc,
        vjp=_CONSTANT,
        notation=Notation(f"{{0}} {latex} {{1}}", ("0", "0")),
        python=f"{{0}} {python} {{1}}",
        domain=(REAL_LINE, REAL_LINE),
        result=BOOL,
        special=(0.0, float("nan"), float("inf")),
        source="IEEE 754-2019, 5.11",
        decomposition=decomposition,
    )


eq = _comparison("eq", np.equal, "=", "==")
ne = _comparison("ne", np.not_equal, r"\neq", "!=", lambda x, y: np.logical_not(x == y))
lt = _comparison("lt", np.less, "<", "<")
le = _comparison("le", np.less_equal, r"\leq", "<=")
gt = _comparison("gt", np.greater, ">", ">")
ge = _comparison("ge", np.greater_equal, r"\geq", ">=")


def _logic(name: str, ufunc: np.ufunc, latex: str, operands: int) -> Primitive:
    places = ", ".join(f"{{{position}}}" for position in range(operands))
    return elementwise(
        name,
        numpy=ufunc,
        vjp=_CONSTANT,
        notation=Notation(latex, ("0",) * operands),
        python=f"np.{ufunc.__name__}({places})",
        domain=(_TRUTH,) * operands,
        # Numbers count as true where they are not 0; converted first, every executor meets booleans only.
        promote=lambda dtypes: (BOOL,) * len(dtypes),
        result=BOOL,
        source="IEEE 754-2019, 5.11",
    )


logical_and = _logic("logical_and", np.logical_and, r"{0} \wedge {1}", 2)
logical_or = _logic("logical_or", np.logical_or, r"{0} \vee {1}", 2)
logical_xor = _logic("logical_xor", np.logical_xor, r"{0} \oplus {1}", 2)
logical_not = _logic("logical_not", np.logical_not, r"\neg {0}", 1)


def _classification(name: str, ufunc: np.ufunc, decomposition: Callable[..., Any] | None = None) -> Primitive:
    return elementwise(
        name,
        numpy=ufunc,
        vjp=_CONSTANT,
        notation=Notation(rf"\operatorname{{{{{name}}}}}\left({{0}}\right)", ("0",)),
        python=f"np.{name}({{0}})",
        result=BOOL,
        special=(0.0, float("nan"), float("inf"), float("-inf")),
        source="IEEE 754-2019, 5.7.2",
        decomposition=decomposition,
    )


isnan = _classification("isnan", np.isnan)
isinf = _classification("isinf", np.isinf)
isfinite = _classification("isfinite", np.isfinite, lambda x: np.logical_not(np.isnan(x) | np.isinf(x)))
