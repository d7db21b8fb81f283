"""The table from NumPy's functions to their implementations, and the way into it."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import ShapeError, UnsupportedFunctionError
from wengert.ir.primitive import IMPLEMENTATIONS
from wengert.trace.tensor import here

# What a key is called with, and the options that it supports. Primitives of a kind are called in one way.
_TABLE: dict[Any, tuple[Callable[..., Any], frozenset[str]]] = {}


def implements(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter an implementation under NumPy functions; its parameters are the options it supports.

    Under a `Kind`, it is what primitives of that kind are called with when a function that they implement is.
    """

    def enter(implementation: Callable[..., Any]) -> Callable[..., Any]:
        options = frozenset(inspect.signature(implementation).parameters)
        for function in functions:
            _TABLE[function] = (implementation, options)
        return implementation

    return enter


def supported() -> list[str]:
    """Return the names of all NumPy functions that tensors take, beside universal functions."""
    # np.add.reduce and the like, which are methods, are what other functions are.
    known = [*_TABLE, *[one for one, primitive in IMPLEMENTATIONS.items() if primitive.kind in _TABLE]]
    return sorted({_name(one) for one in known if callable(one) and not inspect.isbuiltin(one)})


def _name(function: Any) -> str:
    module = getattr(function, "__module__", "numpy").removeprefix("numpy").strip(".")
    public = module and not module.startswith("_") and "._" not in module
    return f"{module}.{function.__name__}" if public else str(function.__name__)


def unsupported(name: str, known: list[str]) -> UnsupportedFunctionError:
    """Return the error for a function without a rule, which names the most similar one that has a rule."""

    def similarity(other: str) -> float:
        start = next((i for i, pair in enumerate(zip(name, other, strict=False)) if len(set(pair)) > 1), 0)
        # arg…, cum…, nan…: the families of NumPy's names begin alike.
        return difflib.SequenceMatcher(None, name, other).ratio() + (start / len(name) if start > 2 else 0)

    nearest = max(known, key=similarity)
    advice = f"; the nearest that has one is np.{nearest}" if similarity(nearest) >= 0.5 else ""
    return UnsupportedFunctionError(f"np.{name} has no rule{advice}{here()}")


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Record ``function(*args, **kwargs)``.

    Raises
    ------
    UnsupportedFunctionError
        Naming the function, or its option, and the nearest supported function.
    """
    primitive = IMPLEMENTATIONS.get(function)
    entry = _TABLE.get(function if primitive is None else primitive.kind)
    if entry is None:
        from wengert.trace.numpy_ufuncs import supported as ufuncs

        name = _name(function)
        raise unsupported(name, [*supported(), *ufuncs()])
    implementation, options = entry
    if primitive is not None:
        args = (primitive, *args)
    given = {name: value for name, value in kwargs.items() if value is not np._NoValue}
    unknown = [name for name in given if name not in options]
    if unknown:
        if given[unknown[0]] is None or (unknown[0] == "where" and given["where"] is True):
            del given[unknown[0]]
            return call_function(function, args if primitive is None else args[1:], given)
        raise UnsupportedFunctionError(f"np.{_name(function)}: the option {unknown[0]}= has no rule{here()}")
    return implementation(*args, **given)


def normalise_axis(axis: Any, ndim: int) -> int:
    """Return `axis` counted from the front.

    Raises
    ------
    ShapeError
        When there is no such axis.
    """
    number = int(axis)
    if not -ndim <= number < ndim:
        raise ShapeError(f"there is no axis {number} in an array of {ndim} axes{here()}")
    return number % ndim


def normalise_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return axes counted from the front and sorted; None means all of them.

    Raises
    ------
    ShapeError
        When one does not exist or is named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = sorted(normalise_axis(one, ndim) for one in given)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"axis {axis} names an axis twice{here()}")
    return tuple(axes)
