"""SciPy's own functions in traced functions: of known arguments, and where they are linear."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import ShapeError, UnsupportedFunctionError
from wengert.trace.numpy_functions.table import array, normalise_axis
from wengert.trace.recorder import here
from wengert.trace.tensor import Tensor, fillable, joined

_numpy: Any = np
_MOST = 4096  # elements along an axis; the matrix then takes 128 MB in float64


def plain(value: Any) -> Any:
    """Return the arrays that constants stand for, and anything else as it is."""
    value = joined(value)
    if isinstance(value, Tensor) and value.is_constant:
        return np.asarray(value.fresh().node.value)
    return value


def is_traced(*values: Any) -> bool:
    """Whether one of the values depends on an argument of the traced function."""
    return any(isinstance(plain(value), Tensor) for value in values)


def scipys(library: str, name: str) -> Any:
    """Return what the library has under this name."""
    return getattr(sys.modules[library], name)


def where_traced(library: str, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator: SciPy's own function is called where no argument is traced."""

    def decorate(rule: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **options: Any) -> Any:
            args, options = tuple(map(plain, args)), {key: plain(one) for key, one in options.items()}
            if not any(isinstance(one, Tensor) for one in (*args, *options.values())):
                return fillable(scipys(library, name)(*args, **options))
            return rule(*args, **options)

        called.__name__ = name
        return called

    return decorate


def along_axis(library: str, name: str, default_axis: int = -1) -> Callable[..., Any]:
    """Return what stands for a function of SciPy's that is linear in its first argument along one axis.

    SciPy is given the unit vectors, and a constant that it adds, such as `cval`, is what it makes of zeros.

    Raises
    ------
    ShapeError
        When the axis is so long that the matrix would not fit.
    """

    @where_traced(library, name)
    def applied(*args: Any, **options: Any) -> Any:
        function = scipys(library, name)
        signature = inspect.signature(function)
        bound, first = signature.bind(*args, **options), next(iter(signature.parameters))
        x, bound.arguments[first] = array(bound.arguments[first]), None
        refuse_traced(f"{library}.{name}", bound.arguments)
        axis = normalise_axis(bound.arguments.get("axis", default_axis), x.ndim)
        bound.arguments["axis"] = 0

        def of(columns: Any) -> Any:
            return function(columns, *bound.args[1:], **bound.kwargs)

        check_extent(f"{library}.{name}", x.shape[axis])
        offset = of(np.zeros((x.shape[axis], 1), x.dtype))
        matrix = of(np.eye(x.shape[axis], dtype=x.dtype)) - offset
        found = product(matrix, _numpy.moveaxis(x, axis, 0), offset[..., 0])
        return _numpy.moveaxis(found, 0, axis) if matrix.ndim == 2 else found  # an integral has no axis left

    return applied


def check_extent(name: str, extent: int) -> None:
    """Raise a `ShapeError` where a matrix over an axis would not fit."""
    if extent > _MOST:
        raise ShapeError(
            f"{name}: {extent} elements along the axis; of traced values it takes {_MOST} at most, since it "
            f"is applied as a matrix: take it piece by piece, or write it with np.convolve or np.fft{here()}"
        )


def product(matrix: Any, values: Any, offset: Any) -> Any:
    """Return the product over the last axis of `matrix` and the first of `values`, and a constant."""
    found = _numpy.tensordot(matrix, values, 1)
    if not np.any(offset):
        return found
    return found + np.reshape(offset, offset.shape + (1,) * (values.ndim - 1))


def refuse_traced(name: str, arguments: dict[str, Any]) -> None:
    """Raise an `UnsupportedFunctionError` where an argument that must be known is traced."""
    for key, value in arguments.items():
        if is_traced(value):
            raise UnsupportedFunctionError(f"{name}: a traced {key} has no rule; give numbers{here()}")
