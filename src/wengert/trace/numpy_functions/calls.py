"""NumPy functions that call a function of the user's for parts of an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.trace.numpy_functions.table import implements, normalise_axis
from wengert.trace.tensor import joined


@implements(np.apply_along_axis)
def apply_along_axis(*args: Any, func1d: Callable[..., Any], axis: int, arr: Any, **kwargs: Any) -> Any:
    """np.apply_along_axis: what the function gives for a slice stands in the place of the slice's axis."""
    place = normalise_axis(axis, np.ndim(arr))
    moved = np.moveaxis(arr, place, -1)
    outer = moved.shape[:-1]
    results = [joined(func1d(moved[index], *args, **kwargs)) for index in np.ndindex(outer)]
    stacked = np.reshape(np.stack(results), outer + np.shape(results[0]))
    own = range(len(outer), stacked.ndim)
    return np.moveaxis(stacked, list(own), [place + number for number in range(len(own))])
