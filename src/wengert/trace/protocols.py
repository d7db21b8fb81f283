"""NumPy's functions on tensors: which are computed at once, which write, and which give a view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ir.primitive import IMPLEMENTATIONS
from wengert.trace.memory import Alias, PartAlias, in_c_order, keeps_order, write
from wengert.trace.numpy_functions import call_function
from wengert.trace.numpy_functions.ufuncs import call_ufunc
from wengert.trace.tensor import Tensor, fillable


def _functions(*names: str) -> frozenset[Any]:
    """Return the functions of these names that this version of NumPy has."""
    return frozenset(getattr(np, name) for name in names if hasattr(np, name))


# Functions whose result is a view of the tensor among their arguments where its memory allows.
_VIEWS = _functions(
    "reshape", "ravel", "transpose", "matrix_transpose", "permute_dims", "swapaxes", "moveaxis", "rollaxis",
    "squeeze", "expand_dims", "broadcast_to", "flip", "fliplr", "flipud", "rot90", "diagonal", "diag",
    "split", "array_split", "hsplit", "vsplit", "dsplit", "unstack", "real", "imag", "einsum", "trim_zeros",
) | {np.linalg.diagonal, np.linalg.matrix_transpose, np.lib.stride_tricks.sliding_window_view}  # fmt: skip

# Functions that give a view of each argument, by one of those above.
_VIEWS_OF_EACH = _functions("atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays")

# Functions whose result lies in memory in the order of its axes where all arguments do.
_KEEPING = _functions(
    "where", "concatenate", "stack", "vstack", "hstack", "column_stack", "clip", "round", "sort", "dot",
    "zeros_like", "ones_like", "empty_like", "full_like", "tril", "triu", "diff", "copy",
) | {function for function, primitive in IMPLEMENTATIONS.items() if keeps_order(primitive)}  # fmt: skip

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
    if function in _VIEWS_OF_EACH and any(isinstance(one, Tensor) for one in args[1:]):
        return call_function(function, args, kwargs)  # by functions of one array
    named = dict(enumerate(args)) | kwargs
    in_order = all(map(_in_order, named.values()))
    result = fillable(without_views(function, args, kwargs), in_order)
    bases = [name for name, one in named.items() if isinstance(one, Tensor)]
    operands = [one for one in args if not isinstance(one, str)]
    if bases and function in _VIEWS | _VIEWS_OF_EACH and (len(operands) == 1 or function is not np.einsum):
        base = bases[0]
        if isinstance(result, Tensor) and result.dtype != named[base].dtype:  # a part of complex numbers
            part = result.fresh()
            part.alias = PartAlias(named[base], lambda whole: call_function(function, (whole,), {}))
            return part
        return _viewing(result, named[base], lambda places: _call_named(function, named | {base: places}))
    return _detached(result, in_order and function in _KEEPING)


def without_views(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the result of a NumPy function that shares no memory; of constants alone it is an array."""
    plain_args, plain_kwargs = _with_arrays(args), _with_arrays(kwargs)
    if Tensor not in map(type, plain_args) and _is_plain((plain_args, plain_kwargs)):
        return function(*plain_args, **plain_kwargs)
    return call_function(function, plain_args, plain_kwargs)


def _call_named(function: Any, named: dict[Any, Any]) -> Any:
    """Return the result for arguments by position or name."""
    args = [named[place] for place in sorted(name for name in named if isinstance(name, int))]
    return function(*args, **{name: one for name, one in named.items() if isinstance(name, str)})


def _in_order(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_in_order, value))
    return value not in ("F", "A") if isinstance(value, str) else in_c_order(value)


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
        return fillable(getattr(ufunc, method)(*plain, **options), all(map(in_c_order, inputs)))
    return call_ufunc(ufunc, method, plain, options)


def _with_arrays(value: Any) -> Any:
    """Return the arguments with the values of constants in place of them."""
    kind = type(value)
    if kind is Tensor:
        array = value.node.value
        return value if array is None else array
    if kind is list or kind is tuple:
        return kind([_with_arrays(one) for one in value])
    if kind is dict and value:
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
    named = dict(enumerate(others, 1)) | kwargs
    values = name if name in kwargs else position
    mask = named.get("where" if function is np.copyto else "mask", named.get(1))
    shapes = ((), target.shape)
    whole = function is np.copyto or (function is np.putmask and np.shape(named[values]) in shapes)
    if whole and isinstance(mask, Tensor) and mask is not named[values]:
        _into(target, np.where(mask, named[values], target))
        return
    known = {key: _known(one) for key, one in named.items() if key != values}
    write(
        target,
        named[values],
        lambda places, numbers: _call_named(function, named | known | {0: places, values: numbers}),
    )


def _known(value: Any) -> Any:
    return value.recorder.value(value.node) if isinstance(value, Tensor) else value


def _viewing(result: Any, base: Tensor, derive: Callable[[Any], Any]) -> Any:
    """Return the results of a function as views of its argument."""
    if type(result) in (list, tuple):
        return type(result)(
            _viewing(part, base, lambda places, place=place: derive(places)[place])  # type: ignore[misc]
            for place, part in enumerate(result)
        )
    if not isinstance(result, Tensor):
        return result
    view = result.fresh()
    view.alias = Alias(base, derive)
    return view


def _detached(result: Any, c_order: bool) -> Any:
    """Return the results of a function as arrays of their own, though a rule may give back its argument."""
    if type(result) in (list, tuple):
        return type(result)(_detached(one, c_order) for one in result)
    if not isinstance(result, Tensor):
        return result
    own = result.fresh()
    own.c_order = c_order
    return own
