"""NumPy's functions on tensors: which are computed at once, which write, and which give a view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.trace.memory import Alias, write
from wengert.trace.numpy_functions import call_function
from wengert.trace.numpy_ufuncs import call_ufunc
from wengert.trace.tensor import Tensor, fillable

# Functions whose result is a view of their first argument where its memory allows.
_VIEWS = frozenset(
    function
    for name in (
        "reshape", "ravel", "transpose", "matrix_transpose", "permute_dims", "swapaxes", "moveaxis",
        "rollaxis", "squeeze", "expand_dims", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_to",
        "flip", "fliplr", "flipud", "rot90", "diagonal", "split", "array_split", "hsplit", "vsplit", "dsplit",
        "unstack", "real",
    )
    if (function := getattr(np, name, None)) is not None
)  # fmt: skip

# Functions that write to their first argument, and which argument holds the values.
_WRITERS: dict[Any, tuple[int, str]] = {
    np.copyto: (1, "src"),
    np.fill_diagonal: (1, "val"),
    np.put: (2, "v"),
    np.putmask: (2, "values"),
    np.place: (2, "vals"),
    np.put_along_axis: (2, "values"),
}


def apply_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return ``function(*args, **kwargs)`` for a NumPy function, some of whose arguments are tensors."""
    if function in _WRITERS:
        return _written(function, args, kwargs)
    if isinstance(kwargs.get("out"), Tensor):
        rest = {name: value for name, value in kwargs.items() if name != "out"}
        return _into(kwargs["out"], function(*args, **rest))
    plain_args, plain_kwargs = _with_arrays(args), _with_arrays(kwargs)
    if _is_plain((plain_args, plain_kwargs)):
        result = function(*plain_args, **plain_kwargs)
    else:
        result = call_function(function, plain_args, plain_kwargs)
    result = fillable(result)
    if function in _VIEWS and isinstance(args[0] if args else None, Tensor):
        return _viewing(result, args[0], lambda places: function(places, *args[1:], **kwargs))
    return _detached(result)


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return ``ufunc.method(*inputs, **kwargs)`` where some of the arguments are tensors."""
    out = kwargs.get("out")
    if out is not None and isinstance(out[0], Tensor) and ufunc.nout == 1:
        rest = {name: value for name, value in kwargs.items() if name not in ("out", "where")}
        result = getattr(ufunc, method)(*inputs, **rest)
        mask = kwargs.get("where", True)
        return _into(out[0], result if mask is True else np.where(mask, result, out[0]))
    if method == "at":
        return call_ufunc(ufunc, method, inputs, kwargs)
    plain, options = _with_arrays(inputs), _with_arrays(kwargs)
    if _is_plain((plain, options)):
        return fillable(getattr(ufunc, method)(*plain, **options))
    return call_ufunc(ufunc, method, plain, options)


def _with_arrays(value: Any) -> Any:
    """Return the arguments with the values of constants in place of them."""
    if isinstance(value, Tensor):
        array = value.node.value
        return value if array is None else array
    if type(value) in (list, tuple):
        return type(value)(map(_with_arrays, value))
    if type(value) is dict:
        return {name: _with_arrays(one) for name, one in value.items()}
    return value


def _is_plain(value: Any) -> bool:
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(map(_is_plain, value.values()))
    return not isinstance(value, Tensor)


def _into(out: Tensor, result: Any) -> Tensor:
    write(out, result, lambda places, numbers: places.__setitem__(..., numbers))
    return out


def _written(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    position, name = _WRITERS[function]
    target, *others = args

    def put(places: Any, numbers: Any) -> None:
        given = [_known(one) for one in others]
        named = {key: _known(one) for key, one in kwargs.items()}
        if name in named:
            named[name] = numbers
        else:
            given[position - 1] = numbers
        function(places, *given, **named)

    write(target, kwargs[name] if name in kwargs else args[position], put)


def _known(value: Any) -> Any:
    return value.recorder.value(value.node) if isinstance(value, Tensor) else value


def _viewing(result: Any, base: Tensor, derive: Callable[[Any], Any]) -> Any:
    """Return the results of a function as views of its argument."""
    if type(result) in (list, tuple):
        return type(result)(
            _viewing(part, base, lambda places, place=place: derive(places)[place])  # type: ignore[misc]
            for place, part in enumerate(result)
        )
    if isinstance(result, Tensor) and result is not base:
        result.alias = Alias(base, derive)
    return result


def _detached(result: Any) -> Any:
    """Return the results of a function as arrays of their own, though a rule may give back its argument."""
    if type(result) in (list, tuple):
        return type(result)(map(_detached, result))
    return result.fresh() if isinstance(result, Tensor) else result
