"""Python's module math in traced functions: of traced numbers its functions are NumPy's."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.primitives.exponential import erf, erfc_primitive
from wengert.primitives.library import special
from wengert.trace.numpy_functions.table import array
from wengert.trace.recorder import here
from wengert.trace.scipy.known import where_traced

_numpy: Any = np


def _log(x: Any, base: Any = None) -> Any:
    return np.log(x) if base is None else np.log(x) / np.log(base)


_OF_NUMBERS: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(np, name)
        for name in (
            "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh",
            "atanh", "exp", "exp2", "expm1", "log2", "log10", "log1p", "sqrt", "cbrt", "fabs", "pow", "fmod",
            "copysign", "degrees", "radians", "isnan", "isinf", "isfinite",
        )
        if hasattr(math, name)
    },
    # Whole numbers, by which arrays are indexed; they do not move with the number.
    "floor": lambda x: np.floor(x).astype(np.int64),
    "ceil": lambda x: np.ceil(x).astype(np.int64),
    "trunc": lambda x: np.trunc(x).astype(np.int64),
    "log": _log,
    "erf": erf,
    "erfc": erfc_primitive,
    "gamma": special.gamma,
    "lgamma": special.gammaln,
    "hypot": lambda *values: functools.reduce(np.hypot, values, np.zeros(())),
}  # fmt: skip
_OF_LISTS: dict[str, Callable[..., Any]] = {
    "fsum": np.sum,
    "prod": lambda values, *, start=1: np.prod(values) * start,
    "dist": lambda p, q: _numpy.linalg.norm(array(p) - array(q)),
}


def _of_numbers(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands for a function of math's, which takes numbers alone."""

    @where_traced("math", name)
    def called(*args: Any) -> Any:
        numbers = [array(value) for value in args]
        for number in numbers:
            if number.size != 1:
                raise ShapeError(
                    f"math.{name} takes numbers, got an array of shape {number.shape}: NumPy's function of "
                    f"that name takes arrays{here()}"
                )
        # As float() has it: math knows no integers and no single precision.
        return function(*[np.reshape(number, ()).astype(np.float64) for number in numbers])

    return called


# What stands in traced functions for the functions of math, by the module's name.
IN_TRACES: dict[str, dict[str, Any]] = {
    "math": {name: _of_numbers(name, function) for name, function in _OF_NUMBERS.items()}
    | {name: where_traced("math", name)(function) for name, function in _OF_LISTS.items()}
}
