"""NumPy's universal functions on tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import DTypeError, IndexRangeError, UnsupportedFunctionError
from wengert.ir.primitive import IMPLEMENTATIONS, NUMBERS, Primitive, weak_dtype
from wengert.primitives import arithmetic, complex_numbers, rounding
from wengert.primitives.comparison import logical_and, logical_not, logical_or, logical_xor
from wengert.primitives.functions import scatter_add
from wengert.primitives.kinds import BOOL, promotion_of
from wengert.primitives.library import parametric, special
from wengert.primitives.selection import astype
from wengert.trace import source
from wengert.trace.numpy_functions.table import array, known, normalise_axis, of_kind
from wengert.trace.recorder import as_dtype
from wengert.trace.tensor import Tensor, here, refuse

# Of booleans a bit is the truth, for which backends have code; of integers NumPy computes.
_OF_TRUTH: dict[Any, Primitive] = {
    np.bitwise_and: logical_and,
    np.bitwise_or: logical_or,
    np.bitwise_xor: logical_xor,
    np.invert: logical_not,
}
_OF_BITS: dict[Any, Primitive] = {
    np.bitwise_and: rounding.bitwise_and,
    np.bitwise_or: rounding.bitwise_or,
    np.bitwise_xor: rounding.bitwise_xor,
    np.invert: rounding.invert,
    np.left_shift: rounding.left_shift,
    np.right_shift: rounding.right_shift,
}
_LOG_2, _LOG_10 = math.log(2), math.log(10)


def _identity(x: Any) -> Any:
    return x.copy()


def _step(x: Any, at_zero: Any) -> Any:
    dtype = (at_zero if isinstance(at_zero, Tensor) else x).dtype  # the other may be a Python number
    constant = np.where(np.equal(x, 0), at_zero, np.greater(x, 0).astype(dtype))
    return np.where(np.isnan(x), np.nan, constant)


def _dot(x: Any, y: Any) -> Any:
    return (np.conjugate(x)[..., None, :] @ y[..., :, None])[..., 0, 0]


def _vecmat(x: Any, a: Any) -> Any:
    return (np.conjugate(x)[..., None, :] @ a)[..., 0, :]


def _power(x: Any, y: Any) -> Any:
    if not isinstance(y, Tensor) and np.ndim(y) == 0 and y == 0.5:
        return np.sqrt(x)  # as NumPy does for one exponent, where powers have 0.0 at −0.0, and ∞ at −∞
    negative = isinstance(y, (int, np.ndarray)) and bool(np.any(np.asarray(y) < 0))
    if negative and np.asarray(y).dtype.kind == "i" and array(x).dtype.kind in "iu":
        raise DTypeError(f"integers have no negative powers: convert with .astype(float){here()}")
    return arithmetic.pow(x, y)


def _float_power(x: Any, y: Any) -> Any:
    if isinstance(y, Tensor) or np.ndim(y) or y != 0.5:
        return _power(x, y)
    # Unlike `power` it takes no square root for one exponent: 0.0 at −0.0, and ∞ at −∞.
    root = np.where((x == 0) & np.signbit(x), 0.0, np.sqrt(x))
    return np.where(x == -np.inf, np.inf, root)


def _scaled(x: Any, n: Any) -> Any:
    left, limit = array(n).astype(x.dtype), np.finfo(x.dtype).maxexp - 2
    for _ in range(3):  # each factor is finite, so zeros and infinities stay what they are
        step = np.clip(left, -limit, limit)
        x, left = x * np.exp2(step), left - step
    return x


def _larger(x: Any, y: Any) -> Any:
    return np.where(np.isnan(x), y, np.where(np.isnan(y), x, np.maximum(x, y)))


def _smaller(x: Any, y: Any) -> Any:
    return np.where(np.isnan(x), y, np.where(np.isnan(y), x, np.minimum(x, y)))


# What is left to do when the operands have the dtypes that NumPy computes in.
_WRITTEN_OUT: dict[Any, Any] = {
    np.positive: _identity,
    np.power: _power,
    np.exp2: lambda x: np.power(2.0, x),  # exact at whole numbers, where exp(x·log 2) is not
    np.log2: lambda x: np.log(x) / _LOG_2,
    np.log10: lambda x: np.log(x) / _LOG_10,
    np.deg2rad: lambda x: x * (np.pi / 180),
    np.rad2deg: lambda x: x * (180 / np.pi),
    np.radians: lambda x: x * (np.pi / 180),
    np.degrees: lambda x: x * (180 / np.pi),
    np.heaviside: _step,
    np.fabs: np.absolute,
    np.vecdot: _dot,
    **({np.matvec: lambda a, x: (a @ x[..., None])[..., 0]} if hasattr(np, "matvec") else {}),
    **({np.vecmat: _vecmat} if hasattr(np, "vecmat") else {}),
    np.fmax: _larger,
    np.fmin: _smaller,
    np.float_power: _float_power,
    np.logaddexp2: lambda x, y: np.logaddexp(x * _LOG_2, y * _LOG_2) / _LOG_2,
    np.ldexp: _scaled,
    np.signbit: lambda x: np.copysign(1.0, x) < 0,
    np.conjugate: lambda z: complex_numbers.conj(z) if array(z).dtype.kind == "c" else _identity(z),
    np.divmod: lambda x, y: (np.floor_divide(x, y), np.remainder(x, y)),
    np.modf: lambda x: (np.where(np.isinf(x), np.copysign(0.0, x), np.fmod(x, 1.0)), np.trunc(x)),
}


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Record ``ufunc.method(*inputs, **kwargs)``.

    Raises
    ------
    UnsupportedFunctionError
        Naming the function, its method or its option, and what does the same if anything does.
    TraceError
        When the call would write into an array (``out=``, ``+=`` on an array).
    """
    if kwargs.get("out") is not None:
        refuse(
            f"np.{ufunc.__name__} would write a traced value into an array made outside of the trace "
            "(out= or an in-place operator on an array): write x = x + y in place of x += y, or make the "
            "array inside the traced function, as np.zeros(…) or np.array(outside)"
        )
    if method == "at":
        return _at(ufunc, *inputs)
    axis = kwargs.pop("axis", -1) if ufunc is np.vecdot else -1
    if axis != -1:
        inputs = tuple(np.moveaxis(array(one), axis, -1) for one in inputs)
    primitive = IMPLEMENTATIONS.get(getattr(ufunc, method))
    if primitive is not None:  # np.add.reduce and the like, whose axis is 0 where np.sum takes all
        options = {name: value for name, value in kwargs.items() if name not in ("axis", "out")}
        return of_kind(primitive)(*inputs, axis=kwargs.get("axis", 0), **options)
    if method == "outer":
        left, right = inputs
        grown = np.reshape(left, np.shape(left) + (1,) * np.ndim(right))
        return call_ufunc(ufunc, "__call__", (grown, right), kwargs)
    if method == "accumulate" and ufunc in _ASSOCIATIVE:
        return _accumulated(ufunc, *inputs, **kwargs)
    if method == "reduce" and ufunc in _ASSOCIATIVE and kwargs.keys() <= {"axis", "keepdims"}:
        return _reduced(ufunc, *inputs, **kwargs)
    if method == "reduceat" and kwargs.keys() <= {"axis"}:
        return _reduced_at(ufunc, *inputs, **kwargs)
    if method != "__call__":
        raise UnsupportedFunctionError(f"np.{ufunc.__name__}.{method} has no rule{here()}")
    if kwargs.get("where", True) is not True:
        refuse(f"np.{ufunc.__name__}(where=…) leaves elements undefined; use np.where")
    unknown = [name for name in kwargs if name not in _CALL_OPTIONS]
    if unknown:
        raise UnsupportedFunctionError(f"np.{ufunc.__name__}: the option {unknown[0]}= has no rule{here()}")
    dtype = kwargs.get("dtype")
    return _dispatch(ufunc, inputs if dtype is None else _in_dtype(ufunc, inputs, dtype))


