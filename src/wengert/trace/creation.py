"""NumPy's functions that make arrays, for traced functions: what they make can be assigned traced values.

They take no part in NumPy's protocols, since none of their arguments is an array. `numpy_in_traces` puts
them before the user's code.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import numpy as np

from wengert.trace.memory import Alias
from wengert.trace.recorder import refuse
from wengert.trace.tensor import Tensor, fillable, joined

_numpy: Any = np


def array(
    object: Any, dtype: Any = None, *, copy: Any = True, order: Any = "K", ndmin: int = 0, **options: Any
) -> Any:
    """np.array, also of nested lists that hold traced values."""
    value = joined(object)
    if not isinstance(value, Tensor):
        return fillable(np.array(object, dtype, copy=copy, order=order, ndmin=ndmin, **options))
    result = value if value.weak is None else Tensor(value.node, value.recorder)
    result = result if dtype is None else _cast(result, dtype)
    if copy:
        result = result.copy(order)
    elif order in ("C", "F"):
        result = _laid_out(result, lambda places: np.asarray(places, order=order), order == "C")
    return result[(None,) * (ndmin - result.ndim)] if ndmin > result.ndim else result


def _laid_out(value: Tensor, derive: Callable[[Any], Any], c_order: bool) -> Tensor:
    """Return a tensor in another order of memory, which is a copy where it has not this order already."""
    result = value.fresh()
    result.alias = Alias(value, derive)
    result.c_order = c_order
    return result


def _cast(value: Tensor, dtype: Any) -> Any:
    wanted = np.dtype(dtype)
    if value.dtype.kind in "fc" and wanted.kind in "biu" and not value.is_constant:
        refuse(f"a traced {value.dtype} as an array of {wanted} would cut the derivative: use np.floor")
    return value if value.dtype == wanted else value.astype(wanted)


_ORDERS = {np.ascontiguousarray: "C", np.asfortranarray: "F"}


def _viewing(function: Any) -> Callable[..., Any]:
    """Return ``np.asarray`` or one of its kin, which gives back what is an array already."""

    @wraps(function)
    def as_array(a: Any, dtype: Any = None, order: Any = None, **options: Any) -> Any:
        value = joined(a)
        if not isinstance(value, Tensor):
            made = function(a, dtype, order, **options)
            return made if made is a else fillable(made)
        order = _ORDERS.get(function, order)
        made = array(value, dtype, copy=options.get("copy") or False, order=order)
        return made[None] if function in _ORDERS and not made.ndim else made

    return as_array


def _known(shape: Any) -> Any:
    """Return a shape; NumPy would say of an extent that is not known while tracing that it is no integer."""
    return operator.index(shape) if isinstance(shape, Tensor) and not shape.ndim else shape


def full(shape: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    """np.full, also with a traced value."""
    value, shape = joined(fill_value), _known(shape)
    if not isinstance(value, Tensor):
        return fillable(np.full(shape, fill_value, dtype, **options))
    return _numpy.broadcast_to(array(value, dtype), shape).copy()


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """np.linspace, also between traced values."""
    if not isinstance(start, Tensor) and not isinstance(stop, Tensor):
        return fillable(_numpy.linspace(start, stop, num, endpoint, retstep, dtype, axis))
    steps = num - 1 if endpoint else num
    step = (stop - start) / steps if steps else stop - start
    across = np.arange(num).reshape((-1,) + (1,) * np.ndim(step))
    points: Any = across * step + start
    if endpoint and num > 1:
        points[-1] = stop
    points = _numpy.moveaxis(points, 0, axis) if axis else points
    points = points if dtype is None else _cast(points, dtype)
    return (points, step) if retstep else points


def fromiter(iter: Iterable[Any], dtype: Any, count: int = -1, **options: Any) -> Any:
    """np.fromiter, also of traced values."""
    values = [one for _, one in zip(range(count), iter, strict=False)] if count >= 0 else list(iter)
    return array(values, dtype)


def fromfunction(function: Callable[..., Any], shape: Any, *, dtype: Any = float, **options: Any) -> Any:
    """np.fromfunction."""
    return function(*map(fillable, np.indices(shape, dtype)), **options)


def arange(*args: Any, dtype: Any = None, **options: Any) -> Any:
    """np.arange; how many numbers it has is looked up where an end is traced, and does not move with it."""
    ends = [joined(value) for value in args]
    given: dict[str, Any] = {
        name: joined(options.pop(name)) for name in ("start", "stop", "step") if name in options
    }
    if not any(isinstance(value, Tensor) and not value.is_constant for value in (*ends, *given.values())):
        return fillable(_numpy.arange(*ends, dtype=dtype, **options, **given))
    names = ("stop",) if len(ends) == 1 and "stop" not in given else ("start", "stop", "step")
    given |= dict(zip(names, ends, strict=False))
    start, step = given.get("start", 0), given.get("step", 1)
    count = int(np.ceil((given["stop"] - start) / step).astype(np.int64))
    if dtype is None:
        dtype = _numpy.result_type(*[array(one).dtype for one in given.values()])
    return (start + step * np.arange(max(count, 0))).astype(dtype)


class vectorize(np.vectorize):
    """np.vectorize: the function is called for each element, and may be given traced ones."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the results for all elements of the arguments, which are broadcast against each other."""
        values = [joined(value) for value in (*args, *kwargs.values())]
        if not any(isinstance(value, Tensor) for value in values):
            return fillable(super().__call__(*args, **kwargs))
        if self.signature is not None:
            refuse("np.vectorize(signature=…) has no rule; wg.grad and NumPy's functions take whole arrays")
        values = [value if isinstance(value, Tensor) else np.asarray(value) for value in values]
        shape = np.broadcast_shapes(*[value.shape for value in values])
        spread = [_numpy.broadcast_to(value, shape) for value in values]
        names = list(kwargs)
        results = []
        for place in np.ndindex(shape):
            row = [value[place] for value in spread]
            named = dict(zip(names, row[len(args) :], strict=True))
            results.append(self.pyfunc(*row[: len(args)], **named))
        if results and isinstance(results[0], tuple):
            return tuple(array(list(column)).reshape(shape) for column in zip(*results, strict=True))
        return array(results).reshape(shape)


