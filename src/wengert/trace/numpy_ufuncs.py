"""NumPy's universal functions on tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import DTypeError, ShapeError, UnsupportedFunctionError
from wengert.ir.primitive import UFUNCS, Primitive
from wengert.primitives import exponential
from wengert.primitives.comparison import logical_and, logical_not, logical_or, logical_xor
from wengert.primitives.kinds import BOOL
from wengert.trace.numpy_functions.alternatives import unsupported
from wengert.trace.tensor import Tensor, here, refuse

_BITWISE: dict[Any, Primitive] = {
    np.bitwise_and: logical_and,
    np.bitwise_or: logical_or,
    np.bitwise_xor: logical_xor,
    np.invert: logical_not,
}
# SciPy's functions are known by name, so that SciPy need not be imported to meet them.
_SPECIAL = {"expit": exponential.sigmoid, "erf": exponential.erf, "xlogy": exponential.xlogy}


_LOG_2, _LOG_10 = math.log(2), math.log(10)


def _identity(x: Any) -> Any:
    return x


def _step(x: Any, at_zero: Any) -> Any:
    zero = 0 * np.sign(x)  # of the dtype of x, and NaN where x is
    return np.where(x > 0, zero + 1, np.where(x == 0, zero + at_zero, zero))


def _vecdot(x: Any, y: Any) -> Any:
    shapes = np.shape(x), np.shape(y)
    # Only the axes before the last broadcast.
    if () in shapes or shapes[0][-1] != shapes[1][-1]:
        raise ShapeError(f"vecdot: the last axes of {shapes[0]} and {shapes[1]} differ{here()}")
    return np.sum(x * y, axis=-1)


_WRITTEN_OUT: dict[Any, Any] = {
    np.positive: _identity,
    np.exp2: lambda x: np.exp(x * _LOG_2),
    np.log2: lambda x: np.log(x) / _LOG_2,
    np.log10: lambda x: np.log(x) / _LOG_10,
    np.deg2rad: lambda x: x * (np.pi / 180),
    np.rad2deg: lambda x: x * (180 / np.pi),
    np.radians: lambda x: x * (np.pi / 180),
    np.degrees: lambda x: x * (180 / np.pi),
    np.arcsinh: lambda x: np.sign(x) * np.log1p(np.abs(x) + x**2 / (1 + np.sqrt(x**2 + 1))),
    np.arctanh: lambda x: 0.5 * (np.log1p(x) - np.log1p(-x)),
    np.heaviside: _step,
    np.vecdot: _vecdot,
}


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Record ``ufunc.method(*inputs, **kwargs)``.

    Raises
    ------
    UnsupportedFunctionError
        Naming the function and the nearest supported one.
    TraceError
        When the call would write into an array (``out=``, ``+=`` on an array).
    """
    if kwargs.get("out") is not None:
        refuse(
            f"np.{ufunc.__name__} would write a traced value into an existing array (out= or an in-place "
            "operator on an array); write x = x + y in place of x += y, or start from a traced value"
        )
    if method == "reduce":
        return _reduce(ufunc, inputs, kwargs)
    if method == "accumulate" and ufunc is np.add:
        (x,) = inputs
        return np.cumsum(x, axis=kwargs.get("axis", 0), dtype=kwargs.get("dtype"))
    if method == "outer":
        left, right = inputs
        grown = np.reshape(left, np.shape(left) + (1,) * np.ndim(right))
        return call_ufunc(ufunc, "__call__", (grown, right), kwargs)
    if method != "__call__":
        raise UnsupportedFunctionError(f"np.{ufunc.__name__}.{method} has no rule{here()}")
    if kwargs.get("where", True) is not True:
        refuse(f"np.{ufunc.__name__}(where=…) leaves elements undefined; use np.where")
    unknown = [name for name in kwargs if name not in _CALL_OPTIONS]
    if unknown:
        raise UnsupportedFunctionError(f"np.{ufunc.__name__}: the option {unknown[0]}= has no rule{here()}")
    dtype = kwargs.get("dtype")
    return _dispatch(ufunc, inputs if dtype is None else _converted(ufunc, inputs, dtype))


# Besides what is dealt with here, options about memory and classes, which a traced value does not have.
_CALL_OPTIONS = {"out", "where", "dtype", "order", "subok", "casting"}


def _converted(ufunc: np.ufunc, inputs: tuple[Any, ...], dtype: Any) -> list[Any]:
    """Return the inputs in the dtypes in which NumPy computes a result of `dtype`."""
    operands = _known(inputs)
    signature = (*[None] * ufunc.nin, np.dtype(dtype))
    try:
        given = (*[operand.dtype for operand in operands], None)
        needed = ufunc.resolve_dtypes(given, signature=signature, casting="same_kind")
    except TypeError as error:
        raise DTypeError(f"np.{ufunc.__name__} with dtype={np.dtype(dtype)}: {error}{here()}") from None
    return [operand.astype(one) for operand, one in zip(operands, needed[: ufunc.nin], strict=True)]


def _dispatch(ufunc: np.ufunc, inputs: Sequence[Any]) -> Any:
    primitive = UFUNCS.get(ufunc) or _SPECIAL.get(ufunc.__name__)
    if primitive is not None:
        return primitive(*inputs)
    if ufunc in _BITWISE:
        if any(operand.dtype != BOOL for operand in _known(inputs)):
            refuse(f"np.{ufunc.__name__} is for booleans; bits of integers have no rule")
        return _BITWISE[ufunc](*inputs)
    if ufunc in _WRITTEN_OUT:
        return _WRITTEN_OUT[ufunc](*inputs)
    raise unsupported(ufunc.__name__)


def _known(inputs: Sequence[Any]) -> list[Any]:
    return [operand if isinstance(operand, Tensor) else np.asarray(operand) for operand in inputs]


def _reduce(ufunc: np.ufunc, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    functions: dict[Any, Any] = {
        np.add: np.sum,
        np.multiply: np.prod,
        np.maximum: np.max,
        np.minimum: np.min,
        np.logical_and: np.all,
        np.logical_or: np.any,
    }
    if ufunc not in functions:
        raise UnsupportedFunctionError(f"np.{ufunc.__name__}.reduce has no rule{here()}")
    options = {name: value for name, value in kwargs.items() if name not in ("axis", "out")}
    return functions[ufunc](*inputs, axis=kwargs.get("axis", 0), **options)
