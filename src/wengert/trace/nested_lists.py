"""NumPy's functions of arrays, called in a traced function with a list of values: np.sum([x, y]).

A list takes no part in NumPy's protocols, so NumPy would ask the values in it for their elements. Universal
functions stay what they are, since code compares them by identity.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from wengert.trace.numpy_functions.table import functions
from wengert.trace.tensor import joined

# These take a list of arrays, which NumPy's protocols look into.
_OF_LISTS = frozenset(
    [
        "concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack", "row_stack", "block",
        "select", "choose", "piecewise", "einsum", "multi_dot", "lexsort",
    ]
)  # fmt: skip


def _joining(function: Any) -> Callable[..., Any]:
    """Return the function, which makes arrays of its arguments that are lists of traced values."""

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*map(joined, args), **{name: joined(one) for name, one in kwargs.items()})

    return called


def _of(module: Any) -> dict[Any, Callable[..., Any]]:
    return {
        function: _joining(function)
        for function in functions()
        if not isinstance(function, np.ufunc)
        and function.__name__ not in _OF_LISTS
        and getattr(module, function.__name__, None) is function
    }


# What stands in traced functions for NumPy's functions, by module.
IN_TRACES: dict[str, dict[Any, Callable[..., Any]]] = {"numpy": _of(np), "numpy.linalg": _of(np.linalg)}
