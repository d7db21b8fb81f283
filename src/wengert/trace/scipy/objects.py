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
    "scipy.interpolate": "CubicSpline, make_interp_spline, PchipInterpolator, Akima1DInterpolator, interp1d, "
    "RBFInterpolator and RegularGridInterpolator take traced values at known points",
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