_ASSOCIATIVE = {np.maximum, np.minimum, np.fmax, np.fmin, np.logaddexp}


def _accumulated(ufunc: np.ufunc, x: Any, axis: int = 0) -> Any:
    """Return the results up to each element, from those of runs of 1, 2, 4, … elements before it."""
    place = normalise_axis(axis, x.ndim)
    x, run = np.moveaxis(x, place, 0), 1
    while run < x.shape[0]:
        x = np.concatenate([x[:run], ufunc(x[:-run], x[run:])])
        run *= 2
    return np.moveaxis(x, 0, place)


def _reduced(ufunc: np.ufunc, x: Any, axis: int | None = 0, keepdims: bool = False) -> Any:
    """Return the result of all elements along an axis, or of all."""
    kept = axis if axis is not None else tuple(range(x.ndim))
    x, along = (x, axis) if axis is not None else (np.reshape(x, -1), 0)
    last = np.moveaxis(_accumulated(ufunc, x, along), along, 0)[-1]
    return np.expand_dims(last, kept) if keepdims else last


def _reduced_at(ufunc: np.ufunc, x: Any, indices: Any, axis: int = 0) -> Any:
    """Return the results from each index to the next, or the element there where the next is not larger."""
    place = normalise_axis(axis, x.ndim)
    starts = known(indices, f"{ufunc.__name__}.reduceat").tolist()
    if any(not 0 <= start < x.shape[place] for start in starts):
        raise IndexRangeError(
            f"np.{ufunc.__name__}.reduceat: {starts} of {x.shape[place]} entries along axis {place}{here()}"
        )
    x = np.moveaxis(x, place, 0)
    ends = [*starts[1:], x.shape[0]]
    parts = [
        ufunc.reduce(x[start:end]) if start < end else x[start]
        for start, end in zip(starts, ends, strict=True)
    ]
    return np.moveaxis(np.stack(parts), 0, place)