class _Joiner:
    """np.r_ or np.c_: NumPy joins the places of the elements, which are then read there."""

    def __init__(self, numpys: Any) -> None:
        self._numpys = numpys

    def __getitem__(self, key: Any) -> Any:
        parts = [joined(part) for part in (key if isinstance(key, tuple) else (key,))]
        if not any(isinstance(part, Tensor) for part in parts):
            return fillable(self._numpys[key])
        places: list[Any] = []
        values: list[Any] = []
        before = 0
        for part in parts:
            if isinstance(part, str):  # an axis
                places.append(part)
                continue
            value = np.r_[part] if isinstance(part, slice) else part
            places.append(before + np.arange(np.size(value)).reshape(np.shape(value)))
            values.append(value)
            before += np.size(value)
        dtype = _numpy.result_type(*[one if np.isscalar(one) else array(one).dtype for one in values])
        flat = _numpy.concatenate([array(one, dtype).reshape(-1) for one in values])
        return flat[np.asarray(self._numpys[tuple(places)])]


def _making(function: Any) -> Callable[..., Any]:
    @wraps(function)
    def made(*args: Any, **kwargs: Any) -> Any:
        return fillable(function(*map(joined, args), **kwargs))

    return made


def _of_shape(function: Any) -> Callable[..., Any]:
    @wraps(function)
    def made(shape: Any, *args: Any, **kwargs: Any) -> Any:
        return fillable(function(_known(shape), *args, **kwargs))

    return made


def _ndenumerate(arr: Any) -> Iterable[tuple[tuple[int, ...], Any]]:
    value = array(arr, copy=False)
    return ((place, value[place]) for place in np.ndindex(value.shape))


# What stands in traced functions for NumPy's objects that join arrays.
JOINERS = {"r_": _Joiner(np.r_), "c_": _Joiner(np.c_)}

# What stands in traced functions for NumPy's functions.
IN_TRACES: dict[Any, Any] = {
    np.array: array,
    np.full: full,
    np.linspace: linspace,
    np.arange: arange,
    np.fromiter: fromiter,
    np.copy: lambda a, order="K", subok=False: array(a, order=order),
    np.fromfunction: fromfunction,
    np.vectorize: vectorize,
    np.ndenumerate: _ndenumerate,
    **{
        function: _viewing(function)
        for function in (np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray)
    },
    **{function: _of_shape(function) for function in (np.zeros, np.ones, np.empty)},
    **{
        function: _making(function)
        for function in (
            np.eye, np.identity, np.tri, np.logspace, np.geomspace,
            np.indices, np.diag, np.zeros_like, np.ones_like, np.empty_like, np.full_like,
        )
    },
}  # fmt: skip
