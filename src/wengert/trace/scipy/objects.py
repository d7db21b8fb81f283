"""Objects of SciPy's that hold numbers and meet traced values: sparse matrices, piecewise polynomials."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from wengert.errors import ShapeError, UnsupportedFunctionError
from wengert.primitives.functions import scatter_add
from wengert.trace import source
from wengert.trace.recorder import here

_numpy: Any = np
# What to write in place of what works by calling a function of the user's, or by a loop of its own.
ADVICE = {
    "scipy.integrate": "take fixed steps in NumPy (a rule's points and weights, RK4 in a loop), or give the "
    "derivative with wg.custom_vjp",
    "scipy.optimize": "wg.implicit(solver, residual) differentiates a root or a minimum, whatever finds it",
    "scipy.sparse.linalg": "wg.implicit(solver, residual) differentiates the solution of a system",
    "scipy.interpolate": "make the spline outside of the function, of known points, and call it by its name",
}


def refuse_scipy() -> None:
    """Name SciPy's function where one is asking for the elements of a traced value."""
    name = source.scipy_call()
    if name:
        advice = [advice for module, advice in ADVICE.items() if name.startswith(module)]
        raise UnsupportedFunctionError(
            f"{name} has no rule for traced values: "
            f"{advice[-1] if advice else 'write what it computes in NumPy functions'}{here()}"
        )


def asks_for_operand() -> bool:
    """Whether a sparse matrix asks if it is given an array: it leaves the product to what is none."""
    caller = sys._getframe(2)  # code in C has no frame
    return str(caller.f_globals.get("__name__")).startswith("scipy.sparse") and (
        caller.f_code.co_name == "_matmul_dispatch"
    )


def is_sparse(value: Any) -> bool:
    """Whether a value is a sparse matrix or array of SciPy's."""
    return type(value).__module__.startswith("scipy.sparse") and hasattr(value, "tocoo")


def sparse_product(matrix: Any, x: Any) -> Any:
    """Return the product of a sparse matrix of numbers and a traced vector or matrix.

    Each of its elements takes a row of `x` to a row of the result, so that the derivative is the product with
    the transpose.

    Raises
    ------
    ShapeError
        When the extents do not fit.
    """
    if matrix.ndim != 2 or np.ndim(x) not in (1, 2) or matrix.shape[1] != np.shape(x)[0]:
        raise ShapeError(f"a sparse matrix of shape {matrix.shape} times {np.shape(x)}{here()}")
    elements = matrix.tocoo()
    data = elements.data.reshape((-1,) + (1,) * (np.ndim(x) - 1))
    moved = data * x[elements.col]
    return scatter_add(np.zeros((matrix.shape[0], *x.shape[1:]), moved.dtype), elements.row, moved)


def is_polynomial(value: Any) -> bool:
    """Whether a value is a piecewise polynomial of SciPy's, such as a cubic spline."""
    return (
        type(value).__module__.startswith("scipy.interpolate") and hasattr(value, "c") and hasattr(value, "x")
    )


class TracedPolynomial:
    """Stands for a piecewise polynomial of known pieces, which is called with traced places."""

    def __init__(self, scipys: Any) -> None:
        self._scipys = scipys

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of SciPy's object; derivatives and integrals of it are such objects again."""
        found = getattr(self._scipys, name)
        if name not in ("derivative", "antiderivative"):
            return found
        return lambda nu=1: TracedPolynomial(found(nu))

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        """Return the value, or the derivative of order `nu`, at places in any piece."""
        if not hasattr(x, "recorder"):
            return self._scipys(x, nu, extrapolate)
        pieces = self._scipys.derivative(nu) if nu else self._scipys
        extrapolate = pieces.extrapolate if extrapolate is None else extrapolate
        start, end = pieces.x[0], pieces.x[-1]
        if extrapolate == "periodic":
            x = start + np.remainder(x - start, end - start)
        piece = np.clip(_numpy.searchsorted(pieces.x, x, side="right") - 1, 0, len(pieces.x) - 2)
        further = (1,) * (pieces.c.ndim - 2)
        distance = np.reshape(x - pieces.x[piece], (*np.shape(x), *further))
        total = pieces.c[0][piece]
        for coefficients in pieces.c[1:]:
            total = total * distance + coefficients[piece]
        if extrapolate is False or extrapolate == 0:
            outside = np.reshape((x < start) | (x > end), (*np.shape(x), *further))
            total = np.where(outside, np.nan, total)
        return total