def _at(ufunc: np.ufunc, x: Any, indices: Any, values: Any = None) -> None:
    if ufunc not in (np.add, np.subtract) or not isinstance(x, Tensor):
        raise UnsupportedFunctionError(f"np.{ufunc.__name__}.at has no rule{here()}; np.add.at has")
    added = values if ufunc is np.add else np.negative(values)
    x[...] = scatter_add(x, indices, added)


# Besides what is dealt with here, options about memory and classes, which a traced value does not have.
_CALL_OPTIONS = {"out", "where", "dtype", "order", "subok", "casting"}


def _in_dtype(ufunc: np.ufunc, inputs: tuple[Any, ...], dtype: Any) -> list[Any]:
    """Return the inputs in the dtypes in which NumPy computes a result of `dtype`."""
    operands = _known(inputs)
    signature = (*[None] * ufunc.nin, as_dtype(dtype))
    try:
        given = (*[operand.dtype for operand in operands], None)
        needed = ufunc.resolve_dtypes(given, signature=signature, casting="same_kind")
    except TypeError as error:
        raise DTypeError(f"np.{ufunc.__name__} with dtype={np.dtype(dtype)}: {error}{here()}") from None
    return [operand.astype(one) for operand, one in zip(operands, needed[: ufunc.nin], strict=True)]


def _dispatch(ufunc: np.ufunc, inputs: Sequence[Any]) -> Any:
    # SciPy's functions are known by name, so that SciPy need not be imported to meet them.
    primitive = IMPLEMENTATIONS.get(ufunc) or IMPLEMENTATIONS.get(f"scipy.special.{ufunc.__name__}")
    if primitive is not None:
        return primitive(*inputs)
    if ufunc in _OF_TRUTH and all(operand.dtype == BOOL for operand in _known(inputs)):
        return _OF_TRUTH[ufunc](*inputs)
    if ufunc in _OF_BITS:
        return _OF_BITS[ufunc](*inputs)
    if ufunc in _WRITTEN_OUT:
        return _WRITTEN_OUT[ufunc](*_promoted(ufunc, inputs))
    for family in (special, parametric):
        if ufunc.__name__ in family.WRITTEN_OUT:
            return family.WRITTEN_OUT[ufunc.__name__](*map(array, inputs))
    library = "np" if getattr(np, ufunc.__name__, None) is ufunc else "scipy.special"
    name = source.scipy_call() or f"{library}.{ufunc.__name__}"
    raise UnsupportedFunctionError(f"{name} has no rule{here()}")


def _promoted(ufunc: np.ufunc, inputs: Sequence[Any]) -> list[Any]:
    """Return the operands in the dtypes that a universal function converts them to; numbers stay weak."""
    given = [getattr(operand, "weak", None) or weak_dtype(operand) for operand in inputs]
    try:
        dtypes = promotion_of(ufunc)(given)
    except DTypeError as error:
        raise DTypeError(f"{error}{here()}") from None
    return [_converted(operand, dtype) for operand, dtype in zip(inputs, dtypes, strict=True)]


def _converted(operand: Any, dtype: np.dtype[Any]) -> Any:
    if type(operand) in NUMBERS:
        return float(operand) if dtype.kind == "f" else operand
    array = operand if isinstance(operand, Tensor) else np.asarray(operand)
    return array if array.dtype == dtype else astype(array, dtype=dtype)


def _known(inputs: Sequence[Any]) -> list[Any]:
    return [operand if isinstance(operand, Tensor) else np.asarray(operand) for operand in inputs]
